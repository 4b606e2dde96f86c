"""What an open page costs a training run: python -m tests.benchmarks.page_open [ROUNDS]

LeNet on MNIST in JupyterLab: iterations per second of a bare solver, and of the bench in the page with the curves, the
stepper and the weights of conv1 in sight, in turns in one kernel, with one thread and with two. Then how long a pause
takes, from the call until the session rests. A figure is the median over the rounds; the loss in percent is that of
the ratios of each round. Other work on the machine shows in the spread.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from ..browser import harness
from ..browser.test_bench import MNIST

ITERATIONS = 300
SETUP = """
import time
from brewbench.engine import get_solver
from brewbench.engine.threads import using
from brewbench.workbench.session import worker
from contextlib import nullcontext
worker.leave_room = nullcontext  # as many threads for both
bench = brewbench.open("models/lenet/lenet_solver.prototxt", seed=1)
bench.solver.param.test_interval = 0
bare = get_solver("models/lenet/lenet_solver.prototxt", seed=1)
bare.param.test_interval = 0
ended = []
bench.session.on_state.subscribe(lambda state: ended.append(time.perf_counter()) if state == "paused" else None)
bare.step(20)
bench.session.step(20)
def timed_bare(count):
    begun = time.perf_counter()
    bare.step(count)
    print(count / (time.perf_counter() - begun))
def pauses(count):
    found = []
    for number in range(count):
        bench.session.play()
        time.sleep(0.1 + 0.0137 * (number % 7))
        begun = time.perf_counter()
        bench.session.pause()
        bench.session._worker.wait(10)
        found.append(1e3 * (time.perf_counter() - begun))
    print(found)
bench
"""
USE = "threads = using({}); threads.__enter__()"
START = "del ended[:]; begun = time.perf_counter(); bench.session.step({})"
ENDED = "print({} / (ended[0] - begun) if ended else 0)"


def measure(page: Any, rounds: int) -> dict[int, list[tuple[float, float]]]:
    """Iterations per second of the bare solver and of the bench, by the number of threads."""
    found: dict[int, list[tuple[float, float]]] = {}
    for threads in (1, 2):
        harness.python(page, USE.format(threads))
        for _ in range(rounds):
            bare = float(harness.python(page, f"timed_bare({ITERATIONS})"))
            harness.python(page, START.format(ITERATIONS))
            bench = 0.0
            while not bench:
                page.wait_for_timeout(300)
                bench = float(harness.python(page, ENDED.format(ITERATIONS)))
            found.setdefault(threads, []).append((bare, bench))
        harness.python(page, "threads.__exit__(None, None, None)")
    return found


def main(rounds: int = 8) -> None:
    """Measure, and print a line for each number of threads."""
    with tempfile.TemporaryDirectory() as folder:
        lab = harness.Lab(Path(folder))
        try:
            with harness.browser(1280, 800) as context:
                page = context.new_page()
                harness.open_notebook(page, lab.address(lab.add([MNIST, SETUP], "page_open")))
                harness.run_all(page)
                page.wait_for_selector(".bb-editor[data-ready]")
                page.click("[data-tab=look]")
                page.click('[data-id="conv1"]')
                page.wait_for_timeout(3000)
                for threads, pairs in measure(page, rounds).items():
                    bare, bench = (median(pair[at] for pair in pairs) for at in (0, 1))
                    loss = median(1 - with_page / without for without, with_page in pairs)
                    print(f"{threads} threads: {bare:.1f} it/s bare, {bench:.1f} with page, loss {100 * loss:.1f} %")
                    print("  losses in %:", " ".join(f"{100 * (1 - b / a):.1f}" for a, b in pairs))
                taken = json.loads(harness.python(page, "pauses(40)"))
                print(f"pause: {median(taken):.0f} ms, at most {max(taken):.0f} ms")
        finally:
            lab.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
