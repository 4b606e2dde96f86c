"""What this processor's vectors are like: how many floats one holds, and how many of them there are."""

from __future__ import annotations

import platform
from functools import cache
from os import environ

CHOICES = {"avx512": (16, 32), "avx2": (8, 16), "neon": (4, 32), "sse": (4, 16)}
VARIABLE = "BREWBENCH_VECTORS"  # forces one of the choices, for tests; the processor must be able to run it


@cache
def kind() -> str:
    """Which of the choices the kernels are made for. Raises ValueError for a forced one that is unknown."""
    forced = environ.get(VARIABLE)
    if forced:
        if forced not in CHOICES:
            raise ValueError(f"{VARIABLE} can be {', '.join(CHOICES)}; got {forced!r}")
        return forced
    if platform.machine().lower() in ("arm64", "aarch64"):
        return "neon"
    try:
        import llvmlite.binding
    except ImportError:  # then nothing is compiled, whatever the vectors are like
        return "sse"
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512vl"):
        return "avx512"
    return "avx2" if features.get("avx2") and features.get("fma") else "sse"


@cache
def lanes() -> int:
    """Floats in a vector: the V of the blocked layout."""
    return CHOICES[kind()][0]


@cache
def registers() -> int:
    """Vector registers, of which a kernel's running sums may fill all but a few."""
    return CHOICES[kind()][1]


@cache
def features() -> str:
    """The processor's features for LLVM, those left out that a forced choice does without."""
    import llvmlite.binding

    host = llvmlite.binding.get_host_cpu_features()
    without = {"avx2": ("avx512",), "sse": ("avx512", "avx", "fma", "f16c")}.get(kind(), ())
    return ",".join(
        f"{'-' if not on or name.startswith(without) else '+'}{name}" if without else f"{'+' if on else '-'}{name}"
        for name, on in sorted(host.items())
    )
