"""JupyterLab runs a notebook in Chromium, and its widgets reach the kernel."""

import pytest

from . import harness

pytestmark = pytest.mark.browser

BUTTON = """
import ipywidgets
clicks = 0
def count(button):
    global clicks
    clicks += 1
    button.description = f"{clicks} clicks"
button = ipywidgets.Button(description="no click")
button.on_click(count)
button
"""
ANYWIDGET = """
import anywidget
class Echo(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
        const field = document.createElement("input");
        const answer = document.createElement("output");
        el.append(field, answer);
        field.addEventListener("input", () => {
            model.send({ text: field.value }, undefined, [new Uint8Array([1, 2, 3]).buffer]);
        });
        model.on("msg:custom", (content, buffers) => {
            answer.textContent = `${content.text} ${new Uint8Array(buffers[0].buffer).join()}`;
        });
    } };
    '''
echo = Echo()
echo.on_msg(lambda widget, content, buffers: widget.send(
    {"text": content["text"].upper()}, [bytes(reversed(buffers[0]))]
))
echo
"""


def test_a_button_reaches_the_kernel_and_back(notebook, python):
    page = notebook([BUTTON])
    page.get_by_role("button", name="no click").click()
    page.get_by_role("button", name="1 clicks").click()
    page.get_by_role("button", name="2 clicks").wait_for()
    assert python(page, "clicks") == "2"


def test_an_anywidget_exchanges_messages_and_buffers(notebook):
    page = notebook([ANYWIDGET])
    page.locator(".jp-OutputArea input").fill("round trip")
    page.locator("output", has_text="ROUND TRIP 3,2,1").wait_for()


def test_an_error_in_a_cell_fails_the_notebook(notebook):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook(["1 / 0"])


def test_python_reports_what_the_code_raises(notebook, python):
    page = notebook(["number = 6"])
    assert python(page, "print(number * 7)") == "42"
    with pytest.raises(AssertionError, match="NameError"):
        python(page, "no_such_name")


def test_errors_in_the_console_are_noticed(context):
    page = context.new_page()
    console = harness.Console(page)
    page.evaluate("console.log('fine'); console.error('first')")
    page.evaluate("setTimeout(() => { throw new Error('second'); })")
    page.wait_for_timeout(200)
    page.close()
    assert console.errors == ["first", "uncaught: second"]
    assert console.lines[0] == "log: fine"
