"""How many cores the arithmetic takes while a session plays."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from threadpoolctl import ThreadpoolController


def leave_room() -> AbstractContextManager:
    """Let BLAS use half the cores at most, so that the page stays quick; the end of the block takes it back.

    It never raises a number that somebody set lower. The setting is one for the whole process.
    """
    controller = ThreadpoolController().select(user_api="blas")  # anew each time: libraries are loaded as they are used
    present = min((library["num_threads"] for library in controller.info()), default=1)
    return controller.limit(limits=min(present, max(1, (os.cpu_count() or 1) // 2)))
