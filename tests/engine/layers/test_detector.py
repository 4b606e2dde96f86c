"""A detector's head as a whole: SSD's prior boxes, predictions and detections against a plain computation."""

from __future__ import annotations

import runpy
from math import sqrt
from pathlib import Path

import numpy as np

from brewbench.engine import TEST, Net
from brewbench.proto import Document

CASES = runpy.run_path(str(Path(__file__).parent / "fork_cases.py"))

# Two feature maps of a 90 x 60 image, with 4 and 6 boxes a position, 3 classes and the background.
SCALES = (
    dict(size=(4, 6), step=15, least=12, most=20, ratios=(2,)),
    dict(size=(2, 3), step=30, least=25, most=44, ratios=(2, 3)),
)
CLASSES = 4


def boxes(least, most, ratios):
    """(width, height) of each box of a position, in SSD's order."""
    sizes = [(least, least), (sqrt(least * most),) * 2]
    for ratio in ratios:
        sizes += [(least * sqrt(ratio), least / sqrt(ratio)), (least / sqrt(ratio), least * sqrt(ratio))]
    return sizes


def branch(number, size, step, least, most, ratios):
    count = len(boxes(least, most, ratios))
    predictions = "".join(
        f"""
        layer {{ name: "{kind}{number}" type: "Convolution" bottom: "map{number}" top: "{kind}{number}"
          convolution_param {{ num_output: {count * each} kernel_size: 3 pad: 1
            weight_filler {{ type: "gaussian" std: {std} }} bias_filler {{ type: "gaussian" }} }} }}
        layer {{ name: "{kind}{number}_perm" type: "Permute" bottom: "{kind}{number}" top: "{kind}{number}_perm"
          permute_param {{ order: 0 order: 2 order: 3 order: 1 }} }}
        layer {{ name: "{kind}{number}_flat" type: "Flatten" bottom: "{kind}{number}_perm" top: "{kind}{number}_flat" }}
        """
        for kind, each, std in (("loc", 4, 0.2), ("conf", CLASSES, 0.5))
    )
    return f"""
        layer {{ name: "map{number}" type: "Input" top: "map{number}"
          input_param {{ shape {{ dim: 2 dim: 5 dim: {size[0]} dim: {size[1]} }} }} }}
        {predictions}
        layer {{ name: "prior{number}" type: "PriorBox" bottom: "map{number}" bottom: "image" top: "prior{number}"
          prior_box_param {{ min_size: {least} max_size: {most} {"".join(f"aspect_ratio: {r} " for r in ratios)}
            flip: true variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step: {step} }} }}
    """


def head():
    joined = "".join(
        f'layer {{ name: "{kind}" type: "Concat" bottom: "{kind}0{end}" bottom: "{kind}1{end}" top: "{kind}" '
        f"concat_param {{ axis: {axis} }} }}\n"
        for kind, end, axis in (("loc", "_flat", 1), ("conf", "_flat", 1), ("prior", "", 2))
    )
    return f"""
        layer {{ name: "image" type: "Input" top: "image"
          input_param {{ shape {{ dim: 2 dim: 3 dim: 60 dim: 90 }} }} }}
        {"".join(branch(number, **scale) for number, scale in enumerate(SCALES))}
        {joined}
        layer {{ name: "scores" type: "Reshape" bottom: "conf" top: "scores"
          reshape_param {{ shape {{ dim: 0 dim: -1 dim: {CLASSES} }} }} }}
        layer {{ name: "softmax" type: "Softmax" bottom: "scores" top: "softmax" softmax_param {{ axis: 2 }} }}
        layer {{ name: "flat" type: "Flatten" bottom: "softmax" top: "flat" }}
        layer {{ name: "out" type: "DetectionOutput" bottom: "loc" bottom: "flat" bottom: "prior" top: "out"
          detection_output_param {{ num_classes: {CLASSES} code_type: CENTER_SIZE keep_top_k: 20
            confidence_threshold: 0.3 nms_param {{ nms_threshold: 0.45 top_k: 40 }} }} }}
    """


def test_a_head_of_ssd_detects_what_its_formulas_give():
    net = Net(Document.parse(head(), "net"), TEST, seed=5)
    random = np.random.default_rng(0)
    for number in (0, 1):
        net.blobs[f"map{number}"].data = random.normal(size=net.blobs[f"map{number}"].shape)
    net.forward()
    values = {name: blob.data.astype(np.float64) for name, blob in net.blobs.items()}

    priors = np.concatenate(
        [
            CASES["prior_box"](
                boxes(scale["least"], scale["most"], scale["ratios"]),
                (60, 90),
                (scale["step"],) * 2,
                variance=(0.1, 0.1, 0.2, 0.2),
            )([values[f"map{number}"]], [])[0]
            for number, scale in enumerate(SCALES)
        ],
        axis=2,
    )
    np.testing.assert_allclose(values["prior"], priors, atol=1e-6)

    rows = {}
    for kind in ("loc", "conf"):  # of each item all predictions: position by position, box by box
        maps = [values[f"{kind}{number}"] for number in (0, 1)]
        rows[kind] = [
            [x[n, c, i, j] for x in maps for i, j, c in np.ndindex(*x.shape[2:], x.shape[1])] for n in range(2)
        ]
    scores = np.exp(np.reshape(rows["conf"], (2, -1, CLASSES)))
    scores /= scores.sum(axis=2, keepdims=True)
    found = CASES["detections"](CLASSES, "CENTER_SIZE", least=0.3, nms=0.45, top_k=40, keep=20)(
        [np.array(rows["loc"]), scores.reshape(2, -1), priors], []
    )[0]
    assert 20 < len(found[0, 0]) <= 40
    assert set(found[0, 0, :, 1]) == {1, 2, 3}
    np.testing.assert_allclose(values["out"], found, rtol=1e-4, atol=1e-5)
