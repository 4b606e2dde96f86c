"""The bench without a browser: what is done in one view is seen in the others."""

import base64
import logging
import re
import subprocess
import sys
import threading
import time

import ipywidgets
import nbformat
import numpy as np
import pytest
from nbconvert.exporters.html import HTMLExporter

import brewbench
from brewbench.engine import TEST
from brewbench.engine.making import making
from brewbench.proto import Document
from brewbench.widgets.bench.bench import BENCH_TYPE
from brewbench.widgets.text import TextPane

NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 6 } shape { dim: 4 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 50 random_seed: 3'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


@pytest.fixture
def bench(folder):
    made = brewbench.open(folder / "solver.prototxt")
    yield made
    made.close()


def intent(bench, **content):
    bench.editor._receive(bench.editor, content, [])


def edge_labels(bench):
    return {edge["blob"]: edge["label"] for edge in bench.editor.graph["edges"]}


def test_a_bench_is_at_hand_without_what_only_some_views_need():
    code = "import sys, brewbench; brewbench.open; sys.exit(bool({'scipy', 'numba', 'onnx'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_is_hidden_is_not_opened_in_the_page(folder):
    before = set(ipywidgets.widgets.widget._instances)
    bench = brewbench.open(folder / "solver.prototxt")
    opened = [one for key, one in ipywidgets.widgets.widget._instances.items() if key not in before]
    assert len(opened) < 70 and sum(isinstance(one, TextPane) for one in opened) == 1
    bench.close()


def test_a_form_edit_reaches_text_drawing_and_weights(bench):
    before = bench.net.params["ip1"][0].data.copy()
    intent(bench, type="select", ids=["ip1"], edges=[])
    assert bench.array_choice.value == ("params", "ip1", 0)
    bench.form.on_set(("inner_product_param", "num_output"), 10)
    assert "num_output: 10" in bench.text.text
    assert edge_labels(bench)["ip1"] == "4x10"
    assert bench.net.params["ip1"][0].shape == (10, 6)
    np.testing.assert_array_equal(bench.net.params["ip1"][0].data[:8], before)
    intent(bench, type="undo")
    assert bench.text.text == NET
    np.testing.assert_array_equal(bench.net.params["ip1"][0].data, before)


def test_a_name_that_another_layer_has_is_marked_in_form_text_and_drawing(bench):
    intent(bench, type="select", ids=["ip2"], edges=[])
    assert "name" not in bench.form.diagnostics
    weights = bench.net.params["ip2"][0].data.copy()
    bench.form.on_set(("name",), "ip1")
    assert "2 layers are named 'ip1'" in bench.form.diagnostics["name"]
    marks = [(one["line"], one["severity"]) for one in bench.text._marks]
    assert marks == [(5, "warning"), (7, "warning")]
    assert [node["name"] for node in bench.editor.graph["nodes"] if node["warning"]] == ["ip1", "ip1"]
    assert bench.live.status.state == "alive"
    assert bench.array_choice.options[0] == ("ip1: weights 3×8", ("params", "ip1\0number 1", 0))
    bench.array_choice.index = 0
    np.testing.assert_array_equal(bench.array._read("data").array, weights)
    intent(bench, type="select", ids=["loss"], edges=[])
    bench.form.on_set(("name",), "ip1")  # which has neither parameters nor chance
    assert bench.form.diagnostics["name"].startswith("Another layer is named 'ip1'")
    bench.select("ip1")
    assert bench.array_choice.options[0][0] == "ip1: weights 8×6"


def test_a_layer_put_between_two_and_taken_out_again_leaves_the_weights(bench):
    first = [bench.net.params[name][0].data.copy() for name in ("ip1", "ip2")]

    def same():
        return [bool((bench.net.params[name][0].data == kept).all())
                for name, kept in zip(("ip1", "ip2"), first, strict=True)]  # fmt: skip

    said = []
    bench.editor.say = lambda text, kind="info": said.append((text, kind))
    intent(bench, type="add", layer_type="TanH", near="ip1", connect_from="ip1", branch=True)
    intent(bench, type="undo")
    intent(bench, type="add", layer_type="AbsVal", near="ip1", connect_from="ip1")
    assert bench.net.blobs["absval1"].shape == (4, 8) and same() == [True, True]
    assert said[-1] == ("absval1 follows ip1.", "info")
    bench.session.step(1)
    bench.session.wait()
    assert bench.net.blobs["absval1"].diff.any(), "it takes part in training"
    first = [bench.net.params[name][0].data.copy() for name in ("ip1", "ip2")]
    intent(bench, type="remove", nodes=["absval1"], edges=[])
    assert bench.text.text == NET and same() == [True, True]
    intent(bench, type="remove", nodes=["ip1"], edges=[])
    assert bench.net.params["ip2"][0].shape == (3, 6), "ip2 reads the data"
    intent(bench, type="undo")
    assert bench.text.text == NET and same() == [True, True]


def test_a_look_that_waits_or_fails_holds_up_no_event(bench, monkeypatch):
    release, waiting = threading.Event(), threading.Event()
    bench.live.solver_document.set(("max_iter",), 1_000_000)

    def look():
        waiting.set()
        release.wait(60)
        raise OSError("no memory")

    monkeypatch.setattr(logging.getLogger("brewbench.workbench.events"), "disabled", True)
    bench.array.refresh = look
    try:
        bench.session.play()
        assert waiting.wait(20), "as while kernels are made for the layer whose blob is shown"
        bench.session.pause()
        assert bench.session.wait(20)
        assert bench.stepper._status["state"] == "paused"
    finally:
        release.set()
    bench.session.step(1)
    assert bench.session.wait(20)
    assert bench.stepper._status["iteration"] == bench.session.iteration


def test_the_stepper_says_for_which_layer_kernels_are_made(bench):
    said = []
    bench.stepper.update = lambda **changes: said.append(changes)
    other = brewbench.Net(bench.document, 0)
    for net, layer, run in [
        (bench.net, "ip1", bench.net.forward_layer),
        (other, "ip1", other.forward_layer),
        (bench.net, "ip2", bench.net.backward_layer),
    ]:
        run(net.index_of(layer))
        bench.session.wait(20)
        said.clear()
        with making():
            bench.session.wait(20)
            time.sleep(2 * bench.session._events.courier._outbox.interval)
        bench.session.wait(20)
        time.sleep(2 * bench.session._events.courier._outbox.interval)
        texts = [changes["waiting"] for changes in said if "waiting" in changes]
        if net is other:
            assert not any(texts)
        else:
            way, count = ("forward", 2) if layer == "ip1" else ("backward", 6)
            assert texts == [f"making kernels for the first run: {layer} {way} ({count} of 8)…", ""]


def test_typing_that_is_no_prototxt_is_marked_and_the_net_lives_on(bench):
    broken = NET.replace("num_output: 8", "num_output: ")
    bench.text._receive(bench.text, {"type": "edit", "text": broken, "sequence": 1, "view": "a"}, [])
    assert bench.document.text == NET
    assert bench.text.text == broken, "what is being typed is not taken away"
    assert bench.text._marks and bench.text._marks[0]["severity"] == "error"
    with pytest.raises(ValueError, match="Mend line 6 of the text first"):
        bench.form.on_set(("name",), "x")
    assert bench.text.text == broken
    bench.session.step(2)
    assert bench.session.wait(20) and bench.session.iteration == 2
    whole = NET.replace("num_output: 8", "num_output: 9")
    bench.text._receive(bench.text, {"type": "edit", "text": whole, "sequence": 2, "view": "a"}, [])
    assert bench.document.text == whole and not bench.text._marks
    assert bench.net.blobs["ip1"].shape == (4, 9)


def test_typing_that_is_no_prototxt_can_be_taken_back(bench):
    broken = NET.replace("num_output: 8", "num_output: ")
    bench.text._receive(bench.text, {"type": "edit", "text": broken, "sequence": 1, "view": "a"}, [])
    bench.texts.undo()
    assert bench.text.text == bench.document.text == NET and not bench.text._marks
    with pytest.raises(ValueError, match="nothing to undo"):
        bench.texts.undo()


def test_an_impossible_value_is_at_its_field(bench):
    bench.select("ip1")
    bench.form.on_set(("inner_product_param", "num_output"), 0)
    assert "num_output" in bench.form.diagnostics["inner_product_param.num_output"]
    errors = {node["name"]: node["error"] for node in bench.editor.graph["nodes"]}
    assert errors["ip1"] and not errors["ip2"] and not errors["data"]
    assert bench.net.blobs["ip1"].shape == (4, 8), "the last sound net stays"


def test_steps_fill_the_curves_and_a_rewind_empties_them(bench):
    bench.run.step(5)
    assert bench.session.wait(20)
    assert bench.curves.points("loss")[0].tolist() == [0, 1, 2, 3, 4]
    first = bench.curves.points("loss")[1]
    bench.session.rewind()
    bench.session.step(5)
    assert bench.session.wait(20)
    np.testing.assert_array_equal(bench.curves.points("loss")[1], first)
    bench.run.set_rate("base_lr", 0.5)
    assert bench.solver.param.base_lr == 0.5 and "base_lr: 0.5" in bench.live.solver_document.text


def test_the_cursor_in_the_text_selects_the_layer(bench):
    bench.texts._moved(8, 10)
    assert bench.editor.selected == ["ip2"]


def test_the_solver_has_a_text_and_a_form_too(bench):
    assert [name for name, _ in bench.texts.tabs.options] == ["net", "solver"], "short, with the path under the pointer"
    assert [path.rpartition("/")[2] for path in bench.texts.tabs.tooltips] == ["net.prototxt", "solver.prototxt"]
    bench.texts.tabs.value = bench.live.solver_document
    assert bench.text.text == SOLVER
    bench.form.on_set(("momentum",), 0.9)
    assert "momentum: 0.9" in bench.text.text
    assert bench.solver.param.momentum == pytest.approx(0.9)
    bench.texts.undo()
    assert bench.text.text == SOLVER


def test_the_stepper_says_that_a_run_waits_for_a_test_and_shows_the_loss(folder, monkeypatch):
    (folder / "solver.prototxt").write_text(SOLVER + " test_iter: 3 test_interval: 2")
    bench = brewbench.open(folder / "solver.prototxt")
    said = []
    monkeypatch.setattr(bench.stepper, "update", lambda **changes: said.append(changes))
    bench.session.step(3)
    assert bench.session.wait(20)
    time.sleep(2 * bench.session._events.courier._outbox.interval)
    bench.session._events.courier.drain(5)
    waits = [changes["waiting"] for changes in said if "waiting" in changes]
    assert "testing, 3 batches…" in waits and waits[-1] == ""
    losses = [changes["loss"] for changes in said if "loss" in changes]
    assert float(losses[-1]) == pytest.approx(bench.session.history.loss[-1], rel=1e-3)
    said.clear()
    bench.session.rewind()
    assert bench.session.wait(20)
    assert [changes["loss"] for changes in said if "loss" in changes][-1] == ""
    assert bench.curves.runs == {"run 1"}, "of the run that begins there is no point yet"
    bench.close()


def test_without_a_choice_the_arrays_say_what_to_do(bench):
    assert bench.array_choice.index == 0 and bench.array_choice.label == "select a layer to look into"


def test_where_nothing_is_selected_the_form_says_how_to_come_by_one(bench):
    assert "Select a layer" in bench.form.children[-1].value
    bench.select("ip1")
    assert not any("Select a layer" in str(getattr(one, "value", "")) for one in bench.form.children)


def test_a_rewind_is_told_in_few_words(bench, monkeypatch):
    said = []
    monkeypatch.setattr(bench.editor, "say", said.append)
    bench.session.step(1)
    bench.session.rewind()
    assert bench.session.wait(20) and said == ["All parameters begin anew."]


def test_saving_writes_what_was_edited(bench, folder):
    assert bench.texts.save_button.disabled
    bench.document.rename_layer(1, "first")
    assert not bench.texts.save_button.disabled
    bench.texts.save_button.click()
    assert (folder / "net.prototxt").read_text() == bench.document.text
    assert (folder / "solver.prototxt").read_text() == SOLVER
    assert bench.texts.save_button.disabled


def test_a_net_alone_is_stepped_forward_and_back(folder):
    bench = brewbench.open(folder / "net.prototxt")
    try:
        assert bench.net.phase == TEST
        bench.session.step_forward(2)
        assert bench.editor.selected == ["ip1"]
        bench.session.forward()
        bench.session.step_backward()
        assert bench.session.error is None and np.abs(bench.net.blobs["ip2"].diff).sum() > 0
        with pytest.raises(RuntimeError, match="open its solver"):
            _ = bench.solver
    finally:
        bench.close()


def test_a_net_that_is_wrong_opens_and_comes_to_life_when_it_is_mended(folder):
    (folder / "net.prototxt").write_text(NET.replace("InnerProduct", "InnerProdukt", 1))
    bench = brewbench.open(folder / "solver.prototxt")
    try:
        with pytest.raises(RuntimeError, match="InnerProdukt"):
            _ = bench.net
        bench.document.set(("layer", 1, "type"), "InnerProduct")
        assert bench.net.blobs["ip1"].shape == (4, 8)
    finally:
        bench.close()


def test_nets_written_in_python_open_as_text():
    from brewbench import NetSpec, layers

    n = NetSpec()
    n.data = layers.DummyData(shape={"dim": [2, 3]})
    n.ip = layers.InnerProduct(n.data, num_output=4)
    bench = brewbench.open(n)
    try:
        assert bench.net.blobs["ip"].shape == (2, 4) and 'name: "ip"' in bench.text.text
    finally:
        bench.close()


def test_without_a_kernel_the_drawing_is_still_there(bench):
    bundle = bench._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg") and "ip1" in bundle["image/svg+xml"]
    assert bundle[BENCH_TYPE] == {"model_id": bench.model_id}
    assert "application/vnd.jupyter.widget-view+json" in bundle and len(repr(bench)) < 80


def test_a_printed_notebook_shows_the_drawing(bench):
    """nbconvert takes the widget for missing, since no notebook keeps its state, and shows the next best."""
    output = nbformat.v4.new_output("display_data", data=bench._repr_mimebundle_())
    page, _ = HTMLExporter().from_notebook_node(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("bench", outputs=[output])])
    )
    (image,) = re.findall('src="data:image/svg[+]xml;base64,([^"]*)"', page)
    assert ">ip1</text>" in base64.b64decode(image).decode() and "<Bench on" not in page


