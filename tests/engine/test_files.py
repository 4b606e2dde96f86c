"""Files that Caffe wrote are read, and what is written is what Caffe writes."""

import tracemalloc
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from google.protobuf.message import DecodeError

from brewbench.engine import Net, files, wire
from brewbench.engine.stored import FileBytes, Stored
from brewbench.proto.messages import BlobProto, BlobShape, LayerParameter, NetParameter, SolverState, V1LayerParameter

FORMATS = Path(__file__).parents[1] / "golden" / "formats"
FILES = FORMATS.parent / "files"

KINDS = [f"{net}_{format}" for net in ("conv_SGD", "share_Adam", "bn_AdaDelta") for format in ("bin", "h5")]
TAGS = [kind + diff for kind in KINDS for diff in ("", "_diff")]
BINARY, HDF5 = [tag for tag in TAGS if "bin" in tag], [tag for tag in TAGS if "h5" in tag]


def arrays_of(tag: str, prefix: str) -> dict[str, np.ndarray]:
    with np.load(FORMATS / f"{tag}.npz") as stored:
        return {key[len(prefix) + 1 :]: stored[key] for key in stored.files if key.startswith(f"{prefix}/")}


def history_of(tag: str) -> list[np.ndarray]:
    found = arrays_of(tag, "history")
    return [found[str(index)] for index in range(len(found))]


