"""A thread that has the next batches ready."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar
from weakref import finalize

Slot = TypeVar("Slot")


class Prefetcher(Generic[Slot]):
    """Fills slots in a daemon thread, in order, as fast as they are given back.

    `fill(slot)` must not refer to whoever owns the prefetcher: then the thread ends when the owner is forgotten.
    """

    def __init__(self, fill: Callable[[Slot], None], slots: Iterable[Slot], name: str):
        self._free: SimpleQueue[Any] = SimpleQueue()
        self._full: SimpleQueue[Any] = SimpleQueue()
        for slot in slots:
            self._free.put(slot)
        stopped = threading.Event()
        work = (fill, self._free, self._full, stopped)
        thread = threading.Thread(target=_fill_slots, args=work, name=name, daemon=True)
        self.process = os.getpid()  # where the thread is: a forked child does not have it
        self.close = finalize(self, _stop, thread, self._free, stopped)
        thread.start()

    def take(self) -> Slot:
        """The next full slot, when it is ready. Raises what `fill` raised, then and ever after."""
        slot = self._full.get()
        if isinstance(slot, _Failure):
            self._full.put(slot)
            raise slot.error
        return slot

    def give_back(self, slot: Slot) -> None:
        """Let a slot be filled again."""
        self._free.put(slot)


class _Failure:
    def __init__(self, error: BaseException):
        self.error = error


def _fill_slots(
    fill: Callable[[Any], None], free: SimpleQueue[Any], full: SimpleQueue[Any], stopped: threading.Event
) -> None:
    try:
        while True:
            slot = free.get()
            if stopped.is_set():
                raise RuntimeError("the prefetching thread was stopped")
            fill(slot)
            full.put(slot)
    except BaseException as error:
        del fill  # which the traceback would keep, and with it all that is open
        full.put(_Failure(error))


def _stop(thread: threading.Thread, free: SimpleQueue[Any], stopped: threading.Event) -> None:
    stopped.set()
    free.put(None)
    if thread is not threading.current_thread():
        thread.join()
