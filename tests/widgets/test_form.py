"""The parameter form: what is shown of the schema, and what is told of the user's changes."""

import math
import time

import ipywidgets
import pytest

from brewbench.proto.fields import fields
from brewbench.proto.messages import LayerParameter
from brewbench.widgets.form import ParameterForm, arrange, hint, parse, same, spell, summary, written_values

CONV = {
    "name": "conv1",
    "type": "Convolution",
    "bottom": ["data"],
    "top": ["conv1"],
    "param": [{"lr_mult": 1.0}, {"lr_mult": 2.0}],
    "convolution_param": {"num_output": 20, "kernel_size": [5], "weight_filler": {"type": "xavier"}},
}


def field(message, name):
    return next(each for each in fields(message) if each.name == name)


class Told(list):
    def on_set(self, path, value):
        self.append(("set", path, value))

    def on_clear(self, path):
        self.append(("clear", path))


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def form(told):
    form = ParameterForm(told.on_set, told.on_clear, suggestions={"type": ["Convolution", "ReLU"]})
    show(form, CONV)
    return form


def show(form, values, title="conv1", **kwargs):
    form.show("LayerParameter", values, sections=("convolution_param",), title=title, **kwargs)


def find(widget, name):
    """The one shown widget with this class."""
    found = []

    def walk(each):
        if name in each._dom_classes:
            found.append(each)
        for child in getattr(each, "children", ()):
            walk(child)

    walk(widget)
    assert len(found) == 1, f"{len(found)} of {name}"
    return found[0]


def row(form, name):
    return find(form, f"bb-field-{name}").children


def note(form, name):
    return row(form, name)[1].value


class TestValues:
    @pytest.mark.parametrize(
        "message, name, text, value",
        [
            ("ConvolutionParameter", "num_output", " 24 ", 24),
            ("ConvolutionParameter", "kernel_size", "3, 5", [3, 5]),
            ("ConvolutionParameter", "kernel_size", "3 5", [3, 5]),
            ("ConvolutionParameter", "axis", "-1", -1),
            ("ConvolutionParameter", "group", "0x10", 16),
            ("FillerParameter", "std", "1e-2", 0.01),
            ("LayerParameter", "bottom", 'a, "b,c" , d', ["a", "b,c", "d"]),
            ("LayerParameter", "propagate_down", "true, false", [True, False]),
            ("LayerParameter", "name", "a, b", "a, b"),
        ],
    )
    def test_parse(self, message, name, text, value):
        assert parse(field(message, name), text) == value

    @pytest.mark.parametrize(
        "name, text, complaint",
        [
            ("num_output", "abc", "Expected a whole number; found 'abc'."),
            ("num_output", "1.5", "Expected a whole number; found '1.5'."),
            ("num_output", "0", "num_output must be at least 1; got 0."),
            ("pad", "-1", "pad must be at least 0; got -1."),
            ("pad", "4294967296", "pad must be at most 4294967295; got 4294967296."),
            ("kernel_size", "3, x", "Expected a whole number; found 'x'."),
        ],
    )
    def test_parse_says_what_is_wrong(self, name, text, complaint):
        with pytest.raises(ValueError) as raised:
            parse(field("ConvolutionParameter", name), text)
        assert str(raised.value) == complaint

    @pytest.mark.parametrize(
        "message", ["LayerParameter", "ConvolutionParameter", "FillerParameter", "SolverParameter"]
    )
    def test_what_is_spelled_reads_back(self, message):
        samples = {"int": 3, "uint": 7, "float": 0.001, "bool": True, "string": 'a,"b"', "bytes": b"\x01a"}
        for each in fields(message):
            if each.kind in samples:
                value = [samples[each.kind]] * 2 if each.repeated else samples[each.kind]
                assert same(each, parse(each, spell(each, value)), value), each.name

    def test_a_float32_is_spelled_as_short_as_it_was_written(self):
        layer = LayerParameter(loss_weight=[0.1, 3])
        assert spell(field("LayerParameter", "loss_weight"), written_values(layer)["loss_weight"]) == "0.1, 3"
        assert spell(field("FillerParameter", "std"), math.inf) == "inf"

    def test_written_values_are_those_that_are_set(self):
        layer = LayerParameter(name="pool", bottom=["a"], pooling_param={"pool": "AVE", "stride": 2})
        assert written_values(layer) == {"name": "pool", "bottom": ["a"], "pooling_param": {"pool": "AVE", "stride": 2}}

    def test_the_hint_has_help_unit_and_limits(self):
        text = hint(field("ConvolutionParameter", "kernel_size"))
        assert text.endswith("(in pixels, at least 1, comma-separated)") and len(text) > 60

    def test_summary(self):
        assert summary({"type": "gaussian", "std": 0.01, "dim": [1, 2]}) == "gaussian, std 0.01, dim 1 2"
        assert summary([{"lr_mult": 1.0}, {}]) == "2: lr_mult 1; empty"


