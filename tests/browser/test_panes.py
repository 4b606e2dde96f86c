"""The panes in JupyterLab: what is typed, clicked and drawn goes through a real kernel and back."""

import re

import pytest

pytestmark = pytest.mark.browser

TEXT = """
from brewbench.widgets.text import TextPane
heard = []
pane = TextPane("layer {\\n}\\n", on_edit=lambda text: heard.append(text), on_undo=lambda: 1 / 0,
                on_cursor=lambda line, column: heard.append((line, column)), layout={"height": "200px"})
pane
"""
FORM = """
from brewbench.widgets.form import ParameterForm
heard = []
values = {"name": "conv1", "type": "Convolution", "convolution_param": {"num_output": 20}}
form = ParameterForm(lambda path, value: heard.append((path, value)), lambda path: heard.append((path,)),
                     on_undo=lambda: heard.append("undo"))
form.show("LayerParameter", values, sections=("convolution_param",), title="<b>conv1</b>")
form
"""
CURVES = """
from brewbench.widgets.curves import Curves
curves = Curves(layout={"height": "300px"})
curves.append("loss", [0], [2.0])
curves
"""
ARRAYS = """
import numpy as np
from brewbench.widgets.arrays import ArrayView
heard = []
view = ArrayView(on_select=heard.append, layout={"height": "300px"})
array = np.zeros((2, 4, 8, 8), np.float32)
view.show("conv1", lambda part: array)
view
"""
STEPPER = """
from brewbench.widgets.stepper import COMMANDS, Stepper
heard = []
stepper = Stepper({name: (lambda *a, name=name: heard.append((name, *a))) for name in COMMANDS},
                  fields={"base_lr": 0.01})
stepper
"""
POINTS = """window.Bokeh.documents.flatMap(doc => [...doc.roots()[0].references()])
    .filter(model => model.type === 'ColumnDataSource' && model.name !== 'marks').map(source => source.get_length())"""
WAIT_HEARD = """
import time
deadline = time.monotonic() + 10
while len(heard) < {count} and time.monotonic() < deadline:
    await __import__("asyncio").sleep(0.02)
print(heard)
"""


def heard(python, page, count):
    """What the callbacks were called with, once there is so much of it."""
    return eval(python(page, WAIT_HEARD.format(count=count)))


def cells(page):
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")


def test_text_is_typed_and_set(notebook, python):
    page = notebook([TEXT])
    area = page.locator(".bb-text .cm-content")
    page.locator(".cm-line", has_text="layer {").first.wait_for()
    area.press("Control+End")
    area.press_sequentially("bbb: 1")
    assert heard(python, page, 2)[0].endswith("bbb: 1")
    assert cells(page) == 1  # JupyterLab took no key for a shortcut
    python(page, 'pane.set_text("layer { }"); pane.set_marks([{"line": 1, "message": "empty"}]); pane.reveal(1)')
    page.locator(".cm-line.bb-chosen", has_text="layer { }").wait_for()
    page.locator(".cm-gutter-lint .cm-lint-marker-error").wait_for()
    area.press("Control+z")
    page.locator(".bb-text output", has_text="division by zero").wait_for()


def test_a_second_view_of_a_text_follows_the_first(notebook, python):
    page = notebook([TEXT, "pane"])
    page.locator(".cm-line", has_text="layer {").first.wait_for()
    page.locator(".bb-text .cm-content").first.press_sequentially("x: 1 ")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.bb-text .cm-content')].every(a => a.textContent.startsWith('x: 1 '))"
    )


def test_a_field_is_changed_marked_and_cleared(notebook, python):
    page = notebook([FORM])
    page.locator(".bb-form-title", has_text="<b>conv1</b>").wait_for()
    field = page.locator(".bb-field-convolution_param-num_output input")
    field.fill("24")
    field.press("Enter")
    field.press("Control+z")
    assert heard(python, page, 2) == [(("convolution_param", "num_output"), 24), "undo"]
    field.fill("many")
    field.press("Enter")
    row = page.locator(".bb-field-convolution_param-num_output")
    row.locator(".bb-note", has_text="Expected a whole number; found 'many'.").wait_for()
    row.locator("input[aria-invalid=true]").wait_for()
    row.locator("button").click()
    assert heard(python, page, 3)[-1] == (("convolution_param", "num_output"),)
    fold = page.locator(".bb-fold-convolution_param-weight_filler")
    fold.press("Enter")
    page.locator(".bb-field-convolution_param-weight_filler-std input").wait_for()
    fold.press("b")
    assert cells(page) == 1


def test_showing_again_keeps_the_focus(notebook, python):
    page = notebook([FORM])
    field = page.locator(".bb-field-convolution_param-num_output input")
    field.focus()
    python(page, 'form.show("LayerParameter", values | {"name": "other"}, sections=("convolution_param",), title="b")')
    page.wait_for_function("() => document.querySelector('.bb-field-name input').value === 'other'")
    assert field.evaluate("field => field === document.activeElement")


def test_curves_grow_and_a_second_view_has_them_all(notebook, python):
    page = notebook([CURVES])
    page.locator(".bb-curves-plot canvas").first.wait_for()
    python(page, 'curves.append("loss", range(1, 100), [1.0] * 98 + [float("nan")])')
    page.wait_for_function("() => document.querySelector('.bb-curves').dataset.points === '100'")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:create-output-view'); }")
    page.wait_for_function(f"() => window.Bokeh.documents.length === 2 && ({POINTS}).every(n => n === 100)")


def test_arrays_are_drawn_and_selected(notebook, python):
    page = notebook([ARRAYS])
    canvas = page.locator(".bb-arrays-frame canvas")
    canvas.wait_for()
    python(page, "array[0, 2] = 7.0\nview.refresh()")
    page.locator(".bb-stats", has_text=re.compile("max 7")).wait_for()
    page.locator(".bb-arrays-frame").press("ArrowRight")
    page.locator(".bb-arrays-frame").press("End")
    page.locator(".bb-arrays-frame").press("Enter")
    assert heard(python, page, 1) == [3]


def test_the_stepper_is_pressed_and_follows_a_thread(notebook, python):
    page = notebook([STEPPER])
    page.get_by_role("button", name="One iteration").click()
    page.keyboard.press("n")
    page.locator("[data-field=base_lr]").fill("0.1")
    page.locator("[data-field=base_lr]").press("Enter")
    assert heard(python, page, 3) == [("step", 1), ("step", 1), ("set", "base_lr", 0.1)]
    python(page, """
import threading
def run():
    for i in range(1, 1001):
        stepper.update(state="running", iteration=i)
    stepper.update(state="finished")
threading.Thread(target=run).start()
""")
    page.locator(".bb-badge", has_text="finished").wait_for()
    page.locator(".bb-iteration", has_text="1,000").wait_for()
    assert cells(page) == 1
