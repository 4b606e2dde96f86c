"""HDF5Output writes what Caffe writes."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from brewbench.engine.errors import DefinitionError
from brewbench.engine.net import Net
from brewbench.proto import Document

TEXT = """
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 3 dim: 2 dim: 3 }} }} }}
layer {{ name: "l" type: "Input" top: "l" input_param {{ shape {{ dim: {labels} }} }} }}
layer {{ name: "out" type: "HDF5Output" bottom: "x" bottom: "l" hdf5_output_param {{ file_name: "{file}" }} }}
"""


def net_of(file, labels=3) -> Net:
    return Net(Document.parse(TEXT.format(file=file, labels=labels), "net"))


def test_each_pass_writes_the_batch_with_four_axes(tmp_path):
    file = tmp_path / "out.h5"
    net = net_of(file)
    net.blobs["l"].data = [4, 5, 6]
    for value in (1, 2):
        net.blobs["x"].data = value
        net.forward()
    with h5py.File(file) as written:
        np.testing.assert_array_equal(written["data"][()], np.full((3, 2, 3, 1), 2, np.float32))
        np.testing.assert_array_equal(written["label"][()].ravel(), [4, 5, 6])
        assert written["label"].shape == (3, 1, 1, 1) and written["data"].dtype == np.float32


def test_wrong_definitions_are_told(tmp_path):
    with pytest.raises(DefinitionError, match="same first length"):
        net_of(tmp_path / "out.h5", labels=4)
    with pytest.raises(DefinitionError, match="file_name must name a file"):
        net_of("")
