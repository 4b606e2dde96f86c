"""Twenty-two pictures of 6 x 6, a net and a solver for them, in a folder of their own."""

import gzip
import struct

import numpy as np
import pytest

from brewbench.workbench.cli import main

ROWS = 22
NET = """\
name: "Tiny"
layer {
  name: "rows" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 }
  data_param { source: "rows_lmdb" batch_size: 4 backend: LMDB }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } }
}
layer {
  name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy"
  include { phase: TEST }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "net.prototxt"
test_iter: 3
test_interval: 10
base_lr: 0.01
lr_policy: "inv"
gamma: 0.0001
power: 0.75
momentum: 0.9
display: 5
max_iter: 20
snapshot_prefix: "tiny"
random_seed: 3
"""


@pytest.fixture(autouse=True)
def outside_notebooks(monkeypatch):
    """A terminal is one that somebody sees, also where a notebook runs these tests."""
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.delenv("TERM", raising=False)


@pytest.fixture
def idx_files(tmp_path):
    """The paths of an IDX file of images and of a gzip one of labels."""
    random = np.random.default_rng(0)
    labels = (np.arange(ROWS) % 3).astype(np.uint8)
    images = random.integers(0, 60, (ROWS, 6, 6)).astype(np.uint8) + 60 * labels[:, None, None]
    paths = tmp_path / "images-idx3-ubyte", tmp_path / "labels-idx1-ubyte.gz"
    paths[0].write_bytes(struct.pack(">4I", 2051, *images.shape) + images.tobytes())
    paths[1].write_bytes(gzip.compress(struct.pack(">2I", 2049, len(labels)) + labels.tobytes()))
    return paths


@pytest.fixture
def bench(tmp_path, monkeypatch, idx_files):
    """The working directory, with rows_lmdb, net.prototxt and solver.prototxt in it."""
    from brewbench import convert_mnist

    monkeypatch.chdir(tmp_path)
    convert_mnist(*idx_files, "rows_lmdb")
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


@pytest.fixture
def call(capfd):
    """A function that runs a command line; returns status, stdout and stderr."""

    def run(*words):
        status = main([str(word) for word in words])
        return status, *capfd.readouterr()

    return run
