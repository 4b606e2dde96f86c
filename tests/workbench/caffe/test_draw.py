"""Drawings of nets: the text is Caffe's, and Graphviz makes pictures of it."""

from pathlib import Path

import pytest
from google.protobuf import text_format

from brewbench.caffe import TEST, TRAIN, draw
from brewbench.proto.messages import LayerParameter, NetParameter

from ... import held

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "pycaffe"
LENET = held.folder("notebooks/models") / "lenet" / "lenet_train_test.prototxt"

NET = """
layer { name: "data" type: "Input" top: "data" }
layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" param { lr_mult: 3 }
  convolution_param { num_output: 4 kernel_size: 2 kernel_size: 3 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "up" top: "up" include { phase: TRAIN } }
layer { name: "extra" type: "Power" bottom: "up" top: "extra" exclude { phase: TRAIN } }
"""


def parse(text):
    return text_format.Parse(text, NetParameter())


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_lenet_is_drawn_as_caffe_draws_it(rankdir):
    found = draw.get_pydot_graph(parse(LENET.read_text()), rankdir).to_string()
    assert found == (GOLDEN / f"draw_lenet_train_test_{rankdir}.dot").read_text()


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_the_siamese_net_is_drawn_as_caffe_draws_it(rankdir, shared_zoo):
    net = parse((shared_zoo / "BVLC+caffe" / "examples_siamese_mnist_siamese.prototxt").read_text())
    found = draw.get_pydot_graph(net, rankdir).to_string()
    assert found == (GOLDEN / f"draw_mnist_siamese_{rankdir}.dot").read_text()


def test_every_net_of_the_collection_can_be_drawn(shared_zoo):
    drawn = 0
    for path in sorted((shared_zoo / "BVLC+caffe").glob("*.prototxt")):
        try:
            net = parse(path.read_text())
        except text_format.ParseError:
            continue  # a solver, or a net with fields of somebody's own Caffe
        text = draw.get_pydot_graph(net, "LR", display_lrm=True).to_string()
        assert text.count("style=filled") >= len(net.layers)
        drawn += 1
    assert drawn > 10


def lines(net, **settings):
    return draw.get_pydot_graph(net, "LR", **settings).to_string().splitlines()


def test_one_phase_can_be_drawn_alone():
    drawn = {phase: "\n".join(lines(parse(NET), phase=phase)) for phase in (TRAIN, TEST, None)}
    assert "drop" in drawn[TRAIN] and "extra" not in drawn[TRAIN]
    assert "drop" not in drawn[TEST] and "extra" in drawn[TEST]
    assert "drop" in drawn[None] and "extra" in drawn[None]


def test_rates_and_outputs_are_shown_if_asked_for():
    assert not any("lr mult" in line for line in lines(parse(NET)))
    label = r'"up\n(Deconvolution)\nkernel size: 2\nstride: 2\npad: 0\nlr mult: 3.0, 1.0"'
    assert f"{label} -> up  [label=4];" in lines(parse(NET), display_lrm=True)
    assert f'{label} -> up  [label=""];' in lines(parse(NET), display_lrm=True, label_edges=False)
    with pytest.raises(ValueError, match="no lr_mult"):
        draw.get_layer_lr_mult(LayerParameter(type="Power"))


def test_a_layer_in_place_is_green_and_a_blob_that_is_read_is_grey():
    found = lines(parse(NET))
    assert found[:2] == ["digraph Net {", "rankdir=LR;"]
    assert r'"drop\n(Dropout)" [fillcolor="#90EE90", shape=record, style=filled];' in found
    assert 'up [fillcolor="#E0E0E0", shape=octagon, style=filled];' in found and "extra;" in found


def test_names_may_hold_what_has_a_meaning_for_graphviz():
    net = parse(
        'layer { name: "a|b{c}" type: "Power" top: "say \\"x\\"" } '
        'layer { name: "l" type: "Power" top: "node" }'
    )
    found = lines(net)
    style = 'fillcolor="#6495ED", shape=record, style=filled'
    assert r'"a|b{c}\n(Power)" [label="a\|b\{c\}\n(Power)", ' + style + "];" in found
    assert r'"say \"x\"";' in found and '"node";' in found
    assert draw.draw_net(net, "LR", "svg").count(b'class="node"') == 4


def test_a_net_in_the_old_form_is_upgraded_first():
    net = parse('layers { name: "r" type: RELU bottom: "x" top: "y" }')
    assert any(r"r\n(ReLU)" in line for line in lines(net))
    assert net.layers and not net.layer


def test_pictures_are_written_in_the_format_of_the_name(tmp_path):
    net = parse(NET)
    draw.draw_net_to_file(net, tmp_path / "net.png")
    draw.draw_net_to_file(net, str(tmp_path / "net.svg"), "TB", TEST)
    draw.draw_net_to_file(net, tmp_path / "net.raw", "BT")
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")
    svg = (tmp_path / "net.svg").read_text()
    assert "Deconvolution" in svg and "Dropout" not in svg
    assert (tmp_path / "net.raw").read_text() == draw.get_pydot_graph(net, "BT").to_string()
    with pytest.raises(ValueError, match="'nonsense'"):
        draw.draw_net_to_file(net, tmp_path / "net.nonsense")
    assert not (tmp_path / "net.nonsense").exists()
