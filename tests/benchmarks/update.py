"""Bandwidth of a solver's update over a big net's parameters beside that of a copy: run as a script."""

from __future__ import annotations

import argparse
from time import thread_time

import numpy as np

from brewbench.engine import ops, threads
from brewbench.engine.context import Context
from brewbench.engine.memory import HOST, WRITE, Arena, Memory
from brewbench.engine.ops.update import Rates, Segment
from brewbench.engine.solver import SOLVERS, Solver
from brewbench.engine.solvers import adadelta, adagrad, adam, nesterov, rmsprop, sgd  # noqa: F401

RATES = Rates(rate=0.01, momentum=0.9, momentum2=0.999, rms_decay=0.98, delta=1e-8)


def best(run, clock, repeats: int) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(clock() - start)
    return min(times)


def filled(count: int, value: float) -> Arena:
    arena = Arena([Memory(count)])
    arena.on(HOST, WRITE)[:] = value
    return arena


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=61_000_000, help="parameters (AlexNet's, unless told otherwise)")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--repeats", type=int, default=10)
    given = options.parse_args()
    threads.set_threads(given.threads)
    if given.threads == 1:
        clock = thread_time  # leaves out what other processes take
    else:
        from time import perf_counter as clock
    w, g, h, u = (filled(given.count, value) for value in (1.0, 0.1, 0.0, 0.0))
    segments = [Segment(0, given.count // 2, 1.0, 1.0), Segment(given.count // 2, given.count, 2.0, 0.0)]
    source, target = w.on(HOST), h.on(HOST, WRITE)
    seconds = best(lambda: np.copyto(target, source), clock, given.repeats)
    copy = 2 * source.nbytes / seconds
    print(f"{'copy':12} {1e3 * seconds:8.1f} ms {copy / 1e9:6.1f} GB/s")
    gradient = g.on(HOST, WRITE)
    seconds = best(lambda: gradient.fill(0), clock, given.repeats)
    print(f"{'clear':12} {1e3 * seconds:8.1f} ms {source.nbytes / seconds / 1e9:6.1f} GB/s")
    for name, solver in SOLVERS.items():
        for arena, value in ((w, 1.0), (g, 0.1), (h, 0.0), (u, 0.0)):
            arena.on(HOST, WRITE)[:] = value
        history = [h, u][: solver.slots]
        update(name, solver, w, g, history, segments, clock, given.repeats, copy)


def update(name: str, solver: type[Solver], w, g, history, segments, clock, repeats: int, copy: float) -> None:
    op = ops.make("update", Context(), rule=solver.rule, type=name)
    op.apply(w, g, history, segments, RATES, decay=0.0005)
    if name == "SGD":
        seconds = best(lambda: op.norm(g), clock, repeats)
        print(f"{'norm':12} {1e3 * seconds:8.1f} ms {4 * g.count / seconds / 1e9:6.1f} GB/s ({op.engine})")
    seconds = best(lambda: op.apply(w, g, history, segments, RATES, decay=0.0005), clock, repeats)
    rate = 4 * g.count * 2 * (2 + len(history)) / seconds
    share = f"{100 * rate / copy:.0f} % of a copy"
    print(f"{name:12} {1e3 * seconds:8.1f} ms {rate / 1e9:6.1f} GB/s = {share} ({op.engine})")


if __name__ == "__main__":
    main()
