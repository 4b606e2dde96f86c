"""Backend. Where nets compute, and how exactly: the host, or a GPU that has to be found first."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from .memory import HOST, Place

PRECISIONS = ("tf32", "ieee")
MISSING_GPU = ("required", "fallback")  # what a GPU that cannot be used leads to


@dataclass(frozen=True)
class Backend:
    """"cpu" or "gpu", the number of the GPU, and the precision of its matrix products and convolutions.

    "tf32" rounds their factors to 10 bits and adds up in float32, "ieee" is float32 throughout. On the CPU neither
    has a meaning. Raises ValueError for a name or precision that is unknown.
    """

    name: str = "cpu"
    device: int = 0
    precision: str = "tf32"

    def __post_init__(self) -> None:
        if self.name not in ("cpu", "gpu"):
            raise ValueError(f"the backend can be cpu or gpu; got {self.name!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"the precision can be {' or '.join(PRECISIONS)}; got {self.precision!r}")

    @property
    def place(self) -> Place:
        """Where the values of a net on this backend lie. Raises RuntimeError when there is no such GPU."""
        if self.name == "cpu":
            return HOST
        from .gpu.device import device

        return device(self.device)


CPU = Backend()

_chosen = CPU
_missing_gpu: str | None = None
_warned = False


def choose(backend: Backend | str) -> None:
    """Let nets that are not told otherwise use this backend. Raises RuntimeError, and changes nothing, without it."""
    global _chosen
    wanted = backend_of(backend)
    _ = wanted.place  # raises where it cannot be had
    _chosen = wanted


def set_missing_gpu(policy: str) -> None:
    """What a GPU that is asked for and cannot be used leads to: an error ("required") or the CPU ("fallback").

    Raises ValueError for another policy.
    """
    global _missing_gpu
    if policy not in MISSING_GPU:
        raise ValueError(f"the policy for a missing GPU can be {' or '.join(MISSING_GPU)}; got {policy!r}")
    _missing_gpu = policy


def or_cpu(backend: Backend, warn: Callable[[str], None] | None = None) -> Backend:
    """The backend itself; or the CPU, where the GPU is missing and the policy is "fallback".

    The policy is that of `set_missing_gpu`, else that of the environment's BREWBENCH_GPU, else "required". The first
    fallback of the process is told to `warn`, or by a RuntimeWarning. Raises ValueError for an unknown BREWBENCH_GPU.
    """
    global _warned
    policy = _missing_gpu or os.environ.get("BREWBENCH_GPU") or MISSING_GPU[0]
    if policy not in MISSING_GPU:
        raise ValueError(f"BREWBENCH_GPU can be {' or '.join(MISSING_GPU)}; got {policy!r}")
    if backend.name == "cpu" or policy == "required":
        return backend
    reason = gpu_missing(backend)
    if not reason:
        return backend
    if not _warned:
        _warned = True
        message = f"the CPU computes in place of the GPU: {reason}"
        if warn is None:
            warnings.warn(message, RuntimeWarning, stacklevel=3)
        else:
            warn(message)
    return CPU


def gpu_missing(backend: Backend | None = None) -> str:
    """Why a GPU, the first unless given, cannot compute; empty where it can."""
    try:
        _ = (backend or Backend("gpu")).place
    except Exception as error:  # a library that is half there may raise anything
        return str(error) or type(error).__name__
    return ""


def backend_of(backend: Backend | str | None) -> Backend:
    """A Backend from its name; the chosen one from None."""
    if backend is None:
        return _chosen
    return Backend(backend) if isinstance(backend, str) else backend


class HostStopwatch:
    """Takes the time between marks."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def mark(self) -> None:
        """Here one piece of work ends and the next begins."""
        self._times.append(perf_counter())

    def laps(self) -> list[float]:
        """Milliseconds from each mark to the next; then it begins anew."""
        times, self._times = self._times, []
        return [1e3 * (stop - start) for start, stop in zip(times, times[1:], strict=False)]


def stopwatch(place: Place) -> Any:
    """What takes the time of the work at a place: by the device's own events where it is one."""
    if place is HOST:
        return HostStopwatch()
    from .gpu.device import Device
    from .gpu.timing import Stopwatch

    assert isinstance(place, Device)
    return Stopwatch(place)
