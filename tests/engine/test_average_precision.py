"""The average precision of detections, and a solver that tests a detector by it."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import DefinitionError, get_solver
from brewbench.engine.average_precision import VERSIONS, average_precision
from brewbench.proto.messages import NetParameter, SolverParameter


def by_hand(scores, hits, positives, version):
    """The area, step by step."""
    order = sorted(range(len(scores)), key=lambda k: -scores[k])
    right, points = 0, []
    for rank, k in enumerate(order, 1):
        right += bool(hits[k])
        points.append((right / positives, right / rank))
    if version == "11point":
        return sum(max((p for r, p in points if r >= point / 10), default=0) for point in range(11)) / 11
    area, before = 0.0, 0.0
    for k, (recall, precision) in enumerate(points):
        if version == "MaxIntegral":
            precision = max(p for _, p in points[max(k - 1, 0) :])
        area, before = area + precision * (recall - before), recall
    return area


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seed", range(10))
def test_the_area_under_precision_and_recall(seed, version):
    chance = np.random.RandomState(seed)
    count = chance.randint(1, 40)
    scores, hits = chance.permutation(count) / count, chance.rand(count) < 0.6
    positives = int(hits.sum()) + chance.randint(1, 5)
    found = average_precision(scores, hits, positives, version)
    assert found == pytest.approx(by_hand(scores, hits, positives, version), abs=1e-6)


def test_nothing_to_find_or_nothing_found_is_0():
    assert average_precision(np.array([]), np.array([]), 3) == 0
    assert average_precision(np.array([0.5]), np.array([False]), 0) == 0


def test_all_found_and_nothing_else_is_1():
    for version in VERSIONS:
        assert average_precision(np.array([0.2, 0.9]), np.array([True, True]), 2, version) == pytest.approx(1)


def test_another_version_is_refused():
    with pytest.raises(ValueError, match="ap_version must be one of Integral, MaxIntegral, 11point; got 'COCO'"):
        average_precision(np.array([1]), np.array([True]), 1, "COCO")


TRUE = [[0, 1, 0, 0.1, 0.1, 0.4, 0.4, 0], [0, 2, 0, 0.5, 0.5, 0.9, 0.9, 0], [1, 1, 0, 0.2, 0.2, 0.6, 0.6, 0]]
FOUND = [
    [0, 1, 0.9, 0.1, 0.1, 0.4, 0.4],
    [0, 1, 0.8, 0.6, 0.1, 0.9, 0.4],
    [1, 1, 0.7, 0.2, 0.2, 0.6, 0.6],
    [1, 2, 0.4, 0.2, 0.2, 0.6, 0.6],
]


def detector(evaluate: str = "num_classes: 4") -> NetParameter:
    """A net that trains something, and in its test compares two blobs."""
    text = f"""
layer {{ name: "data" type: "DummyData" top: "x" top: "y" include {{ phase: TRAIN }}
  dummy_data_param {{ shape {{ dim: 1 }} }} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "y" top: "loss" include {{ phase: TRAIN }} }}
layer {{ name: "found" type: "Input" top: "found" include {{ phase: TEST }}
  input_param {{ shape {{ dim: 1 dim: 1 dim: {len(FOUND)} dim: 7 }} }} }}
layer {{ name: "true" type: "Input" top: "true" include {{ phase: TEST }}
  input_param {{ shape {{ dim: 1 dim: 1 dim: {len(TRUE)} dim: 8 }} }} }}
layer {{ name: "eval" type: "DetectionEvaluate" bottom: "found" bottom: "true" top: "eval" include {{ phase: TEST }}
  detection_evaluate_param {{ {evaluate} }} }}
"""
    return text_format.Parse(text, NetParameter())


def solver_of(net: NetParameter, settings: str = 'eval_type: "detection"'):
    text = f'base_lr: 0.1 lr_policy: "fixed" max_iter: 1 test_iter: 2 test_interval: 1 {settings}'
    return get_solver(text_format.Parse(text, SolverParameter()), net, seed=1)


def test_a_detector_is_tested_by_its_mean_average_precision():
    solver = solver_of(detector())
    (net,) = solver.test_nets
    net.blobs["found"].data, net.blobs["true"].data = [[FOUND]], [[TRUE]]
    result = solver.test(0)
    assert result is not None
    (output,) = result.outputs
    first = (1 + 1 + 3 / 5 + 4 / 6) / 4  # of class 1 in two equal batches: every third detection is wrong
    assert result.classes == {"eval": {1: pytest.approx(first, abs=1e-6), 2: 0}}
    assert (output.name, output.value) == ("eval", pytest.approx(first / 3, abs=1e-6))
    assert result.values == {"eval": output.value}


def test_an_output_of_other_rows_is_refused():
    net = detector()
    del net.layer[-1]
    with pytest.raises(DefinitionError, match="rows of 5 numbers") as refused:
        solver_of(net).test(0)
    assert refused.value.field == "eval_type"


@pytest.mark.parametrize(("field", "value"), [("eval_type", "segmentation"), ("ap_version", "COCO")])
def test_what_ssd_does_not_know_is_refused_at_the_start(field, value):
    with pytest.raises(DefinitionError, match=f"got '{value}'") as refused:
        solver_of(detector(), f'{field}: "{value}"')
    assert refused.value.field == field


def test_boxes_are_compared_in_the_pixels_of_each_image(tmp_path):
    sizes = tmp_path / "sizes.txt"
    sizes.write_text("one 10 20\ntwo 300 400\n")
    solver = solver_of(detector(f'num_classes: 3 name_size_file: "{sizes.as_posix()}"'))
    (net,) = solver.test_nets
    net.blobs["found"].data, net.blobs["true"].data = [[FOUND]], [[TRUE]]
    rows = []
    for _ in range(2):
        net.forward()
        rows.append(net.blobs["eval"].data[0, 0, 2:].copy())
    np.testing.assert_array_equal(rows[0][:, 3:], [[1, 0], [0, 1], [1, 0], [0, 1]])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert net.layers[net.index_of("eval")].image == 0


def test_a_file_of_sizes_that_is_none_is_named(tmp_path):
    sizes = tmp_path / "sizes.txt"
    sizes.write_text("one 10\n")
    with pytest.raises(DefinitionError, match="is no list of names, heights and widths") as refused:
        solver_of(detector(f'num_classes: 3 name_size_file: "{sizes.as_posix()}"'))
    assert refused.value.field == "detection_evaluate_param.name_size_file"
