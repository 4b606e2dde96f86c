"""Working memory of the reference engine, shared by all ops of one net."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..context import Context


def scratch(context: Context, slot: str, shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """An array with anything in it, valid until the next request for the same slot by any op of the same net.

    Only the largest request of each slot is kept, so that memory grows with the largest layer, not with the net.
    """
    buffers = context.scratch
    key = slot, np.dtype(dtype)
    count = prod(shape)
    if key not in buffers or buffers[key].size < count:
        buffers[key] = np.empty(count, dtype)
    return buffers[key][:count].reshape(shape)
