"""Images from an LMDB to a net's input on one core, and what a solver that plays beside it loses: run as a script.

    python tests/benchmarks/data.py [--rounds N] [--seconds S]

A thread fills batches with a Data layer's own reader, as the thread that prefetches does: rows of the database, parsed,
cropped, mirrored, centred, scaled. Two ways, in turn: compiled in one pass, and through protobuf messages and NumPy.
Alone it runs as fast as it can. Beside a solver (LeNet, batch 64, its batch in memory) it does so once more, and once
at a given rate; the time of an iteration is set against that of the same solver alone, in rounds of all of them. Where
cores are scarce the solver loses to anything that runs beside it: so there is a third thread, which keeps a core busy
and never asks for Python's lock. What the solver waited for a core that others had is taken off, where the system tells
of that; what is left of its time when it was on no core is, in the main, spent in waiting for the lock.
"""

from __future__ import annotations

import argparse
import os

for _name in ("BREWBENCH", "OPENBLAS", "OMP", "NUMBA", "MKL"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")

import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager, nullcontext  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import partial  # noqa: E402
from hashlib import pbkdf2_hmac  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import mean, median  # noqa: E402
from tempfile import TemporaryDirectory  # noqa: E402
from time import perf_counter, sleep, thread_time  # noqa: E402
from typing import BinaryIO  # noqa: E402
from unittest.mock import patch  # noqa: E402

import numpy as np  # noqa: E402

from brewbench.engine import Net, Solver, get_solver  # noqa: E402
from brewbench.engine.data import transform  # noqa: E402
from brewbench.engine.data.database import write_lmdb  # noqa: E402
from brewbench.engine.data.datum import to_datum  # noqa: E402
from brewbench.engine.layers.data._prefetching import Batch, Reader  # noqa: E402
from brewbench.proto import Document  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from cpu_nets import SOLVER, WORKLOADS, draw_inputs, draw_weights  # noqa: E402

LAYER = """layer {{ name: "data" type: "Data" top: "data" top: "label" transform_param {{ {settings} }}
  data_param {{ source: "{source}" batch_size: {batch} backend: LMDB }} }}"""
WAYS = ("compiled", "protobuf and NumPy")


@dataclass(frozen=True)
class Case:
    """Rows of one shape, what is done to them, and the images a second that are asked for beside a solver."""

    shape: tuple[int, int, int]
    rows: int
    batch: int
    settings: str
    rate: int

    def column(self, what: str, index: int) -> list[float]:
        return [one[index] for one in self.times[what]]

    def __str__(self) -> str:
        return " x ".join(map(str, self.shape))


CASES = (
    Case((1, 28, 28), 6000, 64, "scale: 0.00390625", 200_000),
    Case((3, 256, 256), 600, 32, "crop_size: 227 mirror: true mean_value: [104, 117, 123]", 3_500),
)


class Loader:
    """Fills batches one after the other; `images` and `seconds` (of the core) count what is done."""

    def __init__(self, case: Case, folder: Path):
        text = LAYER.format(settings=case.settings, source=folder / str(case), batch=case.batch)
        self.net = Net(Document.parse(text, "net"), 0, seed=1)
        self.batch = Batch.of(self.net.blobs["data"].shape, np.float32)
        made: Reader = self.net.layers[0].reader(0, 0, 1)  # pyright: ignore[reportAttributeAccessIssue]
        self.reader, self.rate = made, case.rate
        self.images, self.seconds = 0, 0.0

    def fill(self, stop: Callable[[], bool], paced: bool = False) -> None:
        """As fast as it goes, or as `paced`, some batches ahead and then at rest, until told to stop."""
        start, begin = perf_counter(), thread_time()
        self.images = 0
        while not stop():
            self.reader.fill(self.batch)
            self.images += len(self.batch.labels)
            ahead = start + self.images / self.rate - perf_counter()
            if paced and ahead > 0.01:
                sleep(ahead)
        self.seconds = thread_time() - begin


@contextmanager
def by(way: str) -> Iterator[None]:
    """Let rows be read one way."""
    if way == WAYS[0]:
        yield
    else:
        with patch.object(transform, "_compiled", lambda: None):
            yield


def write_rows(case: Case, folder: Path) -> None:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (50, *case.shape), np.uint8)
    rows = ((b"%08d" % k, to_datum(images[k % 50], k % 10).SerializeToString()) for k in range(case.rows))
    write_lmdb(folder / str(case), rows)


