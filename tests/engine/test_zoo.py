"""Nets that people have published: those of Caffe's own layers are built, and run with random input."""

import csv
import os

import numpy as np
import pytest

from brewbench.engine import TEST, Net
from brewbench.engine.source import Source

INPUTS = {"Input", "DummyData"}
DATA = {"Data", "ImageData", "HDF5Data", "WindowData", "MemoryData", "HDF5Output", "Python"}
# Bytes of blobs and number of parameters up to which a net runs in the usual suite; BREWBENCH_ZOO=all runs every one.
SMALL_BLOBS, SMALL_PARAMS = 40e6, 8e6
# Nets at which Caffe stops, too.
REFUSED = {
    "AlfredXiangWu+face_verification_experiment/proto_LightenedCNN_B_deploy.prototxt": "unknown bottom blob 'label'",
    "cwlacewe+netscope/presets_1D_lstm.prototxt": "expected input_shape 2 times; found 1",
    "cwlacewe+netscope/presets_vgg-16.prototxt": "both layer and layers",
}


@pytest.fixture(scope="module")
def bvlc_nets(shared_zoo):
    """Name and path of every net of the collection that Caffe's schema reads, and whose layers are all Caffe's."""
    with open(shared_zoo / "MANIFEST.tsv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["kind"] == "net"]
    return {
        row["file"]: shared_zoo.parent / row["file"]
        for row in rows
        if row["parses_with_BVLC_caffe.proto"] == "ok" and row["layer_types_outside_BVLC"] == "-"
    }


def run(path):
    """Build a net that needs no files, and run it if it is small; None for one that needs some."""
    source = Source(path, "net")
    types = {layer.type for layer in source.param.layer}
    if types & DATA or not types & INPUTS:
        return None
    net = Net(source, TEST, seed=1)
    if os.environ.get("BREWBENCH_ZOO") != "all" and (
        net.memory_required > SMALL_BLOBS or net.param_count > SMALL_PARAMS
    ):
        return "built"
    random = np.random.RandomState(0)
    for blob in (net.blobs[name] for name in net.inputs):
        labels = blob.count == blob.shape[0]  # one number an item
        blob.data = 0 if labels else random.randn(*blob.shape)
    net.forward()
    return "run"


def test_every_deploy_net_is_built_and_the_small_ones_run(bvlc_nets):
    refused, done = {}, []
    for name, path in bvlc_nets.items():
        try:
            done.append(run(path))
        except Exception as error:
            refused[name.removeprefix("zoo/")] = f"{type(error).__name__}: {error}"
    assert {name: message for name, message in refused.items() if REFUSED.get(name, "\n") not in message} == {}
    assert refused.keys() == REFUSED.keys()
    assert done.count("run") > 20
