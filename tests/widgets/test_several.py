"""The form of several layers: what they share is shown once, and edited in all of them by one step of undo."""

import pytest

import brewbench
from brewbench.proto import Document
from brewbench.widgets.form import SEVERAL, ParameterForm, shared, summary

CONV = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 4 kernel_size: 3 stride: 1 weight_filler { type: "xavier" } } }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2"
  convolution_param { num_output: 6 kernel_size: 3 bias_term: false weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "pool" type: "Pooling" bottom: "conv2" top: "pool" pooling_param { kernel_size: 2 } }
layer { name: "relu" type: "ReLU" bottom: "pool" top: "pool" include { phase: TEST } }
"""


@pytest.fixture
def bench():
    made = brewbench.open(Document.parse(CONV, "net"))
    yield made
    made.close()


def rows(widget):
    """The rows in sight, by field."""
    found = {}
    for name in getattr(widget, "_dom_classes", ()):
        if name.startswith("bb-field-"):
            found[name.removeprefix("bb-field-")] = widget
    for child in getattr(widget, "children", ()):
        found |= rows(child)
    return found


def open_folds(widget):
    """Open all folds, those inside others too."""
    for child in getattr(widget, "children", ()):
        if "bb-fold-head" in getattr(child, "_dom_classes", ()):
            child.children[0].value = True
    for child in getattr(widget, "children", ()):  # with what was opened
        open_folds(child)
    return widget


class TestShared:
    def test_what_is_equal_is_shown_and_what_differs_is_several(self):
        one = {"type": "Convolution", "convolution_param": {"num_output": 4, "kernel_size": [3], "stride": [1]}}
        two = {"type": "Convolution", "convolution_param": {"num_output": 6, "kernel_size": [3], "bias_term": False}}
        found = shared("LayerParameter", [one, two], alike=True)
        assert found["type"] == "Convolution"
        assert found["convolution_param"]["kernel_size"] == [3]
        assert found["convolution_param"]["num_output"] is found["convolution_param"]["bias_term"] is SEVERAL
        assert "pad" not in found["convolution_param"], "none has it"

    def test_a_default_that_only_one_has_written_is_no_difference(self):
        layers = [{"lrn_param": {"local_size": 5}}, {"lrn_param": {}}]
        assert shared("LayerParameter", layers, alike=True) == {"lrn_param": {"local_size": 5}}

    def test_messages_of_a_list_are_compared_one_by_one(self):
        layers = [{"param": [{"lr_mult": 2.0}, {"lr_mult": 3.0}]}, {"param": [{"lr_mult": 2.0}]}]
        assert shared("LayerParameter", layers, alike=True)["param"] == [{"lr_mult": 2.0}, {"lr_mult": SEVERAL}]

    def test_layers_of_different_settings_share_what_every_layer_has(self):
        layers = [{"convolution_param": {}, "param": [{}], "name": "a"}, {"pooling_param": {}, "name": "b"}]
        assert shared("LayerParameter", layers, alike=False) == {"param": [{}], "name": SEVERAL}

    def test_a_section_says_that_there_are_several_values(self):
        assert summary({"type": SEVERAL, "std": SEVERAL}) == "type several values, std several values"


def test_several_values_are_no_value_until_one_is_given():
    told = []
    form = ParameterForm(lambda path, value: told.append((path, value)), lambda path: told.append((path, None)))
    values = {"pool": SEVERAL, "kernel_size": SEVERAL, "global_pooling": SEVERAL}
    form.show("PoolingParameter", values, title="2 layers")
    shown = rows(open_folds(form))
    pool, size, whole = (shown[name].children[0] for name in ("pool", "kernel_size", "global_pooling"))
    assert pool.label == "several values" and size.placeholder == "several values" and size.value == ""
    assert all("bb-several" in shown[name]._dom_classes for name in values) and told == []
    pool.value = "AVE"
    size.value = "3"
    whole.value = True
    assert told == [(("pool",), "AVE"), (("kernel_size",), 3), (("global_pooling",), True)]
    form.show("PoolingParameter", {"pool": "AVE", "kernel_size": 3, "global_pooling": True}, title="2 layers")
    assert "several values" not in [label for label, _ in pool._options_full] and size.value == "3"
    assert not any("bb-several" in shown[name]._dom_classes for name in values) and len(told) == 3


def test_layers_of_one_type_show_all_fields_but_those_of_each(bench):
    bench.select("conv1", "conv2")
    shown = rows(bench.form)
    assert not {"name", "bottom", "top"} & set(shown) and shown["type"].children[0].value == "Convolution"
    assert shown["convolution_param-num_output"].children[0].placeholder == "several values"
    assert shown["convolution_param-kernel_size"].children[0].value == "3"
    title = next(one for one in bench.form.children if "bb-form-title" in one._dom_classes)
    assert title.value == "2 layers: conv1, conv2 (Convolution)"


def test_an_edit_of_several_layers_is_one_step(bench):
    before = bench.document.text
    bench.select("conv1", "conv2")
    rows(bench.form)["convolution_param-num_output"].children[0].value = "5"
    assert [layer.convolution_param.num_output for layer in bench.document.message.layer[1:3]] == [5, 5]
    assert rows(bench.form)["convolution_param-num_output"].children[0].value == "5"
    assert bench.state.selected == [1, 2] and bench.live.net.params["conv2"][0].shape == (5, 5, 3, 3)
    bench.form.on_clear(("convolution_param", "weight_filler"))
    assert not any(layer.convolution_param.HasField("weight_filler") for layer in bench.document.message.layer[1:3])
    bench.texts.undo()
    bench.texts.undo()
    assert bench.document.text == before and not bench.document.can_undo


def test_layers_of_different_types_share_rates_and_rules(bench):
    before = bench.document.text
    bench.select("conv1", "pool", "relu")
    shown = rows(open_folds(bench.form))
    assert "type" not in shown and not any("_param-" in name for name in shown)
    assert {"param-0-lr_mult", "include-0-phase"} <= set(shown)
    assert shown["include-0-phase"].children[0].label == "several values"
    shown["param-1-lr_mult"].children[0].value = "0"
    assert [one.lr_mult for one in bench.document.message.layer[1].param] == [1, 0]
    assert [one.lr_mult for one in bench.document.message.layer[3].param] == [1, 0], "the first is not written"
    assert not bench.document.message.layer[3].param[0].ListFields()
    shown["include-0-phase"].children[0].value = "TRAIN"
    layers = bench.document.message.layer
    assert [[rule.phase for rule in layer.include] for layer in layers] == [[], [0], [], [0], [0]]
    bench.texts.undo()
    bench.texts.undo()
    assert bench.document.text == before


def test_what_one_of_them_cannot_be_is_no_edit_of_any(bench):
    before = bench.document.text
    bench.select("conv1", "conv2")
    bench.document.subscribe(lambda change: pytest.fail("nothing was to change"))
    row = rows(bench.form)["convolution_param-num_output"]
    row.children[0].value = "many"
    assert bench.document.text == before and "bb-invalid" in row._dom_classes


def test_a_fault_names_the_layer(bench):
    bench.select("conv1", "conv2")
    rows(bench.form)["convolution_param-kernel_size"].children[0].value = "9"
    note = rows(bench.form)["convolution_param-kernel_size"].children[1].value
    assert note.startswith("conv1: ") and "larger than the bottom" in note
