"""Data layers whose databases are not there: shapes from their settings, made-up data where it is asked for."""

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net, check, files, get_solver
from brewbench.engine.data.database import write_database
from brewbench.engine.data.datum import to_datum
from brewbench.engine.errors import DefinitionError, MissingFile
from brewbench.engine.stand_in import StandIn, StandIns, parse_stand_in
from brewbench.proto import Document

TAIL = """
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_blob("mean.binaryproto", np.zeros((1, 2, 20, 24), np.float32))
    return tmp_path


def layer(type="Data", settings="", transform="", tops=("data", "label"), more=""):
    """The text of a data layer with a batch of 4."""
    field = {"Data": "data", "ImageData": "image_data", "WindowData": "window_data", "HDF5Data": "hdf5_data"}[type]
    tops = " ".join(f'top: "{one}"' for one in tops)
    return f"""layer {{ name: "data" type: "{type}" {tops} transform_param {{ {transform} }} {more}
        {field}_param {{ source: "nowhere" batch_size: 4 {settings} }} }}"""


def parsed(text):
    return Document.parse(text, "net")


EXPECTED = {
    "values": (layer(transform="crop_size: 9 mean_value: 1 mean_value: 2"), (4, 2, 9, 9), "crop_size and mean_value"),
    "three values": (layer(transform="crop_size: 9 " + "mean_value: 1 " * 3), (4, 3, 9, 9), "crop_size and mean_value"),
    "colour": (layer(transform="crop_size: 9 force_color: true mean_value: 3"), (4, 3, 9, 9), "and force_color"),
    "grey": (layer(transform="crop_size: 9 force_gray: true"), (4, 1, 9, 9), "crop_size and force_gray"),
    "crop": (layer(transform="crop_size: 9"), (4, 3, 9, 9), "and crop_size, with 3 channels assumed"),
    "one value": (layer(transform="crop_size: 9 mean_value: 3"), (4, 3, 9, 9), "with 3 channels assumed"),
    "mean": (layer(transform='mean_file: "mean.binaryproto"'), (4, 2, 20, 24), "batch_size and mean_file"),
    "cut mean": (
        layer(transform='mean_file: "mean.binaryproto" crop_size: 9'), (4, 2, 9, 9), "crop_size and mean_file"
    ),
    "new size": (
        layer("ImageData", "new_height: 6 new_width: 7"), (4, 3, 6, 7), "batch_size, new_height, new_width and is_color"
    ),
    "grey images": (
        layer("ImageData", "new_height: 6 new_width: 7 is_color: false", "crop_size: 5"),
        (4, 1, 5, 5),
        "batch_size, crop_size and is_color",
    ),
    "resized": (layer(transform="resize_param { height: 7 width: 8 }"), (4, 3, 7, 8), "and resize_param, with"),
    "resized and cropped": (
        layer(transform="crop_size: 5 resize_param { height: 7 width: 8 resize_mode: FIT_SMALL_SIZE }"),
        (4, 3, 5, 5),
        "batch_size and crop_size, with",
    ),
    "resized and cut": (
        layer("ImageData", "new_height: 20 new_width: 10", "crop_h: 5 crop_w: 4 resize_param { height: 7 width: 8 }"),
        (4, 3, 5, 4),
        "batch_size, crop_h, crop_w and is_color",
    ),
    "new size, resized": (
        layer("ImageData", "new_height: 20 new_width: 10",
              "resize_param { height: 7 width: 8 resize_mode: FIT_SMALL_SIZE }"),
        (4, 3, 16, 8),
        "batch_size, new_height, new_width, resize_param and is_color",
    ),
    "windows": (layer("WindowData", transform="crop_size: 9"), (4, 3, 9, 9), "batch_size and crop_size"),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_a_look_at_a_net_without_its_data_shows_shapes_and_warns(name):
    text, shape, why = EXPECTED[name]
    report = check(parsed(text + TAIL), TRAIN)
    assert report.ok and report.missing == ("data",)
    assert (report.blobs["data"], report.blobs["label"], report.blobs["ip"]) == (shape, (4,), (4, 3))
    (warning,) = report.diagnostics
    assert (warning.severity, warning.layer, warning.line) == ("warning", "data", 2)
    assert warning.field and warning.field.endswith("_param.source")
    assert "there is no " in warning.message and "'nowhere'; shapes are from " in warning.message
    assert why in warning.message and f": {'x'.join(map(str, shape))}, 4." in warning.message
    for ask in (None, False):
        with pytest.raises(MissingFile, match="line:2: layer 'data' .*: there is no .*; looked for 'nowhere'.$"):
            Net(parsed(text + TAIL), TRAIN, stand_in=ask)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_net_runs_on_stand_in_data_of_those_shapes(name):
    text, shape, _ = EXPECTED[name]
    net = Net(parsed(text + TAIL), TRAIN, seed=3, stand_in=True)
    assert net.blobs["data"].shape == shape
    losses = {net.forward() for _ in range(2)}
    assert len(losses) == 1  # the same batch at every pass
    net.backward()
    assert np.abs(net.params["ip"][0].diff).sum() > 0
    data, label = (net.blobs[top].data for top in ("data", "label"))
    assert 0.8 < data.std() < 1.2 and set(label.tolist()) <= {0, 1}
    same, other = (Net(parsed(text + TAIL), TRAIN, seed=seed, stand_in=True) for seed in (3, 4))
    assert same.forward() in losses and other.forward() not in losses


def test_what_else_is_not_there_is_told_too():
    report = check(parsed(layer(transform='crop_size: 9 mean_file: "no_mean"') + TAIL), TRAIN)
    assert report.blobs["data"] == (4, 3, 9, 9)
    assert "there is no database 'nowhere', nor the mean file 'no_mean'; shapes" in report.diagnostics[0].message
    write_database("rows", [(b"0", to_datum(np.zeros((1, 9, 9), np.uint8)).SerializeToString())])
    text = layer("Data", "backend: LMDB", 'crop_size: 9 mean_file: "no_mean"').replace("nowhere", "rows")
    assert "there is no mean file 'no_mean'" in check(parsed(text), TRAIN).diagnostics[0].message
    assert not check(parsed(text), TRAIN).ok  # where the data is there, the mean must be


UNKNOWN = [layer(), layer("HDF5Data"), layer("ImageData"), layer("Data", transform="scale: 2")]
UNKNOWN += [layer(transform="resize_param { height: 7 width: 8 resize_mode: FIT_SMALL_SIZE }")]


@pytest.mark.parametrize("text", UNKNOWN)
def test_where_nothing_tells_the_shapes_it_is_asked_for_them(text):
    text = text.replace("transform_param {  }", "")
    for given in (None, True, "constant", {"data": True}):
        report = check(parsed(text + TAIL), TRAIN, stand_in=given)
        assert not report.ok and report.blobs["data"] is None
        message = report.diagnostics[0].message
        assert 'othing tells the shapes of its tops; give it stand-in data, as in stand_in={"data": ' in message
        assert isinstance(given, dict) or report.missing == ("data",)
    for given in ("4x2x6x6", (4, 2, 6, 6), {"data": [(4, 2, 6, 6), (4,)]}):
        report = check(parsed(text + TAIL), TRAIN, stand_in=given)
        assert report.ok and not report.missing and report.blobs["data"] == (4, 2, 6, 6)
        assert report.layers[0].stand_in == "stand-in data, 4x2x6x6, random"
        assert "runs on stand-in data, 4x2x6x6, random" in report.diagnostics[0].message
        assert np.isfinite(Net(parsed(text + TAIL), TRAIN, stand_in=given).forward())


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("crop_size: 30", "crop_size 30 is larger than the image"),
        ("crop_size: 5 mean_value: 1", "mean_file or mean_value, not both"),
        ("crop_size: 5 force_color: true", "the mean image has the shape"),
    ],
)
def test_settings_that_contradict_each_other_are_errors_all_the_same(transform, message):
    text = layer(transform=f'mean_file: "mean.binaryproto" {transform}')
    report = check(parsed(text + TAIL), TRAIN)
    errors = [one.message for one in report.diagnostics if one.severity == "error"]
    assert len(errors) == 1 and message in errors[0]


def test_lists_whose_files_are_not_there_count_as_missing(here):
    (here / "nowhere").write_text("gone.png 0\n")
    report = check(parsed(layer("ImageData", "new_height: 6 new_width: 7") + TAIL), TRAIN)
    assert report.ok and "there is no image 'gone.png'; shapes are from" in report.diagnostics[0].message
    (here / "nowhere").write_text("gone.h5\n")
    text = layer("HDF5Data").replace("transform_param {  }", "")
    assert check(parsed(text), TRAIN).missing == ("data",)
    assert check(parsed(text), TRAIN, stand_in="5x2").blobs["data"] == (5, 2)


def test_data_that_is_there_is_read_unless_its_layer_is_named():
    write_database("rows", [(b"0", to_datum(np.full((1, 9, 9), 7, np.uint8), 2).SerializeToString())])
    text = layer(settings="backend: LMDB").replace("nowhere", "rows") + TAIL
    net = Net(parsed(text), TRAIN, stand_in=True)
    net.forward()
    assert (net.blobs["data"].data == 7).all() and net.layers[0].stand_in == ""
    net.close()
    net = Net(parsed(text), TRAIN, stand_in={"data": "2x3x4x5 constant"})
    net.forward()
    assert net.blobs["data"].data.shape == (2, 3, 4, 5) and (net.blobs["data"].data == 1).all()
    assert net.blobs["label"].data.tolist() == [0, 0]
    assert net.layers[0].stand_in == "stand-in data, 2x3x4x5, constant"


def test_a_layer_of_an_unknown_type_has_the_shapes_that_are_stated():
    text = 'layer { name: "data" type: "VideoData" top: "data" top: "label" }' + TAIL
    assert not check(parsed(text), TRAIN).ok
    given = {"data": ["4x3x2x8x8", 4]}
    report = check(parsed(text), TRAIN, stand_in=given)
    assert report.ok and report.blobs["data"] == (4, 3, 2, 8, 8)
    net = Net(parsed(text), TRAIN, stand_in=given)
    assert np.isfinite(net.forward()) and net.layers[0].type == "VideoData"


def test_the_definition_and_the_weights_know_nothing_of_it(tmp_path):
    text = EXPECTED["values"][0].replace("batch_size", "backend: LMDB batch_size") + TAIL
    document = parsed(text)
    net = Net(document, TRAIN, seed=1, stand_in=True)
    net.save("stood.caffemodel")
    assert document.text == text
    read = net.to_proto().layer[0]
    assert (read.type, read.data_param.source, read.data_param.batch_size) == ("Data", "nowhere", 4)
    images = [(b"%d" % k, to_datum(np.full((2, 12, 12), k, np.uint8), k % 3).SerializeToString()) for k in range(5)]
    write_database("nowhere", images)
    with_data = Net(document, TRAIN, seed=1)
    with_data.save("read.caffemodel")
    with_data.close()
    assert (tmp_path / "stood.caffemodel").read_bytes() == (tmp_path / "read.caffemodel").read_bytes()


SOLVER = """net_param { %s } base_lr: 0.1 lr_policy: "fixed" max_iter: 9 test_iter: 2 test_interval: 5
    snapshot_prefix: "s" random_seed: 2"""


def test_a_solver_trains_and_goes_on_from_a_snapshot_with_it(tmp_path):
    definition = Document.parse(SOLVER % (EXPECTED["crop"][0] + TAIL), "solver")
    with pytest.raises(DefinitionError, match="there is no database 'nowhere'"):
        get_solver(definition)
    solver = get_solver(definition, stand_in=True)
    solver.step(3)
    _, state = solver.snapshot()
    solver.step(3)
    assert solver.net.forward() < 0.2  # it learns its one batch
    assert solver.test_nets[0].layers[0].stand_in
    again = get_solver(definition, stand_in=True)
    again.restore(state)
    again.step(3)
    for mine, theirs in zip(again.net.params["ip"], solver.net.params["ip"], strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)


def test_both_phases_have_their_own_shapes():
    train = layer(transform="crop_size: 9", more="include { phase: TRAIN }")
    test = train.replace("TRAIN", "TEST").replace("batch_size: 4", "batch_size: 5")
    for phase, count in ((TRAIN, 4), (TEST, 5)):
        assert check(parsed(train + test + TAIL), phase).blobs["data"] == (count, 3, 9, 9)
        assert Net(parsed(train + test + TAIL), phase, stand_in=True).blobs["label"].shape == (count,)


# How it is said


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, StandIn()),
        ("random", StandIn()),
        ("constant", StandIn(None, "constant")),
        ("3x4", StandIn(((3, 4),))),
        ("3X4×5, 3 constant", StandIn(((3, 4, 5), (3,)), "constant")),
        ((3, 4), StandIn(((3, 4),))),
        ([np.int64(3)], StandIn(((3,),))),
        ([(3, 4), (3,)], StandIn(((3, 4), (3,)))),
        (((3, 4), "constant"), StandIn(((3, 4),), "constant")),
        (["3x4", 3], StandIn(((3, 4), (3,)))),
    ],
)
def test_it_is_said_in_many_ways(given, expected):
    assert StandIn.of(given) == expected
    assert StandIns.of(given) == StandIns(missing=expected)
    assert StandIns.of({"a": given, "b": None}) == StandIns({"a": expected})


@pytest.mark.parametrize("given", [0, 5, 2.5, [], "", "3x0", "noise", (3, -1), [True, False], ["3x4", 0], "3x4x", [[]]])
def test_what_says_nothing_is_refused(given):
    with pytest.raises(ValueError, match="stand-in data "):
        StandIns.of(given)
    with pytest.raises(ValueError, match="stand-in data "):
        check(parsed(TAIL), stand_in={"data": given})


def test_words_of_a_command_line():
    assert parse_stand_in("true") is True
    named = StandIns({"data": StandIn(((3, 4), (3,)), "constant"), "b/c": StandIn()})
    assert StandIns.of(parse_stand_in("data=3x4,3,constant; b/c = random")) == named
    for text in ("data=3x0", "3x4 y", "x"):
        with pytest.raises(ValueError, match="stand-in data "):
            parse_stand_in(text)


def test_names_that_no_data_layer_has_are_told():
    text = EXPECTED["crop"][0] + TAIL
    for name in ("dta", "ip"):
        with pytest.raises(ValueError, match=f"is given to '{name}', but no layer without bottoms"):
            Net(parsed(text), TRAIN, stand_in={name: True})
        found = check(parsed(text), TRAIN, stand_in={name: True}).diagnostics
        assert any(one.severity == "warning" and f"is given to '{name}'" in one.message for one in found)
    with pytest.raises(DefinitionError, match="has 3 shapes, the layer 2 tops"):
        Net(parsed(text), TRAIN, stand_in=["4x3", 4, 4])
