"""How much longer LeNet's training iterations take from an LMDB than from memory: run as a script."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path  # noqa: E402
from tempfile import TemporaryDirectory  # noqa: E402
from time import perf_counter, process_time  # noqa: E402

import numpy as np  # noqa: E402

from brewbench.engine import Solver, get_solver  # noqa: E402
from brewbench.engine.data.mnist import convert_mnist, read_images, read_labels  # noqa: E402
from brewbench.engine.layers.data.memory_data import MemoryData  # noqa: E402
from brewbench.proto import Document  # noqa: E402

ROOT = Path(__file__).parents[2]
MNIST = ROOT / "notebooks" / "data" / "mnist"
SOLVER = 'base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005 max_iter: 1000000'
SOURCES = {
    "LMDB": """layer {{ name: "mnist" type: "Data" top: "data" top: "label" transform_param {{ scale: 0.00390625 }}
        data_param {{ source: "{folder}/lmdb" batch_size: 64 backend: LMDB }} }}""",
    "memory": """layer {{ name: "mnist" type: "MemoryData" top: "data" top: "label"
        memory_data_param {{ batch_size: 64 channels: 1 height: 28 width: 28 }} }}""",
}


def make(source: str, folder: str) -> Solver:
    """A solver on LeNet's layers, below them a source of its own."""
    text = (ROOT / "notebooks" / "models" / "lenet" / "lenet.prototxt").read_text()
    layers = text[text.index("layer {", text.index("layer {") + 1) : text.rindex("layer {")]
    loss = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }'
    net = Document.parse(SOURCES[source].format(folder=folder) + layers + loss, "net")
    return get_solver(Document.parse(SOLVER, "solver"), net, seed=1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--iterations", type=int, default=20, help="of each source in a round")
    given = options.parse_args()
    with TemporaryDirectory() as folder:
        images, labels = MNIST / "train-images-idx3-ubyte.gz", MNIST / "train-labels-idx1-ubyte.gz"
        convert_mnist(images, labels, Path(folder) / "lmdb")
        solvers = {source: make(source, folder) for source in SOURCES}
        memory = solvers["memory"].net.layers[0]
        assert isinstance(memory, MemoryData)
        rows = 64 * (60000 // 64)
        memory.reset(read_images(images)[:rows, None] * np.float32(0.00390625), read_labels(labels)[:rows])
        seconds = {source: [] for source in SOURCES}  # on the clock, and of the cores
        for number in range(given.rounds + 1):
            for source, solver in solvers.items():
                start = np.array([perf_counter(), process_time()])
                solver.step(given.iterations)
                if number:
                    seconds[source].append((np.array([perf_counter(), process_time()]) - start) / given.iterations)
        for solver in solvers.values():
            solver.close()
    found = {source: np.concatenate([np.min(times, 0), np.median(times, 0)]) for source, times in seconds.items()}
    print(f"{'':8}{'clock':>16}{'cores':>16}   (least, median)")
    for source in SOURCES:
        print(f"{source:8}" + "".join(f"{1e3 * found[source][i]:8.2f}" for i in (0, 2, 1, 3)) + " ms")
    print(f"{'ratio':8}" + "".join(f"{found['LMDB'][i] / found['memory'][i]:8.3f}" for i in (0, 2, 1, 3)))


if __name__ == "__main__":
    main()
