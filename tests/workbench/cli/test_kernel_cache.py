"""The log has the same lines whether all kernels, some or none have been made before."""

import os
import re
import shutil
import subprocess
import sys

CONVOLUTION = """\
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer {
  name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
"""
PROGRAM = """
import sys
from brewbench.engine.making import on_making
from brewbench.workbench.cli import main

made = []
on_making(lambda making: making and made.append(making))
for command in (
    "train -solver solver.prototxt",
    "test -model net.prototxt -weights tiny_iter_20.caffemodel -iterations 2",
    "time -model net.prototxt -iterations 2",
    "extract_features tiny_iter_20.caffemodel net.prototxt ip " + sys.argv[1] + " 2 lmdb",
):
    assert main(command.split()) == 0, command
print(len(made))
"""


def test_the_log_does_not_depend_on_the_cache(bench):
    net = bench / "net.prototxt"
    head, ip, rest = net.read_text().partition('layer {\n  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"\n')
    assert ip
    net.write_text(head + CONVOLUTION + rest)

    def run(name):
        """How many kernels the commands made, and what they logged, without the numbers: some are times."""
        environment = os.environ | {"BREWBENCH_CACHE": "kernels", "NUMBA_CACHE_DIR": "drivers"}
        command = [sys.executable, "-c", PROGRAM, name]
        done = subprocess.run(command, env=environment, cwd=bench, capture_output=True, text=True, timeout=600)
        assert not done.returncode, done.stderr
        lines = [re.sub(r"^[IWE]\d{4} .*?\] ", "", line).replace(name, "") for line in done.stderr.splitlines()]
        return int(done.stdout.split()[-1]), [re.sub(r"[\d.]+(e[+-]\d+)?", "#", line) for line in lines]

    made, told = run("empty_lmdb")
    assert made > 3 and told
    assert run("full_lmdb") == (0, told)
    kernels = sorted((bench / "kernels").glob("*.o"))
    for path in kernels[::2]:
        path.unlink()
    shutil.rmtree(bench / "drivers")
    made, again = run("holes_lmdb")
    assert made > 3 and again == told