@pytest.mark.parametrize("name", ["nothing.prototxt", "."])
def test_what_is_no_file_is_said_in_one_line(folder, name):
    with pytest.raises(OSError) as caught:
        brewbench.open(folder / name)
    (line,) = caught.value._render_traceback_()
    assert str(folder / name) in line


def test_a_document_can_be_opened_and_is_shared(folder):
    document = Document.open(folder / "net.prototxt")
    bench = brewbench.open(document)
    try:
        document.rename_layer(1, "mine")
        assert [node["name"] for node in bench.editor.graph["nodes"]][1] == "mine"
    finally:
        bench.close()


def test_unsaved_edits_are_found_again_and_asked_about_once(folder):
    bench = brewbench.open(folder / "net.prototxt")
    assert bench.texts.drafts.layout.display == "none" and "unsaved" not in bench.texts.heading.value
    bench.document.set(("layer", 1, "inner_product_param", "num_output"), 7)
    assert "unsaved" in bench.texts.heading.value and bench.frame._unsaved == ["net"]
    edited = bench.document.text
    bench.close()
    again = brewbench.open(folder / "net.prototxt")
    assert again.document.text != edited, "the file's, until somebody says so"
    assert "net.prototxt (1 line" in again.texts.drafts._text.value
    again.texts.drafts.restore.click()
    assert again.document.text == edited and again.texts.drafts.layout.display == "none"
    again.document.undo()
    assert not again.document.dirty, "it is one edit"
    again.document.redo()
    again.save()
    assert again.frame._unsaved == []
    again.close()
    third = brewbench.open(folder / "net.prototxt")
    assert third.document.text == edited and third.texts.drafts.layout.display == "none"
    third.document.set(("name",), "thrown")
    third.close()
    last = brewbench.open(folder / "net.prototxt")
    last.texts.drafts.throw_away.click()
    last.close()
    assert not (folder / ".net.prototxt.unsaved").exists()


