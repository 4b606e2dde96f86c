"""Forked children. A child has one thread, the one that forked: locks that others held, and their work, begin anew."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

_locks: WeakSet[Any] = WeakSet()


def in_child(renew: Callable[[], object]) -> Callable[[], object]:
    """Call `renew()` in every child that this process forks from now on, before anything else runs there.

    Also a decorator. On systems that do not fork it does nothing.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=renew)
    return renew


def lock() -> threading.Lock:
    """A lock that is free in a forked child, whichever thread held it when the process forked."""
    made = threading.Lock()
    _locks.add(made)
    return made


def reentrant_lock() -> Any:
    """A reentrant lock that is free in a forked child, unless the thread that forked holds it."""
    made = threading.RLock()
    _locks.add(made)
    return made


@in_child
def _free_locks() -> None:
    for one in _locks:
        if not (hasattr(one, "_is_owned") and one._is_owned()):
            one._at_fork_reinit()
