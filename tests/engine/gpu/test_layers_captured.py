"""Layers that compute with the array module: what can be captured is, what needs values on the host runs by itself."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import get_solver
from brewbench.engine.blob import Blob
from brewbench.engine.gpu.device import NotCapturable
from brewbench.engine.layer import layer_class
from brewbench.engine.memory import HOST
from brewbench.proto.messages import NetParameter, SolverParameter

SOURCE = Path(__file__).parents[1] / "layers" / "test_layers.py"
SOLVER = 'base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 random_seed: 1 weight_decay: 0'
ON_THE_HOST = {"ROIPooling", "PSROIPooling", "DetectionEvaluate", "DetectionOutput", "MultiBoxLoss"}
ON_THE_HOST |= {"Interp"}  # CuPy's matrix product, backward


def load(path):
    spec = importlib.util.spec_from_file_location(f"captured_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_of_a_fork(case):
    return layer_class(case.type).__module__.rpartition(".")[0].endswith("fork")


CASES = [case for case in load(SOURCE).ALL if is_of_a_fork(case) or repr(case) == "InfogainLoss-source"]


def solver_of(case):
    """A solver of the case's net, with a loss on each top that is none, and the values of the case in it."""
    net = NetParameter()
    net.CopyFrom(case.net)
    tops = [] if layer_class(case.type).is_loss else case.names["tops"]
    for k, name in enumerate(tops):
        text = f'name: "sum{k}" type: "Reduction" bottom: "{name}" top: "sum{k}" loss_weight: 0.1 '
        text_format.Merge(f"layer {{ {text} reduction_param {{ operation: SUMSQ }} }}", net)
    net.force_backward = case.names["backward"]
    solver = get_solver(text_format.Parse(SOLVER, SolverParameter()), net, backend="gpu")
    for name, array in zip(case.names["inputs"], case.arrays("bottom"), strict=True):
        solver.net.blobs[name].data = array
    for blob, array in zip(solver.net.params.get(case.names["layer"], []), case.arrays("param"), strict=True):
        blob.data = array
    return solver


def values_of(solver):
    net = solver.net
    found = [blob.look(part).copy() for blob in net.blobs.values() for part in ("data", "diff")]
    return [*found, *(blob.look().copy() for blobs in net.params.values() for blob in blobs)]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_captured_step_gives_what_one_by_layer_gives(case, gpu, monkeypatch):
    monkeypatch.chdir(SOURCE.parent / "cases")
    graphed, eager = solver_of(case), solver_of(case)
    eager.net.before_forward.append(lambda index: None)
    for _ in range(5):
        graphed.iterate()
        eager.iterate()
        for mine, theirs in zip(values_of(graphed), values_of(eager), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    program = graphed._captured.program
    by_itself = {graphed.net.layers[index].type for index in program.alone}
    assert by_itself <= {case.type} & ON_THE_HOST
    alone = by_itself and layer_class(case.type).is_loss  # the net has no other layer to capture
    assert alone or graphed._captured.launched >= 3, graphed._captured.why_not()
    if case.type in ON_THE_HOST - {"Interp"}:
        assert by_itself


def test_what_a_layer_writes_on_the_host_is_no_part_of_a_graph(gpu):
    blob = Blob((3,), np.float32, gpu)
    blob.write()
    blob.seen_from(HOST).write()
    with pytest.raises(NotCapturable, match="written on the host"), gpu.capture():
        blob.seen_from(HOST).write()
