"""One engine on one workload, in a process of its own; told what to do in lines of JSON on its standard input.

`cpu.py` starts it, with the number of threads already in the environment.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from cpu_nets import WORKLOADS, Workload  # noqa: E402

STEPS = 5  # of training, for the comparison


class Brewbench:
    """The project itself, as its users have it."""

    def __init__(self, folder: Path, work: Workload, inputs: dict[str, np.ndarray]):
        import brewbench

        os.chdir(folder)
        self.version = brewbench.__version__
        self.output, self.inputs, self.solver = work.output, inputs, None
        if work.training:
            self.solver = brewbench.get_solver("solver.prototxt")
            self.net = self.solver.net
            self.net.copy_from("weights.caffemodel")
            for name, values in inputs.items():
                self.net.blobs[name].data[...] = values
        else:
            self.net = brewbench.Net("net.prototxt", brewbench.TEST, weights="weights.caffemodel")

    def weights(self) -> dict[str, list[np.ndarray]]:
        return {name: [blob.data for blob in blobs] for name, blobs in self.net.params.items()}

    def step(self) -> Any:
        if self.solver is not None:
            self.solver.step(1)
            return self.solver.smoothed_loss
        for name, values in self.inputs.items():
            self.net.blobs[name].data[...] = values
        self.net.forward()
        return self.net.blobs[self.output].data


def make(peer: str, folder: Path, work: Workload, threads: int) -> Any:
    """The engine. Raises ImportError where it is not installed, NotImplementedError for what it does not do."""
    inputs = dict(np.load(folder / "inputs.npz"))
    if peer in ("brewbench", "reference"):
        return Brewbench(folder, work, inputs)
    if peer == "caffe":
        from cpu_caffe import Program

        return Program(folder, work, inputs)
    if work.training and peer in ("onnxruntime", "opencv"):
        raise NotImplementedError("does not train")
    weights = read_weights(folder)
    if peer in ("torch", "torch_nhwc"):
        from cpu_torch import Torch

        return Torch(work, weights, inputs, threads, peer == "torch_nhwc")
    if peer == "jax":
        from cpu_jax import Jax

        return Jax(work, weights, inputs, threads)
    if peer == "onnxruntime":
        from cpu_onnx import OnnxRuntime

        return OnnxRuntime(work, weights, inputs, threads)
    from cpu_onnx import OpenCV

    return OpenCV(folder, work, weights, inputs, threads)


def read_weights(folder: Path) -> dict[str, list[np.ndarray]]:
    """The parameters of every layer that has any."""
    from brewbench.engine.files import read_net_weights

    stored = read_net_weights(folder / "weights.caffemodel")
    return {one.name: [np.array(blob, np.float32) for blob in one.blobs] for one in stored if one.blobs}


def compare(peer: str, engine: Any, folder: Path, work: Workload) -> None:
    """Leave behind what the engine computes: its output; of a training, the losses and how far each weight went."""
    found: dict[str, Any] = {}
    if peer == "caffe":
        found = {"losses": engine.losses(STEPS)} if work.training else {"output": engine.output()}
    elif not work.training:
        found = {"output": engine.step()}
    else:
        before = {name: [np.array(array) for array in arrays] for name, arrays in engine.weights().items()}
        found = {"losses": [engine.step() for _ in range(STEPS)]}
        for name, arrays in engine.weights().items():
            steps = [np.linalg.norm((a - b).ravel()) for a, b in zip(arrays, before[name], strict=True)]
            found[f"moved {name}"] = np.array(steps)
    np.savez(folder / f"{peer}.npz", **found)


def measure(step: Callable[[], Any], seconds: float) -> list[float]:
    """Seconds of each of several steps; what comes first is not counted, unless a step takes all the time."""
    start = perf_counter()
    step()
    last = perf_counter()
    times, stop = [last - start], last + seconds
    if times[0] < seconds:
        times.clear()
    while last < stop or not times:
        step()
        now = perf_counter()
        times.append(now - last)
        last = now
    return times


class Machine:
    """What the machine can do at best: matrix products and copies."""

    def __init__(self, threads: int):
        self.threads = threads
        self.version = np.__version__
        draw = np.random.default_rng(0)
        self.square = draw.random((2048, 2048), np.float32)
        self.products: list[Callable[[], Any]] = [lambda: self.square @ self.square]
        try:
            import torch

            torch.set_num_threads(threads)
            here = torch.from_numpy(self.square)
            self.products.append(lambda: here @ here)
        except ImportError:
            pass
        self.source, self.target = np.ones(1 << 26, np.float32), np.zeros(1 << 26, np.float32)

    def copy(self) -> None:
        length = len(self.target) // self.threads
        pieces = [slice(start, start + length) for start in range(0, length * self.threads, length)]
        parts = [
            threading.Thread(target=np.copyto, args=(self.target[piece], self.source[piece])) for piece in pieces
        ]
        for part in parts:
            part.start()
        for part in parts:
            part.join()

    def rates(self, seconds: float) -> dict[str, float]:
        """GFLOP/s and GB/s, read and written."""
        product = min(min(measure(each, seconds / 3)) for each in self.products)
        copied = min(measure(self.copy, seconds / 3))
        return {"gflops": 2 * 2048**3 / product / 1e9, "gbytes": 2 * self.source.nbytes / copied / 1e9}


def serve(peer: str, workload: str, threads: int, folder: Path, answer: Any) -> None:
    def tell(**message: Any) -> None:
        answer.write(json.dumps(message) + "\n")
        answer.flush()

    work = WORKLOADS.get(workload)
    engine = Machine(threads) if work is None else make(peer, folder, work, threads)
    tell(version=engine.version)
    for line in sys.stdin:
        order, *given = json.loads(line)
        if order == "rates":
            tell(**engine.rates(*given))
        elif order == "compare":
            compare(peer, engine, folder, work)  # pyright: ignore[reportArgumentType]
            tell()
        elif order == "measure":
            times = engine.measure(*given) if peer == "caffe" else measure(engine.step, *given)
            tell(least=min(times))


def main() -> None:
    peer, workload, threads, folder = sys.argv[1:]
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    try:
        serve(peer, workload, int(threads), Path(folder), answer)
    except Exception as error:
        kind = "" if isinstance(error, (ImportError, NotImplementedError)) else f"{type(error).__name__}: "
        answer.write(json.dumps({"error": f"{kind}{error}"}) + "\n")
        answer.flush()


if __name__ == "__main__":
    main()
