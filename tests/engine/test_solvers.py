"""Every solver against twenty iterations of the real one."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import Listener, get_solver
from brewbench.proto.messages import NetParameter, SolverParameter

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = {path.stem: np.load(path) for path in sorted((GOLDEN / "solvers").glob("*.npz"))}
CASES = [(kind, case) for kind, file in FILES.items() for case in sorted({key.split("/")[0] for key in file.files})]
TOLERANCE = {1: 1e-5, 2: 1e-5, 5: 1e-4, 20: 1e-3}


class Recorder(Listener):
    """Notes what a log would show."""

    def __init__(self):
        self.losses, self.rates = [], []

    def on_display(self, solver, progress):
        self.losses.append(progress.loss)
        self.rates.append(progress.rate)


@pytest.mark.parametrize(("kind", "case"), CASES, ids=lambda value: value)
def test_a_solver_gives_caffes_weights(kind, case, tmp_path, monkeypatch):
    monkeypatch.chdir(GOLDEN / "files")
    golden = {key.split("/", 1)[1]: FILES[kind][key] for key in FILES[kind].files if key.startswith(f"{case}/")}
    net_param = text_format.Parse(str(golden["net_prototxt"]), NetParameter())
    solver_param = text_format.Parse(str(golden["solver_prototxt"]), SolverParameter())
    solver_param.snapshot_prefix = str(tmp_path / "snap")
    solver_param.ClearField("net")
    solver_param.net_param.CopyFrom(net_param)
    solver = get_solver(solver_param)
    recorder = Recorder()
    solver.listeners.append(recorder)
    for name, blobs in solver.net.params.items():
        for index, blob in enumerate(blobs):
            blob.data = golden[f"init/{name}/{index}"]
    absolute = 1e-6 if kind in ("SGD", "Nesterov") else 1e-4
    losses = []
    for iteration in range(1, 21):
        if case == "resume" and iteration == 11:
            solver.snapshot()
            state = tmp_path / "snap_iter_10.solverstate"
            solver = get_solver(solver_param)
            solver.restore(state, data_restart=True)
            solver.listeners.append(recorder)
        solver.step(1)
        losses.append(float(solver.net.blobs["loss"].data))
        for name, blobs in solver.net.params.items():
            for index, blob in enumerate(blobs):
                wanted = golden.get(f"iter_{iteration}/{name}/{index}")
                if wanted is not None:
                    scale = np.abs(wanted).max()
                    tolerance = TOLERANCE[iteration] * scale + absolute
                    np.testing.assert_allclose(blob.data, wanted, 0, tolerance, err_msg=f"{iteration}: {name}/{index}")
                step = golden.get(f"update_{iteration}/{name}/{index}")
                if step is not None:
                    np.testing.assert_allclose(blob.diff, step, 1e-4, 1e-4 * np.abs(step).max() + absolute)
    if case != "average_loss5":  # a window never fills when step(1) is called in a loop
        np.testing.assert_allclose(
            recorder.losses[: len(golden["displayed_loss"])], golden["displayed_loss"], rtol=2e-3
        )
    np.testing.assert_allclose(losses, golden["loss"], rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(recorder.rates, golden["lr_logged"], rtol=1e-5)
    history = [blob for slot in solver.history for blob in slot]
    for index, blob in enumerate(history):
        wanted = golden[f"history_20/{index}"]
        np.testing.assert_allclose(blob.data, wanted, 5e-3, 2e-3 * np.abs(wanted).max() + 1e-6)
    state = json.loads(str(golden["state_20"]))
    assert (solver.iter, solver.current_step) == (state["iter"], state["current_step"])
