"""What pycaffe keeps for the whole process: mode, seed, log."""

from __future__ import annotations

import logging
import sys
from itertools import count

from ... import Alias
from ...engine import LAYERS, load_layers

_logger = logging.getLogger("brewbench")
_seeds: count | None = None


def set_mode_cpu() -> None:
    """Compute on the CPU, as everything does now."""


def set_mode_gpu() -> None:
    """Compute on a GPU. Raises RuntimeError: this version has no engine for one."""
    raise RuntimeError("this version of Brewbench computes on the CPU only; there is no GPU engine to switch to")


def set_device(device: int) -> None:
    """Choose a GPU by its number. Raises RuntimeError, as `set_mode_gpu` does."""
    set_mode_gpu()


def set_random_seed(seed: int) -> None:
    """Make the nets and solvers built from now on reproducible: the first takes `seed`, the next `seed` + 1, ..."""
    global _seeds
    _seeds = count(seed)


def next_seed() -> int | None:
    """The seed of the next net; None where no seed was set."""
    return next(_seeds) if _seeds is not None else None


def layer_type_list() -> list[str]:
    """The names of all layer types, in the order of the alphabet."""
    load_layers()
    return sorted(LAYERS)


def init_log(level: int = 0) -> None:
    """Show log messages on stderr: from 0 (information) up to 3 (fatal)."""
    logging.basicConfig(stream=sys.stderr)
    _logger.setLevel((logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)[min(max(level, 0), 3)])


def log(message: str) -> None:
    """Write one line of information to the log."""
    _logger.info("%s", message)


def install() -> None:
    """Let `import caffe` find this package, in this process. Raises RuntimeError when another caffe is loaded."""
    ours = __name__.rpartition(".")[0]
    loaded = sys.modules.get("caffe")
    if loaded is not None and loaded is not sys.modules[ours]:
        raise RuntimeError("another module named caffe is loaded already")
    if not any(isinstance(finder, Alias) and finder.alias == "caffe" for finder in sys.meta_path):
        sys.meta_path.insert(0, Alias("caffe", ours))
