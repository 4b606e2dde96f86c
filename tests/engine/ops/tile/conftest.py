"""Blobs whose values lie in a private layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from brewbench.engine import threads
from brewbench.engine.blob import Blob
from brewbench.engine.memory import READ, Memory
from brewbench.engine.ops.tile.layout import Blocked, current, laid_out


def lay(memory: Memory, kind: type | None, shape: tuple[int, ...], halo: int = 0) -> None:
    """Bring values into a private layout, where a kind of it is given."""
    if kind is not None:
        memory.on(laid_out(memory, kind, shape, halo), READ)


def laid(values: np.ndarray, kind: type | None = None, halo: int = 0, diff: np.ndarray | None = None) -> Blob:
    """A blob with values, and perhaps a gradient, in a private layout."""
    made = Blob(values.shape)
    made.data = values
    lay(made.data_memory, kind, values.shape, halo)
    if diff is not None:
        made.diff = diff
    lay(made.diff_memory, kind, values.shape, halo)
    return made


def check_surroundings(memory: Memory) -> None:
    """A halo holds zeros, and the lanes of channels that nobody has hold finite numbers."""
    place = current(memory)
    if not isinstance(place, Blocked):
        return
    images, _, height, width = place.shape
    halo = place.halo
    whole = memory.held(place)[: place.size].reshape(images, place.blocks, height + 2 * halo, width + 2 * halo, -1)
    assert np.isfinite(whole).all()
    around = whole.copy()
    around[:, :, halo : halo + height, halo : halo + width] = 0
    assert not around.any()


@pytest.fixture(name="laid")
def laid_fixture() -> Callable[..., Blob]:
    return laid


@pytest.fixture(name="lay")
def lay_fixture() -> Callable[..., None]:
    return lay


@pytest.fixture(name="check_surroundings")
def check_fixture() -> Callable[[Memory], None]:
    return check_surroundings


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def each_thread_count(request) -> Iterator[int]:
    """Runs a test with one thread, then with two."""
    before = threads.threads()
    threads.set_threads(request.param)
    yield request.param
    threads.set_threads(before)
