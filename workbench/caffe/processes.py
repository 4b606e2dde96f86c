"""pycaffe's names for training in several processes, of which there is one."""

from __future__ import annotations

from typing import Any, NoReturn


def has_nccl() -> bool:
    """Whether several GPUs can train together: no."""
    return False


def solver_count() -> int:
    """The number of solvers that share the training: 1."""
    return 1


def set_solver_count(count: int) -> None:
    """Say how many solvers share the training. Raises RuntimeError unless it is 1."""
    if count != 1:
        raise RuntimeError(f"this version of Brewbench trains with one solver; got a solver count of {count}")


def solver_rank() -> int:
    """Which of the solvers this process is: the first, 0."""
    return 0


def set_solver_rank(rank: int) -> None:
    """Say which of the solvers this process is. Raises RuntimeError unless it is the first, 0."""
    if rank != 0:
        raise RuntimeError(f"this version of Brewbench trains with one solver, of rank 0; got rank {rank}")


def set_multiprocess(multiprocess: bool) -> None:
    """Say whether the solvers are processes of their own; with one solver, nothing depends on it."""


class NCCL:
    """In pycaffe, what adds up the gradients of several GPUs. Raises RuntimeError, as `has_nccl` is False."""

    def __init__(self, solver: Any, uid: Any):
        _no_nccl()

    @staticmethod
    def new_uid() -> bytes:
        """Raises RuntimeError."""
        _no_nccl()


def _no_nccl() -> NoReturn:
    raise RuntimeError("this version of Brewbench has no NCCL: it trains in one process, on the CPU")
