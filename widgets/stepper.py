"""The stepper: the buttons that move a net and its solver, and what they are doing."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from .pane import Pane, Throttle

State = Literal["idle", "running", "paused", "finished", "failed"]

COMMANDS = (
    "reset", "backward", "forward", "backward_pass", "forward_pass", "update", "step", "epoch", "until", "play",
    "pause", "stop", "go_back", "go_back_to_finite", "watch", "freeze", "set", "phase", "device", "refresh",
)  # fmt: skip
HALF_LIFE = 1.0
"""Seconds after which an older pace counts half in the iterations per second."""


class Pace:
    """Iterations per second, from iteration counts as they are reported; an older pace counts ever less."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget the pace, as after a pause."""
        self._last: tuple[float, int] | None = None
        self._rate: float | None = None

    def update(self, iteration: int, now: float) -> float | None:
        """Take note of an iteration reached at a time in seconds; the pace, None where there is none yet."""
        if self._last is None or iteration < self._last[1]:
            self._last, self._rate = (now, iteration), None
            return None
        elapsed, done = now - self._last[0], iteration - self._last[1]
        if done == 0 or elapsed <= 0:
            return self._rate
        rate = done / elapsed
        old = 0.5 ** (elapsed / HALF_LIFE)
        self._rate = rate if self._rate is None else old * self._rate + (1 - old) * rate
        self._last = (now, iteration)
        return self._rate


class Stepper(Pane, script="stepper"):
    """A toolbar that asks for steps and shows how far they are.

    It decides nothing: a button calls back, and what is shown comes from `update`.

    Args:
        callbacks: what to call, by name; a control without a callback is not shown:
            "reset" (): back to the start;
            "backward" (), "forward" (): one layer backward, or the next step;
            "backward_pass" (), "forward_pass" (), "update" ();
            "step" (iterations: int); "epoch" (); "play" (); "pause" (); "stop" ();
            "until" (text: str): up to an iteration, or until a condition holds;
            "go_back" (iteration: int): to the last state kept at it or before; "go_back_to_finite" ();
            "watch" (on: bool): halt at NaN and infinity;
            "freeze" (layer: str, frozen: bool);
            "set" (name: str, value: float): a field of `fields` was changed;
            "phase" (phase: str): "TRAIN" or "TEST";
            "device" (name: str): compute on the "cpu" or the "gpu";
            "refresh" (hz: float): how often the views should follow; 0 for not while running.
        fields: names and values of the numbers that may change between two iterations, such as
            {"base_lr": 0.01, "momentum": 0.9}.
    """

    def __init__(
        self,
        callbacks: Mapping[str, Callable[..., Any]] | None = None,
        *,
        fields: Mapping[str, float] | None = None,
        **kwargs: Any,
    ):
        self.callbacks = dict(callbacks or {})
        if unknown := self.callbacks.keys() - set(COMMANDS):
            raise ValueError(f"The stepper has no {', '.join(sorted(unknown))}; it has {', '.join(COMMANDS)}.")
        self._status: dict[str, Any] = {
            "state": "idle", "iteration": 0, "rate": None, "layer": None, "direction": None, "done": 0,
            "total": None, "phase": "TRAIN", "error": "", "waiting": "", "loss": "", "next": "",
            "notice": "", "kept": [], "spoiled": False, "watch": True, "freezable": None,
            "fields": dict(fields or {}), "device": "cpu", "no_gpu": "",
        }  # fmt: skip
        self._pace = Pace()
        self._lock = threading.Lock()
        self._throttle = Throttle(lambda changes: self.send({"type": "status", "status": changes}))
        super().__init__(**kwargs)

    def update(self, **changes: Any) -> None:
        """Show what changed. May be called from any thread, as often as one likes: the page gets the latest,
        at most ten times a second, a change of state at once.

        Args:
            state: "idle", "running", "paused", "finished" or "failed".
            iteration: how many iterations the solver has done.
            rate: iterations per second; where it is not given, it is measured from `iteration`.
            layer, direction: the layer that was run last, "forward" or "backward"; None for none.
            next: the step that comes next, as "conv2, backward"; empty where it is not known.
            kept: the iterations at which states are kept.
            spoiled: whether the run halted at a NaN or an infinity.
            watch: whether it does so.
            freezable: the selected layer, as {"layer": name, "frozen": bool}, if it has parameters; else None.
            notice: why what was asked for did not happen, or how it ended; it goes with the next command.
            done, total: progress of the steps asked for; a total of None shows no bar.
            phase: "TRAIN" or "TEST".
            device: where the net is, "cpu" or "gpu".
            no_gpu: why the GPU cannot be chosen; empty where it can.
            fields: new values of fields, by name.
            error: the last error, empty for none.
            waiting: what the run waits for, such as kernels that are being made; empty for nothing.
            loss: the latest loss, as a text; empty where there is none.

        Raises TypeError for any other name.
        """
        with self._lock:
            if unknown := changes.keys() - self._status.keys():
                raise TypeError(f"The stepper shows no {', '.join(sorted(unknown))}.")
            if "fields" in changes:
                changes["fields"] = {**self._status["fields"], **changes["fields"]}
            turn = changes.get("state", self._status["state"]) != self._status["state"]
            if turn:
                self._pace.restart()
                if changes["state"] != "running":
                    changes.setdefault("rate", None)
            if "iteration" in changes and "rate" not in changes:
                changes["rate"] = self._pace.update(changes["iteration"], time.monotonic())
            self._status |= changes
        self._throttle(**changes)
        if turn:
            self._throttle.flush()

    def _greeting(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{"type": "status", "status": dict(self._status), "commands": list(self.callbacks)}]

    def _page_command(self, content: dict, _buffers: Any) -> None:
        arguments = content.get("arguments", [])
        name = content["name"]
        if self._status["notice"]:
            self.update(notice="")
        if name == "set":
            with self._lock:
                self._status["fields"] = {**self._status["fields"], arguments[0]: arguments[1]}
        self.run_callback(self.callbacks.get(name), *arguments)
