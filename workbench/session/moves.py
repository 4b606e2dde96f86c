"""Moves. What may be asked of a session that goes through iterations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..livenet import LiveNet
from . import conditions
from .commands import Commands
from .jobs import Jobs
from .position import Position
from .recorder import Recorder
from .worker import Worker


class Moves:
    """The part of a session that goes through iterations: whole ones, or step by step."""

    live: LiveNet
    _commands: Commands
    _jobs: Jobs
    _position: Position
    _recorder: Recorder
    _worker: Worker

    def play(self) -> None:
        """Train up to max_iter."""
        self._enqueue(self._jobs.play(), playing=True)

    def pause(self) -> None:
        """Stop after the present iteration or layer, and forget what else was asked for.

        A test that is under way, which may take minutes, is broken off; it begins anew when the session goes on.
        """
        solver = self.live.solver
        if self._recorder.in_test and solver is not None:
            solver.request = "stop"  # heard between two batches; `stopped`, which comes later, withdraws it
        self._worker.post(self._worker.stop)

    def step(self, iterations: int = 1) -> None:
        """Make some iterations; one that is halfway done counts as the first."""
        self._enqueue(self._jobs.steps(iterations))

    def epoch(self) -> None:
        """Go once through the training data; through test_interval iterations where its length is unknown."""
        self._enqueue(self._jobs.epoch())

    def to(self, iteration: int) -> None:
        """Train up to an iteration, or go back to one: to the last state kept before it, and on from there.

        Where none is kept before it, the session fails with a ValueError.
        """
        self._enqueue(self._jobs.to(iteration, self._commands.go_back))

    def until(self, condition: str | Callable[[Any], object], limit: int | None = None) -> None:
        """Train until a condition holds after an iteration; at most `limit` iterations, by default up to max_iter.

        `condition` is a text such as ``"loss < 0.1 and iteration >= 100 or nan"`` (see `conditions.parse`) over
        `iteration`, `loss`, `smoothed`, `rate`, the outputs of the net and those of its tests, by name; or a function
        of the session, which is called on its thread. Raises ValueError for a text that is no condition. A name that
        there is not makes the session fail, with the names there are.
        """
        if callable(condition):
            name, holds = getattr(condition, "__name__", "the condition"), partial(condition, self)
        else:
            parsed = conditions.parse(condition)
            name, holds = str(parsed), lambda: conditions.holds(parsed, self._position.solver(), self._recorder.history)
        self._enqueue(self._jobs.until(name, holds, limit))

    def step_forward(self, layers: int = 1) -> None:
        """Run some steps in their order: layers forward up to the last, then backward, then the update, and on."""
        self._enqueue(self._jobs.layers(layers))

    def step_backward(self, layers: int = 1) -> None:
        """Run some layers backward. Where the forward pass is not over it says so (`on_notice`) and runs nothing.

        Asked for once more, it runs what has to come before, too.
        """
        self._enqueue(self._jobs.go("backward", layers))

    def forward(self) -> None:
        """Run the forward pass, or the rest of it. After it this is refused, once, as in `step_backward`."""
        self._enqueue(self._jobs.go("forward"))

    def backward(self) -> None:
        """Run the backward pass, or the rest of it. Before the forward pass it is refused, once."""
        self._enqueue(self._jobs.go("backward"))

    def update(self) -> None:
        """Apply the update, which ends the iteration. Before the gradients are complete it is refused, once."""
        self._enqueue(self._jobs.go("update"))

    def stop(self) -> None:
        """Pause, and give up an iteration that is halfway done: the session stands before its first layer."""
        self.pause()
        self._worker.post(partial(self._worker.in_turn, self._position.abandon))

    def _enqueue(self, job: Iterator[None], playing: bool = False) -> None:
        self._worker.post(partial(self._worker.enqueue, job, playing))
