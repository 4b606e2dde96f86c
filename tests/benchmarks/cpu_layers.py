"""Where the time of a workload goes, by layer, for Brewbench beside PyTorch: `cpu.py --layers` starts it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import cpu  # noqa: E402
from cpu_nets import WORKLOADS, Workload  # noqa: E402

SECONDS, LEAST = 3.0, 5  # how long each side is watched, and how many steps at least

Times = dict[tuple[str, str], float]  # milliseconds by (layer, "forward", "backward" or "update")


def watch(step: Callable[[Callable[[str, str], None]], None]) -> Times:
    """The least time of each part of a step, which calls `done(layer, part)` after each."""
    found: Times = defaultdict(lambda: float("inf"))
    stop, count, last = perf_counter() + SECONDS, 0, 0.0

    def done(layer: str, part: str) -> None:
        nonlocal last
        now = perf_counter()
        if count:
            found[layer, part] = min(found[layer, part], 1e3 * (now - last))
        last = perf_counter()

    while count <= LEAST or perf_counter() < stop:
        last = perf_counter()
        step(done)
        count += 1
    return found


def brewbench_times(work: Workload, inputs: dict[str, np.ndarray]) -> Times:
    from cpu_worker import Brewbench

    engine = Brewbench(Path.cwd(), work, inputs)
    net, solver = engine.net, engine.solver
    names, indices = net.layer_names, range(len(net.layers))

    def step(done: Callable[[str, str], None]) -> None:
        if solver is not None:
            solver.begin_iteration()
            solver.begin_pass(0)
            done("clear diffs", "update")
        else:
            for name, values in inputs.items():
                net.blobs[name].data[...] = values
            done("inputs", "forward")
        loss = 0.0
        for index in indices:
            loss += net.forward_layer(index)
            done(names[index], "forward")
        if solver is None:
            _ = net.blobs[work.output].data
            done("outputs", "forward")
            return
        for index in reversed(indices):
            net.backward_layer(index)
            done(names[index], "backward")
        solver.finish_iteration(loss)
        done("solver", "update")

    return watch(step)


def torch_times(work: Workload, inputs: dict[str, np.ndarray]) -> Times:
    """PyTorch layer by layer: each is a graph of its own, so that its backward can be timed."""
    import torch
    from cpu_torch import Torch
    from cpu_worker import read_weights

    model = Torch(work, read_weights(Path.cwd()), inputs, int(sys.argv[2]), False)

    def forward(done: Callable[[str, str], None]) -> None:
        blobs = dict(model.inputs)
        with torch.inference_mode():
            for one in model.layers:
                blobs[one.top[0]] = model.run(one, [blobs[name] for name in one.bottom])
                done(one.name, "forward")

    def train(done: Callable[[str, str], None]) -> None:
        blobs: dict[str, Any] = dict(model.inputs)
        passed = []
        model.optimizer.zero_grad(set_to_none=True)
        done("clear diffs", "update")
        for one in model.layers:
            bottoms = [blobs[name] for name in one.bottom]
            bottoms = [b.detach().requires_grad_(b.is_floating_point() and b.requires_grad) for b in bottoms]
            top = model.run(one, bottoms, in_place=False)
            passed.append((one, bottoms, top, list(one.bottom), blobs))
            blobs = blobs | {one.top[0]: top}
            done(one.name, "forward")
        slopes: dict[int, Any] = {}
        for one, bottoms, top, names, before in reversed(passed):
            slope = slopes.pop(id(top), None)
            if slope is None and "Loss" not in one.type:
                continue
            torch.autograd.backward(top, slope)
            for name, bottom in zip(names, bottoms, strict=True):
                if bottom.grad is not None:
                    source = id(before[name])
                    slopes[source] = slopes[source] + bottom.grad if source in slopes else bottom.grad
            done(one.name, "backward")
        model.optimizer.step()
        done("solver", "update")

    return watch(train if work.training else forward)


def main() -> None:
    work, threads = WORKLOADS[sys.argv[1]], sys.argv[2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpu.prepare(work, folder)
        with np.load(folder / "inputs.npz") as file:
            inputs = dict(file)
        os.chdir(folder)
        ours = brewbench_times(work, inputs)
        try:
            theirs = torch_times(work, inputs)
        except ImportError as error:
            print(f"without PyTorch: {error}")
            theirs = {}
        os.chdir(cpu.HERE)
    kinds = {one.name: one.type for one in work.message().layer}
    parts = ("forward", "backward", "update") if work.training else ("forward",)
    print(f"{work.name}, {threads} thread(s), least milliseconds: ours, PyTorch's")
    print(f"{'':28}{'':24}" + "".join(f"{part:>20}" for part in parts))
    for layer in dict.fromkeys(layer for layer, _ in (*ours, *theirs)):
        cells = "".join(f"{told(ours, layer, part)}{told(theirs, layer, part)}" for part in parts)
        print(f"{layer:28}{kinds.get(layer, ''):24}{cells}")
    sums = [sum(ms for (_, p), ms in side.items() if p == part) for part in parts for side in (ours, theirs)]
    print(f"{'all':28}{'':24}" + "".join(f"{ms:10.3f}" for ms in sums))


def told(times: Times, layer: str, part: str) -> str:
    return f"{times[layer, part]:10.3f}" if (layer, part) in times else f"{'-':>10}"


if __name__ == "__main__":
    main()
