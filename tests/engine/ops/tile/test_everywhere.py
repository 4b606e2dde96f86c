"""The tile engine with other vectors, other numbers of threads, other caches, and where nothing compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding
import pytest

from brewbench.engine.ops.tile.target import kind

HERE = Path(__file__).resolve()
NET = """
import warnings
import numpy as np
from brewbench.engine import Net, TRAIN
from brewbench.proto import Document

TEXT = '''
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 dim: 12 dim: 12 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 16 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
'''
net = Net(Document.parse(TEXT, "net"), TRAIN, seed=1)
net.blobs["data"].data = np.random.RandomState(1).randn(4, 3, 12, 12)
for _ in range(2):
    net.clear_param_diffs()
    loss = net.forward()
    net.backward()
print(f"{loss:.5f} {np.abs(net.params['conv'][0].diff).sum():.4f}")
"""


def python(code, **environment):
    """What a program prints, and what it complains of, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1], done.stderr


@pytest.fixture(scope="module")
def expected():
    """What the net gives with plain NumPy."""
    return python(NET, BREWBENCH_CPU="reference")[0]


def can_run(vectors):
    features = llvmlite.binding.get_host_cpu_features()
    needed = {"avx512": "avx512f", "avx2": "avx2", "sse": "sse2", "neon": "neon"}[vectors]
    return bool(features.get(needed))


@pytest.mark.parametrize("vectors", ["avx512", "avx2", "sse", "neon"])
def test_every_kind_of_vector_passes_the_tests_of_this_folder(vectors, tmp_path):
    if not can_run(vectors):
        pytest.skip(f"this processor has no {vectors}")
    if vectors == kind():
        return  # they run with these as it is
    files = [str(file) for file in HERE.parent.glob("test_*.py") if file != HERE]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files]
    environment = {**os.environ, "BREWBENCH_VECTORS": vectors, "BREWBENCH_NUM_THREADS": "2"}
    environment["BREWBENCH_CACHE"] = str(tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment, cwd=HERE.parents[4])
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_any_number_of_threads_gives_the_same(threads, expected):
    assert python(NET, BREWBENCH_NUM_THREADS=threads)[0] == expected


def test_layers_run_apart_give_the_same(expected):
    assert python(NET, BREWBENCH_FUSION="off")[0] == expected


@pytest.mark.parametrize("absent", ["numba", "llvmlite"])
def test_without_a_compiler_plain_numpy_computes_after_one_warning(absent, expected):
    found, complaints = python(f"import sys\nsys.modules[{absent!r}] = None\n{NET}")
    assert found == expected
    assert complaints.count("RuntimeWarning") == 1 and "plain NumPy" in complaints


def test_a_cache_that_cannot_be_written_or_holds_nonsense_does_no_harm(tmp_path, expected):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert python(NET, BREWBENCH_CACHE=str(blocked))[0] == expected
    kept = tmp_path / "kernels"
    assert python(NET, BREWBENCH_CACHE=str(kept))[0] == expected
    files = sorted(kept.glob("*.o"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    assert python(NET, BREWBENCH_CACHE=str(kept))[0] == expected
