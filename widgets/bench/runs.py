"""The runs of a bench: the list below the curves, and the curves of earlier runs beside those of now."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ...proto.printable import printable
from ...workbench import Session
from ...workbench.session.run_files import csv_of
from ...workbench.session.runs import Run
from ..curves import Curves


class RunCurves:
    """Lists the runs of a session below the curves and draws those that are chosen, dim.

    A run that has just ended, or a way that was left for another, is chosen by itself.
    """

    def __init__(self, session: Session, curves: Curves):
        self._session, self._curves = session, curves
        self._lock = threading.RLock()
        self._shown: set[int] = set()  # identities of runs
        self._known = {id(run) for run in session.runs}  # those that were earlier ones at the last look
        curves.on_run = self._ask
        self.refresh()

    def refresh(self) -> None:
        """There are other runs, or other names."""
        with self._lock:
            runs = self._session.runs
            earlier = {id(run) for run in runs if run is not runs.present}
            self._shown = (self._shown | (earlier - self._known)) & earlier
            self._known = earlier
            self._curves.offer_runs(self._offer(run) for run in runs)
            self._draw()

    def _offer(self, run: Run) -> dict[str, Any]:
        present = run is self._session.runs.present
        began = run.begun.replace("T", " ").partition(".")[0]
        about = f"under way since {began}" if present else f"{run.iteration:,} iterations, {began}"
        shown = None if present else id(run) in self._shown
        return {"name": run.name, "notes": run.notes, "about": about, "shown": shown, "can_resume": run.can_resume}

    def _draw(self) -> None:
        wanted = {run.name: run for run in self._session.runs if id(run) in self._shown}
        for name in self._curves.runs - {"", *map(printable, wanted)}:
            self._curves.clear(name)
        for name, run in wanted.items():
            shown = printable(name)
            if shown in self._curves.runs:
                continue
            history, look = run.history, {"run": shown, "dim": True}
            if len(history):
                self._curves.set_series("loss", history.iterations, history.loss, rates=history.rate, **look)
            for (_, output), table in history.tests.items():
                axis = axis_of(output)
                rows = table.rows
                if len(rows):
                    values = np.asarray(rows["value"])
                    self._curves.set_series(
                        f"test {printable(output)}", rows["iteration"], values, axis=axis, noisy=False, **look
                    )

    def _ask(self, ask: str, name: str, *arguments: Any) -> None:
        """Do what the user asks for. Raises what the runs raise, which the pane says."""
        runs = self._session.runs
        run = runs[name]
        if ask == "show":
            (self._shown.add if arguments[0] else self._shown.discard)(id(run))
        elif ask == "csv":
            history = self._session.history if run is runs.present else run.history
            self._curves.download(f"{run.name}.csv", csv_of(history))
        elif ask == "resume":
            self._shown.discard(id(run))
            self._session.resume(name)
        elif ask == "remove":
            runs.remove(name)
        elif ask == "rename":
            runs.rename(name, str(arguments[0]))
        elif ask == "note":
            runs.note(name, str(arguments[0]))
        self.refresh()


def axis_of(output: str) -> Any:
    """Losses of tests are drawn beside the loss, everything else (accuracies) on a scale of its own."""
    return "left" if "loss" in output else "right"