class TestArrange:
    def test_a_layer_shows_its_own_settings_and_not_those_of_others(self):
        main, opened, folded = arrange("LayerParameter", ("convolution_param",), CONV, top=True)
        assert [each.name for each in main] == ["name", "type", "bottom", "top"]
        assert [each.name for each in opened] == ["convolution_param"]
        assert [each.name for each in folded][:5] == ["param", "include", "exclude", "loss_weight", "propagate_down"]

    def test_settings_of_another_type_show_where_they_are_written(self):
        _, opened, _ = arrange("LayerParameter", (), {"pooling_param": {}}, top=True)
        assert [each.name for each in opened] == ["pooling_param"]

    def test_every_field_has_one_place(self):
        names = [each.name for part in arrange("ConvolutionParameter") for each in part]
        assert sorted(names) == sorted(each.name for each in fields("ConvolutionParameter") if not each.deprecated)

    def test_deprecated_fields_show_only_where_they_are_written(self):
        assert "mean_file" not in [each.name for part in arrange("DataParameter") for each in part]
        assert "mean_file" in [each.name for each in arrange("DataParameter", (), {"mean_file": "m"})[2]]


class TestForm:
    def test_a_change_is_told_once(self, form, told):
        row(form, "convolution_param-num_output")[0].value = "24"
        assert told == [("set", ("convolution_param", "num_output"), 24)]
        show(form, CONV | {"convolution_param": CONV["convolution_param"] | {"num_output": 24}})
        assert len(told) == 1

    def test_what_python_shows_is_not_told(self, form, told):
        show(form, CONV | {"name": "other"}, title="other")
        assert row(form, "name")[0].value == "other" and told == []

    def test_letters_in_a_number_are_marked_and_not_told(self, form, told):
        box = find(form, "bb-field-convolution_param-num_output")
        box.children[0].value = "abc"
        assert told == [] and "bb-invalid" in box._dom_classes
        assert note(form, "convolution_param-num_output") == "Expected a whole number; found &#x27;abc&#x27;."
        show(form, CONV)  # an event of the run must not take the typing away
        assert box.children[0].value == "abc" and "bb-invalid" in box._dom_classes
        box.children[0].value = "20"
        assert told == [] and "bb-invalid" not in box._dom_classes

    def test_unfinished_input_is_forgotten_for_another_layer(self, form):
        row(form, "convolution_param-num_output")[0].value = "abc"
        show(form, CONV, title="conv2")
        assert row(form, "convolution_param-num_output")[0].value == "20"

    def test_an_unset_field_shows_its_default_and_emptying_clears(self, form, told):
        box = find(form, "bb-field-convolution_param-group")
        assert (box.children[0].value, box.children[0].placeholder) == ("", "1") and "bb-unset" in box._dom_classes
        row(form, "convolution_param-num_output")[0].value = ""
        assert told == [("clear", ("convolution_param", "num_output"))]

    def test_a_form_opens_few_objects_in_the_page(self, form):
        """Each costs the page some milliseconds: a plain row is its box, its input and its note."""
        before = set(ipywidgets.widgets.widget._instances)
        form.show("SolverParameter", {}, title="Solver")
        made = len(set(ipywidgets.widgets.widget._instances) - before)
        rows = sum("bb-fieldrow" in box._dom_classes for box in boxes(form))
        assert rows > 15 and made < 4 * rows

    def test_what_may_soon_be_asked_for_is_made_once_the_form_is_in_the_page(self, told):
        form = ParameterForm(told.on_set, told.on_clear, soon={"SolverParameter": {"base_lr": 0.1}})
        form.show("SolverParameter", {}, title="no page yet")
        assert find(form, "bb-field-base_lr")
        form = ParameterForm(told.on_set, told.on_clear, soon={"SolverParameter": {"base_lr": 0.1}})
        form._keys._receive(form._keys, {"type": "hello", "view": "one"}, [])
        before = set(ipywidgets.widgets.widget._instances)
        form.show("SolverParameter", {"base_lr": 0.1}, title="Solver")
        assert find(form, "bb-field-base_lr") and set(ipywidgets.widgets.widget._instances) == before

    def test_the_way_back_to_the_default(self, form, told):
        row(form, "convolution_param-num_output")[2].click()
        assert told == [("clear", ("convolution_param", "num_output"))]
        assert row(form, "convolution_param-num_output")[0].value == ""

    def test_a_box_tells_at_once(self, form, told):
        box = row(form, "convolution_param-bias_term")[0]
        assert isinstance(box, ipywidgets.Checkbox) and box.value is True
        box.value = False
        box.value = True
        assert told == [
            ("set", ("convolution_param", "bias_term"), False),
            ("set", ("convolution_param", "bias_term"), True),
        ]

    def test_a_choice_offers_the_default_and_explains_itself(self, form, told):
        find(form, "bb-fold-convolution_param-more").value = True
        choice = row(form, "convolution_param-engine")[0]
        assert choice.options[0] == ("DEFAULT (default)", None)
        choice.value = "CAFFE"
        choice.value = None
        assert told == [("set", ("convolution_param", "engine"), "CAFFE"), ("clear", ("convolution_param", "engine"))]
        assert "DEFAULT: " in note(form, "convolution_param-engine")

    def test_free_text_offers_suggestions(self, form):
        assert row(form, "type")[0].options == ("Convolution", "ReLU")
        find(form, "bb-fold-convolution_param-weight_filler").value = True
        assert "xavier" in row(form, "convolution_param-weight_filler-type")[0].options

    def test_nested_and_repeated_messages(self, form, told):
        find(form, "bb-fold-convolution_param-weight_filler").value = True
        row(form, "convolution_param-weight_filler-std")[0].value = "0.1"
        find(form, "bb-fold-more").value = True
        find(form, "bb-fold-param").value = True
        row(form, "param-1-lr_mult")[0].value = "0"
        find(form, "bb-add").click()
        find(form_items(form)[0], "bb-remove").click()
        assert told == [
            ("set", ("convolution_param", "weight_filler", "std"), 0.1),
            ("set", ("param", 1, "lr_mult"), 0.0),
            ("set", ("param", 2), {}),
            ("clear", ("param", 0)),
        ]

    def test_a_message_can_be_removed_as_a_whole(self, form, told):
        fold = next(box for box in boxes(form) if "bb-fold-head" in box._dom_classes
                    and "bb-fold-convolution_param-weight_filler" in box.children[0]._dom_classes)  # fmt: skip
        fold.children[1].click()
        assert told == [("clear", ("convolution_param", "weight_filler"))]

    def test_diagnostics_mark_the_field_and_open_what_hides_it(self, form):
        show(form, CONV, diagnostics={
            "convolution_param.kernel_size": "50 is <larger> than 28",
            "param.1.lr_mult": "what a rate",
            "bottom.9": "unknown blob",
        })  # fmt: skip
        box = find(form, "bb-field-convolution_param-kernel_size")
        assert "bb-invalid" in box._dom_classes and box.children[1].value == "50 is &lt;larger&gt; than 28"
        assert "bb-invalid" in find(form, "bb-field-param-1-lr_mult")._dom_classes
        assert find(form, "bb-form-status").value == "unknown blob"
        show(form, CONV)
        assert "bb-invalid" not in box._dom_classes and find(form, "bb-form-status").value == ""

    def test_what_the_owner_raises_is_shown_at_the_field(self):
        def refuse(path, value):
            raise ValueError("not now")

        form = ParameterForm(refuse, refuse)
        show(form, CONV)
        row(form, "convolution_param-num_output")[0].value = "24"
        assert note(form, "convolution_param-num_output") == "not now"

    def test_showing_again_keeps_the_widgets_and_is_quick(self, form):
        before = row(form, "convolution_param-num_output")[0]
        show(form, {"name": "relu1", "type": "ReLU"}, title="relu1")
        started = time.perf_counter()
        show(form, CONV | {"name": "conv2"}, title="conv2")
        assert (time.perf_counter() - started) < 0.1  # 5 ms on an idle machine
        assert row(form, "convolution_param-num_output")[0] is before

    def test_any_message_of_the_schema_can_be_shown(self, told):
        form = ParameterForm(told.on_set, told.on_clear)
        form.show("SolverParameter", {"base_lr": 0.01, "lr_policy": "inv"}, title="solver")
        assert row(form, "base_lr")[0].value == "0.01"
        form.clear()
        assert not any("bb-fieldrow" in box._dom_classes for box in boxes(form))


