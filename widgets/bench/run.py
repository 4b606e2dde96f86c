"""The run of a bench: stepper and curves, which move the session and follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from time import monotonic
from typing import Any

import numpy as np

from ...engine import TRAIN
from ...engine.backend import gpu_missing
from ...engine.making import Making
from ...proto.printable import printable
from ...workbench import Cursor, NotFinite, Session
from ..curve_marks import CurveMark
from ..curves import Curves
from ..stepper import Stepper
from .looks import Looks
from .runs import RunCurves, axis_of
from .state import PHASES, State

CURVES_HZ = 4  # how often the curves and the numbers of a run follow it: a page takes time from the solver
SOLVER_FIELDS = ("base_lr", "momentum", "weight_decay")


class Run:
    """Moves the session and shows where it is. `on_phase()` is told that another phase is looked at, `on_layer(index)`
    which layer was run by itself, `on_steps(ran, coming, bad)` the step that ran last, the one that comes next, and
    where a NaN was found.
    `stepper` and `curves` are what a bench shows.
    """

    def __init__(
        self,
        state: State,
        looks: Looks,
        on_phase: Callable[[], None],
        on_layer: Callable[[Sequence[int]], None],
        on_steps: Callable[[Cursor | None, Cursor | None, NotFinite | None], None] = lambda *steps: None,
    ):
        self.state, self._looks, self._on_phase, self._on_layer = state, looks, on_phase, on_layer
        self._on_steps = on_steps
        self._goal: tuple[int, int | None] = (0, None)  # the iteration at which steps were asked for, and how many
        self._making = self._testing = ""  # what keeps a run from going on
        self._plotted = 0  # points of the session's history that the curves show
        self._plotted_at = -inf
        self.curves = Curves()
        self.stepper = Stepper(self._commands(), fields=self.solver_fields())
        self.stepper.update(phase="TRAIN" if state.phase == TRAIN else "TEST")
        self.stepper.update(device=state.live.backend.name, no_gpu=gpu_missing())

    def follow(self) -> list[Callable[[], None]]:
        """Follow the session from now on; returns what ends that."""
        session = self.state.session
        ends = [
            session.on_state.subscribe(lambda _state: self._show_progress()),
            session.on_error.subscribe(lambda _error: self._show_progress()),
            session.on_cursor.subscribe(self._on_step),
            session.on_making.subscribe(self._on_making),
        ]
        if isinstance(session, Session):
            runs = RunCurves(session, self.curves)
            self._offer_to_go_on(session)
            ends += [
                session.on_runs.subscribe(runs.refresh),
                session.on_progress.subscribe(self._on_progress),
                session.on_test.subscribe(self._on_test),
                session.on_testing.subscribe(self._on_testing),
                session.on_notice.subscribe(lambda text: self.stepper.update(notice=printable(text))),
                session.on_rebuilt.subscribe(lambda _plan: self._show_steps()),
                session.on_mark.subscribe(lambda _mark: self._show_marks()),
                session.on_not_finite.subscribe(self._on_not_finite),
                session.on_kept.subscribe(lambda kept: self.stepper.update(kept=kept)),
            ]
        return ends

    def _offer_to_go_on(self, session: Session) -> None:
        """Say which run of an earlier kernel can be gone on with."""
        run = next((one for one in reversed(list(session.runs)) if one.can_resume), None)
        if run is not None and not session.iteration:
            name = printable(run.name)
            self.stepper.update(
                notice=f"{name} stands at iteration {run.iteration:,}: go on with it from the runs below the curves."
            )

    def _commands(self) -> dict[str, Any]:
        session = self.state.session
        commands: dict[str, Any] = {
            "reset": session.rewind,
            "backward": session.step_backward,
            "forward": session.step_forward,
            "phase": self.look_at,
            "device": self._set_device,
            "refresh": self._looks.follow,
        }
        if self.state.live.solver_document is not None:
            commands |= {
                "backward_pass": session.backward,
                "forward_pass": session.forward,
                "update": session.update,
                "step": self.step,
                "epoch": session.epoch,
                "until": self.until,
                "stop": session.stop,
                "go_back": session.go_back,
                "go_back_to_finite": session.go_back_to_finite,
                "watch": self._set_watch,
                "freeze": session.freeze,
                "play": session.play,
                "pause": session.pause,
                "set": self.set_rate,
            }
        return commands

    def solver_fields(self) -> dict[str, float]:
        """The solver's numbers that may change while it runs."""
        if self.state.live.solver_document is None:
            return {}
        param: Any = self.state.live.solver_document.message
        return {name: float(str(np.float32(getattr(param, name)))) for name in SOLVER_FIELDS}

    def guarded(self, work: Callable[[], object]) -> None:
        """Do something; what it raises is shown beside the buttons."""
        try:
            work()
        except Exception as error:
            self.stepper.update(error=str(error))

    def step(self, iterations: int) -> None:
        """Make so many iterations, and show how many are done."""
        self._goal = (self.state.session.iteration, iterations)
        self.state.session.step(iterations)

    def until(self, text: str) -> None:
        """Run to an iteration, or until a condition holds. Raises ValueError for a text that is neither."""
        number = text.replace(",", "")
        if number.isdecimal():
            self.state.session.to(int(number))
        else:
            self.state.session.until(text)

    def set_rate(self, name: str, value: float) -> None:
        """Change a number of the solver from the next iteration on. Raises ValueError where it cannot be."""
        self.state.session.set(name, value)

    def look_at(self, view: str) -> None:
        """Show the net of a phase, or "deploy". Raises KeyError for another."""
        phase = "TEST" if view == "deploy" else view
        with self.state.lock:
            self.state.phase, self.state.deploying = PHASES[phase], view == "deploy"
            self.stepper.update(phase=phase)
        self._on_phase()

    def _set_device(self, name: str) -> None:
        """Move the session to the CPU or the GPU. Raises RuntimeError while it is running."""
        self.state.session.move_to(name)
        self.stepper.update(device=self.state.live.backend.name)

    def _show_progress(self) -> None:
        session = self.state.session
        error = (session.error or "").strip().rpartition("\n")[2]
        begun, total = self._goal
        if session.state != "running":
            if isinstance(session, Session):
                self._catch_up()
            self._goal = (0, None)
            self._looks.look()
        self.stepper.update(
            state=session.state,
            iteration=session.iteration,
            error=error,
            done=session.iteration - begun,
            total=total if session.state == "running" else None,
        )
        if session.state != "running":
            self._show_steps()

    def _show_steps(self) -> None:
        """Say and draw which step ran last, and which comes next."""
        session = self.state.session
        coming = getattr(session, "next", None)
        self.stepper.update(next=str(coming or ""))
        if isinstance(session, Session):
            rows = session.history.train.rows
            at = int(np.searchsorted(rows["iteration"], session.iteration)) - 1
            self.stepper.update(loss=f"{rows['loss'][at]:.4g}" if at >= 0 else "", iteration=session.iteration)
        self._on_steps(session.cursor, coming, getattr(session, "not_finite", None))
        self._show_marks()

    def _show_marks(self) -> None:
        """Mark on the curves what changed, what is not finite, and where the run stands if it went back."""
        session = self.state.session
        if not isinstance(session, Session):
            return
        history, bad, at = session.history, session.not_finite, session.iteration
        marks = [CurveMark(mark.iteration, printable(mark.text)) for mark in history.marks]
        if bad is not None:
            marks.append(CurveMark(bad.iteration, printable(str(bad)), "bad"))
        if len(history) and at <= history.iterations[-1]:
            marks.append(CurveMark(at, "the run stands here", "here"))
        self.curves.mark(marks)

    def _on_not_finite(self, found: NotFinite | None) -> None:
        """A loss became NaN or infinite (None: the session went back)."""
        self.stepper.update(spoiled=found is not None)
        self._show_steps()

    def _set_watch(self, is_on: bool) -> None:
        self.state.session.watches = is_on
        self.stepper.update(watch=is_on)

    def show_freezable(self) -> None:
        """Offer to freeze the selected layer, if it has parameters."""
        found = None
        net, selected = self.state.live.net, self.state.selected
        if isinstance(self.state.session, Session) and net is not None and len(selected) == 1:
            name = next((one.name for one in self.state.report.layers if one.index == selected[0]), "")
            mults = [one.lr_mult for one in net.learnable if one.layer == name]
            found = {"layer": name, "frozen": not any(mults)} if mults else None
        self.stepper.update(freezable=found)

    def _on_progress(self, points: Any) -> None:
        """Rows of the history from number `points.start` on; a run that was rewound begins anew."""
        if points.start < self._plotted or not points.start:
            self.curves.clear("")
            self._plotted = 0
            for (_, name), table in self.state.session.history.tests.items():
                if len(table.rows):
                    self._plot_test(name, table.rows["iteration"], table.rows["value"])
        elif self.state.session.state == "running" and monotonic() - self._plotted_at < 1 / CURVES_HZ:
            return
        self._catch_up()

    def _catch_up(self) -> None:
        """Show what of the history the page does not show yet."""
        points = self.state.session.history.since(self._plotted)
        self._plotted_at = monotonic()
        rows = points.rows
        if len(rows):
            self.curves.append("loss", rows["iteration"], rows["loss"], rates=rows["rate"])
        self.stepper.update(loss=f"{rows['loss'][-1]:.4g}" if len(rows) else "")
        self._plotted = points.start + len(rows)
        self._show_marks()
        begun, total = self._goal
        iteration = self.state.session.iteration
        self.stepper.update(iteration=iteration, done=iteration - begun, total=total)
        self._looks.tick()

    def _on_test(self, result: Any) -> None:
        for name, value in result.values.items():
            label = f"test {printable(name)}"
            if label not in self.curves.names() or self.curves.points(label)[0][-1] < result.iteration:
                self._plot_test(name, [result.iteration], [value])

    def _plot_test(self, name: str, iterations: Any, values: Any) -> None:
        self.curves.append(f"test {printable(name)}", iterations, values, axis=axis_of(name), noisy=False)

    def _on_making(self, making: Making | None) -> None:
        """A kernel is being made (None: it is done), which holds up the first run on a machine."""
        self._making = f"making kernels for the first run: {spell_making(making)}…" if making else ""
        self.stepper.update(waiting=self._making or self._testing)

    def _on_testing(self, batches: int) -> None:
        """A test net is running so many batches (0: it is over), which holds up the training."""
        self._testing = f"testing, {batches} batch{'es' if batches > 1 else ''}…" if batches else ""
        self.stepper.update(waiting=self._making or self._testing)

    def _on_step(self, cursor: Any) -> None:
        """A step was run by itself (None: the iteration is over): show it, and what it made."""
        update = cursor is not None and cursor.direction == "update"
        self.stepper.update(
            layer="the update" if update else cursor.layer if cursor else None,
            direction=None if update else cursor.direction if cursor else None,
            iteration=self.state.session.iteration,
        )
        self._show_steps()
        if cursor is not None and cursor.origin is not None:
            self._on_layer([cursor.origin])
        self._looks.follow_step(cursor)


def spell_making(making: Making) -> str:
    """For which layer a kernel is being made, and how far that is into the iteration."""
    net, forward = making.net, making.direction == "forward"
    count = len(net.layers)
    total = count if forward and not net.context.training else 2 * count
    done = making.index + 1 if forward else 2 * count - making.index
    return f"{net.layer_names[making.index]} {making.direction} ({done} of {total})"
