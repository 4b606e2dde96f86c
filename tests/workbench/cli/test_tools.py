"""The small tools: upgrades, tables, what there is to compute on."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from google.protobuf import text_format

from brewbench.proto.messages import NetParameter, SolverParameter
from brewbench.workbench.cli import flags

GOLDEN = Path(__file__).parents[2] / "golden"
OLD = """
layers { name: "data" type: DATA top: "data" data_param { source: "db" scale: 0.5 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 1 inner_product_param { num_output: 2 } }
"""


def test_an_old_net_is_written_in_the_present_form(tmp_path, call):
    (tmp_path / "old.prototxt").write_text(OLD)
    status, out, err = call("upgrade_net_proto_text", tmp_path / "old.prototxt", tmp_path / "new.prototxt")
    assert (status, out) == (0, "") and "] Wrote upgraded NetParameter text proto to " in err
    net = text_format.Parse((tmp_path / "new.prototxt").read_text(), NetParameter())
    assert [layer.type for layer in net.layer] == ["Data", "InnerProduct"]
    assert net.layer[0].transform_param.scale == 0.5 and not net.layers
    again = call("upgrade_net_proto_text", tmp_path / "new.prototxt", tmp_path / "newer.prototxt")
    assert again[0] == 0 and "] File already in latest proto format: " in again[2]
    assert (tmp_path / "newer.prototxt").read_text() == (tmp_path / "new.prototxt").read_text()


def test_an_old_solver_is_written_in_the_present_form(tmp_path, call):
    (tmp_path / "old.prototxt").write_text('net: "n" base_lr: 1 lr_policy: "fixed" solver_type: ADAM')
    assert call("upgrade_solver_proto_text", tmp_path / "old.prototxt", tmp_path / "new.prototxt")[0] == 0
    assert text_format.Parse((tmp_path / "new.prototxt").read_text(), SolverParameter()).type == "Adam"


LEGACY = json.loads((GOLDEN.parent / "proto" / "data" / "legacy_upgrade.json").read_text())


@pytest.mark.parametrize("name", LEGACY)
def test_the_text_is_caffes_to_the_byte(tmp_path, call, name):
    case = LEGACY[name]
    (tmp_path / "old").write_text(case["input"])
    status, _, err = call(f"upgrade_{case['kind']}_proto_text", tmp_path / "old", tmp_path / "new")
    if case.get("output") is None:
        assert status == 1 and not (tmp_path / "new").exists()
        return
    assert status == 0 and (tmp_path / "new").read_text() == case["output"]
    kind = "NetParameter" if case["kind"] == "net" else "SolverParameter"
    assert err.endswith(f"] Wrote upgraded {kind} text proto to {tmp_path / 'new'}\n")


def test_a_net_that_is_upgraded_as_it_is_read_says_so(tmp_path, call):
    (tmp_path / "old.prototxt").write_text(LEGACY["v0_padding"]["input"])
    _, _, err = call("time", "-model", tmp_path / "old.prototxt", "-iterations", "1")
    assert "] layers in the V0 format rewritten: 6.\n" in err


def test_an_old_model_is_written_as_caffe_writes_it(tmp_path, call):
    source = GOLDEN / "formats" / "v1_legacy4d.caffemodel"
    assert call("upgrade_net_proto_binary", source, tmp_path / "new.caffemodel")[0] == 0
    wanted = NetParameter.FromString((GOLDEN / "formats" / "v1_legacy4d_upgraded.caffemodel").read_bytes())
    assert NetParameter.FromString((tmp_path / "new.caffemodel").read_bytes()) == wanted


@pytest.mark.parametrize("command", ["upgrade_net_proto_text", "upgrade_net_proto_binary"])
def test_what_is_no_net_is_told_and_nothing_is_written(tmp_path, call, command):
    (tmp_path / "bad").write_bytes(b"layer {\xff")
    status, _, err = call(command, tmp_path / "bad", tmp_path / "new")
    assert status == 1 and len(err.splitlines()) == 1 and "bad" in err and not (tmp_path / "new").exists()


def test_a_log_becomes_two_tables(tmp_path, call):
    log = GOLDEN / "logs" / "train_old_glog.log"
    status, out, _ = call("parse_log", "--verbose", log, tmp_path)
    assert status == 0 and out.splitlines() == [str(tmp_path / f"{log.name}.{kind}") for kind in ("train", "test")]
    for kind in ("train", "test"):
        assert (tmp_path / f"{log.name}.{kind}").read_text() == Path(f"{log}.{kind}").read_text()
    status, _, err = call("parse_log", __file__, tmp_path)
    assert status == 1 and "no training begins" in err


@pytest.mark.parametrize("missing", ["Train", "Test"])
def test_a_log_without_a_phase_makes_no_table_of_it(tmp_path, call, missing):
    lines = (GOLDEN / "logs" / "train_old_glog.log").read_text().splitlines(keepends=True)
    (tmp_path / "a.log").write_text("".join(line for line in lines if f"{missing} net output" not in line))
    assert call("parse_log", tmp_path / "a.log")[0] == 0
    left = {"Train": "test", "Test": "train"}[missing]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", f"a.log.{left}"]
    _, out, _ = call("parse_log", "--verbose", tmp_path / "a.log")
    assert f"a.log.{missing.lower()} is not written: the log has no outputs of a {missing.lower()} net\n" in out


def test_a_net_is_summarized(bench, call):
    status, out, _ = call("summarize", "net.prototxt")
    assert status == 0
    row = next(line for line in out.splitlines() if line.startswith("ip "))
    assert "InnerProduct" in row and "ip 4x3" in row and row.endswith("111")
    assert out.splitlines()[-1] == "111 parameters"
    assert call("summarize", "nothing.prototxt")[0] == 1
    for flag in ("-w", "--max-width"):
        narrow = call("summarize", "net.prototxt", flag, "2")[1].splitlines()
        assert narrow[0].startswith("layer  type  ") and len(max(narrow, key=len)) < len(max(out.splitlines(), key=len))


def test_what_there_is_to_compute_on(call):
    status, out, _ = call("device_query")
    assert status == 0 and "Processor" in out
    status, _, err = call("device_query", "-gpu", "99")
    assert status == 1 and "] Querying GPUs 99\n" in err
    assert err.splitlines()[-1].startswith("brewbench device_query: -gpu 99: ")


def test_gpus_are_told_in_caffes_words(call, monkeypatch):
    runtime = SimpleNamespace(
        getDeviceCount=lambda: 2,
        getDeviceProperties=lambda number: {"name": b"Card %d" % number, "major": 9, "maxGridSize": (7, 8, 9)},
    )
    monkeypatch.setattr(flags, "_runtime", lambda: runtime)
    status, out, _ = call("device_query")
    assert status == 0 and out.splitlines()[-2:] == ["GPU 0:        Card 0", "GPU 1:        Card 1"]
    for wanted, numbers in (("all", "01"), ("1", "1")):
        status, _, err = call("device_query", "-gpu", wanted)
        lines = [line.partition("] ")[2] for line in err.splitlines()]
        assert status == 0 and lines[0] == f"Querying GPUs {wanted}"
        assert [line[-1] for line in lines if line.startswith("Device id:                     ")] == [*numbers]
        assert lines[-3:] == [
            "Major revision number:         9",
            "Name:                          Card 1",
            "Maximum dimension of grid:     7, 8, 9",
        ]
