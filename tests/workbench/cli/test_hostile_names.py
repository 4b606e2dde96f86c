"""Names in a net that would steer a terminal, make up lines of a log, or break out of a drawing's text."""

import re
from xml.etree import ElementTree

import pytest

from brewbench.proto import Document
from brewbench.proto.printable import printable
from brewbench.workbench.caffe import draw
from brewbench.workbench.caffe.draw import get_pydot_graph

ESCAPES = r"\033]0;title\007\302\233" + r"2J\342\200\256\342\201\246\177"  # as a prototxt spells them
FORGED = r"ip\nI0101 00:00:00.000000     1 solver.cpp:1] Iteration 9, loss = 0"
NET = f"""\
name: "net{ESCAPES}"
layer {{ name: "d{ESCAPES}" type: "DummyData" top: "x{ESCAPES}" dummy_data_param {{ shape {{ dim: 2 dim: 3 }} }} }}
layer {{ name: "{FORGED}" type: "InnerProduct" bottom: "x{ESCAPES}" top: "y\\\\"
  inner_product_param {{ num_output: 2 }} }}
layer {{ name: "l{ESCAPES}" type: "EuclideanLoss" bottom: "y\\\\" bottom: "y\\\\" top: "loss{ESCAPES}" }}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 1 display: 1 snapshot_prefix: "s"\n'
        "snapshot_after_train: false debug_info: true"
    )
    return tmp_path


def shown(text: str) -> bool:
    """Whether nothing is in a text that steers."""
    return printable(text, keep="\n\t") == text


@pytest.mark.parametrize(
    "words",
    [
        ("check", "net.prototxt", "solver.prototxt"),
        ("summarize", "net.prototxt"),
        ("draw_net", "net.prototxt", "net.svg"),
        ("draw_net", "net.prototxt", "net.raw"),
        ("draw_net", "net.prototxt", "no\x1b[31m/net.png"),
        ("time", "-model", "net.prototxt", "-iterations", "1"),
        ("train", "-solver", "solver.prototxt"),
        ("check", "no\x1b[31m.prototxt"),
        ("summarize", "no\u202e.prototxt"),
        ("no\x9bcommand",),
        ("extract_features", "no\x1b.caffemodel", "net.prototxt", "no\x1b", "out\x1b", "1", "lmdb"),
    ],
)
def test_no_command_prints_them_raw(call, folder, words):
    _, out, err = call(*words)
    assert (out or err) and shown(out) and shown(err)
    for path in folder.glob("net.*"):
        if path.suffix in (".svg", ".raw"):
            assert shown(path.read_text())


def test_findings_are_one_line_each(call, folder):
    text = NET.replace("num_output: 2", "num_output: 0").replace('"EuclideanLoss"', '"A\\033"')
    (folder / "net.prototxt").write_text(text)
    status, out, _ = call("check", "net.prototxt")
    assert status == 1 and shown(out) and len(out.splitlines()) == 2


def test_a_name_makes_up_no_line_of_the_log(call):
    _, _, err = call("train", "-solver", "solver.prototxt")
    assert "solver.cpp:1]" in err and not re.search(r"(?m)^I0101", err)


def test_a_row_of_a_summary_stays_a_row(call):
    _, out, _ = call("summarize", "net.prototxt")
    assert len(out.splitlines()) == 5


LINK = '" href="javascript:x" b="'


@pytest.mark.parametrize("name", ["\\", f"a\\{LINK}", f"a{LINK}", "<b>\\N\\G", "{x|y}"])
def test_a_name_is_text_in_a_drawing_and_nothing_else(name):
    net = Document.parse('layer { name: "a" type: "ReLU" bottom: "b" top: "c" }').message
    net.layer[0].name = net.layer[0].bottom[0] = net.layer[0].top[0] = name
    graph = get_pydot_graph(net, "LR")
    picture = ElementTree.fromstring(graph.create("svg"))
    texts = [text.strip() for text in picture.itertext() if text.strip()]
    assert texts.count(name) >= 2, texts
    assert not [one for one in picture.iter() if one.tag.endswith("}a")]


def test_a_label_is_made_printable():
    net = Document.parse(NET).message
    assert shown(draw.get_layer_label(net.layer[0], "LR"))
