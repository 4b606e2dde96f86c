"""What pycaffe keeps for the whole process: mode, seed, log."""

from __future__ import annotations

import logging
import sys
from itertools import count

from ... import Alias
from ...engine import LAYERS, load_layers
from ...engine.backend import Backend, backend_of, choose

__version__ = "1.0.0"  # the pycaffe whose interface this is

_logger = logging.getLogger("brewbench")
_seeds: count | None = None
_gpu = Backend("gpu")


def set_mode_cpu() -> None:
    """Let the nets and solvers built from now on compute on the CPU."""
    choose("cpu")


def set_mode_gpu() -> None:
    """Let them compute on the GPU. Raises RuntimeError that says what is missing where that is not possible."""
    choose(_gpu)


def set_device(device: int) -> None:
    """Choose the GPU that `set_mode_gpu` means, by its number. Raises RuntimeError when there is none of it."""
    global _gpu
    wanted = Backend("gpu", device)
    _ = wanted.place  # raises where it cannot be had
    _gpu = wanted
    if backend_of(None).name == "gpu":
        choose(_gpu)


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
