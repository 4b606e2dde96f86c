"""What an open page costs a training run: python -m tests.benchmarks.page_open [ROUNDS]

LeNet on MNIST in JupyterLab: iterations per second of a bare solver, and of the bench in the page with the curves, the
stepper and the weights of conv1 in sight, in turns in one kernel, with one thread and with two. Then how long a pause
takes, from the call until the session rests. A figure is the median over the rounds; the loss in percent is that of
the ratios of each round. Other work on the machine shows in the spread, and less in the processor time: that of the
kernel for an iteration, and that of the browser for a second of the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic
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
bench.session.on_state.subscribe(lambda state: ended.append((time.perf_counter(), time.process_time()))
                               if state == "paused" else None)
bare.step(20)
bench.session.step(20)
def timed_bare(count):
    begun, used = time.perf_counter(), time.process_time()
    bare.step(count)
    print([count / (time.perf_counter() - begun), (time.process_time() - used) / count])
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
START = "del ended[:]; begun, used = time.perf_counter(), time.process_time(); bench.session.step({})"
ENDED = "print([{0} / (ended[0][0] - begun), (ended[0][1] - used) / {0}] if ended else [])"
TICK = os.sysconf("SC_CLK_TCK")


def browser_seconds() -> float:
    """Processor time of all processes of Chromium so far; 0 where there is no /proc."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            name, _, rest = stat.read_text().partition(" (")[2].rpartition(")")
            if "chrom" in name or "headless" in name:
                total += sum(map(int, rest.split()[11:13]))
    return total / TICK


def measure(page: Any, rounds: int) -> dict[int, list[Any]]:
    """By the number of threads, for each round: of the bare solver and of the bench the iterations per second and the
    kernel's processor time for one; then the processor time of the browser for a second.
    """
    found: dict[int, list[Any]] = {}
    for threads in (1, 2):
        harness.python(page, USE.format(threads))
        for _ in range(rounds):
            bare = json.loads(harness.python(page, f"timed_bare({ITERATIONS})"))
            browser, begun = browser_seconds(), monotonic()
            harness.python(page, START.format(ITERATIONS))
            bench: Any = None
            while not bench:
                page.wait_for_timeout(1500)  # asking takes time from the kernel
                bench = json.loads(harness.python(page, ENDED.format(ITERATIONS)))
            share = (browser_seconds() - browser) / (monotonic() - begun)
            found.setdefault(threads, []).append((bare, bench, share))
        harness.python(page, "threads.__exit__(None, None, None)")
    return found


def show(threads: int, found: list[Any]) -> None:
    """Print what was measured with so many threads."""
    bare, bench = (median(one[at][0] for one in found) for at in (0, 1))
    losses = [100 * (1 - one[1][0] / one[0][0]) for one in found]
    print(f"{threads} threads: {bare:.1f} it/s bare, {bench:.1f} with page, loss {median(losses):.1f} %")
    print("  losses in %:", " ".join(f"{loss:.1f}" for loss in losses))
    used = [1e3 * median(one[at][1] for one in found) for at in (0, 1)]
    more = 100 * (used[1] / used[0] - 1)
    print(f"  kernel: {used[0]:.2f} ms of processor an iteration bare, {used[1]:.2f} with page, {more:.1f} % more")
    print(f"  browser: {1e3 * median(one[2] for one in found):.0f} ms of processor a second")


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
                for threads, found in measure(page, rounds).items():
                    show(threads, found)
                taken = json.loads(harness.python(page, "pauses(40)"))
                print(f"pause: {median(taken):.0f} ms, at most {max(taken):.0f} ms")
        finally:
            lab.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
