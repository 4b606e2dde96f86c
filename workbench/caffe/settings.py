"""What pycaffe keeps for the whole process: mode, seed, log."""

from __future__ import annotations

import logging
import sys
from itertools import count

from ...engine import LAYERS, load_layers
from ...engine.backend import CPU, Backend, backend_of, choose, or_cpu, set_missing_gpu
from ..alias import add_alias

__version__ = "1.0.0"  # the pycaffe whose interface this is

_logger = logging.getLogger("brewbench")
_seeds: count | None = None
_gpu = Backend("gpu")


def set_mode_cpu() -> None:
    """Let the nets and solvers built from now on compute on the CPU."""
    choose("cpu")


def set_mode_gpu() -> None:
    """Let them compute on the GPU.

    Where that is not possible: raises RuntimeError that says what is missing, or chooses the CPU, see `install`.
    """
    choose(or_cpu(_gpu))


def set_device(device: int) -> None:
    """Choose the GPU that `set_mode_gpu` means, by its number. Where there is none of it, as `set_mode_gpu`."""
    global _gpu
    wanted = or_cpu(Backend("gpu", device))
    if wanted == CPU:
        return
    _ = wanted.place  # raises where it cannot be had
    _gpu = wanted
    if backend_of(None).name == "gpu":
        choose(_gpu)


def set_phase_train() -> None:
    """In early pycaffe, what the nets made from now on are for; now each net is given its phase. Does nothing."""


def set_phase_test() -> None:
    """See `set_phase_train`."""


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


def install(gpu: str | None = None) -> None:
    """Let `import caffe` find this package, in this process.

    Args:
        gpu: "fallback" lets `set_mode_gpu` and `set_device` choose the CPU, with one warning, where no GPU can be
            used; "required" lets them raise. Where it is not given, the environment's BREWBENCH_GPU decides.

    Raises RuntimeError when another caffe is loaded, ValueError for another value of `gpu`.
    """
    if gpu is not None:
        set_missing_gpu(gpu)
    add_alias()
