"""The kernels, compiled for every kind of GPU that the engine is meant for, without one."""

import ctypes
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from brewbench.engine.gpu.device import SOURCE

TEXT = SOURCE.read_text(encoding="utf-8")
MACROS = {name for name in re.findall(r"^KERNEL (\w+)\(", TEXT, re.M)}
UPDATES = {name for name in re.findall(r"^UPDATE\((\w+),", TEXT, re.M)}


def nvrtc_library():
    """NVIDIA's run-time compiler, from pip's nvidia-cuda-nvrtc, or None."""
    spec = importlib.util.find_spec("nvidia")
    folders = spec.submodule_search_locations if spec else ()
    for folder in folders or ():
        for path in sorted(Path(folder).glob("*/lib/libnvrtc.so.1[2-9]")):
            return ctypes.CDLL(str(path))
    return None


def compile_with_nvrtc(library, arch: str, real: str) -> bytes:
    program = ctypes.c_void_p()
    made = library.nvrtcCreateProgram(ctypes.byref(program), TEXT.encode(), b"kernels.cu", 0, None, None)
    assert made == 0
    options = [f"--gpu-architecture={arch}", f"-DREAL={real}", "--std=c++17"]
    array = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    failed = library.nvrtcCompileProgram(program, len(options), array)
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    assert not failed, log.value.decode()
    library.nvrtcGetCUBINSize(program, ctypes.byref(size))
    binary = ctypes.create_string_buffer(size.value)
    library.nvrtcGetCUBIN(program, binary)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return binary.raw


def compile_with_nvcc(nvcc: str, arch: str, real: str, folder: Path) -> bytes:
    target = folder / "kernels.cubin"
    command = [nvcc, f"-arch={arch}", "-cubin", f"-DREAL={real}", "-std=c++17", "-o", str(target), str(SOURCE)]
    subprocess.run(command, check=True, timeout=300)
    return target.read_bytes()


@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
@pytest.mark.parametrize("real", ["float", "double"])
def test_the_kernels_compile_for_a_gpu(arch, real, tmp_path):
    library, nvcc = nvrtc_library(), shutil.which("nvcc")
    if library is not None:
        binary = compile_with_nvrtc(library, arch, real)
    elif nvcc:
        binary = compile_with_nvcc(nvcc, arch, real, tmp_path)
    else:
        pytest.skip("needs nvidia-cuda-nvrtc from pip, or nvcc, to compile CUDA")
    assert all(name.encode() in binary for name in MACROS | UPDATES)


def test_no_kernel_needs_the_threads_of_a_block_to_wait():
    code = re.sub(r"//.*", "", TEXT)
    assert "__syncthreads" not in code and "__shared__" not in code
    assert len(MACROS) > 20 and len(UPDATES) == 6
