"""Brewbench on the CPU beside PyTorch, ONNX Runtime, OpenCV, JAX and Caffe: the same nets, weights and inputs.

    pip install -e . torch onnx onnxruntime "opencv-python-headless<5" jax
    python tests/benchmarks/cpu.py                     # all workloads against whatever of these is installed
    python tests/benchmarks/cpu.py --only "LeNet t64" --against torch --threads 1 --quick
    python tests/benchmarks/cpu.py --layers "CaffeNet t16"
    python tests/benchmarks/cpu.py --write             # also puts the tables into the README

OpenCV reads Caffe's files before its version 5, and ONNX since. A `caffe` program is used when it is on the PATH.

`f` is forward, from an array to an array; `t` is forward, backward and the update of SGD with momentum and decay, on a
batch that is already there. Each engine runs in a process of its own and takes its turn, round by round, so that a
machine that slows down does so for all. Before any time is taken the outputs are compared, in training the losses and
how far each weight went after a few steps: an engine that computes something else is not measured.

Floors: the products of a workload at the rate of the largest matrix product, by NumPy's or PyTorch's BLAS, and the
bytes it cannot do without at the rate of a copy, both measured in the same run. They are yardsticks, not limits: what
stays in a cache is not bound by the copy.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from brewbench.engine import Net
from brewbench.engine.atomic import atomic_write

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cpu_nets import SOLVER, WORKLOADS, Workload, cost, draw_inputs, draw_weights  # noqa: E402

README = HERE.parents[1] / "README.md"
BEGIN, END = "<!-- cpu.py begins -->", "<!-- cpu.py ends -->"
OURS = "brewbench"
PEERS = {  # in the order of the table: what it is called there, and the module that must be installed
    "torch": ("PyTorch", "torch"),
    "torch_nhwc": ("PyTorch channels_last", "torch"),
    "onnxruntime": ("ONNX Runtime", "onnxruntime"),
    "opencv": ("OpenCV dnn", "cv2"),
    "jax": ("JAX", "jax"),
    "caffe": ("Caffe", ""),
    "reference": ("own NumPy engine", "numpy"),
}
TOLERANCE = {"output": 1e-3, "losses": 1e-3, "moved": 3e-2}  # relative to the largest value
PAUSE = 0.2  # seconds in which the threads of whoever was measured before fall asleep


class Worker:
    """An engine in a process of its own."""

    def __init__(self, peer: str, work: str, threads: int, folder: Path):
        words = [sys.executable, str(HERE / "cpu_worker.py"), peer, work, str(threads), str(folder)]
        if shutil.which("taskset"):  # all on the same cores: on a shared machine some may be slower for long
            words = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:threads])), *words]
        self.log = (folder / f"{peer}.log").open("w")
        pipe, env = subprocess.PIPE, environment(peer, threads)
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=self.log, text=True, env=env)
        self.version = self.receive()["version"]

    def receive(self) -> dict[str, Any]:
        """The answer. Raises RuntimeError when the worker could not do it, or is gone."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"ended with status {self.process.wait()}"}
        if "error" in answer:
            self.close()
            raise RuntimeError(answer["error"])
        return answer

    def ask(self, *order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.receive()

    def close(self) -> None:
        self.process.communicate()  # the end of its input is the end of its work
        self.log.close()


def environment(peer: str, threads: int) -> dict[str, str]:
    names = ("BREWBENCH", "OMP", "OPENBLAS", "MKL", "NUMBA")
    found = os.environ | {f"{name}_NUM_THREADS": str(threads) for name in names}
    found["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    if peer == "reference":
        found["BREWBENCH_CPU"] = "reference"
    return found


def installed(peer: str) -> bool:
    module = PEERS[peer][1]
    return importlib.util.find_spec(module) is not None if module else shutil.which("caffe") is not None


def prepare(work: Workload, folder: Path) -> None:
    """Write what all engines start from: the net, the solver, weights, inputs."""
    (folder / "net.prototxt").write_text(str(work.message()))
    (folder / "solver.prototxt").write_text(SOLVER)
    net = Net(work.message(), 0 if work.training else 1, seed=1)
    draw_weights(net)
    net.save(folder / "weights.caffemodel")
    np.savez(folder / "inputs.npz", **draw_inputs(net))


def difference(folder: Path, peer: str) -> str | None:
    """In what an engine's results differ too much from ours; None when they do not."""
    with np.load(folder / f"{OURS}.npz") as ours, np.load(folder / f"{peer}.npz") as theirs:
        for name in theirs.files:
            if name not in ours.files:
                continue
            a, b = ours[name], theirs[name]
            if a.shape != b.shape:
                return f"{name} has shape {b.shape}, not {a.shape}"
            tolerance = TOLERANCE[name.split()[0]]
            off = np.abs(a - b).max() / max(np.abs(a).max(), 1e-30)
            if not off <= tolerance:
                return f"{name} is off by {off:.2g} of its largest value"
    return None


class Row:
    """One workload at one number of threads."""

    def __init__(self, work: Workload):
        self.work = work
        self.times: dict[str, list[float]] = {}  # of each engine, the least seconds of a step in each round
        self.notes: list[str] = []
        self.floors = (0.0, 0.0)  # seconds, by products and by bytes

    def cells(self, peers: Sequence[str]) -> list[str]:
        ours = self.times.get(OURS)
        if ours is None:
            return [self.work.name, *["-"] * (len(peers) + 5)]
        least, needed = min(ours), cost(self.work)
        theirs = [self.times.get(peer, []) for peer in peers]
        ratios = [[a / b for a, b in zip(ours, found, strict=True)] if found else [] for found in theirs]
        return [
            self.work.name,
            f"{1e3 * least:.2f}",
            *(f"{median(found):.2f} ({min(found):.2f})" if found else "-" for found in ratios),
            f"{needed.gflop:.2f}",
            f"{1e3 * needed.gbyte:.0f}",
            f"{1e3 * self.floors[0]:.2f} / {1e3 * self.floors[1]:.2f}",
            f"{least / max(self.floors):.1f}",
        ]


def run(work: Workload, threads: int, peers: Iterable[str], rounds: int, seconds: float, versions: dict) -> Row:
    """Measure one workload. An engine that fails, or computes something else, is left out with a note."""
    row = Row(work)
    workers: dict[str, Worker] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(work, folder)
        try:
            for peer in (OURS, *peers):
                try:
                    worker = Worker(peer, work.name, threads, folder)
                    worker.ask("compare")
                    if found := difference(folder, peer):
                        worker.close()
                        raise RuntimeError(f"computes something else: {found}")
                except RuntimeError as error:
                    row.notes.append(f"{work.name}, {peer}: {error}")
                    if peer == OURS:
                        return row
                    continue
                workers[peer], versions[peer] = worker, worker.version
            machine = Worker("machine", "", threads, folder)
            rates = [machine.ask("rates", seconds)]
            row.times = {peer: [] for peer in workers}
            for _ in range(rounds):
                for peer, worker in workers.items():
                    time.sleep(PAUSE)
                    row.times[peer].append(worker.ask("measure", seconds)["least"])
            rates.append(machine.ask("rates", seconds))
            machine.close()
            needed = cost(work)
            row.floors = (
                needed.gflop / max(rate["gflops"] for rate in rates),
                needed.gbyte / max(rate["gbytes"] for rate in rates),
            )
        finally:
            for worker in workers.values():
                if worker.process.poll() is None:
                    worker.close()
    return row


def table(rows: Sequence[Row], peers: Sequence[str]) -> list[str]:
    shown = [peer for peer in peers if any(peer in row.times for row in rows)]
    head = ["", "ms", *(PEERS[peer][0] for peer in shown), "GFLOP", "MB", "floors, ms", "times the higher"]
    lines = [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1)]
    return lines + [f"| {' | '.join(row.cells(shown))} |" for row in rows]


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
        return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def report(rows: dict[int, list[Row]], peers: Sequence[str], versions: dict[str, str], rounds: int) -> list[str]:
    named = [f"{PEERS[peer][0]} {versions[peer]}" for peer in peers if peer in versions and peer != "reference"]
    lines = [
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"NumPy {np.__version__}; {', '.join(named)}. The least time of a step in milliseconds; then our time over "
        f"theirs, of the quickest steps in each of {rounds} rounds, below 1 where Brewbench is faster: the median "
        "(the least). `f` forward, `t` forward, backward and update, with the batch size. The floors are the products "
        "at the speed of the largest matrix product and the bytes at that of a copy. By "
        "`python tests/benchmarks/cpu.py --write`."
    ]
    for threads, found in rows.items():
        lines += ["", f"{threads} thread{'s' * (threads > 1)}:", "", *table(found, peers)]
    return lines


def write(lines: Sequence[str], path: Path = README) -> None:
    """Put the tables between the two markers of a file. Raises ValueError where it does not have them."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no lines {BEGIN!r} and {END!r} to put the tables between")
    with atomic_write(path, "w", encoding="utf-8") as file:
        file.write("\n".join([before + begin, "", *lines, "", end + after]))


def chosen(words: Sequence[str]) -> list[Workload]:
    """The workloads whose names begin with one of the words. Raises ValueError for a word with which none begins."""
    found = []
    for word in words or [""]:
        these = [work for name, work in WORKLOADS.items() if name.lower().startswith(word.lower())]
        if not these:
            raise ValueError(f"there is no workload {word!r}; there are {', '.join(WORKLOADS)}")
        found += [work for work in these if work not in found]
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="+", metavar="NAME", default=[], help="workloads whose names begin so")
    options.add_argument("--threads", nargs="+", type=int, metavar="N", default=[1, 2], help="1 2 if not given")
    options.add_argument("--rounds", type=int, metavar="N", default=9, help="turns of every engine; 9 if not given")
    options.add_argument("--against", nargs="+", choices=PEERS, help="all that are installed if not given")
    options.add_argument("--quick", action="store_true", help="three short rounds")
    options.add_argument("--write", action="store_true", help="put the tables into the README")
    options.add_argument("--layers", metavar="NAME", help="print where the time goes in one workload, beside PyTorch")
    given = options.parse_args()
    try:
        works = chosen([given.layers] if given.layers else given.only)
    except ValueError as error:
        options.error(str(error))
    if given.layers:
        for threads in given.threads:
            words = [sys.executable, str(HERE / "cpu_layers.py"), works[0].name, str(threads)]
            subprocess.run(words, check=True, env=environment(OURS, threads))
        return
    asked = given.against or [peer for peer in PEERS if installed(peer)]
    peers = [peer for peer in PEERS if peer in asked]
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        print(f"others compute here too (load {os.getloadavg()[0]:.1f}): these times will say little", file=sys.stderr)
    rounds, seconds = (3, 0.15) if given.quick else (given.rounds, 0.4)
    rows: dict[int, list[Row]] = {threads: [] for threads in given.threads}
    versions: dict[str, str] = {}
    notes: list[str] = []
    for work in works:
        for threads in given.threads:
            row = run(work, threads, peers, rounds, seconds, versions)
            rows[threads].append(row)
            shown = [peer for peer in peers if peer in row.times]
            cells = row.cells(shown)
            told = [f"{PEERS[peer][0]} {cell}" for peer, cell in zip(shown, cells[2:], strict=False)]
            print(f"{work.name}, {threads}: {cells[1]} ms, {cells[-1]} x floor; {'; '.join(told)}", flush=True)
            notes += [note for note in row.notes if "does not train" not in note]
    lines = report(rows, peers, versions, rounds)
    print("", *lines, sep="\n")
    if notes:
        print("", "Left out:", *dict.fromkeys(notes), sep="\n")
    if given.write:
        write(lines)


if __name__ == "__main__":
    main()
