"""Images from an LMDB to a net's input on one core, and what a solver that plays beside it loses: run as a script.

    python tests/benchmarks/data.py [--rounds N] [--seconds S]

A thread fills batches with a Data layer's own reader, as the thread that prefetches does: rows of the database, parsed,
cropped, mirrored, centred, scaled. Two ways, in turn: compiled in one pass, and through protobuf messages and NumPy.
Alone it runs as fast as it can. Beside a solver (LeNet, batch 64, its batch in memory) it does so once more, and once
at a given rate; the time of an iteration is set against that of the same solver alone, in rounds of all of them. Where
cores are scarce the solver loses to anything that runs beside it: so the first is also set against the solver beside a
thread that is as busy and never asks for Python's lock.
"""

from __future__ import annotations

import argparse
import os

for _name in ("BREWBENCH", "OPENBLAS", "OMP", "NUMBA", "MKL"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")

import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import partial  # noqa: E402
from hashlib import pbkdf2_hmac  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402
from tempfile import TemporaryDirectory  # noqa: E402
from time import perf_counter, sleep, thread_time  # noqa: E402
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
        """As fast as it goes, or as `paced`, until told to stop."""
        start, begin = perf_counter(), thread_time()
        self.images = 0
        while not stop():
            self.reader.fill(self.batch)
            self.images += len(self.batch.labels)
            ahead = start + self.images / self.rate - perf_counter()
            if paced and ahead > 0:
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


def iterations(solver: Solver, seconds: float) -> float:
    """The mean time of an iteration."""
    times, stop = [], perf_counter() + seconds
    while perf_counter() < stop:
        start = perf_counter()
        solver.iterate()
        times.append(perf_counter() - start)
    return sum(times) / len(times)


def alone(loader: Loader, seconds: float) -> tuple[float, float]:
    """Images a second: by the clock, and of the core's time."""
    stop = perf_counter() + seconds
    loader.fill(lambda: perf_counter() > stop)
    return loader.images / seconds, loader.images / loader.seconds


def beside(work: Callable[[Callable[[], bool]], None], solver: Solver, seconds: float) -> tuple[float, float]:
    """The time of an iteration while a thread works, and for how long it did."""
    done = threading.Event()
    thread = threading.Thread(target=work, args=(done.is_set,))
    start = perf_counter()
    thread.start()
    time = iterations(solver, seconds)
    done.set()
    thread.join()
    return time, perf_counter() - start


def burn(stop: Callable[[], bool]) -> None:
    """Keep a core busy without Python's lock."""
    while not stop():
        pbkdf2_hmac("sha256", b"nothing", b"at all", 20_000)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7, metavar="N", help="7 if not given")
    options.add_argument("--seconds", type=float, default=0.5, metavar="S", help="of each turn; 0.5 if not given")
    given = options.parse_args()
    seconds = given.seconds
    print("images a second, medians; the solver's time is that of the same solver alone in the same round, as 1")
    heads = ("alone", "of a core", "beside", "solver", "(busy)", "paced", "solver")
    print(f"{'':34}" + "".join(f"{head:>11}" for head in heads))
    with TemporaryDirectory() as name:
        folder = Path(name)
        solver = playing()
        for case in CASES:
            write_rows(case, folder)
            loader = Loader(case, folder)
            found: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
            for number in range(given.rounds + 1):
                for way in WAYS:
                    with by(way):
                        rates = alone(loader, seconds)
                        before = iterations(solver, seconds)
                        flat, time = beside(loader.fill, solver, seconds)
                        flat_rate = loader.images / time
                        busy, _ = beside(burn, solver, seconds)
                        between = iterations(solver, seconds)
                        paced, time = beside(partial(loader.fill, paced=True), solver, seconds)
                        after = iterations(solver, seconds)
                    if number:
                        slow = 2 * flat / (before + between), flat / busy, 2 * paced / (between + after)
                        found[way].append((*rates, flat_rate, *slow[:2], loader.images / time, slow[2]))
            for way in WAYS:
                cells = [median(column) for column in zip(*found[way], strict=True)]
                told = "".join(f"{cell:11,.0f}" if cell > 100 else f"{cell:11.3f}" for cell in cells)
                print(f"{str(case):15}{way:19}{told}", flush=True)
        solver.close()


if __name__ == "__main__":
    main()
