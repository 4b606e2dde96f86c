"""What takes a while on the first run of all: kernels that are being made, and the layer they are made for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from logging import getLogger
from threading import get_ident
from typing import Any
from weakref import ref


@dataclass(frozen=True)
class Making:
    """A kernel is being made for the layer number `index` of `net`, on its way "forward" or "backward"."""

    net: Any
    index: int
    direction: str


Callback = Callable[[Making | None], object]

NOTICE = "Making kernels for this processor, once: that takes some seconds."

at: tuple[ref[Any], int, str] | None = None  # what runs: a net, its layer, the direction; nets say so
_callbacks: tuple[Callback, ...] = ()


def on_making(callback: Callback) -> Callable[[], None]:
    """Call `callback(making)` whenever a kernel is about to be made, `callback(None)` when it is; returns what ends it.

    Kernels that were made before and lie on disk are not told of. The calls come on the thread that needs the kernel.
    """
    global _callbacks
    _callbacks += (callback,)

    def end() -> None:
        global _callbacks
        _callbacks = tuple(one for one in _callbacks if one is not callback)

    return end


@contextmanager
def making() -> Iterator[None]:
    """Within it a kernel is being made: those who listen are told, and Python's log once."""
    _say_once()
    net = at[0]() if at else None
    if at is None or net is None:
        yield
        return
    _tell(Making(net, *at[1:]))
    try:
        yield
    finally:
        _tell(None)


@contextmanager
def telling() -> Iterator[None]:
    """Within it numba may compile: if it does, because it finds nothing on disk, a kernel is being made."""
    from numba.core import event

    own = get_ident()
    with ExitStack() as compiling:

        class Pass(event.Listener):
            """Hears of the first pass of numba's compiler on this thread."""

            first = True

            def on_start(self, event: Any) -> None:
                if self.first and get_ident() == own:  # numba tells of all threads
                    self.first = False
                    compiling.enter_context(making())

            def on_end(self, event: Any) -> None:
                pass

        with event.install_listener("numba:run_pass", Pass()):
            yield


def _tell(what: Making | None) -> None:
    for callback in _callbacks:
        callback(what)


@cache
def _say_once() -> None:
    getLogger("brewbench").info(NOTICE)
