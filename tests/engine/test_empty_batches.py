"""Blobs without a value: every layer takes a batch of no items, or says why it cannot."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TRAIN, DefinitionError, Net
from brewbench.proto import Document
from brewbench.proto.messages import NetParameter

EXAMPLES = runpy.run_path(str(Path(__file__).resolve().parents[1] / "fuzz" / "definitions.py"))["examples"]()
WITH_INPUTS = {kind: texts for kind, texts in EXAMPLES.items() if "input_param" in texts[0]}


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("kind", sorted(WITH_INPUTS))
def test_a_length_of_0_runs_or_is_refused_in_words(kind, axis, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where HDF5Output writes
    for text in WITH_INPUTS[kind][:3]:
        param = text_format.Parse(text, NetParameter())
        for shape in (shape for layer in param.layer for shape in layer.input_param.shape):
            if axis < len(shape.dim):
                shape.dim[axis] = 0
        try:
            with np.errstate(all="ignore"):
                net = Net(param, TRAIN)
                net.forward()
        except DefinitionError as error:
            assert error.layer is not None
        else:
            net.close()


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "InnerProduct", "Pooling", "LRN"])
def test_a_batch_of_no_items_gives_no_gradient(kind):
    param = text_format.Parse(WITH_INPUTS[kind][0], NetParameter())
    param.force_backward = True
    for layer in param.layer:
        for shape in layer.input_param.shape:
            shape.dim[0] = 0
    net = Net(param, TRAIN)
    net.forward()
    net.clear_param_diffs()
    net.backward()
    assert all(blob.shape[0] == 0 for blob in net.blobs.values())
    assert all(not blob.diff.any() for blobs in net.params.values() for blob in blobs)


def test_edges_of_regions_are_finite():
    text = """
layer { name: "in" type: "Input" top: "x" top: "r" input_param {
  shape { dim: 1 dim: 1 dim: 4 dim: 4 } shape { dim: 1 dim: 5 } } }
layer { name: "l" type: "ROIPooling" bottom: "x" bottom: "r" top: "y" roi_pooling_param { pooled_h: 1 pooled_w: 1 } }
"""
    net = Net(Document.parse(text), TRAIN)
    net.blobs["r"].data = [[0, 0, 0, np.nan, 2]]
    with pytest.raises(DefinitionError, match="an edge of the regions in bottom 'r' is not finite") as refused:
        net.forward()
    assert refused.value.layer == "l"
