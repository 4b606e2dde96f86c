"""Modules of the user's own: kept as prototxt, made again behind any layer, with numbers for their outputs."""

import pytest

import brewbench
from brewbench.engine import check
from brewbench.proto import Document
from brewbench.widgets.intents import palette
from brewbench.workbench.own_modules import all_modules, own_modules, remove, save

NET = """
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 2 } } }
layer { name: "a/in" type: "Convolution" bottom: "data" top: "a/in" param { name: "w" }
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "a/relu" type: "ReLU" bottom: "a/in" top: "a/in" }
layer { name: "a/out" type: "Convolution" bottom: "a/in" top: "a/out"
  convolution_param { num_output: 6 kernel_size: 1 } }
layer { name: "a/side" type: "Convolution" bottom: "data" top: "a/side"
  convolution_param { num_output: 6 kernel_size: 1 } }
layer { name: "a/sum" type: "Eltwise" bottom: "a/side" bottom: "a/out" top: "a/sum" }
layer { name: "fc" type: "InnerProduct" bottom: "a/sum" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("BREWBENCH_CONFIG", str(tmp_path))
    return tmp_path / "modules"


@pytest.fixture
def layers():
    return list(Document.parse(NET, "net").message.layer)


def test_layers_are_kept_with_short_names_and_made_again_under_others(layers, folder):
    path = save("block", layers[1:6])
    assert path == folder / "block.prototxt" and not check(path).ok, "its bottom is nobody's yet"
    text = path.read_text()
    assert 'name: "in"' in text and 'bottom: "bottom"' in text and "a/" not in text
    assert "# number in: in\n# number out: out side\n" in text
    module = own_modules()["block"]
    assert (module.numbers, module.usual) == (("in", "out"), (4, 6))
    made = module.layers("b", "x", [3, 9])
    assert [layer.name for layer in made] == ["b/in", "b/relu", "b/out", "b/side", "b/sum"]
    assert list(made[-1].bottom) == ["b/side", "b/out"] and list(made[0].bottom) == list(made[3].bottom) == ["x"]
    assert [made[k].convolution_param.num_output for k in (0, 2, 3)] == [3, 9, 9]
    assert made[0].param[0].name == "b/w", "two modules share no weights"
    with pytest.raises(ValueError, match="out must be at least 1"):
        module.layers("b", "x", [3, 0])
    assert "block" in all_modules() and "inception" in all_modules()
    remove("block")
    assert not own_modules()
    with pytest.raises(ValueError, match="no module 'block' of your own"):
        remove("block")


def test_what_works_in_place_and_what_reads_more_than_one_blob(layers):
    save("relu-only", [layers[2]])
    (relu,) = own_modules()["relu-only"].layers("r", "x")
    assert list(relu.bottom) == list(relu.top) == ["x"] and relu.name == "r/a/relu"
    save("head", layers[6:])
    fc, loss = own_modules()["head"].layers("h", "x")
    assert list(fc.bottom) == ["x"] and list(loss.bottom) == ["h/fc", "label"], "the label keeps its name"


@pytest.mark.parametrize("name", ["", "../up", "a b", "9", "x" * 50, "ReLU", "relu", "Inception"])
def test_names_that_cannot_be_are_refused(name, layers, folder):
    with pytest.raises(ValueError, match="name"):
        save(name, layers[1:3])
    assert not folder.exists()


def test_layers_that_come_behind_none_are_no_module(layers):
    with pytest.raises(ValueError, match="one reads a blob of another layer"):
        save("source", layers[:2])


def test_files_that_are_no_module_are_passed_over(layers, folder):
    save("good", layers[1:3])
    (folder / "broken.prototxt").write_text("layer {")
    (folder / "empty.prototxt").write_text("")
    (folder / "wrong.prototxt").write_text('layer { name: "x" kind: "y" top: "z" }')
    (folder / "by-hand.prototxt").write_text(
        '# number width: ip nobody\nlayer { name: "ip" type: "InnerProduct" bottom: "bottom" top: "ip" }'
    )
    found = own_modules()
    assert set(found) == {"good", "by-hand"} and found["by-hand"].numbers == ("width",)


def test_the_bench_keeps_offers_adds_and_removes_a_module(folder):
    bench = brewbench.open(Document.parse(NET, "net"))
    said = []
    bench.editor.say = lambda text, kind="info": said.append((kind, text))

    def ask(**content):
        bench.editor._receive(bench.editor, content, [])

    ids = ["a/in", "a/relu", "a/out", "a/side", "a/sum"]
    ask(type="save_module", ids=ids, name=" block ")
    assert (folder / "block.prototxt").exists() and said[-1][0] == "info"
    entry = next(one for one in bench.editor.graph["palette"] if one["type"] == "block")
    assert (entry["category"], entry["form"]) == ("own", "block 4 6: in, out.")
    assert entry in palette()
    row = [{"type": "block", "args": ["2", "7"]}]
    ask(type="add", layer_type="block", near="a/sum", connect_from="a/sum", branch=False, layers=row)
    assert bench.document.layers[-2].bottom == ("block1/sum",) and bench.live.status.state == "alive"
    assert bench.state.report.layers[-3].top_shapes[0] == (2, 7, 8, 8)
    assert bench.document.undo() and bench.document.text == NET
    ask(type="save_module", ids=[], name="none")
    assert said[-1][0] == "error"
    ask(type="remove_module", name="block")
    assert "block" not in [one["type"] for one in bench.editor.graph["palette"]] and not list(folder.iterdir())
    bench.close()
