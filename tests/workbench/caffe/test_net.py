"""pycaffe's Net beyond running it: numbers of blobs, files under any name, rows in memory, errors."""

import builtins
import json
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from brewbench import caffe

GOLDEN = Path(__file__).parents[2] / "golden" / "pycaffe"
ERRORS = json.loads((GOLDEN / "errors.json").read_text())

MEMORY = """
layer { name: "data" type: "MemoryData" top: "data" top: "label"
  memory_data_param { batch_size: 2 channels: 1 height: 1 width: 3 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" loss_weight: 3 }
"""


@pytest.fixture
def net(tmp_path):
    """The net that pycaffe's errors come from: data (10, 3, 10, 10), c, ip, prob."""
    path = tmp_path / "net.prototxt"
    path.write_text(str(np.load(GOLDEN / "classify.npz")["prototxt"]))
    return caffe.Net(str(path), caffe.TEST)


@pytest.fixture
def memory(tmp_path):
    path = tmp_path / "memory.prototxt"
    path.write_text(MEMORY)
    return caffe.Net(str(path), caffe.TRAIN)


def test_blobs_and_layers_have_numbers(net, memory):
    assert net._layer_names == ["data", "c", "ip", "prob"] == list(net.layer_dict)
    assert net._blob_names == list(net.blobs) and net._blobs == list(net.blobs.values())
    assert net._inputs == [0] and net._outputs == [3]
    assert net._bottom_ids(1) == [0] and net._top_ids(1) == [1] and net._bottom_ids(0) == []
    assert [layer.type for layer in net.layers] == ["Input", "Convolution", "InnerProduct", "Softmax"]
    assert net.layers[2].blobs[1] is net.params["ip"][1]
    assert memory._blob_loss_weights == [0, 0, 0, 3] == list(memory.blob_loss_weights.values())


def test_layers_run_by_number(memory):
    memory.set_input_arrays(np.eye(2, 3, dtype=np.float32).reshape(2, 1, 1, 3), np.zeros(2, np.float32))
    loss = memory._forward(0, 2)
    assert loss == pytest.approx(3 * float(memory.blobs["loss"].data), rel=1e-6)
    memory._backward(2, 2)
    assert np.abs(memory.blobs["ip"].diff).sum() > 0
    assert not memory.params["ip"][0].diff.any()
    memory._backward(1, 1)
    assert memory.params["ip"][0].diff.any()


def test_rows_in_memory_go_round(memory):
    rows = np.arange(12, dtype=np.float32).reshape(4, 1, 1, 3)
    for shape in ((4,), (4, 1, 1, 1)):
        labels = np.array([0, 1, 1, 0], np.float32).reshape(shape)
        memory.set_input_arrays(rows, labels)
        for first in (0, 2, 0):
            memory.forward()
            np.testing.assert_array_equal(memory.blobs["data"].data, rows[first : first + 2])
            seen = memory.blobs["label"].data.ravel()
            np.testing.assert_array_equal(seen, labels[first : first + 2].ravel())
    for kind in (ValueError, RuntimeError):  # the latter is pycaffe's
        with pytest.raises(kind, match="multiple of batch_size 2"):
            memory.set_input_arrays(rows[:3], np.zeros(3, np.float32))
        with pytest.raises(kind, match="takes data of shape"):
            memory.set_input_arrays(rows.reshape(4, 3), np.zeros(4, np.float32))


