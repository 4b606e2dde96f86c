"""Time of a LeNet training iteration with the reference engine, layer by layer: run as a script."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["BREWBENCH_CPU"] = "reference"

from time import perf_counter  # noqa: E402

import numpy as np  # noqa: E402

from brewbench.engine.net import Net  # noqa: E402
from brewbench.proto import Document  # noqa: E402

LENET = """
name: "LeNet"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 64 dim: 1 dim: 28 dim: 28 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 64 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 20
  kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2" convolution_param { num_output: 50
  kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1" inner_product_param { num_output: 500
  weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" inner_product_param { num_output: 10
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--iterations", type=int, default=50)
    rounds = options.parse_args().iterations
    net = Net(Document.parse(LENET, "net"), 0, seed=1)
    rng = np.random.default_rng(0)
    net.blobs["data"].data = rng.random((64, 1, 28, 28))
    net.blobs["label"].data = rng.integers(0, 10, 64)
    layers = range(len(net.layers))
    forward, backward, update = np.zeros((rounds, len(layers))), np.zeros((rounds, len(layers))), np.zeros(rounds)
    for number in range(-2, rounds):
        for index in layers:
            start = perf_counter()
            net.forward_layer(index)
            forward[number, index] = perf_counter() - start
        start = perf_counter()
        net.clear_param_diffs()
        clear = perf_counter() - start
        for index in reversed(layers):
            start = perf_counter()
            net.backward_layer(index)
            backward[number, index] = perf_counter() - start
        start = perf_counter()
        for blobs in net.params.values():
            for blob in blobs:
                blob.data -= 0.01 * blob.diff
        update[number] = perf_counter() - start + clear
    print(f"{'ms':12}{'forward':>16}{'backward':>16}   (least, median of {rounds} iterations)")
    for index in layers:
        print(f"{net.layer_names[index]:12}{told(forward[:, index])}{told(backward[:, index])}")
    print(f"{'update':12}{told(update)}")
    print(f"{'iteration':12}{told(forward.sum(1) + backward.sum(1) + update)}")


def told(seconds: np.ndarray) -> str:
    return f"{1e3 * seconds.min():8.2f}{1e3 * np.median(seconds):8.2f}"


if __name__ == "__main__":
    main()
