"""Logs read back as tables, held to those that Caffe's own script makes."""

import math
from pathlib import Path

import pytest

from brewbench.workbench.training_log import parse_log, table_text

LOGS = Path(__file__).parents[1] / "golden" / "logs"


@pytest.mark.parametrize("kind", ["train", "test"])
@pytest.mark.parametrize("name", ["train_old_glog.log", "train.stderr.txt"])  # the same run, in both forms of glog
def test_the_tables_are_those_of_caffe(name, kind):
    log = parse_log((LOGS / name).read_text().splitlines())
    assert table_text(getattr(log, kind)) == (LOGS / f"train_old_glog.log.{kind}").read_text()


def test_a_log_over_new_year_goes_on():
    lines = [
        "I1231 23:59:58.000000 1 a.py:1] Solving Net",
        "I1231 23:59:59.000000 1 a.py:1] Iteration 0, loss = 1",
        "I1231 23:59:59.000000 1 a.py:1]     Train net output #0: loss = 1 (* 1 = 1 loss)",
        "I1231 23:59:59.000000 1 a.py:1] Iteration 0, lr = 0.5",
        "I0101 00:00:08.000000 1 a.py:1] Iteration 10, loss = nan",
        "I0101 00:00:08.000000 1 a.py:1]     Train net output #0: loss = nan (* 1 = nan loss)",
    ]
    rows = parse_log(lines).train
    assert [row["Seconds"] for row in rows] == [1, 10]
    assert [row["LearningRate"] for row in rows] == [0.5, 0.5] and math.isnan(rows[1]["loss"])


def test_what_is_no_log_is_refused():
    with pytest.raises(ValueError, match="no training begins"):
        parse_log(["hello", "world"])