STAGED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 1 } }
layer { name: "high" type: "TanH" bottom: "ip" top: "high" include { min_level: 2 } }
layer { name: "staged" type: "TanH" bottom: "ip" top: "staged" include { stage: "a" not_stage: "b" } }
layer { name: "tested" type: "TanH" bottom: "ip" top: "tested" include { phase: TEST } }
"""


def test_a_net_is_made_with_arguments_in_pycaffes_orders(tmp_path):
    path, weights = str(tmp_path / "net.prototxt"), str(tmp_path / "net.caffemodel")
    (tmp_path / "net.prototxt").write_text(STAGED)
    first = caffe.Net(path, np.int64(caffe.TRAIN))
    assert first.outputs == ["ip"]
    first.params["ip"][0].data[...] = 7
    first.save(weights)
    for net, outputs in (
        (caffe.Net(path, weights, caffe.TEST), ["tested"]),
        (caffe.Net(path, caffe.TEST, weights=weights), ["tested"]),
        (caffe.Net(network_file=path, phase=caffe.TRAIN, weights=weights), ["ip"]),
        (caffe.Net(path, caffe.TRAIN, 2, ["a"], weights), ["high", "staged"]),
        (caffe.Net(path, caffe.TRAIN, stages=["a", "b"], level=3, weights=weights), ["high"]),
    ):
        assert net.outputs == outputs
        assert (net.params["ip"][0].data == 7).all()
    for arguments in ((path,), (path, weights), (path, weights, 0, 1), (path, 0, 0, [], weights, 1)):
        with pytest.raises(TypeError, match=r"a Net takes \(file, phase"):
            caffe.Net(*arguments)


def test_a_file_that_is_not_there_is_pycaffes_error_and_pythons(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(STAGED)
    for kind in (RuntimeError, FileNotFoundError):
        with pytest.raises(kind, match="Could not open file.*nowhere"):
            caffe.Net(str(tmp_path / "nowhere"), caffe.TEST)
        with pytest.raises(kind, match="Could not open file.*nothing"):
            caffe.Net(str(path), str(tmp_path / "nothing"), caffe.TEST)


def test_a_loss_without_axes_comes_out_of_many_batches(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        """
        layer { name: "x" type: "Input" top: "x" top: "y" input_param { shape { dim: 2 dim: 3 } } }
        layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "y" top: "loss" }
        """
    )
    net = caffe.Net(str(path), caffe.TRAIN)
    found = net.forward_all(x=np.ones((4, 3)), y=np.zeros((4, 3)))
    np.testing.assert_array_equal(found["loss"], [1.5, 1.5])


def test_arrays_that_are_held_stay_the_nets(memory):
    memory.set_input_arrays(np.ones((2, 1, 1, 3), np.float32), np.zeros(2, np.float32))
    data, diff = memory.params["ip"][0].data, memory.params["ip"][0].diff
    memory.forward()
    memory.backward()
    assert diff.any()
    memory.clear_param_diffs()
    assert not diff.any()
    data[...] = 5
    assert (memory.params["ip"][0].data == 5).all()


def test_weights_are_written_in_the_format_asked_for(net, tmp_path):
    for blob in net.params["c"] + net.params["ip"]:
        blob.data[...] = np.random.default_rng(0).random(blob.shape)
    net.save_hdf5(tmp_path / "hdf5.anything")
    net.save(tmp_path / "binary.h5")
    assert h5py.is_hdf5(tmp_path / "hdf5.anything") and not h5py.is_hdf5(tmp_path / "binary.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["binary.h5", "hdf5.anything", "net.prototxt"]
    wanted = {name: [blob.data.copy() for blob in blobs] for name, blobs in net.params.items()}
    for load, name in ((net.load_hdf5, "hdf5.anything"), (net.copy_from, "binary.h5")):
        for blobs in net.params.values():
            for blob in blobs:
                blob.data[...] = 0
        load(tmp_path / name)
        for layer, arrays in wanted.items():
            for blob, values in zip(net.params[layer], arrays, strict=True):
                np.testing.assert_array_equal(blob.data, values)


def test_saving_makes_no_second_copy(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        """
        layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2000 } } }
        layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2000 } }
        """
    )
    net = caffe.Net(str(path), caffe.TEST)
    net.save(tmp_path / "out.caffemodel")
    tracemalloc.start()
    net.save(tmp_path / "out.caffemodel")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "out.caffemodel").stat().st_size > 16e6
    assert peak < 1e6


def test_blobs_take_new_shapes(net):
    net.blobs["data"].reshape(2, 3, 10, 10)
    assert tuple(net.blobs["data"].shape) == (2, 3, 10, 10)
    net.reshape()
    assert net.blobs["prob"].data.shape == (2, 5)


MISTAKES = {
    "forward_wrong_batch": lambda net: net.forward(data=np.zeros((3, 3, 10, 10), np.float32)),
    "forward_unknown_input": lambda net: net.forward(nope=np.zeros((10, 3, 10, 10), np.float32)),
    "forward_wrong_shape": lambda net: net.forward(data=np.zeros((10, 2, 10, 10), np.float32)),
    "forward_unknown_blob": lambda net: net.forward(blobs=["nope"]),
    "forward_unknown_start": lambda net: net.forward(start="nope"),
    "backward_unknown": lambda net: net.backward(start="nope"),
    "set_input_arrays_no_memory": lambda net: net.set_input_arrays(np.zeros((10, 3, 10, 10)), np.zeros(10)),
}
CAUSES = {
    "forward_wrong_batch": "Input is not batch sized",
    "forward_unknown_input": "Input blob arguments do not match net inputs",
    "forward_wrong_shape": r"\(10,2,10,10\)",
    "forward_unknown_blob": "nope",
    "forward_unknown_start": "nope",
    "backward_unknown": "nope",
    "set_input_arrays_no_memory": "MemoryData",
}


@pytest.mark.parametrize("name", ERRORS)
def test_mistakes_raise_what_pycaffe_raises(net, name):
    kind, _ = ERRORS[name]
    with pytest.raises(getattr(builtins, kind), match=CAUSES[name]):
        MISTAKES[name](net)
