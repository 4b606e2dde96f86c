"""A good part of the golden cases where wrong accesses to memory show; `python tests/memory.py` runs all of them."""

import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MEMORY = runpy.run_path(str(Path(__file__).with_name("memory.py")))
ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="guard pages are made as on Linux")
WORDS = (
    "layer Accuracy", "layer Concat", "layer Convolution-", "layer Deconvolution", "layer Dropout", "layer Eltwise",
    "layer InnerProduct", "layer LRN", "layer LSTM-", "layer Pooling", "layer RNN", "layer SPP", "layer Sigmoid",
    "layer Softmax", "net lenet_train", "net lstm_net", "net mix_small", "run lenet_Adam", MEMORY["READERS"],
)  # fmt: skip


@pytest.fixture(scope="module")
def plain():
    return MEMORY["results"](WORDS, MEMORY["THREADS"])


def test_each_word_stands_for_some_cases(plain):
    assert [word for word in WORDS if not any(word in name for name in plain)] == []


def test_results_do_not_depend_on_what_memory_held_before(plain):
    if not MEMORY["allocator_is_here"]():
        pytest.skip(f"glibc's checking allocator, {MEMORY['LIBRARY']}, is not here")
    assert MEMORY["differences"](WORDS, MEMORY["THREADS"], "checked", plain) == []


@ON_LINUX
def test_nobody_reads_or_writes_past_an_array(plain):
    assert MEMORY["differences"](WORDS, MEMORY["THREADS"], "guarded", plain) == []


OVERRUN = """
import runpy, sys, numpy as np
from brewbench.engine.ops.tile.vectors import read_float
import numba
runpy.run_path(sys.argv[1])["guard"]()
values = np.ones(3000, np.float32)
read = numba.njit(lambda address: read_float(address))
print(read(values.ctypes.data + 4 * 2999), flush=True)
print(read(values.ctypes.data + 4 * 3000), flush=True)
"""


@ON_LINUX
def test_a_guard_page_ends_who_reads_past_an_array():
    command = [sys.executable, "-c", OVERRUN, str(Path(__file__).with_name("guard_pages.py"))]
    asked = subprocess.run(command, capture_output=True, text=True)
    assert (asked.stdout, asked.returncode) == ("1.0\n", -signal.SIGSEGV)
