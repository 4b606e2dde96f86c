"""`brewbench check`: every finding, with its place."""

import json
import re

from brewbench.engine import Net, get_solver, needs, weights


def test_what_is_right_is_told_so(bench, call):
    status, out, err = call("check", "net.prototxt", "solver.prototxt")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "net.prototxt: net 'Tiny', 4 layers, 111 parameters: ok",
        "solver.prototxt: solver SGD: ok",
    ]


def test_all_that_is_wrong_is_told_at_once(bench, call):
    net = bench / "net.prototxt"
    text = net.read_text().replace("num_output: 3", "num_output: 0").replace('top: "ip"', 'top: "ip" tip: 1')
    net.write_text(text + 'layer { name: "odd" type: "Od" bottom: "data" top: "odd" }\n')
    status, out, _ = call("check", "net.prototxt")
    assert status == 1
    lines = out.splitlines()
    assert lines[0].startswith("net.prototxt:8: layer 'ip' (InnerProduct): ") and "'tip'" in lines[0]
    assert lines[1].startswith("net.prototxt:9: layer 'ip' (InnerProduct): num_output")
    assert lines[2].startswith("net.prototxt:16: layer 'odd' (Od): unknown layer type 'Od'")
    assert len(lines) == 3


def test_a_net_of_one_phase_is_not_checked_in_the_other(bench, call):
    net = bench / "net.prototxt"
    net.write_text(net.read_text().replace('top: "label"', 'top: "label" include { phase: TRAIN }', 1))
    assert call("check", "net.prototxt")[0] == 0
    status, out, _ = call("check", "net.prototxt", "-phase", "TEST")
    assert status == 1 and "unknown bottom blob 'data'" in out


def test_a_solver_brings_its_nets(bench, call):
    net = bench / "net.prototxt"
    net.write_text(net.read_text().replace("rows_lmdb", "no_lmdb"))
    status, out, _ = call("check", "solver.prototxt")
    assert status == 1
    assert out.startswith("net.prototxt:5: layer 'rows' (Data): there is no database") and out.count("\n") == 1


def test_a_solvers_own_fields_are_checked(bench, call):
    solver = bench / "solver.prototxt"
    text = solver.read_text()
    for old, new, expected in (
        ("inv", "inf", "solver.prototxt:5: unknown lr_policy 'inf'"),
        ("net.prototxt", "no.prototxt", "solver.prototxt:1: there is no net 'no.prototxt'"),
        ("momentum", "momentun", "solver.prototxt:8: SolverParameter has no field 'momentun'"),
    ):
        solver.write_text(text.replace(old, new))
        status, out, _ = call("check", "solver.prototxt")
        assert status == 1 and out.startswith(expected) and out.count("\n") == 1


def test_weights_are_compared_and_not_read(bench, call, monkeypatch):
    Net("net.prototxt").save("tiny.caffemodel")
    solver = bench / "solver.prototxt"
    text = solver.read_text()
    solver.write_text(text + 'weights: "tiny.caffemodel"\n')
    monkeypatch.setattr(weights, "_take", None)
    assert call("check", "solver.prototxt")[:2] == (0, "solver.prototxt: solver SGD: ok\n")
    net = bench / "net.prototxt"
    net.write_text(net.read_text().replace("num_output: 3", "num_output: 4"))
    status, out, _ = call("check", "solver.prototxt")
    assert status == 1 and "parameter 0 of layer 'ip' has shape (4, 36) here and (3, 36) in tiny.caffemodel" in out


def test_what_a_solver_keeps_beside_its_nets_is_weighed(bench, call, monkeypatch):
    def total(net):
        return needs.needs_of(net).total

    with_nets = get_solver("solver.prototxt")
    most = max(total(net) for net in (with_nets.net, *with_nets.test_nets))
    monkeypatch.setattr(needs, "present", lambda: most)
    status, out, err = call("check", "solver.prototxt")
    assert (status, err) == (0, "")
    assert out.startswith("warning: solver.prototxt: with what the solver keeps, the net needs ")


def test_files_that_cannot_be_read_do_not_hide_the_others(bench, call):
    (bench / "broken.prototxt").write_text('name: "x"\nlayer {\n')
    status, out, err = call("check", "no.prototxt", "broken.prototxt", "net.prototxt")
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == "no.prototxt: there is no such file"
    assert lines[1].startswith("broken.prototxt:")
    assert lines[2].endswith(": ok")


