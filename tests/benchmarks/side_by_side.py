"""Two processes on the same cores, as two notebooks have them, beside two that have half the cores each.

    python tests/benchmarks/side_by_side.py                     # some workloads of cpu.py
    python tests/benchmarks/side_by_side.py --only "LeNet t64" --seconds 5 --rounds 5
    python tests/benchmarks/side_by_side.py --load 8            # and beside so many processes that only compute

`alone` is one process on all cores, `halves` two processes, each on its half of the cores and with as many threads,
`together` two processes on all cores, each with the number of threads it chooses itself. The times are those of a step,
the mean over all the steps of a round; each round has all three. Where threads wait by spinning, or a step waits for a
thread that the system does not run, `together` is many times `halves`; at best it is the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cpu import environment, prepare  # noqa: E402
from cpu_nets import WORKLOADS  # noqa: E402

DEFAULT = ("LeNet f64", "LeNet t64", "SqueezeNet f1", "CIFAR-quick t100")
BURN = "while True: pass"


class Process:
    """A workload in a process on some cores, with a thread for each core that it may use."""

    def __init__(self, name: str, folder: Path, cores: Sequence[int]):
        env = {key: value for key, value in environment("", 1).items() if not key.endswith("_NUM_THREADS")}
        words = [sys.executable, str(HERE / "side_by_side.py"), "--worker", name, str(folder)]
        words += [",".join(map(str, cores))]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.begin(0)
        self.end()

    def begin(self, seconds: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()

    def end(self) -> float:
        """Milliseconds of a step. Raises RuntimeError where the process is gone."""
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a worker ended with status {self.process.wait()}")
        return float(answer) * 1e3

    def close(self) -> None:
        self.process.communicate()


def serve(name: str, folder: str, cores: str) -> None:
    """Make steps for as many seconds as are asked for, and tell how long one took in the mean."""
    from cpu_worker import make

    os.sched_setaffinity(0, map(int, cores.split(",")))
    engine = make("brewbench", Path(folder), WORKLOADS[name], 0)
    for _ in range(5):
        engine.step()
    for line in sys.stdin:
        start, steps = perf_counter(), 0
        while not steps or perf_counter() - start < float(line):
            engine.step()
            steps += 1
        print((perf_counter() - start) / steps, flush=True)


def measured(processes: Sequence[Process], seconds: float) -> float:
    """The mean milliseconds of a step of processes that run at the same time."""
    for process in processes:
        process.begin(seconds)
    return sum([process.end() for process in processes]) / len(processes)


def compare(name: str, cores: Sequence[int], seconds: float, rounds: int) -> list[str]:
    """A row of the table."""
    half = len(cores) // 2
    with tempfile.TemporaryDirectory() as folder:
        prepare(WORKLOADS[name], Path(folder))
        whole = [Process(name, Path(folder), cores) for _ in range(2)]
        halves = [Process(name, Path(folder), part) for part in (cores[:half], cores[half : 2 * half])]
        kinds = {"alone": whole[:1], "halves": halves, "together": whole}
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, processes in kinds.items():
                times[kind].append(measured(processes, seconds))
        for process in (*whole, *halves):
            process.close()
    ratios = [both / part for both, part in zip(times["together"], times["halves"], strict=True)]
    return [name, *(f"{median(values):.2f}" for values in times.values()), f"{median(ratios):.2f}"]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a measurement (2)")
    parser.add_argument("--rounds", type=int, default=5, help="of measurements (5)")
    parser.add_argument("--load", type=int, default=0, help="processes that compute besides (0)")
    args = parser.parse_args(words)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("there is one core, which has no halves")
    print(f"{len(cores)} cores, {args.load} other processes; milliseconds of a step\n")
    print("| | alone | halves | together | together / halves |\n|---|---:|---:|---:|---:|")
    others = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(args.load)]
    try:
        for name in args.only or DEFAULT:
            print("| " + " | ".join(compare(name, cores, args.seconds, args.rounds)) + " |", flush=True)
    finally:
        for other in others:
            other.kill()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        serve(*sys.argv[2:])
    else:
        main()
