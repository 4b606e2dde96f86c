"""The benchmark of two processes on the same cores runs, and tells what it measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "side_by_side.py"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system binds no process to cores")
def test_a_row_has_the_times_of_all_three():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core has no halves")
    words = [sys.executable, str(SCRIPT), "--only", "LeNet f64", "--seconds", "0.01", "--rounds", "1", "--load", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    name, alone, halves, together, ratio = done.stdout.splitlines()[-1].strip("| ").split(" | ")
    assert name == "LeNet f64" and min(float(alone), float(halves), float(together)) > 0
    assert float(ratio) == pytest.approx(float(together) / float(halves), abs=0.1)