def equal(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert [array.shape for array in found] == [array.shape for array in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


# Blobs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 3, 4), (5,), (), (2, 0)])
def test_a_blob_there_and_back(dtype, shape):
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    data, diff = files.blob_from_proto(files.blob_to_proto(values))
    assert diff is None
    equal([data], [values])
    if values.size:
        assert data.dtype == dtype
        data, diff = files.blob_from_proto(files.blob_to_proto(values, 2 * values))
        equal([data, diff], [values, 2 * values])


def test_a_blob_message_is_the_one_protobuf_makes():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = BlobProto(shape={"dim": [2, 3]}, data=values.ravel(), diff=-values.ravel())
    assert files.blob_to_proto(values, -values) == expected
    assert files.blob_to_proto(values.T) == BlobProto(shape={"dim": [3, 2]}, data=values.T.ravel())


def test_old_blobs_and_unpacked_numbers_are_read():
    old = BlobProto(num=1, channels=2, height=1, width=3, data=range(6))
    equal([files.blob_from_proto(old)[0]], [np.arange(6.0).reshape(1, 2, 1, 3)])
    unpacked = b"".join(b"\x2d" + np.float32(value).tobytes() for value in (7, 8))
    equal([files._parse_blob(memoryview(b"\x3a\x03\x0a\x01\x02" + unpacked))[0]], [np.array([7, 8])])
    with pytest.raises(ValueError, match=r"shape \(2, 2\) has 3 values in data"):
        files.blob_from_proto(BlobProto(shape={"dim": [2, 2]}, data=[1, 2, 3]))


RAW = {"<f8": 0, "<f4": 1, "<f2": 2}


def nvidia_blob(values, diff=None, kind="<f2", shape=(2, 3)):
    """A BlobProto as NVIDIA's Caffe from 0.16 on writes it: the types in fields 10 and 11, the bytes in 12 and 13."""
    out = wire.header(7, 2 + len(shape)) + wire.header(1, len(shape)) + bytes(shape)
    out += bytes([10 << 3, RAW[kind]]) + (bytes([11 << 3, RAW[kind]]) if diff is not None else b"")
    for number, array in ((12, values), (13, diff)):
        if array is not None:
            raw = array.astype(kind).tobytes()
            out += wire.header(number, len(raw)) + raw
    return out


@pytest.mark.parametrize("kind", RAW)
def test_raw_values_of_nvidias_caffe_are_read(tmp_path, kind):
    values = np.array([[1, -2.5, 65504], [6e-8, 0, 0.1]], kind)
    (tmp_path / "raw").write_bytes(nvidia_blob(values, -values, kind))
    np.testing.assert_array_equal(files.read_blob(tmp_path / "raw"), values)
    data, diff = files._parse_blob(memoryview(nvidia_blob(values, -values, kind)))
    assert diff is not None
    equal([np.asarray(data), np.asarray(diff)], [values, -values])


def test_raw_values_without_a_known_type_are_refused():
    content = nvidia_blob(np.zeros((2, 3)))
    for code in (3, 9):
        with pytest.raises(ValueError, match=f"raw_data is of type {code}"):
            files._parse_blob(memoryview(content.replace(bytes([10 << 3, 2]), bytes([10 << 3, code]))))
    with pytest.raises(ValueError, match="raw_data is of type None"):
        files._parse_blob(memoryview(content.replace(bytes([10 << 3, 2]), b"")))
    cut = wire.header(7, 3) + bytes([10, 1, 1]) + bytes([10 << 3, 2]) + wire.header(12, 3) + b"abc"
    with pytest.raises(ValueError, match="multiple of element size"):
        files._parse_blob(memoryview(cut))


def test_halves_of_older_forks_are_read():
    values = np.array([0.5, -1, 3e-5, 1000], np.float16)
    packed = b"".join(wire.varint(int(bits)) for bits in values.view(np.uint16))
    content = wire.header(7, 3) + bytes([10, 1, 4]) + wire.header(10, len(packed)) + packed
    equal([np.asarray(files._parse_blob(memoryview(content))[0])], [values])
    with pytest.raises(ValueError, match="end inside a number"):
        wire.read_varints(packed + b"\xff")
    assert wire.read_varints(b"").size == 0


def test_a_model_of_nvidias_caffe_loads_into_a_net(tmp_path):
    weights = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float16)
    blob = nvidia_blob(weights)
    layer = b"".join([wire.header(1, 2), b"ip", wire.header(7, len(blob)), blob, wire.header(999, 1), b"?"])
    model = b"".join([bytes([11 << 3, 2]), wire.header(100, len(layer)), layer])  # 11: default_forward_type
    (tmp_path / "half.caffemodel").write_bytes(model)
    net = Net(
        text_format.Parse(
            """
            layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }
            layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
              inner_product_param { num_output: 2 bias_term: false } }
            """,
            NetParameter(),
        )
    )
    assert net.copy_from(tmp_path / "half.caffemodel") == []
    np.testing.assert_array_equal(net.params["ip"][0].data, weights.astype(np.float32))


def test_a_mean_file_is_read_and_written(tmp_path):
    mean = files.read_blob(FILES / "imageset_mean.binaryproto")
    np.testing.assert_array_equal(mean, np.load(FILES / "db_contents.npz")["imageset_mean"])
    files.write_blob(tmp_path / "mean", mean)
    np.testing.assert_array_equal(files.read_blob(tmp_path / "mean"), mean)


# Weights


@pytest.mark.parametrize("tag", [*BINARY, *HDF5])
def test_the_weights_are_those_that_caffe_saved(tag):
    suffix = ".h5" if "h5" in tag else ""
    found = {}
    for name, _, blobs, _ in files.read_net_weights(FORMATS / f"{tag}_iter_7.caffemodel{suffix}"):
        found.update({f"{name}/{index}": array for index, array in enumerate(blobs)})
    expected = arrays_of(tag, "param")
    if "share_Adam_h5" in tag:  # the second twin's weights are with the first
        expected = {key: value for key, value in expected.items() if not key.startswith("ip1_p/")}
    assert found.keys() == expected.keys()
    equal(list(found.values()), [expected[key] for key in found])


def test_the_layers_come_with_their_types():
    found = files.read_net_weights(FORMATS / "conv_SGD_bin_iter_7.caffemodel")
    assert [layer[:2] for layer in found][:2] == [("data", "HDF5Data"), ("conv1", "Convolution")]


def test_old_models_are_read():
    old = files.read_net_weights(FORMATS / "v1_legacy4d.caffemodel")
    assert [layer[:2] for layer in old] == [("c1", "CONVOLUTION"), ("ip", "INNER_PRODUCT")]
    new = {layer.name: layer for layer in files.read_net_weights(FORMATS / "v1_legacy4d_upgraded.caffemodel")}
    for layer in old:
        equal(layer.blobs, new[layer.name].blobs)
    assert [blob.shape for blob in old[0].blobs] == [(3, 2, 3, 3), (1, 1, 1, 3)]
    v0 = {"name": "c", "type": "conv", "blobs": [BlobProto(num=1, channels=1, height=1, width=2, data=[1, 2])]}
    oldest = NetParameter(layers=[V1LayerParameter(layer=v0)]).SerializeToString()
    ((name, type, (blob,), old),) = files._parse_net(memoryview(oldest))
    assert (name, type, blob.tolist()) == ("c", "conv", [[[[1, 2]]]])


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("tag", BINARY)
def test_a_caffemodel_is_written_byte_for_byte_as_caffe_does(tmp_path, tag, streamed):
    path = FORMATS / f"{tag}_iter_7.caffemodel"
    net = NetParameter.FromString(path.read_bytes())
    if streamed:
        blobs = [[files.blob_from_proto(blob) for blob in layer.blobs] for layer in net.layer]
        for layer in net.layer:
            layer.ClearField("blobs")
        files.write_net_weights(tmp_path / "out.caffemodel", net, blobs)
    else:
        files.write_net_weights(tmp_path / "out.caffemodel", net)
    assert (tmp_path / "out.caffemodel").read_bytes() == path.read_bytes()


def tree(path: Path) -> dict[str, object]:
    """Every group and dataset of an HDF5 file, with type, shape and values."""
    found: dict[str, object] = {}

    def note(name, item):
        found[name] = (item.dtype, item.shape, item[()].tolist()) if isinstance(item, h5py.Dataset) else "group"

    with h5py.File(path) as file:
        file.visititems(note)
    return found


@pytest.mark.parametrize("tag", HDF5)
def test_an_hdf5_caffemodel_is_written_as_caffe_does(tmp_path, tag):
    path = FORMATS / f"{tag}_iter_7.caffemodel.h5"
    weights, diffs = arrays_of(tag, "param"), arrays_of(tag, "diff")
    layers = []
    for name, *_ in files.read_net_weights(path):
        keys = [key for key in weights if key.startswith(f"{name}/")]
        own = [not (name == "ip1_p" and "share" in tag)] * len(keys)
        kept = [diffs[key] for key in keys] if "diff" in tag else None
        layers.append((name, [weights[key] for key in keys], kept, own))
    files.write_net_weights_hdf5(tmp_path / "out.h5", layers)
    assert tree(tmp_path / "out.h5") == tree(path)


ONES, TWOS = np.ones((2, 3), np.float32), np.full(4, 2, np.float32)


def write_named(path, *names, diffs=False):
    """Layers of these names, each with blobs of its own values."""
    layers = [
        (name, [ONES * k, TWOS * k], [ONES, TWOS] if diffs else None, [True, True]) for k, name in enumerate(names)
    ]
    files.write_net_weights_hdf5(path, layers)


def read_named(path):
    return {name: [np.asarray(blob) for blob in blobs] for name, _, blobs, _ in files.read_net_weights(path)}


@pytest.mark.parametrize(
    "names",
    [[""], ["."], ["/"], ["//."], ["a/b", "a//b"], ["/a", "/a/"], ["data/x", "/data/x"], ["a", "a/0"], ["a/1", "a"],
     ["a", "a/1/b"], ["a", "a"], ["a", "b", "a"]],  # fmt: skip
)
def test_names_that_hdf5_cannot_hold_are_refused(tmp_path, names):
    with pytest.raises(ValueError, match=r"out.h5: .*cannot hold.*save a .caffemodel"):
        write_named(tmp_path / "out.h5", *names)
    assert not list(tmp_path.iterdir())


def test_names_with_a_slash_make_groups_in_groups(tmp_path):
    layers = [("a/b/c", [ONES], [TWOS], [True]), ("a", [TWOS], [ONES], [True]), ("relu/1", [], [], [])]
    files.write_net_weights_hdf5(tmp_path / "out.h5", layers)
    found = {name: blobs for name, _, blobs, _ in files.read_net_weights(tmp_path / "out.h5")}
    assert found.keys() == {"a", "a/b/c", "relu/1"}
    equal(found["a"] + found["a/b/c"], [TWOS, ONES])
    assert tree(tmp_path / "out.h5").keys() >= {"data/a/b/c/0", "diff/a/0", "data/relu/1"}


@pytest.mark.parametrize("diffs", [False, True])
def test_any_name_comes_back_as_it_was(tmp_path, diffs):
    names = ["/conv1", "/inception/1x1", "a//b", "b/", "./c", "/data", "/data/x", "/diff/0", "//d", "e/.", "é/ü", "0"]
    write_named(tmp_path / "out.h5", *names, diffs=diffs)
    found = read_named(tmp_path / "out.h5")
    assert sorted(found) == sorted(names)
    for k, name in enumerate(names):
        equal(found[name], [ONES * k, TWOS * k])


def test_a_name_that_begins_with_a_slash_is_a_path_from_the_root_as_in_caffe(tmp_path):
    with h5py.File(tmp_path / "caffe.h5", "w") as file:
        data = file.create_group("data")
        for number, name in enumerate(("/conv1", "ip")):
            data.create_group(name)["0"] = ONES * number
        file["other/values"] = [1.0]  # somebody's own
    found = read_named(tmp_path / "caffe.h5")
    assert found.keys() == {"/conv1", "ip"}
    layers = [("/conv1", [ONES * 0], None, [True]), ("ip", [ONES], None, [True])]
    files.write_net_weights_hdf5(tmp_path / "out.h5", layers)
    with h5py.File(tmp_path / "caffe.h5", "a") as file:
        del file["other"]
    assert tree(tmp_path / "out.h5") == tree(tmp_path / "caffe.h5")


def test_groups_that_link_to_each_other_are_walked_once(tmp_path):
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        groups = [file.create_group(f"data/g{k}") for k in range(40)]
        for one, other in zip(groups, groups[1:], strict=False):
            one["x"] = one["y"] = other
            one["z"] = h5py.SoftLink(other.name)
        groups[-1]["0"] = ONES
        file["data/twin"] = groups[-1]  # two layers with the same weights
        file["data/soft"] = h5py.SoftLink("/data/./twin")
    found = [layer.name for layer in files.read_net_weights(tmp_path / "linked.h5")]
    assert len(found) < 4 * 40 and {"g39", "twin", "soft"} <= set(found)
    equal(read_named(tmp_path / "linked.h5")["soft"], [ONES])


def outside(folder, kind):
    """A model, or a state, with something that lies in another file."""
    with h5py.File(folder / "secret.h5", "w") as file:
        file["data/ip/0"] = file["0"] = ONES
        file.create_group("history")["0"] = ONES
    ONES.tofile(folder / "raw")
    with h5py.File(folder / "bad.h5", "w") as file:
        there = h5py.ExternalLink("secret.h5", "/data")
        if kind == "data":
            file["data"] = there
            return
        if kind == "history":
            file["iter"] = file["current_step"] = [1]
            file["history"] = h5py.ExternalLink("secret.h5", "/history")
            return
        group = file.create_group("data/ip")
        if kind == "layer":
            file["data/other"] = h5py.ExternalLink("secret.h5", "/data/ip")
        elif kind == "blob":
            group["0"] = h5py.ExternalLink("secret.h5", "/0")
        elif kind == "soft":
            file["there"] = there
            group["0"] = h5py.SoftLink("/there/ip/0")
        elif kind == "raw":
            group.create_dataset("0", (2, 3), "f4", external=[(str(folder / "raw"), 0, 24)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((2, 3), "f4")
            layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "0", (2, 3), "f4")
            group.create_virtual_dataset("0", layout)


@pytest.mark.parametrize("kind", ["data", "history", "layer", "blob", "soft", "raw", "virtual"])
def test_nothing_is_read_from_another_file(tmp_path, kind):
    outside(tmp_path, kind)
    read = files.read_solver_state if kind == "history" else files.read_net_weights
    with pytest.raises(ValueError, match=r"bad.h5: .*another file, which is not (followed|read)"):
        read(tmp_path / "bad.h5")


def test_soft_links_through_each_other_end_soon(tmp_path):
    """Each of 16 leads through the next a thousand times: more ways than anybody can go."""
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file.create_group("data")
        for k in range(16):
            file[f"s{k}"] = h5py.SoftLink("/".join([f"s{k + 1}"] * 1000))
        file["s16"] = h5py.SoftLink(".")
        file["data/ip"] = h5py.SoftLink("/s0")
    with pytest.raises(ValueError, match="bad.h5: the link 'ip' in /data leads nowhere"):
        files.read_net_weights(tmp_path / "bad.h5")


def test_soft_links_that_lead_nowhere_are_an_error(tmp_path):
    for target in ("/data/ip/0", "/data/b/0", "/nowhere", "/data/ip/0/deeper"):  # the first two to themselves
        with h5py.File(tmp_path / "bad.h5", "w") as file:
            file.create_group("data/ip")["0"] = h5py.SoftLink(target)
            file["data/b"] = h5py.SoftLink("/data/ip")
        with pytest.raises(ValueError, match="bad.h5: "):
            files.read_net_weights(tmp_path / "bad.h5")


# Solver states


@pytest.mark.parametrize("tag", [*BINARY, *HDF5])
def test_a_solver_state_is_read_and_written_as_caffe_does(tmp_path, tag):
    suffix = ".h5" if "h5" in tag else ""
    path = FORMATS / f"{tag}_iter_7.solverstate{suffix}"
    state = files.read_solver_state(path)
    assert (state.iter, state.learned_net) == (7, f"{tag}_iter_7.caffemodel{suffix}")
    with np.load(FORMATS / f"{tag}.npz") as stored:
        assert state.current_step == stored["current_step"].item()
    equal(state.history, history_of(tag))
    out = tmp_path / f"out.solverstate{suffix}"
    files.write_solver_state(out, *state)
    if suffix:
        assert tree(out) == tree(path)
    else:
        assert out.read_bytes() == path.read_bytes()
    files.write_solver_state(out, *state[:4], extra=b"more")
    assert files.read_solver_state(out).extra == b"more"
    if not suffix:
        assert SolverState.FromString(out.read_bytes()).iter == 7  # who does not know the field reads the rest


# What is not such a file


@pytest.mark.parametrize("read", [files.read_net_weights, files.read_solver_state, files.read_blob])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b'name: "LeNet"\nlayer {\n', "is not a"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "is not a"),
        (bytes(range(256)), "is not a"),
    ],
)
def test_other_files_are_named_in_one_error(tmp_path, read, content, message):
    (tmp_path / "given").write_bytes(content)
    with pytest.raises(ValueError, match=f"given: .*{message}"):
        read(tmp_path / "given")


