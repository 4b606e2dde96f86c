"""The GPU engine without a GPU: its kernels built for the host, in a stand-in for the device; and the device itself."""

import ctypes
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine.gpu import device as module
from brewbench.engine.gpu.device import SOURCE, Device, Graph, as_arguments

HERE = Path(__file__).parent


class HostDevice(Device):
    """A device whose arrays are NumPy's and whose kernels run on the CPU, one thread doing the work of a grid.

    What is captured is not done until it is launched, as on a GPU. `ran` names the kernels that were launched.
    """

    has_cudnn = False
    stands_in = True

    def __init__(self, libraries):
        self.xp, self.number, self.libraries = np, 0, libraries
        self.errors = ZeroDivisionError  # nothing that could be raised by what runs here
        self.ran: set[str] = set()
        self.recorded = None
        self._recorder = None

    def __repr__(self):
        return "<HostDevice>"

    def allocate(self, count, dtype):
        self.refuse_capture("memory was touched for the first time")
        return np.zeros(count, dtype)

    def host_array(self, count, dtype):
        return np.zeros(count, dtype)

    def to_host(self, array, host):
        self.refuse_capture("values were asked for on the host")
        host[:] = array

    def from_host(self, host, array):
        self.refuse_capture("values were taken from the host")
        array[:] = host

    def settle(self, host):
        pass

    def synchronize(self):
        pass

    def do(self, work):
        if self.capturing:
            self.recorded.append(work)
        else:
            work()

    def _launch(self, kernel, dtype, count, threads, args):
        # arrays go by address, as pinned memory does on a device
        function = getattr(self.libraries[np.dtype(dtype).name], kernel)
        self.ran.add(kernel)
        given = [as_c(arg) for arg in (np.int32(count), *as_arguments(args, dtype))]
        if count:
            self.do(lambda: function(*given))

    def gemm(self, a, b, c, *, precision, transpose=(False, False), beta=0.0):
        assert precision in ("tf32", "ieee")
        first, second = (m.swapaxes(-1, -2) if t else m for m, t in zip((a, b), transpose, strict=True))

        def work():
            c[...] = (first @ second) + (beta * c if beta else 0)

        self.do(work)

    @contextmanager
    def capture(self):
        graph, self.recorded = Graph(), []
        self._recorder = threading.get_ident()
        try:
            yield graph
        finally:
            self._recorder = None
        work = self.recorded
        graph.kept = work
        graph.launch = lambda: [one() for one in work]


def as_c(arg):
    """A NumPy scalar as what ctypes passes on."""
    kinds = {"i": ctypes.c_int32, "u": ctypes.c_uint32, "f": ctypes.c_float, "d": ctypes.c_double}
    if arg.dtype == np.uint64:  # an address
        return ctypes.c_void_p(int(arg))
    return kinds[{"float32": "f", "float64": "d", "int32": "i", "uint32": "u"}[arg.dtype.name]](arg.item())


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """kernels.cu as a shared library, once for each `real`."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("needs a C++ compiler to build the kernels for the host")
    folder = tmp_path_factory.mktemp("kernels")
    found = {}
    for dtype, real in (("float32", "float"), ("float64", "double")):
        target = folder / f"{real}.so"
        command = [compiler, "-x", "c++", "-std=c++17", "-O1", "-Wall", "-Werror", "-Wno-unknown-pragmas"]
        command += [f"-DREAL={real}", "-include", str(HERE / "cuda_on_host.h"), "-shared", "-fPIC"]
        subprocess.run([*command, "-o", str(target), str(SOURCE)], check=True, timeout=120)
        found[dtype] = ctypes.CDLL(str(target))
    return found


@pytest.fixture
def host_device(libraries):
    """The stand-in by itself."""
    return HostDevice(libraries)


@pytest.fixture(params=["host", pytest.param("cuda", marks=pytest.mark.gpu)])
def gpu(request, monkeypatch):
    """A device that nets with the backend "gpu" use: its stand-in on the host, and the real one where there is one."""
    if request.param == "cuda":
        return module.device(0)
    stand_in = request.getfixturevalue("host_device")
    monkeypatch.setattr(module, "device", lambda number=0: stand_in)
    return stand_in
