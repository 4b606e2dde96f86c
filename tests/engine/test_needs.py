"""How much memory a net needs, how much there is, and what is told where that is too little."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net, check, get_solver, needs
from brewbench.engine.data.database import write_lmdb
from brewbench.engine.data.datum import to_datum
from brewbench.engine.needs import MemoryWarning, needs_of, present, spelled
from brewbench.proto import Document

NET = """
layer { name: "in" type: "Input" top: "x" top: "t" input_param { shape { dim: [10, 100] } shape { dim: [10, 50] } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 50 } }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
layer { name: "flat" type: "Flatten" bottom: "y" top: "f" }
layer { name: "loss" type: "EuclideanLoss" bottom: "f" bottom: "t" top: "loss" }
"""
VALUES = 4 * (10 * 100 + 10 * 50 + 10 * 50 + 1)
GRADIENTS = 4 * (10 * 50 + 1)
WEIGHTS = 4 * (100 * 50 + 50)
SOLVER = 'base_lr: 0.1 lr_policy: "fixed" type: "Adam" snapshot: 0 '


@pytest.fixture
def having(monkeypatch):
    """Makes it as if that many bytes were there."""
    return lambda count: monkeypatch.setattr(needs, "present", lambda: count)


def test_every_value_counts_once():
    found = needs_of(Net(Document.parse(NET), TEST))
    assert (found.values, found.gradients, found.parameters, found.total) == (VALUES, 0, WEIGHTS, VALUES + WEIGHTS)
    found = needs_of(Net(Document.parse(NET), TRAIN), slots=2)
    assert (found.values, found.gradients, found.parameters) == (VALUES, GRADIENTS, 2 * WEIGHTS)
    assert found.history == 2 * WEIGHTS
    assert found.largest[1].name == "ip"
    double = needs_of(Net(Document.parse(NET), TEST, dtype=np.float64))
    assert double.values == 2 * VALUES


def test_shared_parameters_count_once():
    names = 'num_output: 50 } param { name: "w" } param { name: "b" } }'
    twin = f'layer {{ name: "ip2" type: "InnerProduct" bottom: "x" top: "z" inner_product_param {{ {names}'
    shared = NET.replace("num_output: 50 } }", names) + twin
    assert needs_of(Net(Document.parse(shared), TEST)).parameters == WEIGHTS


def test_batches_made_ready_count(tmp_path):
    write_lmdb(tmp_path / "db", [(b"0", to_datum(np.zeros((3, 8, 8), np.uint8)).SerializeToString())])
    text = f'layer {{ name: "data" type: "Data" top: "data" top: "label" data_param {{ source: "{tmp_path / "db"}" '
    net = Net(Document.parse(text + "backend: LMDB batch_size: 5 prefetch: 7 } }"))
    assert needs_of(net).batches == 7 * 4 * (5 * 3 * 8 * 8 + 5)
    net.close()


def test_a_check_and_a_net_warn_where_there_is_too_little(having):
    having(VALUES + WEIGHTS)
    assert not check(Document.parse(NET), TEST).diagnostics
    Net(Document.parse(NET), TEST)
    having(VALUES + WEIGHTS - 1)
    report = check(Document.parse(NET), TEST)
    (found,) = report.diagnostics
    assert report.ok and found.severity == "warning"
    assert (found.layer, found.line) == ("ip", 3)
    assert "needs 28.2 kB of memory or more (values 8 kB, parameters 20.2 kB); this process can have" in found.message
    with pytest.warns(MemoryWarning, match="layer 'ip'.* needs 28.2 kB"):
        net = Net(Document.parse(NET), TEST)
    assert not any(blob.data_memory.touched for blob in net.blobs.values())


def test_a_solver_warns_of_what_it_keeps_beside_the_net(having, tmp_path):
    solver = SOLVER + f"net_param {{ {NET} }}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = needs_of(get_solver(Document.parse(solver, "solver")).net).total
        having(alone + 2 * WEIGHTS)
        get_solver(Document.parse(solver, "solver"))
    having(alone + 2 * WEIGHTS - 1)
    with pytest.warns(MemoryWarning, match="with what the solver keeps, the net needs .*, history 40.4 kB"):
        get_solver(Document.parse(solver, "solver"))


def test_a_terabyte_is_told_and_not_touched(having):
    having(10**12)
    text = "".join(
        f'layer {{ name: "in{k}" type: "Input" top: "x{k}" input_param {{ shape {{ dim: 1000 dim: 2000000 }} }} }}\n'
        for k in range(500)
    )
    report = check(Document.parse(text))
    assert report.ok and "the net needs 4 TB of memory or more (values 4 TB)" in report.diagnostics[0].message


# What there is


def system(folder: Path, groups: str, mounts: str, files: dict[str, str]) -> Path:
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(groups)
    (folder / "proc/self/mountinfo").write_text(mounts)
    for name, text in files.items():
        path = folder / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


V2 = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "32 31 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "expected"),
    [
        ("0::/\n", V2, {"memory.max": "300000000\n"}, 300_000_000),
        ("0::/\n", V2, {"memory.max": "max\n"}, None),
        ("0::/a/b\n", V2, {"a/memory.max": "200000000\n", "a/b/memory.max": "max\n"}, 200_000_000),
        ("4:memory:/\n", V1, {"memory/memory.limit_in_bytes": "400000000\n"}, 400_000_000),
        ("4:memory:/\n", V1, {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("0::/\n", V2, {"memory.max": "nonsense"}, None),
    ],
)
def test_control_groups_limit_the_memory(tmp_path, monkeypatch, groups, mounts, files, expected):
    monkeypatch.setattr(needs, "_of_process", lambda: None)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None
    found = present(system(tmp_path, groups, mounts, files))
    assert found == expected if expected is not None else found == machine


def test_the_limit_of_the_process_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(needs, "_of_process", lambda: 123)
    assert present(tmp_path) == 123
    monkeypatch.setattr(needs, "_of_process", lambda: None)
    monkeypatch.setattr(needs, "_of_machine", lambda: None)
    assert present(tmp_path) is None


def test_bytes_are_spelled_in_their_unit():
    spellings = {0: "0 bytes", 999: "999 bytes", 1000: "1 kB", 16_400_000_000: "16.4 GB", 10**22: "10,000 EB"}
    assert [spelled(count) for count in spellings] == list(spellings.values())
