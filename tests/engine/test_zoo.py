"""Nets that people have published: every file opens, what is of known layers is built, and runs with random input."""

import csv
import gc
import os

import numpy as np
import pytest

from brewbench.engine import TEST, Net, check
from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import LAYERS, load_layers
from brewbench.engine.source import Source
from brewbench.proto.errors import ParseError

INPUTS = {"Input", "DummyData", "ContinuationIndicator"}
DATA = {"Data", "ImageData", "HDF5Data", "WindowData", "MemoryData", "HDF5Output", "Python"}
# Bytes of blobs and number of parameters up to which a net runs in the usual suite; BREWBENCH_ZOO=all runs every one.
SMALL_BLOBS, SMALL_PARAMS = 40e6, 8e6
# Nets at which Caffe stops, too.
REFUSED = {
    "AlfredXiangWu+face_verification_experiment/proto_LightenedCNN_B_deploy.prototxt": "unknown bottom blob 'label'",
    "cwlacewe+netscope/presets_1D_lstm.prototxt": "expected input_shape 2 times; found 1",
    "cwlacewe+netscope/presets_vgg-16.prototxt": "both layer and layers",
}
# Nets of forks' layers that run in the usual suite, and the shapes of their outputs; boxes: as many as were found.
BOXES = (1, 1, None, 7)
FORKS = {
    "Linzaer+Ultra-Light-Fast-Generic-Face-Detector-1MB/caffe_model_Slim-320_slim-320.prototxt": {
        "boxes": (1, 4420, 4),
        "scores": (1, 4420, 2),
    },
    "chuanqi305+MobileNet-SSD/voc_MobileNetSSD_deploy.prototxt": {"detection_out": BOXES},
    "chuanqi305+MobileNetv2-SSDLite/ssdlite_voc_deploy.prototxt": {"detection_out": BOXES},
    "farmingyard+ShuffleNet/shufflenet_1x_g3_deploy.prototxt": {"fc1000": (1, 1000, 1, 1)},
}


@pytest.fixture(scope="module")
def rows(shared_zoo):
    """What the manifest says of each file, with its path and its name without the collection's."""
    with open(shared_zoo / "MANIFEST.tsv", encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in found:
        row["path"], row["name"] = shared_zoo.parent / row["file"], row["file"].removeprefix("zoo/")
    return found


@pytest.fixture(scope="module")
def reports(rows):
    """What check says of each file that is no solver."""
    return {row["name"]: check(row["path"], TEST) for row in rows if row["kind"] != "solver"}


def is_caffes(row):
    """Whether Caffe's schema reads a net, and all its layers are Caffe's."""
    return row["parses_with_BVLC_caffe.proto"] == "ok" and row["layer_types_outside_BVLC"] == "-"


def needs_files(source):
    types = {layer.type for layer in source.param.layer}
    return bool(types & DATA) or not types & INPUTS


def run(path, always=False):
    """Build a net that needs no files, and run it if it is small; None for one that needs some."""
    source = Source(path, "net")
    if needs_files(source):
        return None
    net = Net(source, TEST, seed=1)
    small = net.memory_required <= SMALL_BLOBS and net.param_count <= SMALL_PARAMS
    if not (always or small or os.environ.get("BREWBENCH_ZOO") == "all"):
        return "built"
    fill(net)
    net.forward()
    return net if always else "run"


def fill(net):
    """Random input; and where a filler leaves parameters zero, values that neither vanish nor grow on their way."""
    random = np.random.RandomState(0)
    words = {name for node in net.nodes if node.entry.param.type == "Embed" for name in node.entry.bottoms}
    for name in net.inputs:
        blob = net.blobs[name]
        labels = name in words or blob.count == blob.shape[0]  # one number an item
        blob.data = 0 if labels else random.randn(*blob.shape)
        if blob.shape[1:] in ((5,), (5, 1, 1)):  # regions of the first item
            blob.data = np.reshape([[0, 16 * k % 160, 8 * k % 80, 200, 120] for k in range(len(blob.data))], blob.shape)
    for blob in (blob for layer in net.layers for blob in layer.blobs):
        if not blob.data.any():
            inputs = blob.count // blob.shape[0] if blob.shape else 1
            blob.data = random.randn(*blob.shape) * (2 / inputs) ** 0.5 if inputs > 1 else 1


def test_no_file_lets_an_exception_escape(rows, reports):
    for row in rows:
        if row["kind"] == "solver":
            try:
                Source(row["path"], "solver")
            except (ParseError, DefinitionError) as error:
                assert str(row["path"]) in str(error)
    assert all(one.message for report in reports.values() for one in report.diagnostics)
    assert sum(not errors_of(report) for report in reports.values()) >= 160


def errors_of(report):
    return [one for one in report.diagnostics if one.severity == "error"]


def test_every_deploy_net_is_built_and_the_small_ones_run(rows):
    refused, done = {}, []
    for row in rows:
        if row["kind"] != "net" or not is_caffes(row):
            continue
        try:
            done.append(run(row["path"]))
        except Exception as error:
            refused[row["name"]] = f"{type(error).__name__}: {error}"
        gc.collect()  # one net at a time
    assert {name: message for name, message in refused.items() if REFUSED.get(name, "\n") not in message} == {}
    assert refused.keys() == REFUSED.keys()
    assert done.count("run") > 20


def test_nets_of_known_forks_layers_are_built_and_the_small_ones_run(rows, reports):
    """Those of which every layer and every field is known; of the others check names what is not."""
    load_layers()
    done = []
    for row in rows:
        if row["kind"] == "net" and not is_caffes(row) and not errors_of(reports[row["name"]]):
            done.append(run(row["path"]))
            gc.collect()
    assert len(done) - done.count(None) >= 40
    unknown = [
        name
        for name, report in reports.items()
        if {layer.type for layer in report.layers if layer.included} - set(LAYERS)
    ]
    assert len(unknown) > 50
    for name in unknown:
        assert any(one.field == "type" for one in errors_of(reports[name])), name


@pytest.mark.parametrize("name", FORKS)
def test_detectors_and_mobile_nets_run(shared_zoo, name):
    net = run(shared_zoo / name, always=True)
    assert isinstance(net, Net)
    for output, wanted in FORKS[name].items():
        values = net.blobs[output].data
        assert tuple(None if a is None else b for a, b in zip(wanted, values.shape, strict=True)) == wanted
        assert np.isfinite(values).all() and np.ptp(values)
        if wanted is BOXES:
            item, label, score = values[0, 0, :, :3].T
            assert not item.any() and (label >= 1).all() and (0 < score).all() and (score <= 1).all()
            assert 0 < len(label) <= 200
