"""The bench shows the shapes of a net whose database is not there, and offers data in its place."""

import pytest

import brewbench
from brewbench.engine import LayerReport
from brewbench.widgets.editor import build_graph
from brewbench.widgets.stand_in import StandInBar

NET = """
layer { name: "data" type: "Data" top: "data" top: "label"
  transform_param { crop_size: 6 force_gray: true } data_param { source: "gone_db" batch_size: 4 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.fixture
def open_bench(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    benches = []

    def opened(text=NET, **given):
        (tmp_path / "net.prototxt").write_text(text)
        benches.append(brewbench.open("net.prototxt", **given))
        return benches[-1]

    yield opened
    for bench in benches:
        bench.close()


def box(bench):
    (node,) = (one for one in bench.editor.graph["nodes"] if one["name"] == "data")
    return node


def labels(bench):
    return {edge["blob"]: edge["label"] for edge in bench.editor.graph["edges"]}


def test_it_shows_shapes_and_offers_stand_in_data(open_bench):
    bench = open_bench()
    assert labels(bench) == {"data": "4x1x6x6", "label": "4", "ip": "4x3"}
    assert "there is no database 'gone_db'; shapes are from" in box(bench)["warning"] and not box(bench)["error"]
    bar = bench.stand_in
    assert bar.layout.display is None and "there is no database &#x27;gone_db&#x27;" in bar._text.value
    assert bar.shape.value == "4x1x6x6"
    with pytest.raises(RuntimeError, match="There is no net yet: unbuilt: there is no database 'gone_db'; .*stand_in"):
        _ = bench.net
    bar.button.click()
    assert bar.layout.display == "none"
    assert box(bench)["lines"][0] == box(bench)["details"][0] == "stand-in data, 4x1x6x6, random"
    bench.session.forward()
    assert bench.session.error is None and bench.net.blobs["data"].data.std() > 0.5
    assert "stand" not in bench.document.text


def test_a_shape_is_typed_where_nothing_tells_it(open_bench):
    bench = open_bench(NET.replace("crop_size: 6", ""))
    bar = bench.stand_in
    assert box(bench)["error"] and labels(bench)["data"] == "" and bar.shape.value == ""
    for typed, told in (("", "Type a shape, such as 32x3x224x224"), ("4x", "has shapes such as 32x3x224x224")):
        bar.shape.value = typed
        bar.button.click()
        assert told in bench.stepper._status["error"] and bar.layout.display is None
    bar.shape.value, bar.values.value = " 2x1x9x9 ", "constant"
    bar.button.click()
    assert bar.layout.display == "none" and bench.stepper._status["error"] == ""
    assert box(bench)["lines"][0] == "stand-in data, 2x1x9x9, constant"
    bench.session.forward()
    assert (bench.net.blobs["data"].data == 1).all()


def test_it_opens_with_stand_in_data(open_bench):
    for given, shape in ((True, (4, 1, 6, 6)), ("2x1x3x3", (2, 1, 3, 3)), ({"data": (2, 5)}, (2, 5))):
        bench = open_bench(stand_in=given)
        assert bench.stand_in.layout.display == "none" and bench.net.blobs["data"].shape == shape


def test_a_bar_for_nothing_is_hidden_and_keeps_what_was_typed():
    used = []
    bar = StandInBar(used.append)
    layer = LayerReport(0, "a<b", "Data", (), ("x",), (), ((2, 3),))
    assert bar.layout.display == "none"
    bar.offer([layer], "there is no <db>")
    assert "a&lt;b" in bar._text.value and "&lt;db&gt;" in bar._text.value
    bar.button.click()
    bar.shape.value = "5x3"
    bar.offer([layer], "there is no <db>")
    bar.button.click()
    assert used == ["random", "5x3 random"]


def test_a_box_without_stand_in_data_says_nothing_of_it():
    report = brewbench.check(brewbench.Document.parse(NET), stand_in={"data": "4x2"})
    (node, *others) = build_graph(report)["nodes"]
    assert node["lines"][0] == "stand-in data, 4x2, random"
    assert not any("stand-in" in line for other in others for line in other["lines"] + other["details"])