def playing() -> Solver:
    work = WORKLOADS["LeNet t64"]
    solver = get_solver(Document.parse(SOLVER.replace('net: "net.prototxt"', ""), "solver"), work.message())
    draw_weights(solver.net)
    for name, values in draw_inputs(solver.net).items():
        solver.net.blobs[name].data = values
    return solver


def iterations(solver: Solver, seconds: float) -> list[tuple[float, float]]:
    """The times of a solver's iterations, less what it waited for a core, and how much of each it was on none."""
    times, stop = [], perf_counter() + seconds
    file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    with open(file, "rb", buffering=0) if file.exists() else nullcontext() as told:
        while (start := perf_counter()) < stop:
            before, worked = waited(told), thread_time()
            solver.iterate()
            time = perf_counter() - start - (waited(told) - before)
            times.append((time, time - (thread_time() - worked)))
    return times


def waited(told: BinaryIO | None) -> float:
    """How long this thread has waited for a core in all."""
    return int(os.pread(told.fileno(), 100, 0).split()[1]) / 1e9 if told else 0.0


def alone(loader: Loader, seconds: float) -> tuple[float, float]:
    """Images a second: by the clock, and of the core's time."""
    stop = perf_counter() + seconds
    loader.fill(lambda: perf_counter() > stop)
    return loader.images / seconds, loader.images / loader.seconds


def beside(
    work: Callable[[Callable[[], bool]], None], solver: Solver, seconds: float
) -> tuple[list[tuple[float, float]], float]:
    """The solver's iterations while a thread works, and for how long it did."""
    done = threading.Event()
    thread = threading.Thread(target=work, args=(done.is_set,))
    start = perf_counter()
    thread.start()
    found = iterations(solver, seconds)
    done.set()
    thread.join()
    return found, perf_counter() - start


def burn(stop: Callable[[], bool]) -> None:
    """Keep a core busy without Python's lock."""
    while not stop():
        pbkdf2_hmac("sha256", b"nothing", b"at all", 20_000)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7, metavar="N", help="7 if not given")
    options.add_argument("--seconds", type=float, default=0.5, metavar="S", help="of each turn; 0.5 if not given")
    given = options.parse_args()
    print("images a second, the median; the solver's time, the median, that of the same solver alone being 1, and how")
    print("much of it is on no core: beside the reader as fast as it goes, the reader at its pace, and the busy thread")
    print(f"{'':34}{'alone':>12}{'of a core':>12}{'beside':>12}{'solver':>20}{'paced':>12}{'solver':>20}{'busy':>20}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        solver = playing()
        for case in CASES:
            write_rows(case, folder)
            loader = Loader(case, folder)
            found = {way: Found() for way in WAYS}
            for way in WAYS:
                with by(way):
                    loader.fill(partial(next, iter((False, True))))
            for _ in range(given.rounds):
                for way in WAYS:
                    with by(way):
                        found[way].add(loader, solver, given.seconds)
            for way in WAYS:
                print(f"{str(case):15}{way:19}{found[way]}", flush=True)
        solver.close()


class Found:
    """Rates, by round, and the times of the iterations that were done alone and beside something."""

    def __init__(self) -> None:
        self.rates: list[tuple[float, ...]] = []
        self.times: dict[str, list[tuple[float, float]]] = {what: [] for what in ("alone", "flat", "paced", "busy")}

    def add(self, loader: Loader, solver: Solver, seconds: float) -> None:
        """One more round."""
        rates = list(alone(loader, seconds))
        for what in ("alone", "flat", "alone", "busy", "alone", "paced"):
            if what == "alone":
                self.times[what] += iterations(solver, seconds / 2)
                continue
            work = burn if what == "busy" else partial(loader.fill, paced=what == "paced")
            times, lasted = beside(work, solver, seconds)
            self.times[what] += times
            rates.append(loader.images / lasted)
        self.rates.append((*rates[:3], rates[4]))

    def column(self, what: str, index: int) -> list[float]:
        return [one[index] for one in self.times[what]]

    def __str__(self) -> str:
        rates = [median(column) for column in zip(*self.rates, strict=True)]
        cells = [f"{rate:12,.0f}" for rate in rates[:3]]
        base = self.column("alone", 0)
        for what in ("flat", "paced", "busy"):
            cells += [f"{rates[3]:12,.0f}"] if what == "paced" else []
            cells += [
                f"{median(self.column(what, 0)) / median(base):10.3f}{mean(self.column(what, 1)) / mean(base):10.1%}"
            ]
        return "".join(cells)


if __name__ == "__main__":
    main()
