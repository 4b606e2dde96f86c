"""HDF5Output writes what Caffe writes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from brewbench.engine.errors import DefinitionError
from brewbench.engine.net import Net
from brewbench.proto import Document

GOLDEN = Path(__file__).parents[2] / "golden"

TEXT = """
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 3 dim: 2 dim: 3 }} }} }}
layer {{ name: "l" type: "Input" top: "l" input_param {{ shape {{ dim: {labels} }} }} }}
layer {{ name: "out" type: "HDF5Output" bottom: "x" bottom: "l" hdf5_output_param {{ file_name: "{file}" }} }}
"""


def net_of(file, labels=3) -> Net:
    return Net(Document.parse(TEXT.format(file=file, labels=labels), "net"))


def test_the_file_is_that_of_caffe(tmp_path, monkeypatch):
    monkeypatch.chdir(GOLDEN / "files")
    with np.load(GOLDEN / "layers" / "HDF5Output.npz") as stored:
        text = str(stored["basic/prototxt"]).replace("h5out.h5", str(tmp_path / "h5out.h5"))
        Net(Document.parse(text, "net")).forward()
        with h5py.File(tmp_path / "h5out.h5") as written:
            assert sorted(written) == ["data", "label"]
            for name in written:
                expected = stored[f"basic/h5out/{name}"]
                np.testing.assert_array_equal(written[name][()], expected)
                assert written[name].shape == expected.shape and written[name].dtype == expected.dtype


def test_the_first_pass_replaces_the_file_and_the_others_add_rows(tmp_path):
    file = tmp_path / "out.h5"
    file.write_text("of an earlier run")
    net = net_of(file)
    assert file.read_text() == "of an earlier run"
    for value in (1, 2, 3):
        net.blobs["x"].data = value
        net.blobs["l"].data = [value, 5, 6]
        net.forward()
        with h5py.File(file) as written:
            assert written["data"].shape == (3 * value, 2, 3, 1) and written["label"].shape == (3 * value, 1, 1, 1)
    net.blobs["x"].reshape(1, 2, 3)
    net.blobs["l"].reshape(1)
    net.forward()
    with h5py.File(file) as written:
        np.testing.assert_array_equal(written["data"][:, 0, 0, 0], [1] * 3 + [2] * 3 + [3] * 4)
        assert written["label"][()].ravel().tolist() == [1, 5, 6, 2, 5, 6, 3, 5, 6, 3]
    net.blobs["x"].reshape(1, 2, 4)
    with pytest.raises(DefinitionError, match=r"rows of shape \(2, 4, 1\) cannot follow those of shape \(2, 3, 1\)"):
        net.forward()


def test_wrong_definitions_are_told(tmp_path):
    with pytest.raises(DefinitionError, match="same first length"):
        net_of(tmp_path / "out.h5", labels=4)
    with pytest.raises(DefinitionError, match="file_name must name a file"):
        net_of("")