def test_json(bench, call):
    net = bench / "net.prototxt"
    net.write_text(net.read_text().replace("num_output: 3", "num_output: 0"))
    status, out, _ = call("check", "-json", "net.prototxt", "no.prototxt")
    assert status == 1
    first, second = json.loads(out)
    assert (first["file"], first["ok"], second["ok"]) == ("net.prototxt", False, False)
    (found,) = first["diagnostics"]
    assert (found["layer"], found["field"]) == ("ip", "inner_product_param.num_output")
    assert (found["line"], found["severity"]) == (9, "error")


def test_the_known_layer_types_are_listed_each_with_a_sentence(bench, call):
    status, out, err = call("check", "-types")
    assert (status, err) == (0, "")
    rows = [line.split(None, 2) for line in out.splitlines()]
    types = [row[0] for row in rows]
    assert {"Convolution", "PriorBox", "Python"} <= set(types) and types == sorted(types, key=str.lower)
    assert all(len(row) == 3 for row in rows)
    listed = json.loads(call("check", "-types", "-json")[1])
    assert [one["type"] for one in listed] == types


def test_a_net_with_unknown_layers_is_summarized_and_drawn(bench, call):
    net = bench / "net.prototxt"
    odd = 'layer { name: "odd" type: "Od" bottom: "data" top: "odd" od_param { x: 1 } }\n'
    after = 'layer { name: "after" type: "ReLU" bottom: "odd" top: "after" }\n'
    net.write_text(net.read_text() + odd + after)
    status, out, _ = call("summarize", "net.prototxt")
    assert status == 1
    lines = out.splitlines()
    assert sum("unknown layer type 'Od'" in line for line in lines) == 1 and "od_param" not in out
    assert any(line.split()[:4] == ["odd", "Od", "odd", "?"] for line in lines)
    assert any(line.split()[:2] == ["ip", "InnerProduct"] and "4x3" in line for line in lines)
    assert call("draw_net", "net.prototxt", "net.raw")[0] == 0
    drawn = (bench / "net.raw").read_text()
    assert "odd" in drawn and "Od" in drawn


PUBLISHED = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 8 mean_value: 1 mean_value: 2 } data_param { source: "train_lmdb" batch_size: 4 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { crop_size: 8 mean_value: 1 mean_value: 2 } data_param { source: "val_lmdb" batch_size: 5 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def test_a_database_that_is_not_there_is_a_warning_where_the_shapes_are_known(bench, call):
    (bench / "net.prototxt").write_text(PUBLISHED)
    for file, summary in (("net.prototxt", "net '', 4 layers, 387 parameters"), ("solver.prototxt", "solver SGD")):
        status, out, _ = call("check", file)
        assert status == 0
        train, val, last = out.splitlines()
        assert train.startswith("net.prototxt:3: layer 'data' (Data): warning: there is no database 'train_lmdb'; ")
        assert "shapes are from batch_size, crop_size and mean_value: 4x2x8x8, 4." in train and "5x2x8x8" in val
        assert last == f"{file}: {summary}: ok"


def test_stand_in_data_gives_shapes(bench, call):
    net = bench / "net.prototxt"
    net.write_text(PUBLISHED.replace("crop_size: 8", ""))
    for words in ([], ["-stand_in", "true"]):
        status, out, _ = call("check", "net.prototxt", *words)
        assert status == 1 and out.count("Nothing tells the shapes of its tops; give it stand-in data") == 2
    for words in (["-stand_in", "6x2x5x5"], ["-stand_in=data=6x2x5x5,6,constant"]):
        for file in ("net.prototxt", "solver.prototxt"):
            status, out, _ = call("check", file, *words)
            assert status == 0 and out.count("warning: runs on stand-in data, 6x2x5x5, ") == 2
        status, out, _ = call("summarize", "net.prototxt", *words)
        assert status == 0 and "data 6x2x5x5, label 6" in out
        assert re.match(r"net.prototxt:[45]: layer 'data' \(Data\): warning: runs on stand-in data", out)
        status, _, err = call("time", "-model", "net.prototxt", "-iterations", "1", *words)
        assert status == 0 and "] data: stand-in data, 6x2x5x5, " in err
    status, _, err = call("time", "-model", "net.prototxt", "-iterations", "1")
    assert status == 1 and "there is no database 'train_lmdb'" in err
    for words, message in (
        (["-stand_in", "6x0"], "argument -stand_in: stand-in data has shapes such as 32x3x224x224"),
        (["-stand_in", "rows=6x2"], "stand-in data is given to 'rows', but no layer without bottoms has that name."),
    ):
        status, _, err = call("time", "-model", "net.prototxt", *words)
        assert status == 1 and message in err
