"""Time of a training step, or of a forward pass, on the GPU, beside PyTorch's on the same card and the card's floors.

One command for a machine with a card: `python tests/benchmarks/gpu.py` first runs the tests of the GPU engine on it,
then measures, and writes a Markdown table. The batch stays on the device: no time goes into data. Every measurement is
a process of its own, and what is known is written after each, so that one that crashes, hangs or finds no room costs
itself alone: the table says what became of it. Called again it measures what is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net, check, get_solver
from brewbench.engine.atomic import atomic_write
from brewbench.engine.backend import Backend
from brewbench.engine.gpu.device import device
from brewbench.engine.gpu.step import CapturedForward
from brewbench.proto.messages import NetParameter, SolverParameter

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
from gpu_nets import ASKED, NETS  # noqa: E402

SOLVER = 'base_lr: 0.001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 random_seed: 1'
SECONDS, ROUNDS = 0.6, 5  # of one measurement, and how many of them the median is of
PATIENCE = 900  # seconds for one process
# TFLOP/s of float32 and of TF32 matrix units without sparsity, TB/s: by NVIDIA's datasheets for the SXM parts.
CARDS = {"H200": (67, 495, 4.8), "H100": (67, 495, 3.35), "A100": (19.5, 156, 2.0)}

# Who is measured, and what is set for it. Of Brewbench as it is, the layout of each convolution is the quicker one and
# layers run as one where they can.
WHO: dict[str, dict[str, str]] = {
    "ours": {},
    "nchw": {"BREWBENCH_GPU_LAYOUT": "nchw"},
    "nhwc": {"BREWBENCH_GPU_LAYOUT": "nhwc"},
    "apart": {"BREWBENCH_FUSION": "off"},
    "torch": {},
    "torch-nhwc": {},
}
# The columns, and what they hold of whom.
COLUMNS = {
    "by layer": ("ours", "by layer"),
    "graphed": ("ours", "graphed"),
    "all NCHW": ("nchw", "graphed"),
    "all NHWC": ("nhwc", "graphed"),
    "no fusion": ("apart", "graphed"),
    "PyTorch eager": ("torch", "by layer"),
    "PyTorch eager channels_last": ("torch-nhwc", "by layer"),
    "PyTorch graphed": ("torch", "graphed"),
    "PyTorch graphed channels_last": ("torch-nhwc", "graphed"),
}
Found = tuple[str, Any]  # the name of a number and the number, or "note" and a text


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


def measure_ours(message: Any, precision: str, asked: bool, who: str = "ours") -> Iterator[Found]:
    """Milliseconds as one graph, and of "ours" by layer, with what is worth a note."""
    place = device()
    if asked:
        net = Net(message, TEST, seed=1, backend=Backend("gpu", precision=precision))
        fill(net)
        captured = CapturedForward(net)
        whole, by_layer = captured.run, net.forward
    else:
        solver = solver_of(message, precision)
        net, whole, by_layer = solver.net, solver.iterate, solver.iterate
    taken = milliseconds(whole, place.synchronize)
    if not asked:
        captured = solver._captured
    if captured.launched:
        yield "graphed", taken
    else:
        why = captured.program.broken or (captured.why_not() if not asked else None)
        yield "note", f"not captured: {why}"
    if captured.program.alone:
        yield "note", f"by themselves: {[net.layer_names[k] for k in sorted(captured.program.alone)]}"
    if who != "ours":
        return
    convolutions = [op for layer in net.layers for _, op in layer._ops.values() if hasattr(op, "decided")]
    if convolutions:
        last = sum(bool(op.decided) for op in convolutions)
        fused = sum(any(op.fused.values()) for op in convolutions)
        yield "note", f"of {len(convolutions)} convolutions {last} with the channels last, {fused} with what follows"
    net.before_forward.append(lambda index: None)
    yield "by layer", milliseconds(by_layer, place.synchronize)


def measure_torch(message: Any, precision: str, asked: bool, nhwc: bool) -> Iterator[Found]:
    """Milliseconds of PyTorch, eager and graphed."""
    try:
        import torch
        from gpu_torch import Training
    except ImportError as error:
        yield "note", str(error)
        return
    net = Net(message, TEST if asked else TRAIN, seed=1, backend="cpu")
    data, label = batch_of(net)
    for name in ("by layer", "graphed"):
        training = Training(
            message, net.params, data, None if asked else label, device="cuda", nhwc=nhwc, tf32=precision == "tf32"
        )
        step = training.graphed() if name == "graphed" else training.step
        yield name, milliseconds(step, torch.cuda.synchronize)
        del training, step
        torch.cuda.empty_cache()


def measure(net: str, precision: str, who: str) -> Iterator[Found]:
    """What is to be found out of one net in one precision by one of WHO. For a process of its own."""
    make, batch = NETS[net]
    message = text_format.Parse(make(batch), NetParameter())
    if who.startswith("torch"):
        return measure_torch(message, precision, net in ASKED, who == "torch-nhwc")
    return measure_ours(message, precision, net in ASKED, who)


def machine() -> dict[str, Any]:
    """The card, its name and the versions of all that takes part. For a process of its own."""
    place = device()
    runtime = place.xp.cuda.runtime
    found = [f"Python {platform.python_version()}", f"CuPy {place.xp.__version__}"]
    found += [f"CUDA {runtime.runtimeGetVersion()}", f"driver {runtime.driverGetVersion()}"]
    if place.has_cudnn:
        import cudnn  # pyright: ignore[reportMissingImports]

        found += [f"cuDNN {cudnn.backend_version()}", f"cudnn-frontend {cudnn.__version__}"]
    try:
        import torch

        found.append(f"PyTorch {torch.__version__} (its own cuDNN {torch.backends.cudnn.version()})")
    except ImportError:
        found.append("PyTorch is not installed")
    return {"card": runtime.getDeviceProperties(0)["name"].decode(), "versions": ", ".join(found)}


def told_by(command: list[str], settings: dict[str, str]) -> tuple[list[Found], str]:
    """What a process of this file tells, line by line, and how it failed; empty if it did not."""
    try:
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        out, err, status = done.stdout, done.stderr, done.returncode
        failure = "" if status == 0 else f"status {status}"
    except subprocess.TimeoutExpired as error:
        out, err = (text.decode() if isinstance(text, bytes) else text or "" for text in (error.stdout, error.stderr))
        failure = f"no end after {PATIENCE} seconds"
    found = []
    for line in out.splitlines():
        if line.startswith("FOUND "):
            found.append(tuple(json.loads(line.removeprefix("FOUND "))))
    if failure:
        last = [line.strip() for line in err.strip().splitlines()[-1:]]
        failure = ": ".join([failure, *last])
    return found, failure


def child(*words: str) -> list[str]:
    """The command for a process of this file."""
    return [sys.executable, str(Path(__file__).resolve()), *words]


class Results:
    """What is known so far, in a file of its own beside the table; made anew where card or versions are others."""

    def __init__(self, output: Path, about: dict[str, Any]):
        self.output, self.data = output, output.with_suffix(".json")
        self.known: dict[str, Any] = {"about": about, "tests": None, "measured": {}}
        if self.data.exists():
            before = json.loads(self.data.read_text(encoding="utf-8"))
            if before.get("about") == about:
                self.known = before

    def of(self, net: str, precision: str, who: str) -> dict[str, Any] | None:
        return self.known["measured"].get(f"{net} {precision} {who}")

    def enter(self, net: str, precision: str, who: str, found: list[Found], failure: str) -> None:
        numbers = {name: value for name, value in found if name != "note"}
        notes = [value for name, value in found if name == "note"]
        entry = {"numbers": numbers, "notes": notes, "failure": failure}
        self.known["measured"][f"{net} {precision} {who}"] = entry
        self.write()

    def write(self) -> None:
        """Write what is known, and the table that follows from it."""
        for path, text in ((self.data, json.dumps(self.known, indent=1)), (self.output, "\n".join(self.lines()))):
            with atomic_write(path, "w", encoding="utf-8") as file:
                file.write(text + "\n")

    def lines(self) -> list[str]:
        about, tests = self.known["about"], self.known["tests"]
        peak = next((numbers for card, numbers in CARDS.items() if card in about["card"]), None)
        lines = [
            "# A training step on the GPU",
            "",
            f"{about['card']}; {about['versions']}. Milliseconds of forward, backward and update of one fixed batch, "
            f"or of forward alone: the median of {ROUNDS} rounds. The floors are the products over the card's peak "
            "rate and the bytes over its bandwidth, by its datasheet. Made by `python tests/benchmarks/gpu.py`.",
            "",
            f"The engine's tests on this card: {tests or 'not run'}.",
            "",
            f"| net | precision | {' | '.join(COLUMNS)} | FLOP floor | byte floor |",
            "|---|---|" + "---:|" * (len(COLUMNS) + 2),
        ]
        notes = []
        for net, (make, batch) in NETS.items():
            for precision in ("tf32", "ieee"):
                entries = {who: self.of(net, precision, who) for who in WHO}
                if not any(entries.values()):
                    continue
                cells = []
                for who, name in COLUMNS.values():
                    number = (entries[who] or {"numbers": {}})["numbers"].get(name)
                    failed = entries[who] is not None and entries[who]["failure"]
                    cells.append(f"{number:.3f}" if number is not None else "failed" if failed else "-")
                least = ["-", "-"]
                if peak:
                    message = text_format.Parse(make(batch), NetParameter())
                    flop, byte = floors(message, net in ASKED)
                    least = [f"{flop / peak[precision == 'tf32']:.3f}", f"{byte / peak[2]:.3f}"]
                what = f"{net} b{batch}{', forward' if net in ASKED else ''}"
                lines.append(f"| {what} | {precision} | {' | '.join([*cells, *least])} |")
                for who, entry in entries.items():
                    told = [*entry["notes"], *([entry["failure"]] if entry["failure"] else [])] if entry else []
                    notes += [f"- {what}, {precision}, {who}: {note}" for note in told]
        return [*lines, "", *notes] if notes else lines


def run_tests(results: Results) -> None:
    """Run the engine's tests that need a card; their last line goes into the table, all they say beside it."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", str(ROOT / "tests" / "engine" / "gpu")]
    said = results.output.with_suffix(".tests.txt")
    print("the engine's tests; what they say is in", said, flush=True)
    with said.open("w", encoding="utf-8") as out:
        try:
            status = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, timeout=4 * PATIENCE,
                                    check=False).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            status = -1
            out.write(f"\nno end after {4 * PATIENCE} seconds\n")
    last = said.read_text(encoding="utf-8").strip().splitlines()[-1:]
    results.known["tests"] = " ".join([*last, f"(status {status}, see {said.name})" if status else ""]).strip()
    results.write()
    print(results.known["tests"], flush=True)