def test_files_are_not_mistaken_for_each_other():
    model = FORMATS / "conv_SGD_bin_iter_7.caffemodel"
    state = FORMATS / "conv_SGD_bin_iter_7.solverstate"
    for read, path in (
        (files.read_net_weights, state),
        (files.read_solver_state, model),
        (files.read_blob, model),
        (files.read_net_weights, FILES / "imageset_mean.binaryproto"),
        (files.read_net_weights, FORMATS / "conv_SGD_h5_iter_7.solverstate.h5"),
        (files.read_solver_state, FORMATS / "conv_SGD_h5_iter_7.caffemodel.h5"),
    ):
        with pytest.raises(ValueError, match=f"{path.name}: "):
            read(path)


@pytest.mark.parametrize("name", ["conv_SGD_bin_iter_7.caffemodel", "conv_SGD_h5_iter_7.caffemodel.h5"])
def test_a_file_that_is_cut_short_is_named(tmp_path, name):
    content = (FORMATS / name).read_bytes()
    for length in (len(content) - 1, len(content) // 2, 20):
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(ValueError, match=f"{name}: .*cut short"):
            files.read_net_weights(tmp_path / name)


def test_a_cut_solver_state_is_named(tmp_path):
    content = (FORMATS / "conv_SGD_bin_iter_7.solverstate").read_bytes()
    (tmp_path / "cut").write_bytes(content[:300])
    with pytest.raises(ValueError, match="cut: is not a .solverstate, or is cut short"):
        files.read_solver_state(tmp_path / "cut")
    assert SolverState.FromString(content).iter == 7


ONE_LAYER = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: %d } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: %d } }
layer { name: "ip2" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 2 } }
"""


def one_layer(inputs, outputs):
    return Net(text_format.Parse(ONE_LAYER % (inputs, outputs), NetParameter()))


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_values_stay_in_the_file_until_they_are_taken(tmp_path, ending):
    path = tmp_path / f"big.caffemodel{ending}"
    net = one_layer(1000, 4000)
    net.save(path)
    files.read_net_weights(path)  # whatever is loaded once
    tracemalloc.start()
    found = {layer.name: layer.blobs for layer in files.read_net_weights(path)}
    assert tracemalloc.get_traced_memory()[1] < 1e6
    net.copy_from(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 16e6
    assert peak < 1e6  # they are read to where they belong
    np.testing.assert_array_equal(found["ip"][0], net.params["ip"][0].data)
    path.unlink()
    if not ending:
        assert np.asarray(found["ip"][1]).shape == (4000,)  # the file is still open


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_a_shape_with_other_ones_is_another_shape_but_in_old_models(tmp_path, ending):
    text = """
    layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 5 } } }
    layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { %s } } } """
    flat, row, four = (
        Net(text_format.Parse(text % dims, NetParameter()))
        for dims in ("dim: 5", "dim: 1 dim: 5", "dim: 1 dim: 1 dim: 1 dim: 5")
    )
    path = tmp_path / f"out.caffemodel{ending}"
    for net in row, four:
        net.params["p"][0].data = np.arange(5)
        net.save(path)
        with pytest.raises(ValueError, match=r"parameter 0 of layer 'p' has shape \(5,\) here and \(1.*5\) in"):
            flat.copy_from(path)
        with pytest.raises(ValueError, match=r"parameter 0 of layer 'p' has shape \(5,\) here and \(1.*5\) in"):
            flat.copy_from(net)
    blobs = [BlobProto(num=1, channels=1, height=1, width=5, data=range(5))]
    (tmp_path / "old").write_bytes(NetParameter(layer=[dict(name="p", blobs=blobs)]).SerializeToString())
    for net in flat, row, four:
        net.params["p"][0].data = 0
        seen = net.params["p"][0].data
        net.copy_from(tmp_path / "old")
        np.testing.assert_array_equal(seen.ravel(), range(5))


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, ending):
    path = tmp_path / f"out.caffemodel{ending}"
    one_layer(100, 40).save(path)
    blob = {layer.name: layer.blobs for layer in files.read_net_weights(path)}["ip2"][0]
    with open(path, "rb+") as file:
        file.truncate(500)
    with pytest.raises(OSError, match="out.caffemodel|truncated"):
        np.asarray(blob)


def test_a_stored_array_is_an_array(tmp_path):
    values = np.arange(6, dtype="<f4")
    (tmp_path / "values").write_bytes(b"--" + values.tobytes())
    part = FileBytes(tmp_path / "values")[2:]
    stored = part.array("<f4")
    assert isinstance(stored, Stored) and (stored.shape, stored.ndim, stored.size) == ((6,), 1, 6)
    assert "(2, 3)" in repr(stored.reshape((2, 3)))
    np.testing.assert_array_equal(stored.reshape((2, 3)), values.reshape(2, 3))
    assert np.asarray(stored, np.float64).dtype == np.float64
    for shape in ((4,), (-2, -3)):
        with pytest.raises(ValueError, match="cannot reshape"):
            stored.reshape(shape)
    with pytest.raises(ValueError, match="cannot be had without a copy"):
        np.array(stored, copy=False)
    with pytest.raises(ValueError, match="no whole number"):
        part[1:].array("<f4")
    assert (part[0], len(part[5:3]), bytes(part[:4])) == (0, 0, values[:1].tobytes())
    with pytest.raises(IndexError):
        part[24]


def hostile(path, kind):
    """An HDF5 file that looks like a model."""
    with h5py.File(path, "w") as file:
        group = file.create_group("data/ip")
        if kind == "text":
            group["0"] = "not numbers"
        elif kind == "name":
            group["first"] = [1.0]
        elif kind == "numbers":
            group["99999999999"] = [1.0]
        elif kind == "huge":
            group.create_dataset("0", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")
        elif kind == "deep":
            file.create_group("data/" + "/".join("a" * 200))
        elif kind == "cycle":
            group["again"] = file["data"]
        elif kind == "no group":
            del file["data"]
            file["data"] = [1.0]
        elif kind == "nowhere":
            group["0"] = h5py.SoftLink("/nowhere")


@pytest.mark.parametrize("kind", ["text", "name", "numbers", "huge", "deep", "cycle", "no group", "nowhere"])
def test_hdf5_that_is_no_model_is_one_error(tmp_path, kind):
    path = tmp_path / "bad.caffemodel.h5"
    hostile(path, kind)
    net = one_layer(3, 2)
    net.params["ip"][0].data = 5
    with pytest.raises(ValueError, match=r"bad.caffemodel.h5: "):
        net.copy_from(path)
    assert (net.params["ip"][0].data == 5).all()


def test_a_file_that_promises_more_than_fits_is_refused_before_it_is_read(tmp_path):
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("data/ip/0", (1 << 40,), "f4")  # in one piece, never written: takes no room
        file["data/ip/1"] = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="parameter 0 of layer 'ip' has shape"):
        one_layer(3, 2).copy_from(tmp_path / "huge.h5")


def test_every_damage_to_a_file_is_an_error_or_harmless(tmp_path):
    draw = np.random.default_rng(0)
    for name, read in (
        ("conv_SGD_bin_iter_7.caffemodel", files.read_net_weights),
        ("conv_SGD_bin_iter_7.solverstate", files.read_solver_state),
        ("conv_SGD_h5_iter_7.caffemodel.h5", files.read_net_weights),
        ("conv_SGD_h5_iter_7.solverstate.h5", files.read_solver_state),
    ):
        content = np.frombuffer((FORMATS / name).read_bytes(), np.uint8)
        errors = 0
        for _ in range(150):
            damaged = content.copy()
            damaged[draw.integers(0, min(len(damaged), 2000), 4)] = draw.integers(0, 256, 4)
            (tmp_path / name).write_bytes(damaged.tobytes())
            try:
                found = read(tmp_path / name)
                if isinstance(found, files.SavedState):
                    found = [files.LayerWeights("", "", list(found.history))]
                for layer in found:
                    for blob in layer.blobs:
                        np.asarray(blob)
            except ValueError as error:
                assert name in str(error)
                errors += 1
        assert errors > 10


# Fields that the schema does not have, or has with another wire type

JUNK = {  # by wire type, for any number
    "a number": lambda number: wire.varint(number << 3) + wire.varint(1 << 40),
    "eight bytes": lambda number: wire.varint(number << 3 | wire.FIXED64) + bytes(8),
    "bytes": lambda number: wire.header(number, 3) + b"\xff\xff\xff",
    "a group": lambda number: _group(number, wire.header(7, 2) + b"ab" + _group(9, b"\x08\x01") + b"\x5d\1\2\3\4"),
    "four bytes": lambda number: wire.varint(number << 3 | wire.FIXED32) + bytes(4),
}


def _group(number, content):
    return wire.varint(number << 3 | wire.GROUP) + content + wire.varint(number << 3 | wire.GROUP_END)


def junk_for(cls):
    """Bytes of every wire type, under every number of a class and one more, that protobuf finds nothing known in."""
    out = b""
    for make in JUNK.values():
        for number in (*cls.DESCRIPTOR.fields_by_number, 1999):
            with suppress(DecodeError):
                out += b"" if cls.FromString(make(number)).ListFields() else make(number)
    return out


def test_fields_of_another_wire_type_are_skipped_at_every_depth(tmp_path):
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    in_blob, in_layer = junk_for(BlobProto), junk_for(LayerParameter)
    shape = wire.header(1, 2) + b"\2\3" + junk_for(BlobShape)
    packed = wire.header(5, 8) + values.tobytes()[:8]  # and the rest one by one
    single = b"".join(wire.varint(5 << 3 | wire.FIXED32) + one.tobytes() for one in values.ravel()[2:])
    blob = in_blob + wire.header(7, len(shape)) + shape + packed + in_blob + single + in_blob
    layer = in_layer + wire.header(1, 2) + b"ip" + wire.header(7, len(blob)) + blob + in_layer
    net = junk_for(NetParameter) + wire.header(100, len(layer)) + layer + junk_for(NetParameter)
    state = junk_for(SolverState)
    state += b"\x08\x07" + wire.header(3, len(blob)) + blob + state
    assert len(in_layer) > 1000 and len(in_blob) > 100  # there is something to skip

    (tmp_path / "net").write_bytes(net)
    ((name, _, (found,), _),) = files.read_net_weights(tmp_path / "net")
    assert name == "ip"
    (tmp_path / "blob").write_bytes(blob)
    (tmp_path / "state").write_bytes(state)
    read = files.read_solver_state(tmp_path / "state")
    assert read[:2] == (7, "")
    for one in (found, files.read_blob(tmp_path / "blob"), *read.history):
        equal([np.asarray(one)], [values])
    for path in ("net", "state"):
        content = (tmp_path / path).read_bytes()
        (tmp_path / path).write_bytes(content + bytes([9 << 3 | wire.GROUP_END]))
        with pytest.raises(ValueError, match="a group 9 ends that has not begun"):
            (files.read_net_weights if path == "net" else files.read_solver_state)(tmp_path / path)


def test_groups_that_do_not_end_are_an_error():
    deep = b"\x0b" * 100
    assert list(wire.fields(deep + b"\x0c" * 100 + b"\x08\x01")) == [(1, wire.VARINT, 1)]
    for content in (deep, deep[:-1] + b"\x0c", b"\x0b\x14", b"\x0c", deep + b"\x0b" + b"\x0c" * 101):
        with pytest.raises(ValueError, match="group"):
            list(wire.fields(memoryview(content)))
        with pytest.raises(DecodeError):
            BlobProto.FromString(content)


def test_numbers_are_read_as_protobuf_reads_them():
    negative = SolverState(iter=-5, history=[BlobProto(shape={"dim": [1]}, data=[2])])
    assert files._parse_state(memoryview(negative.SerializeToString())).iter == -5
    parts = BlobProto(shape={"dim": [2]}), BlobProto(shape={"dim": [3]}, data=range(6))
    twice = b"".join(part.SerializeToString() for part in parts)
    equal([np.asarray(files._parse_blob(memoryview(twice))[0])], [np.arange(6.0).reshape(2, 3)])
    assert tuple(BlobProto.FromString(twice).shape.dim) == (2, 3)
