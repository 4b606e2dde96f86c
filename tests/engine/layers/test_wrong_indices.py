"""A label, index or place that cannot be is told with its value, where it is, its blob and its layer."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import TRAIN, DefinitionError, Net, ops
from brewbench.proto import Document

SCORES = 'layer { name: "in" type: "Input" top: "x" top: "wrong" input_param { shape { %s } shape { %s } } }\n'
LAYERS = {
    "SoftmaxWithLoss": ("dim: [4, 3]", "dim: 4", ""),
    "InfogainLoss": ("dim: [4, 3]", "dim: 4", 'bottom: "h"'),
    "MultinomialLogisticLoss": ("dim: [4, 3]", "dim: 4", ""),
    "HingeLoss": ("dim: [4, 3]", "dim: 4", ""),
    "Accuracy": ("dim: [4, 3]", "dim: 4", ""),
    "BatchReindex": ("dim: [4, 3]", "dim: 4", ""),
    "Embed": ("dim: 1", "dim: 4", "embed_param { input_dim: 3 num_output: 2 }"),
    "ROIPooling": ("dim: [4, 1, 5, 5]", "dim: [4, 5]", "roi_pooling_param { pooled_h: 1 pooled_w: 1 }"),
    "PSROIPooling": (
        "dim: [4, 1, 5, 5]",
        "dim: [4, 5]",
        "psroi_pooling_param { spatial_scale: 1 output_dim: 1 group_size: 1 }",
    ),
    "Upsample": ("dim: [1, 1, 2, 2]", "dim: [1, 1, 2, 2]", "upsample_param { scale: 2 }"),
}
H = 'layer { name: "h" type: "Input" top: "h" input_param { shape { dim: [3, 3] } } }\n'


def net_of(type: str, settings: tuple[str, str, str]) -> Net:
    values, wrong, more = settings
    bottoms = 'bottom: "wrong"' if type == "Embed" else 'bottom: "x" bottom: "wrong"'
    text = SCORES % (values, wrong) + H
    return Net(Document.parse(text + f'layer {{ name: "it" type: "{type}" {bottoms} top: "y" {more} }}'), TRAIN)


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize(("value", "shown"), [(np.nan, "NaN"), (np.inf, "inf"), (-1, "-1"), (1e9, "1000000000")])
@pytest.mark.parametrize("type", LAYERS)
def test_what_cannot_be_is_told_with_its_place(type, value, shown, engine, monkeypatch):
    if engine == "reference":
        monkeypatch.setitem(ops.PREFERENCE, "cpu", ("reference",))
    net = net_of(type, LAYERS[type])
    labels = net.blobs["wrong"].data
    labels[...] = 0
    labels.reshape(4, -1)[2, 0] = value
    with pytest.raises(DefinitionError) as caught:
        net.forward()
    error = caught.value
    assert (error.layer, error.type, error.line) == ("it", type, 3)
    assert f"{shown} at place 2" in str(error) or f"names {shown} at place 2" in str(error)
    assert "'wrong'" in str(error) and "\n" not in str(error)


def test_an_ignored_label_may_be_any_and_nan_is_none_of_them():
    settings = ("dim: [4, 3]", "dim: 4", "loss_param { ignore_label: 255 }")
    net = net_of("SoftmaxWithLoss", settings)
    net.blobs["wrong"].data = [0, 255, 255, 2]
    assert net.forward() > 0
    net.blobs["wrong"].data = [0, 255, np.nan, 2]
    with pytest.raises(DefinitionError, match="got the label NaN at place 2 of bottom 'wrong'"):
        net.forward()
