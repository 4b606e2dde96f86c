"""The form in JupyterLab at any width: long messages wrap, and every field stays in sight of the form."""

import pytest

pytestmark = pytest.mark.browser

FORM = """
from brewbench.widgets.form import ParameterForm, written_values
from brewbench.proto import Document
text = ('layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" param { lr_mult: 1 } '
        'convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" } } }')
long = "expected a value that is " + "very " * 60 + "long, such as " + "x" * 400
form = ParameterForm(lambda path, value: None, lambda path: None, layout={"width": "%dpx"})
form.show("LayerParameter", written_values(Document.parse(text).message.layer[0]), sections=("convolution_param",),
    title="conv1 (Convolution)" + " of a long name" * 20,
    diagnostics={"convolution_param.num_output": long, "type": long, "": long},
    fixes={"convolution_param.num_output": ("a fix of " + "a long label " * 20, print), "": ("another " * 40, print)})
form
"""
OUTSIDE = """() => {
    const form = document.querySelector(".bb-form"), frame = form.getBoundingClientRect();
    const parts = "input, select, button, .bb-note, .bb-form-status, .bb-form-title, .widget-label";
    const wide = [...form.querySelectorAll(parts)]
        .filter(each => each.offsetParent && each.getBoundingClientRect().right > frame.right + 0.5);
    return { width: Math.round(frame.width), scroll: form.scrollWidth - form.clientWidth,
        wide: wide.map(each => each.outerHTML.slice(0, 120)) };
}"""
CLIPPED = """() => [...document.querySelectorAll(".bb-form .widget-html-content")]
    .filter(each => each.offsetParent && each.scrollWidth > each.clientWidth + 1)
    .map(each => each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("width", [300, 620, 900])
def test_long_messages_wrap_and_push_nothing_out(notebook, width):
    page = notebook([FORM % width])
    page.locator(".bb-field-convolution_param-num_output input").wait_for()
    page.locator(".bb-fold-more").click()
    page.locator(".bb-fold-param").click()
    page.locator(".bb-field-param-0-lr_mult input").wait_for()
    found = page.evaluate(OUTSIDE)
    assert found == {"width": width, "scroll": 0, "wide": []}
    assert page.evaluate(CLIPPED) == []
    for field in ("num_output", "kernel_size"):
        assert page.locator(f".bb-field-convolution_param-{field} input").bounding_box()["width"] >= 80
