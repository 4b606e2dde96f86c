"""Working memory, shared by all ops of one net."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..context import Context


def scratch(context: Context, slot: str, shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """An array of the net's place with anything in it, until the next request for the slot by any op of the net.

    Only the largest request of each slot is kept, so that memory grows with the largest layer, not with the net.
    """
    buffers = context.scratch
    key = slot, np.dtype(dtype)
    count = prod(shape)
    if key not in buffers or buffers[key].size < count:
        buffers[key] = context.place.xp.empty(count, dtype)
    return buffers[key][:count].reshape(shape)
