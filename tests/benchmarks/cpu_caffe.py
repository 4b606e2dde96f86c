"""A `caffe` program that is installed, timed by what it logs: BVLC's own, or another with its flags and lines."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from time import perf_counter
from typing import Any

import h5py
import numpy as np
from cpu_nets import SOLVER

from brewbench.engine import check
from brewbench.proto.messages import NetParameter

NUMBER = r"([-+.\deE]+|nan|inf)"


class Program:
    """Runs the program anew for each measurement; weights and inputs come from files."""

    version = "on the PATH"

    def __init__(self, folder: Path, work: Any, inputs: dict[str, np.ndarray]):
        self.folder, self.work = folder, work
        with h5py.File(folder / "inputs.h5", "w") as file:
            for name, values in inputs.items():
                file[name] = values
        (folder / "inputs.txt").write_text(f"{folder / 'inputs.h5'}\n")
        message = NetParameter(name=work.net)
        data = message.layer.add(name="inputs", type="HDF5Data", top=list(inputs))
        data.hdf5_data_param.source = str(folder / "inputs.txt")
        data.hdf5_data_param.batch_size = len(next(iter(inputs.values())))
        message.layer.extend(one for one in work.message().layer if one.type != "Input")
        (folder / "caffe.prototxt").write_text(str(message))

    def run(self, *words: str) -> str:
        done = subprocess.run(["caffe", *words], cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
        return done.stderr + done.stdout

    def output(self) -> np.ndarray:
        words = ["-model", "caffe.prototxt", "-weights", "weights.caffemodel", "-iterations", "1"]
        log = self.run("test", *words)
        values = np.array(re.findall(rf"Batch 0, {self.work.output} = {NUMBER}", log), np.float32)
        shape = check(self.work.message(), 1).blobs[self.work.output]
        return values.reshape(shape or values.shape)

    def train(self, steps: int, display: int) -> str:
        text = re.sub(r"display: 0", f"display: {display}", SOLVER.replace("net.prototxt", "caffe.prototxt"))
        text = re.sub(r"max_iter: \d+", f"max_iter: {steps}", text)
        (self.folder / "caffe_solver.prototxt").write_text(text)
        return self.run("train", "-solver", "caffe_solver.prototxt", "-weights", "weights.caffemodel")

    def losses(self, steps: int) -> list[float]:
        found = re.findall(rf"Iteration \d+ \(.*\), loss = {NUMBER}", self.train(steps, 1))
        return [float(loss) for loss in found[:steps]]

    def measure(self, seconds: float) -> list[float]:
        """Seconds of a step, the mean of many; starting the program does not count."""
        if not self.work.training:
            start = perf_counter()
            self.forward(1)
            steps = max(3, int(seconds / max(1e-3, perf_counter() - start)))
            return [self.forward(steps)]
        steps, found = 2, 0.0
        while True:
            log = self.train(2 * steps + 1, steps)
            found = float(re.findall(rf"Iteration {2 * steps} \({NUMBER} iter/s", log)[0])
            if steps >= seconds * found or steps > 500:
                return [1 / found]
            steps = int(seconds * found) + 1

    def forward(self, steps: int) -> float:
        log = self.run("time", "-model", "net.prototxt", "-phase", "TEST", "-iterations", str(steps))
        return float(re.findall(rf"Average Forward pass: {NUMBER} ms", log)[0]) / 1e3
