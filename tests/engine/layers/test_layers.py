"""Every registered layer against what Caffe computed (a fork's: NumPy), and against the definition of a gradient."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.layer import LAYERS, count_of, layer_class, load_layers
from brewbench.proto.messages import NetParameter

CASES = Path(__file__).parent / "cases"
PHASES = {"TRAIN": 0, "TEST": 1}

# Relative and absolute tolerance by type; the absolute one is relative to the largest reference value.
EXACT, ELEMENTWISE, PRODUCT = (1e-6, 1e-7), (1e-5, 1e-6), (1e-4, 1e-5)
TOLERANCE = {
    **dict.fromkeys(
        "Accuracy ArgMax Concat DummyData Eltwise Flatten Input Pooling ReLU Reshape Slice Split Tile".split(), EXACT
    ),
    **dict.fromkeys(
        "BatchNorm Bias Convolution Deconvolution Embed InnerProduct LRN LSTM LSTMUnit MVN RNN Scale".split(), PRODUCT
    ),
    **dict.fromkeys(
        "Axpy BN ConvolutionDepthwise DepthwiseConvolution DetectionOutput Interp PSROIPooling".split(), PRODUCT
    ),
}

SHARED_DIFF = {"Parameter"}  # the diff of the top is the diff of the parameter: clearing one clears the other
ONCE = {"HingeLoss"}  # forward leaves in the bottom's diff what backward starts from

load_layers()


class Case:
    """One definition of one layer, with what Caffe computed for it."""

    def __init__(self, type: str, name: str, record: dict[str, np.ndarray]):
        self.type, self.name, self.record = type, name, record
        self.names = json.loads(str(record["names"]))
        self.net = text_format.Parse(str(record["prototxt"]), NetParameter())
        self.param = next(p for p in self.net.layer if p.name == self.names["layer"])
        self.phase = PHASES[str(record["phase"])]

    def __repr__(self):
        return f"{self.type}-{self.name}"

    def get(self, key: str) -> np.ndarray | None:
        return self.record.get(key)

    def arrays(self, key: str) -> list[np.ndarray]:
        """key/0, key/1, ... as far as they go."""
        found = []
        while (array := self.record.get(f"{key}/{len(found)}")) is not None:
            found.append(array)
        return found

    @property
    def bottoms(self) -> list[np.ndarray]:
        """The values the layer reads: those of the inputs, which other layers may only have passed on."""
        given = dict(zip(self.names["inputs"], self.arrays("bottom"), strict=True))
        passed_on = {p.top[0]: p.bottom[0] for p in self.net.layer if p.name.startswith("pre")}
        return [given[passed_on.get(name, name)] for name in self.names["bottoms"]]

    @property
    def in_place(self) -> bool:
        return bool(self.param.top) and self.param.top[0] in self.param.bottom


class Bench:
    """A layer with bottoms and tops, built as a net builds it."""

    def __init__(self, case: Case, dtype=np.float32, in_place: bool | None = None, values: bool = True):
        self.context = Context(phase=case.phase, seed=7, dtype=dtype, root=CASES)
        self.layer = layer_class(case.type)(case.param, self.context)
        self.bottom = [Blob(array.shape, dtype) for array in case.bottoms]
        tops = max(len(case.param.top), count_of(self.layer.tops).least if self.layer.auto_tops else 0)
        self.top = [Blob((), dtype) for _ in range(tops)]
        if case.in_place if in_place is None else in_place:
            self.top[0] = self.bottom[0]
        self.layer.setup(self.bottom, self.top)
        self.layer.param_propagate_down = [True] * len(self.layer.blobs)
        self.layer.reshape(self.bottom, self.top)
        if values:
            for blob, array in zip(self.layer.blobs, case.arrays("param"), strict=True):
                assert blob.shape == array.shape
                blob.data = array
            self.fill(case.bottoms)

    def fill(self, values: list[np.ndarray]) -> None:
        for blob, array in zip(self.bottom, values, strict=True):
            blob.data = array

    def forward(self) -> list[np.ndarray]:
        if self.layer.reshapes_itself:
            self.layer.reshape(self.bottom, self.top)
        self.layer.forward(self.bottom, self.top)
        self.context.passes += 1
        return [blob.data.copy() for blob in self.top]

    def backward(self, top_diffs: list[np.ndarray], propagate_down: list[bool] | None = None) -> None:
        for blob, diff in zip(self.top, top_diffs, strict=True):
            blob.diff = diff
        for blob in self.layer.blobs:
            blob.diff = 0
        self.layer.backward(self.top, propagate_down or self.smooth(), self.bottom)

    def smooth(self) -> list[bool]:
        """Which bottoms have a gradient: all but labels and the like."""
        return [index not in self.layer.no_gradient for index in range(len(self.bottom))]


def read_cases() -> list[Case]:
    cases = []
    for path in sorted(CASES.glob("*.npz")):
        records: dict[str, dict[str, np.ndarray]] = {}
        with np.load(path) as stored:
            for key in stored.files:
                name, _, rest = key.partition("/")
                records.setdefault(name, {})[rest] = stored[key]
        cases += [Case(path.stem, name, record) for name, record in records.items()]
    for file in ("fork_cases.py", "multibox_cases.py", "evaluation_cases.py"):
        cases += [Case(*case) for case in runpy.run_path(str(CASES.parent / file))["records"]()]
    return cases


ALL = read_cases()
BACKWARD = [case for case in ALL if case.names["backward"]]


def close(case: Case, what: str, found: np.ndarray, expected: np.ndarray) -> None:
    relative, absolute = TOLERANCE.get(case.type, ELEMENTWISE)
    assert found.shape == expected.shape, f"{what} has the shape {found.shape}, Caffe's {expected.shape}"
    absolute *= float(np.abs(expected).max(initial=1e-30)) if np.isfinite(expected).all() else 1
    np.testing.assert_allclose(found, expected, relative, max(absolute, 1e-30), err_msg=what)


@pytest.mark.parametrize("case", ALL, ids=repr)
def test_forward_gives_what_caffe_gives(case):
    bench = Bench(case)
    for index, found in enumerate(bench.forward()):
        close(case, f"top {index}", found, case.record[f"top/{index}"])
    for index, expected in enumerate(case.arrays("param_after")):
        close(case, f"parameter {index}", bench.layer.blobs[index].data, expected)
    number = 2
    while any(key.startswith(f"fwd{number}_") for key in case.record):
        if case.arrays(f"fwd{number}_bottom"):
            bench.fill(case.arrays(f"fwd{number}_bottom"))
        for index, found in enumerate(bench.forward()):
            close(case, f"top {index} of pass {number}", found, case.record[f"fwd{number}_top/{index}"])
        for index, expected in enumerate(case.arrays(f"fwd{number}_param")):
            close(case, f"parameter {index} after pass {number}", bench.layer.blobs[index].data, expected)
        number += 1


@pytest.mark.parametrize("case", [case for case in ALL if case.arrays("reshaped_top")], ids=repr)
def test_reshape_gives_what_caffe_gives(case):
    bench = Bench(case)
    bench.forward()
    values = case.arrays("reshaped_bottom")
    for blob, array in zip(bench.bottom, values, strict=True):
        blob.reshape(*array.shape)
    bench.layer.reshape(bench.bottom, bench.top)
    bench.fill(values)
    for index, found in enumerate(bench.forward()):
        close(case, f"top {index}", found, case.record[f"reshaped_top/{index}"])


@pytest.mark.parametrize("case", BACKWARD, ids=repr)
def test_backward_gives_what_caffe_gives(case):
    bench = Bench(case)
    bench.forward()
    bench.backward(case.arrays("top_diff"))
    for index, name in enumerate(case.names["bottoms"]):
        expected = case.get(f"bottom_diff/{index}")
        if expected is not None:  # a blob read twice gets both gradients
            same = [blob.diff for other, blob in zip(case.names["bottoms"], bench.bottom, strict=True) if other == name]
            close(case, f"diff of bottom {index}", np.sum(same, axis=0), expected)
    for index, expected in enumerate(case.arrays("param_diff")):
        close(case, f"diff of parameter {index}", bench.layer.blobs[index].diff, expected)


@pytest.mark.parametrize("case", BACKWARD, ids=repr)
def test_parameter_diffs_add_up_and_bottom_diffs_do_not(case):
    bench = Bench(case)
    diffs = case.arrays("top_diff")
    bench.forward()
    bench.backward(diffs)
    parameters = [blob.diff.copy() for blob in bench.layer.blobs]
    bottoms = [blob.diff.copy() for blob in bench.bottom]
    if not case.in_place and case.type not in SHARED_DIFF | ONCE:
        bench.layer.backward(bench.top, bench.smooth(), bench.bottom)
        for blob, once in zip(bench.layer.blobs, parameters, strict=True):
            np.testing.assert_allclose(blob.diff, 2 * once, 1e-5, 1e-6)
        for blob, once in zip(bench.bottom, bottoms, strict=True):
            np.testing.assert_array_equal(blob.diff, once)


@pytest.mark.parametrize("case", [case for case in BACKWARD if not case.in_place], ids=repr)
def test_backward_leaves_alone_what_nobody_asked_for(case):
    bench = Bench(case)
    bench.forward()
    bench.layer.param_propagate_down = [False] * len(bench.layer.blobs)
    for blob in bench.bottom:
        blob.diff = 5
    bench.backward(case.arrays("top_diff"), [False] * len(bench.bottom))
    for index, blob in enumerate(bench.bottom):
        if case.type == "BatchNorm" or case.type in ("LSTM", "RNN") and index != 1:
            continue  # give a gradient in any case, as Caffe's do
        if all(blob.diff_memory is not top.diff_memory for top in bench.top):
            assert (blob.diff == 5).all()
    if case.type not in ("LSTM", "RNN"):
        for blob in bench.layer.blobs:
            assert not blob.diff.any()


def test_every_registered_layer_has_a_case():
    tested = {case.type for case in ALL}
    others = [path for path in Path(__file__).parents[1].rglob("test_*.py") if path != Path(__file__)]
    elsewhere = "".join(path.read_text() for path in others)
    for name, cls in LAYERS.items():
        if ".engine.layers." in cls.__module__ and name not in tested:
            apart = cls.is_source or cls.category == "data" or name == "Python"  # what reads files or code
            assert apart, name
            assert f'type: "{name}"' in elsewhere, name


@pytest.mark.parametrize("name", sorted({case.type for case in ALL}))
def test_docstring_has_formula_bottom_top_and_reference(name):
    text = LAYERS[name].__doc__ or ""
    for part in ("$$", "Bottom:", "Top:", "Reference:"):
        assert part in text, f"{name}: no {part} in the docstring"


# What backward promises, checked against the slope of the tops along one random direction, in float64.

# Where Caffe's gradient is not the slope, and ours is Caffe's.
OTHER_SLOPE = {
    "SoftmaxWithLoss-extreme",  # the loss stops rising at a floor, the gradient does not
    "LSTM-cont_fraction",  # the forget gate's slope has the mark in it twice
    "LSTMUnit-frac_cont",
    "LSTM-expose_hidden",  # states that are passed on carry no gradient
    "LSTM-expose_hidden_static",
    "RNN-expose_hidden",
    "RNN-expose_hidden_static",
    "Normalize-per_channel",  # the sum in the gradient leaves the scales out
    "MultiBoxLoss-variance_in_target",  # the gradient leaves the variances out
}
NOT_LEARNED = {"BatchNorm"}  # parameters that are statistics


SLOPES = [case for case in BACKWARD if case.type not in SHARED_DIFF and repr(case) not in OTHER_SLOPE]


@pytest.mark.parametrize("case", SLOPES, ids=repr)
def test_backward_is_the_slope_of_forward(case):
    draw = np.random.default_rng(3)
    first = Bench(case, np.float64, in_place=False)
    smooth = first.smooth()
    values = [array.astype(np.float64) for array in case.bottoms]
    for index, array in enumerate(values):
        if smooth[index]:
            array += draw.normal(0, 0.01, array.shape)  # away from ties and kinks
    values += [blob.data.copy() for blob in first.layer.blobs]
    direction = [draw.normal(size=array.shape) for array in values]
    learned = [case.type not in NOT_LEARNED] * len(first.layer.blobs)
    wanted = smooth + case.names.get("learned", learned)
    for towards, moves in zip(direction, wanted, strict=True):
        towards *= moves

    def run(step: float) -> tuple[Bench, list[np.ndarray]]:
        bench = Bench(case, np.float64, in_place=False)
        for blob, array, towards in zip(bench.bottom + bench.layer.blobs, values, direction, strict=True):
            blob.data = array + step * towards
        return bench, bench.forward()

    bench, tops = run(0)
    weights = [draw.normal(size=array.shape) for array in tops]
    bench.backward(weights)
    inside = sum(
        float((blob.diff * towards).sum())
        for blob, towards in zip(bench.bottom + bench.layer.blobs, direction, strict=True)
    )
    step = 1e-6
    above, below = run(step)[1], run(-step)[1]
    slope = sum(float((w * (a - b)).sum()) for w, a, b in zip(weights, above, below, strict=True)) / (2 * step)
    np.testing.assert_allclose(inside, slope, 1e-5, 1e-6)


# Caffe lets these run in place, where their gradient reads values that are gone.
SPOILT_IN_PLACE = {"BNLL", "Clip", "Log", "Power"}


def same_in_place(case: Case) -> bool:
    """Whether in place gives the same as out of place."""
    if not LAYERS[case.type].in_place or len(case.bottoms) > 1 or not case.names["backward"]:
        return False
    spoilt = case.type in SPOILT_IN_PLACE or case.param.relu_param.negative_slope < 0
    return not spoilt


@pytest.mark.parametrize("case", [case for case in ALL if same_in_place(case)], ids=repr)
def test_in_place_equals_out_of_place(case):
    apart, together = Bench(case, in_place=False), Bench(case, in_place=True)
    for one, other in zip(apart.forward(), together.forward(), strict=True):
        np.testing.assert_array_equal(one, other)
    for bench in (apart, together):
        bench.backward(case.arrays("top_diff"))
    np.testing.assert_allclose(apart.bottom[0].diff, together.bottom[0].diff, 1e-6, 1e-7)
    for one, other in zip(apart.layer.blobs, together.layer.blobs, strict=True):
        np.testing.assert_allclose(one.diff, other.diff, 1e-6, 1e-7)


@pytest.mark.parametrize("case", ALL, ids=repr)
def test_setup_and_reshape_touch_no_memory(case):
    bench = Bench(case, values=False)
    for blob in [*bench.bottom, *bench.top, *bench.layer.blobs]:
        assert blob.data_memory.allocated == blob.diff_memory.allocated == 0
