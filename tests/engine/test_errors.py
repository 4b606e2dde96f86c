"""Definitions at which Caffe aborts raise an exception that names the place; the process lives."""

import json
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, DefinitionError, Net, check, get_solver, layer_class
from brewbench.proto import Document, ParseError

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = json.loads((GOLDEN / "errors.json").read_text())
PHASES = {"TRAIN": TRAIN, "TEST": TEST}
# `engine: CUDNN` is a wish here, as in a Caffe with a GPU: a net that says so loads and runs anywhere.
DIFFERENT = {"conv_unknown_engine_cudnn"}
# Caffe reads shapes beyond the end of the list; here it is an error.
GARBAGE_IN_CAFFE = {"net_input_and_input_dim_count"}
ANY_NET = 'net_param { layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 1 } } } }'


def provoke(case, tmp_path):
    """Do with a definition what made Caffe abort."""
    phase, mode = PHASES.get(case["phase"], TEST), case["mode"]
    text, path = case["prototxt"].replace("(any net)", ANY_NET), tmp_path / "net.prototxt"
    path.write_text(text)
    if mode == "net_missing":
        Net(tmp_path / "missing.prototxt", phase)
    elif mode == "solver":
        get_solver(path).step(2)
    elif mode == "weights_missing":
        Net(path, phase, weights=tmp_path / "missing.caffemodel")
    elif mode.startswith("weights"):
        (tmp_path / "source.prototxt").write_text(case["source"])
        weights = tmp_path / ("source.caffemodel" + (".h5" if mode == "weights_h5" else ""))
        Net(tmp_path / "source.prototxt", phase).save(weights)
        Net(path, phase, weights=weights)
    else:
        net = Net(path, phase)
        for name, values in case.get("inputs", {}).items():
            net.blobs[name].data = np.reshape(values, net.blobs[name].shape)
        for name, shape in case.get("reshape", {}).items():
            net.blobs[name].reshape(*shape)
        net.forward()


@pytest.mark.parametrize("name", [name for name in CASES["errors"] if name not in DIFFERENT])
def test_what_caffe_aborts_on_raises_and_names_the_place(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    case = CASES["errors"][name]
    with pytest.raises((DefinitionError, ParseError, OSError, ValueError)) as caught:
        provoke(case, tmp_path)
    error = caught.value
    assert str(error), "an error says something"
    if isinstance(error, DefinitionError):
        assert error.line is not None, f"no line: {error}"
        assert str(error).startswith(str(tmp_path / "net.prototxt") + ":"), str(error)
    if case["mode"] == "net" and not isinstance(error, ParseError):
        report = check(Document.parse(case["prototxt"], "net"), PHASES[case["phase"]])
        assert not report.ok


@pytest.mark.parametrize("name", [name for name in CASES["accepted_without_error"] if name not in GARBAGE_IN_CAFFE])
def test_what_looks_bad_but_runs_in_caffe_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    provoke(CASES["accepted_without_error"][name], tmp_path)


def test_too_few_legacy_input_sizes_are_an_error(tmp_path):
    with pytest.raises(DefinitionError, match="expected input_dim 4 times"):
        provoke(CASES["accepted_without_error"]["net_input_and_input_dim_count"], tmp_path)


def test_an_engine_that_is_not_there_is_only_a_wish(tmp_path):
    provoke(CASES["errors"]["conv_unknown_engine_cudnn"], tmp_path)


def test_unknown_types_are_met_with_the_nearest_spelling():
    with pytest.raises(DefinitionError, match="did you mean 'Convolution'"):
        layer_class("Convolutoin")
