"""JupyterLab's extension: outputs without their kernel, and prototxt files that open on a bench."""

import re

import pytest
from playwright.sync_api import expect

from . import harness

pytestmark = pytest.mark.browser

OPEN = """
import brewbench
bench = brewbench.open("models/lenet/lenet.prototxt")
bench
"""
OPEN_SOLVER = """
import brewbench
net = brewbench.Document.parse(
    'layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param { shape { dim: 4 dim: 6 } '
    'shape { dim: 4 } data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } } '
    'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 '
    'weight_filler { type: "xavier" } } } '
    'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }', "net")
solver = brewbench.Document.parse('base_lr: 0.1 lr_policy: "fixed" max_iter: 9', "solver")
bench = brewbench.open(solver, net)
bench
"""
ADVICE = "Run this cell to bring the bench back to life."


def expect_a_quiet_picture(page):
    """Picture and sentence, and nothing of the bench or of an error."""
    expect(page.locator(".bb-picture figcaption")).to_have_text(ADVICE)
    assert page.locator(".bb-picture img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(page.locator(".bb-bench")).to_have_count(0)
    expect(page.locator(".jp-OutputArea-output button")).to_have_count(0)
    assert "Error displaying widget" not in page.locator(".jp-Notebook").inner_text()


def test_a_bench_whose_kernel_restarts_becomes_a_picture_until_its_cell_runs(notebook):
    page = notebook([OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    expect(page.locator(".bb-picture")).to_have_count(0)
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    expect_a_quiet_picture(page)
    page.wait_for_function(harness.KERNEL_IDLE)
    expect_a_quiet_picture(page)
    harness.run_all(page)
    page.wait_for_selector(".bb-editor[data-ready]")
    expect(page.locator(".bb-picture")).to_have_count(0)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_notebook_that_is_reopened_shows_the_drawing(notebook, lab, trusted):
    page = notebook([OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    path = page.evaluate("() => jupyterapp.shell.currentWidget.context.path")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    expect_a_quiet_picture(page)
    if not trusted:
        saved = (lab.notebooks / path).read_text()
        path = f"copied-{path}"
        (lab.notebooks / path).write_text(saved.replace("import brewbench", "import  brewbench"))  # nobody signed this
    harness.open_notebook(page, lab.address(path))
    expect_a_quiet_picture(page)


def test_a_live_bench_is_there_again_after_a_reload(notebook):
    page = notebook([OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.wait_for_selector(".bb-editor[data-ready]", timeout=60_000)
    expect(page.locator(".bb-picture")).to_have_count(0)


def test_a_bench_opens_in_a_tab_of_its_own(notebook):
    page = notebook([OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    page.get_by_role("button", name="Open in its own tab").click()
    page.wait_for_selector(".jp-LinkedOutputView .bb-editor[data-ready]")
    expect(page.locator(".jp-NotebookPanel")).to_be_hidden()
    expect(page.locator(".jp-LinkedOutputView [data-tool=tab]")).to_be_hidden()
    expect(page.locator(".jp-LinkedOutputView .bb-stepper")).to_be_visible()


def test_the_curves_of_a_run_are_in_the_saved_notebook(notebook, lab, python):
    page = notebook([OPEN_SOLVER])
    page.wait_for_selector(".bb-editor[data-ready]")
    python(page, "bench.session.step(3); bench.session.wait()")
    saved = lab.notebooks / page.evaluate("() => jupyterapp.shell.currentWidget.context.path")
    page.wait_for_function(
        """() => jupyterapp.shell.currentWidget.content.widgets
            .flatMap(cell => cell.model.sharedModel.toJSON().outputs ?? [])
            .some(output => [output.data?.["image/svg+xml"] ?? ""].flat().join("").includes("<polyline"))"""
    )
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    assert "<polyline" in saved.read_text()
    expect(page.locator(".bb-bench")).to_have_count(1)
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    expect_a_quiet_picture(page)


@pytest.fixture
def net(lab, context):
    """A page with the file browser in `models/edited`, which holds a copy of LeNet."""
    folder = lab.notebooks / "models" / "edited"
    folder.mkdir(exist_ok=True)
    path = folder / "lenet_train_test.prototxt"
    text = (lab.notebooks / "models" / "lenet" / path.name).read_bytes()
    path.write_bytes(text.replace(b"\n", b"\r\n"))
    page = context.new_page()
    console = harness.Console(page)
    page.goto(lab.address("models/edited"), timeout=60_000)
    yield page, path
    page.evaluate("async () => { await jupyterapp.shell.currentWidget?.content?.session?.shutdown(); }")
    page.close()
    assert not console.errors


def test_a_double_click_opens_a_prototxt_on_a_bench_that_saves_it(net):
    page, path = net
    before = path.read_bytes()
    page.locator(".jp-DirListing-item", has_text=path.name).dblclick()
    page.wait_for_selector(".bb-document .bb-editor[data-ready]", timeout=60_000)
    page.locator(".bb-document [data-id='conv1']").first.click()
    number = page.locator(".bb-document .bb-field-convolution_param-num_output input").first
    number.fill("24")
    number.press("Enter")
    tab = page.locator(".lm-DockPanel-tabBar .lm-mod-current")
    expect(tab).to_have_class(re.compile("jp-mod-dirty"))
    page.keyboard.press("Control+s")
    expect(tab).not_to_have_class(re.compile("jp-mod-dirty"))
    assert path.read_bytes() == before.replace(b"num_output: 20", b"num_output: 24", 1) != before


def test_a_text_editor_opens_a_prototxt_too(net):
    page, path = net
    item = page.locator(".jp-DirListing-item", has_text=path.name)
    item.click(button="right")
    page.locator(".lm-Menu-item", has_text="Open With").hover()
    page.locator(".lm-Menu-item", has_text=re.compile("^Editor")).click()
    expect(page.locator(".jp-FileEditor .cm-content")).to_contain_text("LeNet")
