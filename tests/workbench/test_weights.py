"""What files of weights hold, listed without reading it."""

from __future__ import annotations

import numpy as np
import pytest
from google.protobuf import text_format

import brewbench
from brewbench import Document, Net, get_solver, open_weights
from brewbench.engine import TEST
from brewbench.engine.files import write_blob
from brewbench.engine.stored import Stored
from brewbench.proto.messages import NetParameter, SolverParameter
from brewbench.workbench.cli import main

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "<ip>" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
"""
VALUES = np.array([[0, 1, -3], [np.nan, 0, 2]], np.float32)


@pytest.fixture(params=[".caffemodel", ".caffemodel.h5"])
def saved(request, tmp_path):
    net = Net(Document.parse(NET), TEST)
    net.params["<ip>"][0].data, net.params["<ip>"][1].data = VALUES, [np.inf, 1]
    net.save(tmp_path / f"net{request.param}")
    return tmp_path / f"net{request.param}"


def test_tensors_are_listed_and_stay_in_the_file(saved):
    found = open_weights(saved)
    assert (found.kind, found.iteration, found.count) == ("weights", None, 8)
    assert [(one.layer, one.index, one.shape, one.nbytes) for one in found.tensors] == [
        ("<ip>", 0, (2, 3), 24), ("<ip>", 1, (2,), 8),
    ]  # fmt: skip
    assert all(isinstance(one.source, Stored) for one in found.tensors)
    np.testing.assert_array_equal(found.tensors[0].values(), VALUES)


def test_statistics_leave_nan_out_and_count_it(saved):
    weights, bias = (one.statistics() for one in open_weights(saved).tensors)
    assert (weights.lowest, weights.highest, weights.mean, weights.zeros, weights.nan) == (-3, 2, 0, 2, 1)
    assert weights.deviation == pytest.approx(np.nanstd(VALUES))
    assert (bias.lowest, bias.highest) == (1, np.inf)


def test_a_histogram_counts_finite_values(saved):
    counts, edges = open_weights(saved).tensors[0].histogram(5)
    assert counts.tolist() == [1, 0, 0, 2, 2]
    assert edges[0] == -3 and edges[-1] == 2


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
def test_a_solver_s_state_lists_its_history(tmp_path, form):
    text = 'base_lr: 0.1 lr_policy: "fixed" momentum: 0.9 max_iter: 9'
    param = text_format.Parse(f"{text} snapshot_format: {form}", SolverParameter())
    solver = get_solver(param, text_format.Parse(NET, NetParameter()), seed=1)
    solver.step(3)
    _, state = solver.snapshot(tmp_path / "run")
    found = open_weights(state)
    assert (found.kind, found.iteration) == ("state", 3)
    listed = [(one.layer, one.index, one.shape) for one in found.tensors]
    assert listed == [("history", 0, (2, 3)), ("history", 1, (2,))]


def test_a_mean_image_is_one_tensor(tmp_path):
    write_blob(tmp_path / "mean.binaryproto", np.ones((1, 3, 4, 5), np.float32))
    (tensor,) = open_weights(tmp_path / "mean.binaryproto").tensors
    assert tensor.shape == (1, 3, 4, 5) and tensor.statistics().mean == 1


def test_damage_is_told_in_one_line(tmp_path):
    (tmp_path / "net.caffemodel").write_bytes(b"\x08\xff")
    with pytest.raises(ValueError, match=r"net\.caffemodel") as told:
        open_weights(tmp_path / "net.caffemodel")
    assert "\n" not in str(told.value)


def test_a_notebook_shows_names_as_text(saved):
    shown = open_weights(saved)._repr_html_()
    assert "&lt;ip&gt;" in shown and "<ip>" not in shown


def test_the_command_lists_tensors(saved, capsys):
    assert main(["summarize", str(saved), "--statistics"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == "layer type blob shape values lowest highest mean deviation zeros NaN number".split()
    assert lines[1].split()[-9:] == ["2x3", "float32", "-3", "2", "0", "1.673", "2", "1", "6"]
    assert lines[-1].endswith("2 tensors, 8 values")


def test_a_bench_says_what_a_file_of_weights_is_opened_with(saved):
    with pytest.raises(ValueError, match="is a file of weights: brewbench.open_weights lists what it holds"):
        brewbench.open(saved)
