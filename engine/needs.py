"""How much memory a net needs, and how much there is: told before any of it is touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .blob import Blob
from .cgroups import SYSTEM, folders
from .memory import HOST

if TYPE_CHECKING:
    from .build import Learnable, Node
    from .net import Net



class MemoryWarning(RuntimeWarning):
    """A net needs more memory than there is."""


_NONE = 1 << 62  # bytes: what version 1 of control groups says where there is no limit is about that


@dataclass(frozen=True)
class Needs:
    """Bytes that a net fills when it runs: the least, since layers and their private layouts take some more.

    `values` and `gradients` are those of its blobs, `parameters` both of its parameters, `batches` those that data
    layers make ready, `history` what a solver keeps of the gradients. `largest` is the share of the layer with the
    largest, and its node.
    """

    values: int = 0
    gradients: int = 0
    parameters: int = 0
    batches: int = 0
    history: int = 0
    largest: tuple[int, Any] = (0, None)

    @property
    def total(self) -> int:
        return self.values + self.gradients + self.parameters + self.batches + self.history

    def shortage(self) -> str | None:
        """What to say where there is not as much memory; None where there is, or where that is not known."""
        most = present()
        if most is None or self.total <= most:
            return None
        parts = ("values", "gradients", "parameters", "batches", "history")
        shares = ", ".join(f"{part} {spelled(count)}" for part in parts if (count := getattr(self, part)))
        has = f"this process can have {spelled(most)}"
        return f"the net needs {spelled(self.total)} of memory or more ({shares}); {has}."


def needs(nodes: Sequence[Node], learnable: Iterable[Learnable], training: bool, slots: int = 0) -> Needs:
    """What the layers of a net need, those of unknown shape left out; `slots` is how often a solver keeps gradients."""
    counted: set[int] = set()  # memories, by their identity
    values = gradients = batches = 0
    largest: tuple[int, Any] = (0, None)
    for node in nodes:
        if node.layer is None:
            continue
        fresh = 0
        for top in () if node.layer.shares_memory else node.tops:
            fresh += _bytes(top, top.data_memory, counted)
            if training and node.need_backward:
                gradients += _bytes(top, top.diff_memory, counted)
        values += fresh
        batches += fresh * node.layer.made_ready
        learned = sum(blob.count * blob.dtype.itemsize for blob in node.layer.blobs)
        largest = max(largest, (fresh * (1 + node.layer.made_ready) + learned, node), key=lambda one: one[0])
    learned = sum(_bytes(one.blob, one.blob.data_memory, counted) for one in learnable)
    return Needs(values, gradients, learned * (1 + training), batches, learned * slots, largest)


def needs_of(net: Net, slots: int = 0, others: Iterable[Net] = ()) -> Needs:
    """What a net needs, beside it a solver's histories, and other nets that share its parameters."""
    found = needs(net.nodes, net.learnable, net.context.training, slots)
    beside = [needs(other.nodes, (), other.context.training) for other in others]
    return Needs(
        found.values + sum(one.values for one in beside),
        found.gradients,
        found.parameters,
        found.batches + sum(one.batches for one in beside),
        found.history,
        found.largest,
    )


def _bytes(blob: Blob, memory: Any, counted: set[int]) -> int:
    """The bytes of a memory on the host that was not counted before."""
    if blob.place is not HOST or id(memory) in counted:
        return 0
    counted.add(id(memory))
    return blob.count * blob.dtype.itemsize


def present(system: Path = SYSTEM) -> int | None:
    """Bytes of memory that this process can have: the machine's, or what its limits leave of it; None if unknown."""
    limits = [_of_machine(), _of_process()]
    for folder, unified in folders("memory", system):
        try:
            text = (folder / ("memory.max" if unified else "memory.limit_in_bytes")).read_text().strip()
            limits.append(int(text) if text != "max" else None)
        except (OSError, ValueError):  # the root has none
            continue
    return min((limit for limit in limits if limit is not None and 0 < limit < _NONE), default=None)


def _of_machine() -> int | None:
    if os.name == "nt":
        return _of_windows()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _of_process() -> int | None:
    """The limit of the addresses of this process."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _of_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong), ("rest", ctypes.c_ulonglong * 7)]

    status = Status(ctypes.sizeof(Status))
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - it is there on Windows alone
    return status.rest[0] if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def spelled(count: int) -> str:
    """A number of bytes in the largest unit of which there is one: ``3.2 GB``."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
    size = float(count)
    for unit in units[:-1]:
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.0f} {units[-1]}"
