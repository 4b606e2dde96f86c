"""Microseconds of an iteration of nets whose arithmetic is nothing, those of Caffe's notebook: run as a script.

    python tests/benchmarks/tiny.py               # with one and with two threads
    python tests/benchmarks/tiny.py --threads 1

*logistic*: HDF5Data (10 x 4) - InnerProduct 2 - SoftmaxWithLoss, Accuracy. *hidden*: with InnerProduct 40 and ReLU
before. SGD with momentum. Each figure is the median and the least of many short runs. The parts are those of an
iteration, run by themselves.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import h5py
import numpy as np

from brewbench.engine import get_solver
from brewbench.engine.threads import using

DATA = """layer { name: "data" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "train.txt" batch_size: 10 } }"""
HIDDEN = """layer { name: "fc1" type: "InnerProduct" bottom: "data" top: "fc1"
  inner_product_param { num_output: 40 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "fc1" top: "fc1" }"""
REST = """layer { name: "last" type: "InnerProduct" bottom: "%s" top: "last"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "last" bottom: "label" top: "loss" }
layer { name: "accuracy" type: "Accuracy" bottom: "last" bottom: "label" top: "accuracy" }"""
NETS = {"logistic": "\n".join((DATA, REST % "data")), "hidden": "\n".join((DATA, HIDDEN, REST % "fc1"))}
SOLVER = """net: "%s.prototxt" base_lr: 0.01 lr_policy: "step" gamma: 0.1 stepsize: 5000 momentum: 0.9
  weight_decay: 5e-4 max_iter: 10000 display: 1000 random_seed: 1"""


def make_files() -> None:
    """The nets and their rows, in the working directory."""
    random = np.random.default_rng(0)
    rows = random.standard_normal((7500, 4)).astype(np.float32)
    with h5py.File("train.h5", "w") as file:
        file["data"], file["label"] = rows, (rows.sum(axis=1) > 0).astype(np.float32)
    Path("train.txt").write_text("train.h5\n")
    for name, text in NETS.items():
        Path(f"{name}.prototxt").write_text(text)
        Path(f"{name}_solver.prototxt").write_text(SOLVER % name)


def taken(run: Callable[[], object], count: int, repeats: int, each: int = 1) -> str:
    """Median and least time of a run, of `each` iterations, among `repeats` rounds of `count`, in microseconds."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        for _ in range(count):
            run()
        times.append((perf_counter() - start) / count / each * 1e6)
    return f"{statistics.median(times):7.1f} {min(times):7.1f}"


def measure(name: str, repeats: int) -> None:
    """Print an iteration and its parts."""
    solver = get_solver(f"{name}_solver.prototxt")
    net = solver.net
    solver.step(200)
    print(f"{name:10} 100 iterations / 100 {taken(lambda: solver.step(100), 1, repeats, 100)}")
    print(f"{name:10} step(1)              {taken(lambda: solver.step(1), 100, repeats)}")
    for part, run in (
        ("data", lambda: net.forward_layer(0)),
        ("forward, backward", net.forward_backward),
        ("forward", net.forward),
        ("backward", net.backward),
        ("update", solver.apply_update),
        ("clear gradients", net.clear_param_diffs),
    ):
        net.clear_param_diffs()
        for _ in range(10):
            run()
        print(f"{'':10} {part:20} {taken(run, 100, repeats)}")
    solver.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    options.add_argument("--repeats", type=int, default=100)
    options.add_argument("--nets", nargs="*", default=list(NETS), choices=NETS)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_files()
        for threads in given.threads:
            print(f"{threads} thread{'s' * (threads > 1)}; microseconds: median and least of {given.repeats} runs")
            with using(threads):
                for name in given.nets:
                    measure(name, given.repeats)
        os.chdir("/")


if __name__ == "__main__":
    main()
