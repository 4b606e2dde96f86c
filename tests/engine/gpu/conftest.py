"""The GPU engine without a GPU: the real one over a stand-in for CuPy and NVIDIA's libraries; and the device itself."""

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from brewbench.engine.gpu import cublas, plans
from brewbench.engine.gpu import device as module
from brewbench.engine.gpu.device import SOURCE

HERE = Path(__file__).parent


def load(name):
    """A module beside this one."""
    spec = importlib.util.spec_from_file_location(f"gpu_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


stand_in = load("stand_in")


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
def host_device(libraries, monkeypatch):
    """The engine's own Device, on the stand-ins. `ran` names the kernels that were launched, `cudnn_api` is cuDNN.

    There is no cuDNN until a test says `use_cudnn()`.
    """
    ran = set()
    cupy = stand_in.make_cupy(libraries, ran)
    blas, api = stand_in.Cublas(cupy.machine), stand_in.Cudnn(cupy.machine)
    monkeypatch.setattr(module, "import_cupy", lambda: cupy)
    monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(zeros_pinned=stand_in.zeros_pinned))
    monkeypatch.setattr(cublas, "library", lambda: blas)
    monkeypatch.setattr(plans, "import_cudnn", lambda: None)
    device = module.Device(0)
    device.ran, device.machine, device.blas_library, device.cudnn_api = ran, cupy.machine, blas, api
    device.use_cudnn = lambda: monkeypatch.setattr(plans, "import_cudnn", lambda: api)
    monkeypatch.setattr(module, "device", lambda number=0: device)
    yield device
    cupy.machine.check(*cupy.machine.spoiled)


@pytest.fixture(params=["host", pytest.param("cuda", marks=pytest.mark.gpu)])
def gpu(request):
    """A device that nets with the backend "gpu" use: the stand-in's, and the real one where there is one."""
    if request.param == "cuda":
        return module.device(0)
    return request.getfixturevalue("host_device")
