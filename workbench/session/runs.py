"""Runs. What a solver was trained to before, and now: curves, texts, notes, and a state to go on from."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from difflib import unified_diff
from os import PathLike
from pathlib import Path
from time import monotonic

import numpy as np

from ...engine import Solver
from ...engine.atomic import atomic_write
from ...engine.checkpoint import Checkpoint, arrays_of
from ..events import Courier
from ..history import History
from ..livenet import LiveNet
from .run_files import check_name, csv_of, read_about, read_history, read_state, write_run, write_state

PLACE = Path(".brewbench") / "runs"
REST = 3.0  # seconds between two savings of a run that rests
STATES = 1 << 30  # bytes of the states of earlier runs: beyond it the oldest runs keep their curves alone
WORTH = 20  # iterations of a way that is left for another from which on it is kept
EVERY = 30.0  # seconds between two savings of one that goes on


@dataclass(eq=False)
class Run:
    """A run: from iteration 0, or another way from a kept state. `folder` is where it is saved, or None.

    `net_text` and `solver_text` are those it ended with, `begun` is the time as ISO 8601.
    """

    name: str
    notes: str = ""
    begun: str = ""
    folder: Path | None = None
    net_text: str = ""
    solver_text: str = ""
    iteration: int = 0
    _history: History | None = field(default=None, repr=False)

    @property
    def history(self) -> History:
        """Its curves, read from the folder when they are first wanted. Raises OSError, ValueError."""
        if self._history is None:
            self._history = read_history(self.folder) if self.folder is not None else History()
        return self._history

    @property
    def can_resume(self) -> bool:
        """Whether there is a state to go on from."""
        return self.folder is not None and (self.folder / "state.npz").exists()

    def to_csv(self, path: str | PathLike | None = None) -> str:
        """The curves as CSV, one row an iteration; written to `path` where one is given. Raises OSError, ValueError."""
        text = csv_of(self.history)
        if path is not None:
            with atomic_write(path, "w", encoding="utf-8", newline="") as file:
                file.write(text)
        return text

    def diff(self, other: Run) -> str:
        """How its texts differ from those of another run, as a unified diff."""
        parts = [("net", other.net_text, self.net_text), ("solver", other.solver_text, self.solver_text)]
        lines: list[str] = []
        for what, theirs, mine in parts:
            names = f"{other.name}: {what}", f"{self.name}: {what}"
            lines += unified_diff(theirs.splitlines(), mine.splitlines(), *names, lineterm="", n=2)
        return "\n".join(lines)

    def save(self) -> None:
        """Write all but its state into its folder, if it has one. Raises OSError."""
        if self.folder is not None:
            about = {"name": self.name, "notes": self.notes, "begun": self.begun, "iteration": self.iteration}
            write_run(self.folder, about, self.history, {"net": self.net_text, "solver": self.solver_text})

    @classmethod
    def load(cls, folder: Path) -> Run:
        """A run from its folder, without its curves. Raises OSError, ValueError."""
        about = read_about(folder)
        texts = {}
        for what in ("net", "solver"):
            path = folder / f"{what}.prototxt"
            texts[what] = path.read_text(encoding="utf-8") if path.exists() else ""
        iteration = about.get("iteration", 0)
        run = cls(folder.name, str(about.get("notes", "")), str(about.get("begun", "")), folder)
        run.net_text, run.solver_text = texts["net"], texts["solver"]
        run.iteration = iteration if isinstance(iteration, int) else 0
        return run


class Runs:
    """The runs of a session, earlier ones first, by name or number; `present` is the one under way, or None.

    They are saved in `folder`, beside the solver's file, by a thread of their own: when the session rests, and twice a
    minute while it does not. Without a folder they stay in memory. `problem` says why the last saving failed.
    `changed()` is called when a run comes, goes or has another name.
    """

    def __init__(self, live: LiveNet, history: Callable[[], History], is_between: Callable[[], bool]):
        self._live, self._get_history, self._is_between = live, history, is_between
        solver = live.solver_document
        self.folder = Path(solver.path).parent / PLACE if solver is not None and solver.path else None
        self.problem = ""
        self.changed: Callable[[], object] = lambda: None
        self.present: Run | None = None
        self._lock = threading.RLock()
        self._runs = self._found()
        self._courier = Courier(REST, "session runs")
        self._saved: tuple[Run, int] | None = None  # the run that was saved last, and its iteration then
        self._saved_at, self._cost = -float("inf"), 0.0  # when that was, and the seconds it took

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs))

    def __getitem__(self, which: str | int) -> Run:
        """A run by name or number. Raises KeyError, IndexError."""
        if isinstance(which, int):
            return self._runs[which]
        found = next((run for run in self if run.name == which), None)
        if found is None:
            raise KeyError(f"there is no run {which!r}")
        return found

    @property
    def names(self) -> list[str]:
        """Those of all runs, in their order."""
        return [run.name for run in self]

    def rename(self, which: str | int, name: str) -> None:
        """Give a run another name, its folder too. Raises ValueError for a name that is taken or cannot be, OSError."""
        name = check_name(name)
        with self._lock:
            run = self[which]
            if name == run.name:
                return
            if name in self.names or (self.folder is not None and (self.folder / name).exists()):
                raise ValueError(f"there is a run {name!r} already")
            if run.folder is not None and run.folder.exists():
                run.folder.rename(run.folder.parent / name)
            run.name, run.folder = name, run.folder and run.folder.parent / name
            run.save()
        self.changed()

    def note(self, which: str | int, notes: str) -> None:
        """Write notes to a run. Raises OSError."""
        with self._lock:
            self[which].notes = notes
            self[which].save()
        self.changed()

    def remove(self, which: str | int) -> None:
        """Delete an earlier run with its folder. Raises ValueError for the present one, OSError."""
        with self._lock:
            run = self[which]
            if run is self.present:
                raise ValueError("the run under way cannot be removed")
            if run.folder is not None:
                shutil.rmtree(run.folder, ignore_errors=False)
            self._runs.remove(run)
        self.changed()

    # What the session tells

    def went_on(self) -> None:
        """Iterations were made."""
        if self.present is None:
            self._begin()
        if monotonic() - self._saved_at >= EVERY:
            self.save_soon()

    def rested(self) -> None:
        """The session rests: a good time to save."""
        self.save_soon()

    def end(self) -> None:
        """The present run is over, with the curves and the state of now; the next iteration begins another."""
        with self._lock:
            run, self.present = self.present, None
            if run is None:
                return
            state = self._state() if run.folder is not None and self._saved != (run, self._iteration()) else None
            self._take(run, self._get_history().copy())
        self._courier.post(lambda: self._try(lambda: self._write(run, state)))
        self.changed()

    def branch(self, history: History, at: int) -> None:
        """The run goes another way from an iteration on: the way that is left becomes a run, if it was a long one."""
        with self._lock:
            if self.present is None or len(history) - int(np.searchsorted(history.iterations, at)) < WORTH:
                return
            left = Run(self._free_name(), f"the way that {self.present.name} left", self.present.begun)
            left.folder = self.folder / left.name if self.folder is not None else None
            self._take(left, history.copy())
            self._runs.insert(self._runs.index(self.present), left)
        self._courier.post(lambda: self._try(left.save))
        self.changed()

    def resume(self, run: Run, solver: Solver) -> History:
        """Put a solver where a run ended, which is the present one from now on; returns its curves.

        Raises OSError, or ValueError where it has no state, is damaged or is that of another net; nothing is changed
        then.
        """
        if run.folder is None:
            raise ValueError(f"{run.name} was not saved")
        checkpoint, arrays = read_state(run.folder)
        history = run.history.copy()
        history.truncate(checkpoint.iteration)
        checkpoint.check(solver, arrays)
        if self.present is not run:
            self.end()
            self.present = run
        checkpoint.put_back(solver, arrays)
        self.changed()
        return history

    def save_soon(self) -> None:
        """Save the present run shortly, on a thread of its own, in a twentieth of its time at most."""
        self._courier.post_latest("save", self._save_in_time)

    def _save_in_time(self) -> None:
        if monotonic() - self._saved_at < 20 * self._cost:
            self.save_soon()
        else:
            self._try(self.save)

    def save(self) -> None:
        """Save the present run, with the state of the solver where it stands between two iterations. Raises OSError."""
        begun = monotonic()
        with self._live.turns, self._lock:
            run, iteration = self.present, self._iteration()
            if run is None or run.folder is None or self._saved == (run, iteration):
                return
            state = self._state()
            self._take(run, self._get_history().copy())
        self._write(run, state)
        self._saved = (run, iteration) if state is not None else None
        self.problem = ""
        self._saved_at = monotonic()
        self._cost = self._saved_at - begun

    def close(self) -> None:
        """Save the present run, and end the thread."""
        self._courier.post(lambda: self._try(self.save))
        self._courier.drain(10)
        self._courier.close()

    def _iteration(self) -> int:
        return self._live.solver.iter if self._live.solver is not None else 0

    def _state(self) -> tuple[Checkpoint, list[np.ndarray]] | None:
        """The state of the solver, None in the midst of an iteration. Others must not touch it meanwhile."""
        solver = self._live.solver
        return (Checkpoint.of(solver), arrays_of(solver)) if solver is not None and self._is_between() else None

    def _write(self, run: Run, state: tuple[Checkpoint, list[np.ndarray]] | None) -> None:
        with self._lock:
            run.save()
            if state is not None and run.folder is not None:
                write_state(run.folder, *state)
                self._prune(run)

    def _prune(self, latest: Run) -> None:
        """Remove the states of the oldest runs, but for the latest, where all together take more than STATES."""
        files = [run.folder / "state.npz" for run in self._runs if run.folder is not None and run is not latest]
        sizes = {file: file.stat().st_size for file in files if file.exists()}
        total = sum(sizes.values())
        for file, size in sizes.items():
            if total <= STATES:
                return
            file.unlink(missing_ok=True)
            total -= size

    def _begin(self) -> None:
        with self._lock:
            name = self._free_name()
            folder = self.folder / name if self.folder is not None else None
            self.present = Run(name, begun=datetime.now().isoformat(timespec="milliseconds"), folder=folder)
            self._take(self.present, None)
            self._runs.append(self.present)
            self._saved_at = monotonic()
        self.changed()

    def _take(self, run: Run, history: History | None) -> None:
        """Bring a run up to the texts and curves of now."""
        net, solver = self._live.built or (self._live.document, self._live.solver_document)
        run.net_text, run.solver_text = net.text, solver.text if solver is not None else ""
        if history is not None:
            run._history = history
            run.iteration = int(history.iterations[-1]) + 1 if len(history) else 0

    def _free_name(self) -> str:
        number = len(self._runs) + 1
        taken = set(self.names)
        while f"run {number}" in taken or (self.folder is not None and (self.folder / f"run {number}").exists()):
            number += 1
        return f"run {number}"

    def _found(self) -> list[Run]:
        """The runs in the folder, in the order of their beginning; those that are damaged are passed over."""
        found = []
        if self.folder is not None and self.folder.is_dir():
            for each in sorted(self.folder.iterdir()):
                try:
                    found.append(Run.load(each))
                except (OSError, ValueError):
                    continue
        return sorted(found, key=lambda run: run.begun)

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except OSError as error:
            self.problem = f"the run could not be saved: {error}"
