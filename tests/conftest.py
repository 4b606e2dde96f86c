"""What all tests share: one BLAS thread, the `gpu` mark, and the folder of foreign prototxt files."""

import functools
import os
from pathlib import Path

# Before anything imports NumPy: small matrices on many threads are many times slower than on one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# The palette offers the user's own modules, which no test expects.
os.environ["BREWBENCH_CONFIG"] = str(Path(__file__).with_name("no settings"))

import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def why_no_gpu() -> str | None:
    """The reason for which nothing can run on a GPU here; None where something can."""
    try:
        import cupy
    except ImportError as error:
        return f"cupy cannot be imported ({error})"
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"no CUDA device ({error})"
    return None


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu") and (reason := why_no_gpu()):
        pytest.skip(f"needs a GPU: {reason}")


@pytest.fixture(scope="session")
def shared_zoo() -> Path:
    """The folder of prototxt files by other authors, which may not be redistributed, beside the checkout."""
    folder = ROOT.parent / "shared" / "zoo"
    if not folder.is_dir():
        pytest.skip("the collection of foreign prototxt files, ../shared/zoo, is not here")
    return folder
