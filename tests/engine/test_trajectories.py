"""Whole nets in training, fifteen iterations of every kind of solver, against the same runs in Caffe."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import Listener, get_solver
from brewbench.proto.messages import NetParameter, SolverParameter

GOLDEN = Path(__file__).parents[1] / "golden"
RUNS = sorted((GOLDEN / "trajectories").glob("*.npz"))
TOLERANCE = {1: 1e-5, 2: 1e-5, 5: 1e-4, 15: 1e-3}
# It divides by the root of tiny sums: what is rounding in a gradient can be a whole step in a weight.
STEEP = {"lenet_RMSProp": 5}


class Outputs(Listener):
    """The outputs of the net in every iteration, before its update."""

    def __init__(self):
        self.seen = []

    def on_gradients_ready(self, solver):
        self.seen.append({name: solver.net.blobs[name].data.copy() for name in solver.net.outputs})


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_a_net_trains_as_in_caffe(path, recipe, monkeypatch):
    monkeypatch.chdir(GOLDEN / "files")
    golden, steep = np.load(path), STEEP.get(path.stem, 1)
    net = text_format.Parse(str(golden["prototxt"]), NetParameter())
    solver = get_solver(text_format.Parse(str(golden["solver_prototxt"]), SolverParameter()), net)
    outputs = Outputs()
    solver.listeners.append(outputs)
    seed = int(golden["seed"])
    recipe.fill_parameters(solver.net, seed)
    for name, values in recipe.make_inputs(json.loads(str(golden["inputs"])), seed):
        solver.net.blobs[name].data = values
    for iteration in range(1, 16):
        solver.step(1)
        if iteration not in TOLERANCE:
            continue
        for name, blobs in solver.net.params.items():
            for index, blob in enumerate(blobs):
                key = f"iter_{iteration}/{name}/{index}"
                assert blob.shape == tuple(golden[f"{key}/shape"])
                mean, std, low, high, size = golden[f"{key}/stats"]
                slack = (steep if iteration > 1 else 1) * TOLERANCE[iteration] * max(abs(low), abs(high)) + 1e-7
                for sample, values in recipe.samples(blob.data.ravel()).items():
                    np.testing.assert_allclose(values, golden[f"{key}/{sample}"], 0, slack, err_msg=key)
                exact = blob.data.astype(np.float64)
                stats = [exact.mean(), exact.std(), np.abs(exact).mean()]
                np.testing.assert_allclose(stats, [mean, std, size], 0, slack, err_msg=key)
    for name in solver.net.outputs:
        found, wanted = [seen[name] for seen in outputs.seen], golden[f"output/{name}"]
        np.testing.assert_allclose(np.reshape(found, wanted.shape)[:2], wanted[:2], 1e-5, 1e-6, err_msg=name)
        np.testing.assert_allclose(np.reshape(found, wanted.shape), wanted, 1e-3 * steep, 1e-5, err_msg=name)
    solver.close()
