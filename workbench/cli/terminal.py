"""Whether stderr is a terminal that somebody sees, on which progress bars are drawn over themselves."""

from __future__ import annotations

import os
from typing import TextIO

_OF_A_KERNEL = "JPY_PARENT_PID"  # Jupyter sets it for kernels; what a cell starts with `!` inherits it


def shows_bars(stream: TextIO) -> bool:
    """Whether a bar that is written to a stream again and again shows as one line there.

    Not in a file or a pipe, nor in the output of a notebook's cell: IPython gives ``!command`` a terminal, and keeps
    all that is written to it.
    """
    return stream.isatty() and _OF_A_KERNEL not in os.environ and os.environ.get("TERM") != "dumb"
