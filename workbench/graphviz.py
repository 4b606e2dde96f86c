"""The program that lays out drawings."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path


def dot_program() -> str:
    """The path of Graphviz's `dot`, or of graphviz-pure, which does the same. Raises FileNotFoundError without both.

    A `dot` in the working directory does not count, where Windows looks first: it may have come with the net.
    """
    pure = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts"))
    for found in (shutil.which("dot"), pure, shutil.which("graphviz-pure")):
        if found is not None and Path(found).is_absolute():
            return found
    raise FileNotFoundError("neither dot nor graphviz-pure is installed")