def test_search_knows_values_and_blobs_and_opens_the_groups_that_hide(folder):
    layers = "".join(
        f'layer {{ name: "block{k}/{part}" type: "InnerProduct" bottom: "{below}" top: "block{k}/{part}" '
        f"inner_product_param {{ num_output: {k + 2} }} }}\n"
        for k in range(40)
        for part, below in (("a", f"block{k - 1}/b" if k else "data"), ("b", f"block{k}/a"))
    )
    text = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 } } }\n' + layers
    bench = brewbench.open(Document.parse(text))
    sent = []
    bench.editor.send = lambda content, buffers=None: sent.append(content)
    intent(bench, type="search", view="one")
    (message,) = [one for one in sent if one["type"] == "layers"]
    assert message["to"] == "one" and len(message["layers"]) == 81
    (found,) = [one for one in message["layers"] if one["name"] == "block5/b"]
    assert "num_output:7" in found["haystack"].split()
    assert "block5/a" in found["haystack"], "its blobs too"
    assert "block5/b" not in {node["name"] for node in bench.editor.graph["nodes"]}, "the net opens folded"
    intent(bench, type="find", index=found["index"])
    assert "block5/b" in {node["name"] for node in bench.editor.graph["nodes"]}
    assert bench.editor.selected == ["block5/b"]
    bench.close()


