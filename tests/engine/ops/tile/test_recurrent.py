"""Recurrent nets by tile kernels against the plain ones, and against what Caffe computed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.ops.tile import recurrent

LAYERS = Path(__file__).parents[2] / "layers"

# Steps, streams, inputs, units, inputs of the static kind (0: none): around vectors of 4, 8 and 16 and blocks of 16.
SHAPES = [
    (1, 1, 1, 1, 0), (3, 5, 4, 3, 2), (2, 16, 16, 16, 16), (4, 17, 20, 37, 0), (5, 33, 32, 48, 7), (2, 81, 9, 18, 0),
]  # fmt: skip


def read_cases():
    spec = importlib.util.spec_from_file_location("layer_cases", LAYERS / "test_layers.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, [case for case in module.read_cases() if case.type in ("LSTM", "RNN")]


CHECKS, CASES = read_cases()


@pytest.fixture
def threads(each_thread_count, monkeypatch):
    monkeypatch.setattr(recurrent, "ALONE", 0)


def blob(rng, *shape, scale=1.0):
    made = Blob(shape)
    made.data = scale * rng.standard_normal(shape)
    return made


class Bench:
    """One op with everything it takes."""

    def __init__(self, kind, engine, shape):
        rng = np.random.default_rng(1)
        steps, streams, inputs, units, static = shape
        rows = (4 if kind == "lstm" else 1) * units
        self.x = blob(rng, steps, streams, inputs)
        self.marks = Blob((steps, streams))
        self.marks.data = rng.choice([0, 1, 1, 0.5], (steps, streams))
        self.static = blob(rng, streams, static) if static else None
        sizes = [(rows, inputs), (rows,), (rows, units)]
        if static:
            sizes.insert(2, (rows, static))
        if kind == "rnn":
            sizes += [(units, units), (units,)]
        self.weights = [blob(rng, *size, scale=0.3) for size in sizes]
        states = 2 if kind == "lstm" else 1
        self.states = [blob(rng, 1, streams, units) for _ in range(states)]
        self.top = blob(rng, steps, streams, units)
        self.gradient = rng.standard_normal((steps, streams, units))
        spec = dict(steps=steps, streams=streams, outputs=units, static=bool(static))
        self.op = ops.TABLE[kind][engine](Context(), **spec)

    def forward(self):
        self.op.forward(self.x, self.marks, self.static, self.weights, self.states, self.states, [self.top])
        return {"top": self.top.data.copy(), **{f"state {k}": s.data.copy() for k, s in enumerate(self.states)}}

    def backward(self, wanted=(True, True), asked=None):
        asked = asked or [True] * len(self.weights)
        self.top.diff = self.gradient
        self.op.backward(self.x, self.marks, self.static, self.weights, [self.top], wanted, asked)
        blobs = {"x": self.x, "static": self.static, **{f"weight {k}": w for k, w in enumerate(self.weights)}}
        return {name: one.diff.copy() for name, one in blobs.items() if one is not None}


def close(found, wanted):
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        slack = 2e-5 * np.abs(values).max(initial=1e-6)
        np.testing.assert_allclose(found[name], values, 2e-5, slack, err_msg=name)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_two_passes_and_their_gradients_are_those_of_the_plain_engine(kind, shape):
    found, wanted = Bench(kind, "tile", shape), Bench(kind, "reference", shape)
    for _ in range(2):
        close(found.forward(), wanted.forward())
        for bench in (found, wanted):
            bench.marks.data[0] = 1
        close(found.backward(), wanted.backward())
    close(found.backward(), wanted.backward())  # once more without a forward pass: diffs add up
    for bench in (found, wanted):
        for weight in bench.weights:
            weight.data = weight.data * 0.9
    close(found.forward(), wanted.forward())


@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_weights_that_nobody_asks_for_get_no_gradient(kind):
    bench = Bench(kind, "tile", (3, 17, 5, 20, 3))
    bench.forward()
    full = bench.backward()
    for index in range(len(bench.weights)):
        for one in bench.weights:
            one.diff = 0
        asked = [k == index for k in range(len(bench.weights))]
        bench.static.diff = 7
        found = bench.backward((True, False), asked)
        assert (found["static"] == 7).all()
        for k in range(len(bench.weights)):
            np.testing.assert_array_equal(found[f"weight {k}"], full[f"weight {k}"] if k == index else 0)


@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_a_net_that_broke_down_computes_again_when_its_weights_are_good_again(kind):
    bench, fresh = Bench(kind, "tile", (3, 5, 5, 7, 3)), Bench(kind, "tile", (3, 5, 5, 7, 3))
    good = [weight.data.copy() for weight in bench.weights]
    start = [state.data.copy() for state in bench.states]
    for weight in bench.weights:
        weight.data = np.nan
    with np.errstate(all="ignore"):
        assert np.isnan(bench.forward()["top"]).all()
        bench.backward()
    for one, values in zip([*bench.weights, *bench.states], good + start, strict=True):
        one.data, one.diff = values, 0
    close(bench.forward(), fresh.forward())
    close(bench.backward(), fresh.backward())


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_caffes_cases_hold_for_any_number_of_streams(case, monkeypatch):
    for op in (recurrent.LSTM, recurrent.RNN):
        monkeypatch.setattr(op, "waste", 1 << 20)
    bench = CHECKS.Bench(case)
    assert bench.layer.sequences.engine == "tile"
    for index, found in enumerate(bench.forward()):
        CHECKS.close(case, f"top {index}", found, case.record[f"top/{index}"])
    if not case.names["backward"]:
        return
    bench.backward(case.arrays("top_diff"))
    for index in range(len(bench.bottom)):
        expected = case.get(f"bottom_diff/{index}")
        if expected is not None and case.names["bottoms"].count(case.names["bottoms"][index]) == 1:
            CHECKS.close(case, f"diff of bottom {index}", bench.bottom[index].diff, expected)
    for index, expected in enumerate(case.arrays("param_diff")):
        CHECKS.close(case, f"diff of parameter {index}", bench.layer.blobs[index].diff, expected)


def test_few_streams_are_left_to_the_plain_engine():
    spec = dict(steps=3, outputs=5, static=False)
    assert ops.make("lstm", Context(), streams=16, **spec).engine == "tile"
    assert ops.make("rnn", Context(), streams=16, **spec).engine == "tile"
    assert ops.make("rnn", Context(), streams=1, **spec).engine == "reference"
    assert ops.make("lstm", Context(dtype=np.float64), streams=16, **spec).engine == "reference"


def unit(before, given, mark):
    """LSTMUnit by its definition: the new cell and hidden state from numbers for the gates i, f, o, g, (4, ...)."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    i, f, o = (sigmoid(one) for one in given[:3])
    f = np.where(mark == 0, 0, mark * f)
    cell = f * before + i * (2 * sigmoid(2 * given[3]) - 1)
    return cell, o * (2 * sigmoid(2 * cell) - 1)


