"""The bench on LeNet, by mouse and keyboard, in JupyterLab in Chromium."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MNIST = """
import brewbench
from pathlib import Path
mnist = Path("data/mnist")
for part, source in [("train", "train"), ("test", "t10k")]:
    if not (mnist / f"mnist_{part}_lmdb").exists():
        brewbench.convert_mnist(mnist / f"{source}-images-idx3-ubyte.gz", mnist / f"{source}-labels-idx1-ubyte.gz",
                                mnist / f"mnist_{part}_lmdb")
"""
OPEN = """
bench = brewbench.open("models/lenet/lenet_solver.prototxt", seed=1)
bench.solver.param.test_interval = 0
bench
"""

SMALL = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 16 dim: 8 } shape { dim: 16 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
FIRST_RUN = """
import brewbench
from IPython.display import display
bench = brewbench.open("small_solver.prototxt")
display(bench)
bench.session.step(1)
bench.session.wait()
"""

EDITOR = "[...document.querySelectorAll('*')].find(each => each.pane?.editor?.scrollDOM).pane.editor"
LINES_WITH_ERRORS = f"""((editor) => [...document.querySelectorAll('.cm-gutter-lint .cm-lint-marker-error')].map(mark =>
    editor.state.doc.lineAt(editor.lineBlockAtHeight(mark.getBoundingClientRect().top + 8 - editor.documentTop).from)
    .number))({EDITOR})"""


@pytest.fixture
def bench(notebook):
    page = notebook([MNIST, OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    page.click("[data-action=fit]")  # every box in sight
    page.click("[data-tab=form]")
    for tab in ("text", "look"):  # the browser remembers what an earlier test opened
        page.click(f"[data-tab={tab}]", modifiers=["Control"])
    return page


def field(page, path):
    return page.locator(f".bb-field-{path} input").first


def text_of(page):
    """The text in the pane, which follows an edit in its own time."""
    return page.evaluate(f"{EDITOR}.state.doc.toString()")


def expect_text(page, text):
    page.wait_for_function(f"text => {EDITOR}.state.doc.toString() === text", arg=text)


def kernel(page, python, expression):
    return json.loads(python(page, f"import json; print(json.dumps({expression}))"))


def until(page, python, expression):
    """Wait for what the kernel does on another thread: the drawing shows an edit before the net is built again."""
    for _ in range(100):
        if kernel(page, python, expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {expression}")


def test_a_number_in_the_form_changes_text_shapes_and_weights(bench, python):
    before = text_of(bench)
    python(bench, "first = bench.net.params['conv1'][0].data.copy()")
    bench.locator('[data-id="conv1"]').first.click()
    expect(field(bench, "convolution_param-num_output")).to_have_value("20")
    field(bench, "convolution_param-num_output").fill("24")
    field(bench, "convolution_param-num_output").press("Enter")
    expect(bench.locator(".bb-editor")).to_contain_text("64x24x24x24")
    expect_text(bench, before.replace("num_output: 20", "num_output: 24", 1))
    assert bench.locator(".bb-editor").get_by_text("64x24x12x12").count() == 1
    expect(bench.locator(".bb-text-bar")).to_contain_text("436,184 parameters")
    until(bench, python, "bench.net.params['conv1'][0].shape == (24, 1, 5, 5)")
    assert kernel(bench, python, "bool((bench.net.params['conv1'][0].data[:20] == first).all())")
    bench.locator('[data-id="conv1"]').first.click()
    bench.keyboard.press("Control+z")
    expect(bench.locator(".bb-editor")).to_contain_text("64x20x24x24")
    expect_text(bench, before)
    expect(field(bench, "convolution_param-num_output")).to_have_value("20")
    until(bench, python, "bench.net.params['conv1'][0].shape == (20, 1, 5, 5)")
    assert kernel(bench, python, "bool((bench.net.params['conv1'][0].data == first).all())")


def test_typing_in_the_text_changes_the_drawing_and_the_form(bench, python):
    bench.locator('[data-id="ip1"]').first.click()
    expect(field(bench, "inner_product_param-num_output")).to_have_value("500")
    at = text_of(bench).index("num_output: 500") + len("num_output: ")
    bench.locator(".bb-text .cm-content").focus()
    bench.evaluate(f"at => {EDITOR}.dispatch({{ selection: {{ anchor: at, head: at + 3 }} }})", at)
    bench.wait_for_function("() => window.getSelection().toString() === '500'")
    bench.keyboard.type("320")
    expect(bench.locator(".bb-editor")).to_contain_text("64x320")
    expect(field(bench, "inner_product_param-num_output")).to_have_value("320")
    until(bench, python, "bench.net.blobs['ip1'].shape == (64, 320)")
    bench.keyboard.press("Control+z")
    expect(bench.locator(".bb-editor")).to_contain_text("64x500")


def test_an_impossible_value_marks_box_field_and_line_and_leaves_the_rest(bench):
    boxes = bench.locator(".bb-editor [data-id]").count()
    bench.locator('[data-id="conv1"]').first.click()
    field(bench, "convolution_param-kernel_size").fill("50")
    field(bench, "convolution_param-kernel_size").press("Enter")
    expect(bench.locator('[data-id="conv1"][data-error]').first).to_be_visible()
    row = bench.locator(".bb-field-convolution_param-kernel_size")
    expect(row).to_contain_text("kernel_size 50 is larger than the bottom")
    line = text_of(bench)[: text_of(bench).index("kernel_size: 50")].count("\n") + 1
    bench.wait_for_function(f"line => {LINES_WITH_ERRORS}.includes(line)", arg=line)
    assert bench.locator(".bb-editor [data-id]").count() == boxes
    expect(bench.locator('[data-id="conv2"][data-error]')).to_have_count(0)
    row.locator("input").press("Control+z")
    expect(bench.locator('[data-id="conv1"][data-error]')).to_have_count(0)


def test_the_stepper_steps_layers_and_iterations_and_the_views_follow(bench, python):
    state = bench.locator(".bb-badge")
    bench.locator('[data-command="forward"]').click()
    expect(bench.locator(".bb-layer")).to_contain_text("mnist")
    bench.locator('[data-command="forward"]').click()
    expect(bench.locator(".bb-layer")).to_contain_text("conv1")
    expect(bench.locator(".bb-array-column")).to_contain_text("conv1")
    expect(bench.locator(".bb-next")).to_have_text("next: pool1, forward")
    ran = bench.locator(".ne-node:has([data-id=conv1]) [data-step=ran]")
    expect(ran).to_have_attribute("data-direction", "forward")
    expect(bench.locator(".ne-node:has([data-id=pool1]) [data-step=next]")).to_have_count(1)
    bench.locator('[data-command="backward"]').click()
    expect(bench.locator(".bb-stepper .bb-info")).to_contain_text("needs the forward pass, of which 7 layers are left")
    expect(bench.locator(".bb-layer")).to_have_text("ran conv1 forward")
    bench.locator('[data-command="backward"]').click()
    expect(bench.locator(".bb-layer")).to_have_text("ran loss backward")
    expect(bench.locator(".bb-stepper .bb-info")).to_be_hidden()
    expect(bench.locator("[data-part=diff]")).to_have_attribute("aria-pressed", "true")
    bench.locator('[data-command="backward_pass"]').click()
    expect(bench.locator(".bb-next")).to_have_text("next: the update")
    assert kernel(bench, python, "float(abs(bench.session.gradient('conv1')).max())") > 0
    bench.locator('[data-command="once"]').click()
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 1")
    bench.locator('[data-command="many"]').click()
    bench.locator("[data-field=momentum]").fill("0.85")
    bench.locator("[data-field=momentum]").press("Enter")
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 101", timeout=60_000)
    assert kernel(bench, python, "len(bench.curves.points('loss')[0])") == 101
    expect(bench.locator(".bb-curves")).to_have_attribute("data-points", "101")
    assert abs(kernel(bench, python, "bench.solver.param.momentum") - 0.85) < 1e-6
    assert kernel(bench, python, "float(abs(bench.net.params['conv1'][0].diff).max())") > 0
    bench.locator('[data-command="play"]').click()
    expect(state).to_have_text("running")
    bench.locator('[data-command="play"]').click()
    expect(state).to_have_text("paused")
    assert kernel(bench, python, "bench.session.iteration") > 101
    bench.locator('[data-command="reset"]').click()
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 0")


def add(page, near, kind, key="Enter"):
    page.locator(f'[data-id="{near}"]').first.click()
    page.keyboard.press("a")
    page.keyboard.type(kind)
    page.keyboard.press(key)


def test_a_layer_is_put_between_two_in_the_drawing_and_trains(bench, python):
    before = text_of(bench)
    edge = bench.locator
    add(bench, "pool2", "absval")
    expect(edge("[data-edge='absval1:0>ip1:0']")).to_be_attached()
    expect(edge("[data-edge='pool2:0>absval1:0']")).to_be_attached()
    expect(edge("[data-edge='pool2:0>ip1:0']")).to_have_count(0)
    expect(bench.locator(".ne-status")).to_have_text("absval1 follows pool2.")
    bench.wait_for_function(f"{EDITOR}.state.doc.toString().includes('type: \"AbsVal\"')")
    until(bench, python, "'absval1' in bench.net.blobs")
    bench.locator('[data-command="once"]').click()
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 1", timeout=60_000)
    assert kernel(bench, python, "bool(abs(bench.net.blobs['absval1'].diff).max() > 0)")
    add(bench, "ip2", "relu")
    expect(bench.locator(".ne-status")).to_have_text("relu2 works in place on ip2.")
    add(bench, "pool1", "absval", "Shift+Enter")
    expect(edge("[data-edge='pool1:0>conv2:0']")).to_be_attached()
    expect(bench.locator(".ne-status")).to_contain_text("nobody reads it yet")
    for _ in range(3):
        bench.locator(".ne-canvas").press("Control+z")
    expect_text(bench, before)


def test_what_a_removed_layer_was_between_is_joined_in_the_drawing(bench, python):
    before = text_of(bench)
    python(bench, "first = bench.net.params['conv2'][0].data.copy()")
    bench.locator('[data-id="pool1"]').first.click()
    bench.keyboard.press("Delete")
    expect(bench.locator("[data-edge='conv1:0>conv2:0']")).to_be_attached()
    expect(bench.locator("[data-error]")).to_have_count(0)
    until(bench, python, "'pool1' not in bench.net.blobs")
    assert kernel(bench, python, "bool((bench.net.params['conv2'][0].data == first).all())")
    bench.keyboard.press("Control+z")
    expect_text(bench, before)
    bench.locator('[data-id="mnist"]').first.click()
    bench.keyboard.press("Delete")
    expect(bench.locator(".ne-status")).to_have_text("conv1 lost its input data, loss lost its input label.")
    bench.keyboard.press("Control+z")
    expect_text(bench, before)


def test_what_a_cell_does_shows_on_the_bench(bench, python):
    python(bench, "bench.document.rename_layer(2, 'first')")
    expect(bench.locator('[data-id="first"]').first).to_be_visible()
    python(bench, "bench.document.undo()")
    expect(bench.locator('[data-id="conv1"]').first).to_be_visible()


def test_an_error_in_training_is_said_and_the_bench_lives_on(bench, python):
    python(bench, "real = bench.net.layers[3].forward\ndef broken(*_): raise RuntimeError('the cable is out')")
    python(bench, "bench.net.layers[3].forward = broken; bench.session.step()")
    expect(bench.locator(".bb-badge")).to_have_text("failed")
    expect(bench.locator(".bb-stepper")).to_contain_text("the cable is out")
    python(bench, "bench.net.layers[3].forward = real")
    bench.locator('[data-command="once"]').click()
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 1")


def test_the_first_run_on_a_machine_says_that_it_makes_kernels_and_shows_the_text_meanwhile(notebook, lab, tmp_path):
    (lab.notebooks / "small.prototxt").write_text(SMALL)
    (lab.notebooks / "small_solver.prototxt").write_text('net: "small.prototxt" base_lr: 0.1 lr_policy: "fixed"')
    empty = f"""
import os
os.environ["BREWBENCH_CACHE"], os.environ["NUMBA_CACHE_DIR"] = {str(tmp_path / "a")!r}, {str(tmp_path / "b")!r}
"""
    page = notebook([empty, FIRST_RUN], wait=False)
    making = page.locator(".bb-waiting")
    expect(making).to_have_text(re.compile(r"^making kernels for the first run: \w+ \w+ \(\d of 6\)…$"), timeout=60_000)
    assert text_of(page) == SMALL
    assert page.evaluate("() => window.brewbenchRan") is None, "the cell is still at work"
    expect(page.locator(".bb-iteration")).to_have_text("iteration 1", timeout=60_000)
    expect(making).to_have_text("")


def test_a_file_that_is_not_there_is_one_line(notebook):
    with pytest.raises(AssertionError, match="nothing.prototxt: there is no such file") as caught:
        notebook(["import brewbench", "brewbench.open('nothing.prototxt')"])
    assert "Traceback" not in str(caught.value)
