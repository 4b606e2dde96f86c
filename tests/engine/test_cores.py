"""How many threads compute: by affinity, by the quota of control groups of both versions, by variables."""

import os
import subprocess
import sys

import pytest

from brewbench.engine import cores, threads
from brewbench.engine.cores import available, quota

V2 = "31 23 0:28 {root} /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "33 31 0:30 {root} /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
    "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuset rw,relatime - cgroup cgroup rw,cpuset,cpu\n"
)


@pytest.fixture
def system(tmp_path):
    """Makes the files by which a system tells of its control groups."""

    def make(groups, mounts, files):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(groups)
        (tmp_path / "proc/self/mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/root rw\n" + mounts)
        for name, text in files.items():
            path = tmp_path / "sys/fs/cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("root", "group", "files", "expected"),
    [
        ("/", "/", {"cpu.max": "200000 100000\n"}, 2.0),  # in a container, as it sees itself
        ("/", "/", {"cpu.max": "max 100000\n"}, None),
        ("/", "/user/job", {"user/job/cpu.max": "50000 100000\n"}, 0.5),
        ("/", "/user/job", {"user/cpu.max": "100000 100000\n", "user/job/cpu.max": "max 100000\n"}, 1.0),
        ("/", "/user/job", {"user/cpu.max": "100000 100000\n", "user/job/cpu.max": "300000 100000\n"}, 1.0),
        ("/docker/1", "/docker/1", {"cpu.max": "150000 100000\n"}, 1.5),  # in a container, as the host sees it
        ("/docker/1", "/elsewhere", {"cpu.max": "150000 100000\n"}, 1.5),
        ("/", "/", {}, None),
        ("/", "/", {"cpu.max": "nonsense"}, None),
    ],
)
def test_the_quota_of_version_2(system, root, group, files, expected):
    assert quota(system(f"0::{group}\n", V2.format(root=root), files)) == expected


@pytest.mark.parametrize(
    ("root", "group", "files", "expected"),
    [
        ("/", "/", {"quota": "-1"}, None),
        ("/", "/", {"quota": "250000"}, 2.5),
        ("/docker/1", "/docker/1", {"quota": "50000"}, 0.5),
    ],
)
def test_the_quota_of_version_1(system, root, group, files, expected):
    folder = "cpu,cpuset/"
    named = {f"{folder}cpu.cfs_{name}_us": f"{text}\n" for name, text in {"period": "100000", **files}.items()}
    groups = f"9:name=systemd:/x\n2:cpuacct:{group}\n1:cpuset,cpu:{group}\n0::/\n"
    assert quota(system(groups, V1.format(root=root), named)) == expected


def test_the_narrower_of_both_versions_counts(system):
    files = {"cpu.max": "300000 100000\n"} | {
        f"cpu,cpuset/cpu.cfs_{name}_us": f"{value}\n" for name, value in {"period": 100000, "quota": 100000}.items()
    }
    found = system("1:cpuset,cpu:/\n0::/\n", V1.format(root="/") + V2.format(root="/"), files)
    assert quota(found) == 1.0


def test_a_system_without_control_groups_has_no_quota(tmp_path):
    assert quota(tmp_path) is None


@pytest.mark.parametrize(
    ("present", "affinity", "limit", "expected"),
    [
        (8, 8, None, (8, "one for each core")),
        (8, 3, None, (3, "its CPU affinity is 3 of 8 cores")),
        (8, 8, "200000 100000", (2, "the CPU quota of its control group is 2 of 8 cores")),
        (8, 8, "150000 100000", (2, "the CPU quota of its control group is 1.5 of 8 cores")),
        (8, 8, "1000 100000", (1, "the CPU quota of its control group is 0.01 of 8 cores")),
        (8, 3, "400000 100000", (3, "its CPU affinity is 3 of 8 cores")),
        (8, 4, "400000 100000", (4, "its CPU affinity is 4 of 8 cores")),
    ],
)
def test_the_narrowest_limit_sets_the_number(system, monkeypatch, present, affinity, limit, expected):
    monkeypatch.setattr(os, "cpu_count", lambda: present)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(affinity)), raising=False)
    found = system("0::/\n", V2.format(root="/"), {"cpu.max": limit or "max 100000"})
    assert available(found) == expected


def test_on_a_system_without_affinity_there_is_a_thread_for_each_core(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert available(tmp_path) == (6, "one for each core")


@pytest.fixture
def undecided(monkeypatch):
    """As at the start of a process."""
    monkeypatch.setattr(threads, "_threads", None)
    monkeypatch.setattr(threads, "_reason", "")
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_a_variable_comes_before_what_the_system_says(undecided, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert (threads.threads(), threads.reason()) == (5, "OMP_NUM_THREADS is 5")
    monkeypatch.setattr(threads, "_threads", None)
    monkeypatch.setenv("BREWBENCH_NUM_THREADS", "3")
    assert (threads.reason(), threads.threads()) == ("BREWBENCH_NUM_THREADS is 3", 3)


def test_blas_keeps_to_a_quota(undecided, monkeypatch):
    limited = []
    monkeypatch.setattr(threads, "_limit_blas", limited.append)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(9)), raising=False)
    monkeypatch.setattr(threads, "available", lambda: cores.Cores(9, "one for each core"))
    assert threads.threads() == 9 and limited == []
    monkeypatch.setattr(threads, "_threads", None)
    monkeypatch.setattr(threads, "available", lambda: cores.Cores(2, "quota"))
    assert threads.threads() == 2 and limited == [2] and threads.reason() == "quota"


def test_the_number_is_told_with_its_reason():
    command = [sys.executable, "-m", "brewbench.workbench.cli", "device_query"]
    environment = os.environ | {"BREWBENCH_NUM_THREADS": "7"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "Threads:      7: BREWBENCH_NUM_THREADS is 7\n" in told