@pytest.mark.parametrize("mark", [0, 1, 0.5])
@pytest.mark.parametrize("engine", ["tile", "reference"])
def test_a_step_is_that_of_caffe_also_for_numbers_at_the_end_of_the_range(engine, mark):
    """One unit for each pair of gates; what a gate is given is its offset."""
    odd = np.array([-np.inf, -1e30, -1e4, -89, -88.5, -20, -1e-3, 0, 1e-3, 20, 88.5, 1e4, 1e30, np.inf, np.nan])
    random = np.random.RandomState(4)
    units = 400
    bench = Bench("lstm", engine, (1, 16, 1, units, 0))
    given = random.choice(odd, (4, units))
    given[:, :2], given[1, 0], given[0, 1] = 0.5, np.nan, np.nan  # what is no number, in one gate alone
    before = random.choice([-np.inf, -3, 0, 1e-3, 5, np.inf, np.nan], units, p=[0.02, 0.3, 0.2, 0.2, 0.24, 0.02, 0.02])
    before[:2] = 2
    for weight, values in zip(bench.weights, (0, given.ravel(), 0), strict=True):
        weight.data = values
    bench.marks.data = mark
    bench.states[0].data = 0
    bench.states[1].data = before
    with np.errstate(all="ignore"):
        cell, hidden = unit(before, given, np.float64(mark))
        found = bench.forward()
    assert np.isnan(cell[0]) == (mark != 0) and np.isnan(cell[1])
    for stream in (0, 15):
        np.testing.assert_allclose(found["state 1"][0, stream], cell, 2e-6, 1e-6)
        np.testing.assert_allclose(found["top"][0, stream], hidden, 2e-6, 1e-6)


@pytest.mark.parametrize("engine", ["tile", "reference"])
def test_a_mark_of_0_multiplies_a_state_that_is_no_number_as_caffe_does(engine):
    """Scale multiplies the hidden state by the mark, LSTMUnit the cell by a gate of 0: neither makes 0 of NaN."""
    for state, unit, units in [(1, 2, [2]), (0, 0, [0, 1, 2, 3, 4])]:  # every gate sees every hidden state
        bench = Bench("lstm", engine, (1, 16, 2, 5, 0))
        bench.marks.data = 0
        bench.states[state].data[0, 3, unit] = np.nan
        top = bench.forward()["top"]
        assert np.argwhere(np.isnan(top)).tolist() == [[0, 3, k] for k in units]