def table(results: Results, nets: list[str], precisions: list[str], whos: list[str], again: bool = False) -> None:
    """Measure what is not known yet, or all `again`, and write the table anew after each."""
    for net in nets:
        for precision in precisions:
            for who in whos:
                before = results.of(net, precision, who)
                if before is not None and not before["failure"] and not again:
                    continue
                found, failure = told_by(child("--measure", net, precision, who), WHO[who])
                results.enter(net, precision, who, found, failure)
                shown = [f"{name} {value:.3f}" if name != "note" else value for name, value in found]
                print(net, precision, who, "; ".join([*shown, failure]), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("output", nargs="?", type=Path, default=HERE / "gpu_results.md")
    options.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    options.add_argument("--precisions", nargs="+", choices=("tf32", "ieee"), default=["tf32", "ieee"])
    options.add_argument("--who", nargs="+", choices=WHO, default=list(WHO))
    options.add_argument("--again", action="store_true", help="measure what is known, too")
    options.add_argument("--no-tests", action="store_true", help="leave out the tests of the engine")
    options.add_argument("--measure", nargs=3, metavar=("NET", "PRECISION", "WHO"), help=argparse.SUPPRESS)
    options.add_argument("--machine", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        for found in measure(*given.measure):
            print("FOUND", json.dumps(found), flush=True)
        return
    if given.machine:
        print("FOUND", json.dumps(list(machine().items())), flush=True)
        return
    found, failure = told_by(child("--machine"), {})
    if failure:
        raise SystemExit(f"there is no card to measure: {failure}")
    results = Results(given.output, dict(found[0]))
    if not given.no_tests and (given.again or results.known["tests"] is None):
        run_tests(results)
    table(results, given.nets, given.precisions, given.who, given.again)


if __name__ == "__main__":
    main()
