"""The nets that explanations are tried on."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import TEST, Net
from brewbench.proto import Document


@pytest.fixture(scope="session")
def reference():
    """The module with the small net, and how PyTorch explains it."""
    spec = importlib.util.spec_from_file_location("reference", Path(__file__).with_name("reference.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def filled(reference):
    """Makes the small net with its weights and its image first in the batch; another text may stand for it."""

    def make(text: str = reference.NET, phase: int = TEST, **options) -> Net:
        net = Net(Document.parse(text), phase, **{"seed": 3, **options})
        for name, values in reference.weights().items():
            for blob, array in zip(net.params.get(name, ()), values, strict=False):
                if blob.shape == array.shape:
                    blob.data = array
        if "data" in net.inputs and net.blobs["data"].shape[1:] == (3, 20, 17):
            net.blobs["data"].data[...] = np.random.RandomState(9).randn(*net.blobs["data"].shape)
            net.blobs["data"].data[0] = reference.image()
        return net

    return make
