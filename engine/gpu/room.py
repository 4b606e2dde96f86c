"""What to say when the device is full: which blob found no room, and what fills it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..blob import Blob
from ..memory import Memory

if TYPE_CHECKING:
    from ..net import Net


class Explained(MemoryError):
    """An error that says what found no room in which net."""


class NoRoom(MemoryError):
    """The device cannot give `needed` bytes; `free` are free of `total`."""

    def __init__(self, needed: int, free: int, total: int, what: str = "", more: str = ""):
        self.needed, self.free, self.total = needed, free, total
        super().__init__(
            f"the GPU has no room for {what or 'an array'} of {megabytes(needed)}: {megabytes(free)} of its "
            f"{megabytes(total)} are free; a smaller batch_size needs less{more}"
        )


def megabytes(count: int) -> str:
    return f"{count / (1 << 20):.{0 if count >= 10 << 20 else 1}f} MB"


def explained(net: Net, error: MemoryError) -> MemoryError:
    """The error with the name and shape of the blob that found no room, and what the net holds; told once only."""
    if isinstance(error, Explained):
        return error
    place, needed = net.context.place, getattr(error, "needed", None)
    held: dict[int, int] = {}
    missing = ""
    for name, kind, memory, blob in _memories(net):
        size = memory.count * memory.dtype.itemsize
        places = [one for one in (place, *memory.layouts.values()) if memory.held(one) is not None]
        if places:
            held[id(memory)] = size * len(places)
        elif size == needed and not missing:
            missing = f"the {kind} of blob {name!r}, {blob.shape_string},"
    for arena, what in zip(net.arenas, ("values", "gradients"), strict=True):
        if arena.count * arena.dtype.itemsize == needed and not missing:
            missing = f"the {what} of all parameters,"
    more = f"; the blobs of net {net.name!r} hold {megabytes(sum(held.values()))}"
    if not isinstance(error, NoRoom):  # CuPy's own, for working memory
        return Explained(f"the GPU has no room for working memory ({error}); a smaller batch_size needs less{more}")
    return Explained(str(NoRoom(error.needed, error.free, error.total, missing, more)))


def _memories(net: Net) -> Iterator[tuple[str, str, Memory, Blob]]:
    """Every blob by name, data and diff; parameters by their layer's name and their number."""
    blobs = [*net.blobs.items()]
    blobs += [(f"{layer.name}[{k}]", blob) for layer in net.layers for k, blob in enumerate(layer.blobs)]
    for name, blob in blobs:
        yield name, "data", blob.data_memory, blob
        yield name, "diff", blob.diff_memory, blob
