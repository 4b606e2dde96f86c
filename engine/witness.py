"""Who is told what happens while a pass of a net is written down (see `replay.py`); nobody, most of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

now: Any = None  # who looks at it twice takes it once: another thread may end the listening in between


def unsteady() -> None:
    """Say that something other than a driver is at work: then the layer cannot be written down."""
    told = now
    if told is not None:
        told.spoilt = True


def provided(condition: Callable[[], bool]) -> None:
    """Say that what happens now is right only where that holds."""
    told = now
    if told is not None:
        told.conditions.append(condition)


def checked(flag: Any) -> None:
    """Say that what follows is right only where the first number of an array, which a driver has set, is 0."""
    told = now
    if told is not None:
        told.checked(flag)


def noting(effect: Callable[[], Any], prepares: bool = True) -> None:
    """Say that this is to be done each time, too; `prepares`: it is part of what an op makes once, and then keeps."""
    told = now
    if told is not None:
        told.effects.append(effect)
        told.prepares |= prepares
