"""How many cores the arithmetic takes while a session plays."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ..engine.threads import cores, using


def leave_room() -> AbstractContextManager:
    """Compute on half the cores at most, so that the page stays quick; the end of the block takes it back.

    It never raises a number that somebody set lower. The setting is one for the whole process.
    """
    return using(max(1, cores() // 2), at_most=True)
