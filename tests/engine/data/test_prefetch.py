"""The prefetching thread: in order, ahead, and gone when it should be."""

import gc
import threading
import time
import weakref

import pytest

from brewbench.engine.data.prefetch import Prefetcher


class Counter:
    """Fills slots with 0, 1, 2, ...; fails at `limit`."""

    def __init__(self, limit: int = 1000):
        self.count, self.limit = 0, limit

    def fill(self, slot: list) -> None:
        if self.count == self.limit:
            raise OSError("the disk is gone")
        slot[:] = [self.count]
        self.count += 1


def alive(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def test_slots_come_in_order_and_no_more_than_there_are():
    counter = Counter()
    prefetcher = Prefetcher(counter.fill, [[], [], []], "counting")
    for expected in range(50):
        slot = prefetcher.take()
        assert slot == [expected]
        assert counter.count <= expected + 3
        prefetcher.give_back(slot)
    prefetcher.close()
    assert not alive("counting")


def test_a_failure_comes_where_it_happened_and_stays():
    prefetcher = Prefetcher(Counter(2).fill, [[], [], []], "failing")
    assert [prefetcher.take() for _ in range(2)] == [[0], [1]]
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            prefetcher.take()
    prefetcher.close()


def test_the_thread_ends_when_its_owner_is_forgotten():
    counter = Counter()
    prefetcher = Prefetcher(counter.fill, [[]], "forgotten")
    watch = weakref.ref(prefetcher)
    assert alive("forgotten")
    del prefetcher
    gc.collect()
    assert watch() is None
    assert not alive("forgotten")


def test_what_was_read_from_is_let_go_at_once():
    counter = Counter()
    watch = weakref.ref(counter)
    prefetcher = Prefetcher(counter.fill, [[]], "letting go")
    gc.disable()
    try:
        prefetcher.close()
        del counter
        assert watch() is None
    finally:
        gc.enable()


def test_whoever_waits_is_told_when_it_is_closed():
    blocked = threading.Event()

    def fill(slot: list) -> None:
        blocked.wait(5)

    prefetcher = Prefetcher(fill, [[]], "closing")
    told = []

    def wait() -> None:
        try:
            while True:
                prefetcher.take()
        except RuntimeError as error:
            told.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    blocked.set()
    prefetcher.close()
    waiting.join(5)
    assert told == ["the prefetching thread was stopped"]
