"""Run files. A run of a session in a folder: plain CSV and JSON, the texts, and the state to go on from.

run.json        name, notes, when it began, the iteration reached, marks
loss.csv        iteration, loss, smoothed, rate
tests.csv       iteration, net, output, value
net.prototxt, solver.prototxt
state.npz       the arrays of a `Checkpoint`, and its numbers as JSON
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ...engine.atomic import atomic_path, atomic_write
from ...engine.checkpoint import Checkpoint
from ..history import POINT, TEST_POINT, History, Mark, Table

LONGEST = 100  # characters of a run's name
TRAIN_COLUMNS = ("iteration", "loss", "smoothed", "rate")
TEST_COLUMNS = ("iteration", "net", "output", "value")


def check_name(name: str) -> str:
    """A name that can be a folder's, without blanks around it. Raises ValueError for any other."""
    name = name.strip()
    if not name or len(name) > LONGEST or name.startswith(".") or re.search(r'[\x00-\x1f\x7f/\\:*?"<>|]', name):
        raise ValueError(f"{name[:LONGEST]!r} is no name for a run: it names a folder, too")
    return name


def csv_of(history: History) -> str:
    """The curves as CSV, one row an iteration: iteration, loss, smoothed, rate, then the outputs of tests there."""
    tests = {
        f"test {net}: {name}" if net else f"test {name}": dict(table.rows.tolist())
        for (net, name), table in history.tests.items()
    }
    rows = {int(row["iteration"]): [repr(float(row[name])) for name in TRAIN_COLUMNS[1:]] for row in history.train.rows}
    iterations = sorted({*rows, *(iteration for values in tests.values() for iteration in values)})
    text = StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow([*TRAIN_COLUMNS, *tests])
    for iteration in iterations:
        found = [repr(values[iteration]) if iteration in values else "" for values in tests.values()]
        out.writerow([iteration, *rows.get(iteration, ["", "", ""]), *found])
    return text.getvalue()


def write_run(folder: Path, about: dict[str, Any], history: History, texts: dict[str, str]) -> None:
    """Write all of a run but its state. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    loss = ([int(row[0]), *(repr(float(value)) for value in row.tolist()[1:])] for row in history.train.rows)
    _write_table(folder / "loss.csv", TRAIN_COLUMNS, loss)
    tests = (
        [int(iteration), net, name, repr(float(value))]
        for (net, name), table in history.tests.items()
        for iteration, value in table.rows.tolist()
    )
    _write_table(folder / "tests.csv", TEST_COLUMNS, tests)
    for name, text in texts.items():
        with atomic_write(folder / f"{name}.prototxt", "w", encoding="utf-8", newline="") as file:
            file.write(text)
    marks = [[mark.iteration, mark.text] for mark in history.marks]
    with atomic_write(folder / "run.json", "w", encoding="utf-8") as file:
        json.dump(about | {"marks": marks}, file, indent=1)


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with atomic_write(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        out.writerows(rows)


def write_state(folder: Path, checkpoint: Checkpoint, arrays: Sequence[np.ndarray]) -> None:
    """Write the state to go on from. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = np.frombuffer(json.dumps(checkpoint.as_json()).encode(), np.uint8)
    with atomic_path(folder / "state.npz") as path, path.open("wb") as file:
        named: dict[str, Any] = {f"array{i}": array for i, array in enumerate(arrays)}
        np.savez(file, numbers=numbers, **named)


def read_state(folder: Path) -> tuple[Checkpoint, list[np.ndarray]]:
    """The state to go on from. Raises OSError where there is none, ValueError where it is damaged."""
    path = folder / "state.npz"
    try:
        with np.load(path, allow_pickle=False) as found:
            checkpoint = Checkpoint.from_json(json.loads(found["numbers"].tobytes()))
            return checkpoint, [found[f"array{i}"] for i in range(len(found.files) - 1)]
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path}: {error}") from None


def read_about(folder: Path) -> dict[str, Any]:
    """What run.json says. Raises OSError, or ValueError where it is damaged."""
    with (folder / "run.json").open(encoding="utf-8") as file:
        found = json.load(file)
    if not isinstance(found, dict):
        raise ValueError(f"{folder / 'run.json'}: expected an object")
    return found


def read_history(folder: Path) -> History:
    """The curves. Raises OSError, or ValueError where they are damaged."""
    history = History()
    try:
        history.train = Table.of(np.array([tuple(row) for row in _rows(folder / "loss.csv", 4)], POINT))
        tests: dict[tuple[int, str], list[Any]] = {}
        for iteration, net, name, value in _rows(folder / "tests.csv", 4):
            tests.setdefault((int(net), name), []).append((int(iteration), float(value)))
        history.tests = {key: Table.of(np.array(rows, TEST_POINT)) for key, rows in tests.items()}
        marks = read_about(folder).get("marks", [])
        history.marks = tuple(Mark(int(iteration), str(text)) for iteration, text in marks)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{folder}: the curves of this run are damaged: {error}") from None
    return history


def _rows(path: Path, count: int) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    if any(len(row) != count for row in rows):
        raise ValueError(f"{path.name}: expected {count} values in each row")
    return rows
