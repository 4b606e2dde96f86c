"""Fixes and what runs, on a bench without a browser: offered beside findings, carried out in one step, said."""

import pytest

import brewbench
from brewbench.widgets.notice import Notice, diff_html

NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 6 } shape { dim: 4 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 8 } }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "prob" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 50 random_seed: 3'


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    made = brewbench.open(tmp_path / "solver.prototxt")
    yield made
    made.close()


def buttons(widget, mark="bb-fix"):
    """The labels of all buttons below a widget that have a class, with the buttons."""
    found = {}
    for child in getattr(widget, "children", ()):
        if mark in child._dom_classes:
            found[child.description] = child
        found |= buttons(child, mark)
    return found


def test_a_button_in_the_form_mends_and_goes(bench):
    bench.select("ip1")
    shown = buttons(bench.form)
    assert list(shown) == ["add weight_filler xavier"]
    shown["add weight_filler xavier"].click()
    assert 'weight_filler' in bench.document.text.split("ip2")[0]
    assert buttons(bench.form) == {}
    bench.texts.undo()
    assert bench.document.text == NET and list(buttons(bench.form)) == ["add weight_filler xavier"]


def test_a_fix_is_offered_in_the_text_and_keeps_the_selection(bench):
    bench.select("loss")
    (mark,) = [one for one in bench.text._marks if "Softmax" in one["message"]]
    assert mark["fixes"] == ["remove Softmax before SoftmaxWithLoss"]
    bench.text._receive(bench.text, {"type": "fix", "line": mark["line"], "label": mark["fixes"][0]}, [])
    assert [layer.name for layer in bench.document.layers] == ["data", "ip1", "ip2", "loss"]
    assert bench.state.selected == [3] and bench.net.layers[-1].name == "loss"
    said = []
    bench.text.say = lambda text, kind="info": said.append(text)
    bench.text._receive(bench.text, {"type": "fix", "line": mark["line"], "label": mark["fixes"][0]}, [])
    assert said == ["That finding is gone."]


def test_an_old_net_is_upgraded_after_its_diff_was_shown():
    bench = brewbench.open(brewbench.Document.parse(
        'layers { name: "d" type: DUMMY_DATA top: "d" dummy_data_param { num: 1 channels: 2 height: 3 width: 3 } }\n'
        'layers { name: "r" type: RELU bottom: "d" top: "r" }', "net"))  # fmt: skip
    notice = bench.mending.notice
    assert "V1" in notice._text.value and [one.description for one in notice.buttons] == ["Upgrade to today's form…"]
    notice.buttons[0].click()
    assert [one.description for one in notice.buttons] == ["Apply", "Cancel"]
    assert "bb-ins" in notice._details.value and "layers {" in bench.document.text, "nothing is changed yet"
    notice.buttons[1].click()
    assert [one.description for one in notice.buttons] == ["Upgrade to today's form…"]
    notice.buttons[0].click()
    notice.buttons[0].click()
    assert 'type: "ReLU"' in bench.document.text and notice.layout.display == "none"
    bench.texts.undo()
    assert "RELU" in bench.document.text and notice.layout.display is None
    bench.close()


def test_what_runs_is_told_from_what_is_shown(bench):
    notice = bench.running.notice
    assert notice.layout.display == "none"
    bench.text._receive(bench.text, {"type": "edit", "view": "v", "sequence": 1, "text": NET + "layer {"}, [])
    assert notice.layout.display is None and "line 11" in notice._text.value, notice._text.value
    notice.buttons[0].click()
    assert '<span class="bb-ins">+layer {</span>' in notice._details.value
    assert notice.buttons[0].description == "Hide what runs"
    notice.buttons[1].click()
    assert bench.text.text == NET and notice.layout.display == "none"
    bench.document.set(("layer", 1, "inner_product_param", "num_output"), 0)
    assert "num_output" in notice._text.value
    notice.buttons[1].click()
    assert bench.document.text == NET and notice.layout.display == "none"
    bench.texts.undo()
    assert "num_output: 0" in bench.document.text, "going back is an edit that can be undone"


def test_a_diff_shows_text_as_text():
    html = diff_html("--- a\n+++ b\n@@ -1 +1 @@\n-<b>\n+\u202e\n same")
    assert "&lt;b&gt;" in html and "\u202e" not in html and html.count("<span") == 4
    assert diff_html("") == ""
    notice = Notice()
    calls = []
    notice.say("One", [("Do", lambda: calls.append(1))])
    button = notice.buttons[0]
    notice.say("Two", [("Do", lambda: calls.append(2))])
    assert notice.buttons[0] is button, "a button that is pressed twice stays"
    button.click()
    assert calls == [2]


def test_typing_that_does_not_parse_yet_stays_beside_warnings_above_it(bench):
    typed = NET + "layer {"
    bench.text._receive(bench.text, {"type": "edit", "view": "v", "sequence": 1, "text": typed}, [])
    bench.refresh()
    assert bench.text.text == typed
    with pytest.raises(ValueError, match="Mend line 11"):
        bench.fields._set(("name",), "other")
