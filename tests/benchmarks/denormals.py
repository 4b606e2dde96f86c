"""What denormal weights cost: a net of twenty convolutions as VDSR's, some of whose weights are below 1.2e-38.

    python tests/benchmarks/denormals.py --threads 2

The forward pass takes as long with them as without, since drivers of matrix products flush them to zero; Intel's
processors take several times as long where they compute with them, AMD's hardly longer.
"""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np

from brewbench.engine import TEST, Net
from brewbench.engine.threads import set_threads
from brewbench.proto import Document

DEPTH, WIDTH, SMALL = 20, 64, 1e-39
CONVOLUTION = """
layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}"
  convolution_param {{ num_output: {outputs} kernel_size: 3 pad: 1 weight_filler {{ type: "msra" }} }} }}
"""
RELU = 'layer {{ name: "{name} relu" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'


def vdsr(size: int) -> str:
    """The net's text, for one grey image of that height and width."""
    shape = f"shape {{ dim: 1 dim: 1 dim: {size} dim: {size} }}"
    text = f'layer {{ name: "x" type: "Input" top: "x" input_param {{ {shape} }} }}'
    for k in range(1, DEPTH + 1):
        last = k == DEPTH
        text += CONVOLUTION.format(name=k, bottom=k - 1 if k > 1 else "x", outputs=1 if last else WIDTH)
        text += "" if last else RELU.format(name=k)
    return text


def with_denormals(text: str, share: float) -> Net:
    """The net, that share of its weights being denormal."""
    net, random = Net(Document.parse(text, "net"), TEST, seed=1), np.random.default_rng(1)
    net.blobs["x"].data = random.standard_normal(net.blobs["x"].shape)
    for weight, *_ in net.params.values():
        values = weight.data.copy()
        values[random.random(values.shape) < share] = SMALL
        weight.data = values
    return net


def milliseconds(net: Net, repeats: int) -> float:
    """The shortest of several forward passes."""
    times = []
    for _ in range(repeats + 1):
        start = perf_counter()
        net.forward()
        times.append(perf_counter() - start)
    return 1e3 * min(times[1:])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", type=int, default=128, help="height and width of the image")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--repeats", type=int, default=10)
    given = options.parse_args()
    set_threads(given.threads)
    text = vdsr(given.size)
    print("share of weights    ms")
    for share in (0.0, 0.1, 0.5, 0.9):
        print(f"{share:16.1f} {milliseconds(with_denormals(text, share), given.repeats):5.1f}")


if __name__ == "__main__":
    main()