def test_the_table_is_filled_while_it_is_open_and_selects(bench):
    sent = []
    bench.figures.table.send = lambda content, buffers=None: sent.append(content)
    assert not sent
    bench.frame._receive(bench.frame, {"type": "tabs", "open": ["form", "table"], "view": "one"}, [])
    rows = {row[1]: row for row in sent[0]["rows"]}
    assert rows["ip1"][3:7] == ["4x8", 56, 48, 128]
    intent(bench, type="select", ids=["ip2"], edges=[])
    assert sent[-1] == {"type": "select", "indices": [2]}
    bench.figures.table._receive(bench.figures.table, {"type": "select", "index": 1, "view": "one"}, [])
    assert bench.state.selected == [1] and bench.editor.selected == ["ip1"]
    count = len(sent)
    bench.frame._receive(bench.frame, {"type": "tabs", "open": ["form"], "view": "one"}, [])
    bench.document.set(("layer", 1, "inner_product_param", "num_output"), 9)
    assert len(sent) == count, "closed, it costs nothing"


def test_the_text_of_an_old_net_follows_its_edits():
    old = 'layers { name: "d" type: DUMMY_DATA top: "d" dummy_data_param { num: 2 channels: 3 height: 1 width: 1 } }'
    bench = brewbench.open(Document.parse(old, "net"))
    assert any(one.severity == "warning" and one.type is None for one in bench.live.diagnostics), "about its form"
    bench.select("d")
    bench.form.on_set(("name",), "data")
    bench.form.on_set(("top",), ["data"])
    assert bench.text.text == bench.document.text and 'name: "data"' in bench.text.text
    bench.close()
