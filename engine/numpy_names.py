"""NumPy's own scalar types, under the names that old scripts give to Python's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .forks import lock

_TYPES: dict[str, Any] = {name: kind for name, kind in np.sctypeDict.items() if name in np.__all__}

_lock = lock()
_inside = 0  # blocks of `numpys_own_names` that are running, over all threads
_replaced: dict[str, Any] = {}  # what the names stood for before the first of them


@contextmanager
def numpys_own_names() -> Iterator[None]:
    """Within it `np.bool`, `np.long` and the other scalar types of NumPy 2 are NumPy's, in all threads.

    Scripts written for old versions assign ``np.bool = bool``. A module that is imported after that and uses `np.bool`
    fails: `numpy.ma` does, and with it numba and SciPy, which import it. So numba is imported and compiles inside: its
    first compilation imports SciPy where that is installed. Names that NumPy 2 does not have (`np.int`, `np.object`)
    harm no import, and stay.
    """
    global _inside
    names: Any = vars(np)
    with _lock:
        _inside += 1
        for name, own in _TYPES.items():
            if names.get(name, own) is not own:
                _replaced[name] = names[name]
                names[name] = own
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                names.update(_replaced)
                _replaced.clear()