def boxes(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from boxes(child)


def form_items(form):
    return [box for box in boxes(form) if "bb-item" in box._dom_classes]


@pytest.mark.browser
def test_keys_and_marks_in_the_page(demo):
    pane = demo("form")
    pane.page.evaluate("""() => {
        const form = document.createElement('div');
        form.className = 'bb-form';
        const row = document.createElement('div');
        row.className = 'bb-fieldrow';
        const input = document.createElement('input');
        const note = document.createElement('div');
        note.className = 'bb-note';
        row.append(input, note);
        const keys = document.createElement('div');
        form.append(keys, row);
        window.sent = [];
        window.script.mount(keys, { view: 'form', send: (content) => window.sent.push(content) });
        document.body.append(form);
    }""")
    field = pane.page.locator(".bb-fieldrow input")
    pane.page.wait_for_function(
        "() => document.querySelector('.bb-fieldrow input').getAttribute('aria-invalid') === 'false'"
    )
    pane.page.evaluate("() => document.querySelector('.bb-fieldrow').classList.add('bb-invalid')")
    pane.page.wait_for_function(
        "() => document.querySelector('.bb-fieldrow input').getAttribute('aria-invalid') === 'true'"
    )
    assert field.get_attribute("aria-describedby") == pane.page.locator(".bb-note").get_attribute("id")
    field.focus()
    pane.page.keyboard.type("24")
    pane.page.keyboard.press("Control+z")
    assert pane.sent() == []  # still typing: the browser's own undo
    pane.page.keyboard.type("24")
    pane.page.keyboard.press("Enter")
    pane.page.keyboard.press("Control+z")
    pane.page.keyboard.press("Control+y")
    assert [message["type"] for message in pane.sent()] == ["undo", "redo"]
