"""`import caffe` as the workbench's pycaffe: in this process, and in a program that is run for it."""

from __future__ import annotations

import sys

from .. import Alias

NAME, PACKAGE = "caffe", f"{__package__}.caffe"


def add_alias() -> None:
    """Let `import caffe` find `brewbench.caffe`, in this process. Raises RuntimeError when another caffe is loaded."""
    loaded = sys.modules.get(NAME)
    if loaded is not None and loaded is not sys.modules.get(PACKAGE):
        raise RuntimeError(f"another module named caffe is loaded already: {getattr(loaded, '__file__', 'built in')}")
    if not any(isinstance(finder, Alias) and finder.alias == NAME for finder in sys.meta_path):
        sys.meta_path.insert(0, Alias(NAME, PACKAGE))
