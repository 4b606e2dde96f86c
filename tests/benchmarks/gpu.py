"""Time of a training step, or of a forward pass, on the GPU, beside PyTorch's on the same card and the card's floors.

Run as a script; writes a Markdown table, row by row as they come. The batch stays on the device: no time goes into
data.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net, check, get_solver
from brewbench.engine.backend import Backend
from brewbench.engine.gpu.device import device
from brewbench.engine.gpu.step import CapturedForward
from brewbench.proto.messages import NetParameter, SolverParameter

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from gpu_nets import ASKED, NETS  # noqa: E402

SOLVER = 'base_lr: 0.001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 random_seed: 1'
SECONDS, ROUNDS = 0.6, 5  # of one measurement, and how many of them the median is of
# TFLOP/s of float32 and of TF32 matrix units without sparsity, TB/s: by NVIDIA's datasheets for the SXM parts.
CARDS = {"H200": (67, 495, 4.8), "H100": (67, 495, 3.35), "A100": (19.5, 156, 2.0)}


def milliseconds(step: Callable[[], Any], wait: Callable[[], Any]) -> float:
    """Median time of one step over several rounds of many, the device being waited for at the end of each."""
    for _ in range(3):
        step()
    wait()
    start = perf_counter()
    step()
    wait()
    count = max(3, int(SECONDS / ROUNDS / (perf_counter() - start)))
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(count):
            step()
        wait()
        times.append((perf_counter() - start) / count)
    return 1e3 * median(times)


def floors(message: Any, asked: bool) -> tuple[float, float]:
    """GFLOP and GB of a training step: products counted three times (forward, both gradients), but for the first.

    Each blob is written and read once as data and once as diff, each parameter read and written by the update
    with its gradient and history. Of a forward pass only what it does.
    """
    report = check(message, TEST if asked else TRAIN)
    shapes, flop, first = report.blobs, 0.0, True
    values = sum(prod(shape) for name, shape in shapes.items() if shape and "_split_" not in name)
    for one in report.layers:
        if one.type in ("Convolution", "InnerProduct") and one.top_shapes[0]:
            weight, top = one.param_shapes[0], one.top_shapes[0]
            each = 2 * prod(top) * prod(weight[1:])
            flop += each * (1 if asked else 2 if first else 3)
            first = False
    touched = 2 * values + report.param_count if asked else 4 * values + 6 * report.param_count
    return flop / 1e9, 4 * touched / 1e9


def solver_of(message: Any, precision: str) -> Any:
    param = text_format.Parse(SOLVER, SolverParameter())
    solver = get_solver(param, message, backend=Backend("gpu", precision=precision))
    fill(solver.net)
    return solver


def batch_of(net: Any) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    data = draw.standard_normal(net.blobs["data"].shape, np.float32)
    classes = 10 if data.shape[-1] < 40 else 1000
    return data, draw.integers(0, classes, len(data)).astype(np.float32)


def fill(net: Any) -> None:
    data, label = batch_of(net)
    net.blobs["data"].data = data
    if "label" in net.blobs:
        net.blobs["label"].data = label


def measure_ours(message: Any, precision: str, asked: bool) -> dict[str, float]:
    """Milliseconds by layer and as one graph."""
    place = device()
    if asked:
        net = Net(message, TEST, seed=1, backend=Backend("gpu", precision=precision))
        fill(net)
        captured = CapturedForward(net)
        whole, by_layer = captured.run, net.forward
    else:
        solver = solver_of(message, precision)
        net, whole, by_layer = solver.net, solver.iterate, solver.iterate
    found = {"graphed": milliseconds(whole, place.synchronize)}
    if not asked:
        captured = solver._captured
    if not captured.launched:
        print(f"  not captured: {captured.program.broken or captured.why_not()}", flush=True)
        found["by layer"] = found.pop("graphed")
        return found
    if captured.program.alone:
        print(f"  by themselves: {[net.layer_names[k] for k in sorted(captured.program.alone)]}", flush=True)
    net.before_forward.append(lambda index: None)
    found["by layer"] = milliseconds(by_layer, place.synchronize)
    place.xp.get_default_memory_pool().free_all_blocks()
    return found


def measure_torch(message: Any, precision: str, asked: bool) -> dict[str, float]:
    """Milliseconds of PyTorch, eager and graphed, in both layouts."""
    try:
        import torch
        from gpu_torch import Training
    except ImportError:
        return {}
    net = Net(message, TEST if asked else TRAIN, seed=1)
    data, label = batch_of(net)
    found = {}
    for nhwc in (False, True):
        for graphed in (False, True):
            name = f"torch {'graphed' if graphed else 'eager'}{' channels_last' if nhwc else ''}"
            try:
                training = Training(
                    message, net.params, data, None if asked else label,
                    device="cuda", nhwc=nhwc, tf32=precision == "tf32",
                )  # fmt: skip
                step = training.graphed() if graphed else training.step
                found[name] = milliseconds(step, torch.cuda.synchronize)
            except RuntimeError as error:
                print(f"  {name}: {error}", flush=True)
            torch.cuda.empty_cache()
    return found


COLUMNS = (
    "by layer", "graphed", "torch eager", "torch eager channels_last", "torch graphed", "torch graphed channels_last"
)  # fmt: skip


def versions() -> list[str]:
    place = device()
    runtime = place.xp.cuda.runtime
    found = [f"Python {platform.python_version()}", f"CuPy {place.xp.__version__}"]
    found += [f"CUDA {runtime.runtimeGetVersion()}", f"driver {runtime.driverGetVersion()}"]
    if place.has_cudnn:
        import cudnn

        found += [f"cuDNN {cudnn.backend_version()}", f"cudnn-frontend {cudnn.__version__}"]
    try:
        import torch

        found.append(f"PyTorch {torch.__version__} (its own cuDNN {torch.backends.cudnn.version()})")
    except ImportError:
        found.append("PyTorch is not installed")
    return found


def row(net: str, batch: int, message: Any, precision: str, peak: tuple[float, float, float] | None) -> str:
    """One line of the table."""
    asked = net in ASKED
    found = {**measure_ours(message, precision, asked), **measure_torch(message, precision, asked)}
    cells = [f"{found[column]:.3f}" if column in found else "-" for column in COLUMNS]
    least = ["-", "-"]
    if peak:
        flop, byte = floors(message, asked)
        least = [f"{flop / peak[precision == 'tf32']:.3f}", f"{byte / peak[2]:.3f}"]
    return f"| {net} b{batch}{', forward' if asked else ''} | {precision} | {' | '.join([*cells, *least])} |"


def table(nets: list[str], precisions: list[str], output: Path) -> None:
    """Measure, and write the table anew after each row."""
    name = device().xp.cuda.runtime.getDeviceProperties(0)["name"].decode()
    peak = next((numbers for card, numbers in CARDS.items() if card in name), None)
    lines = [
        "# A training step on the GPU",
        "",
        f"{name}; {', '.join(versions())}. Milliseconds of forward, backward and update of one fixed batch, or of "
        f"forward alone: the median of {ROUNDS} rounds. The floors are the products over the card's peak rate and the "
        "bytes over its bandwidth, by its datasheet. Made by `python tests/benchmarks/gpu.py`.",
        "",
        f"| net | precision | {' | '.join(COLUMNS)} | FLOP floor | byte floor |",
        "|---|---|" + "---:|" * (len(COLUMNS) + 2),
    ]
    for net in nets:
        make, batch = NETS[net]
        message = text_format.Parse(make(batch), NetParameter())
        for precision in precisions:
            print(net, precision, flush=True)
            lines.append(row(net, batch, message, precision, peak))
            print(lines[-1], flush=True)
            output.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("output", nargs="?", type=Path, default=HERE / "gpu_results.md")
    options.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    options.add_argument("--precisions", nargs="+", choices=("tf32", "ieee"), default=["tf32", "ieee"])
    given = options.parse_args()
    table(given.nets, given.precisions, given.output)


if __name__ == "__main__":
    main()
