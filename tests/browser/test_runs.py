"""A run on LeNet in JupyterLab: states to go back to, a NaN, freezing, runs beside each other and after a restart."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from .test_bench import MNIST, OPEN, bench, kernel, until  # noqa: F401

pytestmark = pytest.mark.browser

KEEP_ALL = "bench.session.timeline.share = float('inf')"


@pytest.fixture(autouse=True)
def no_runs(lab):
    """Forget the runs of earlier tests, which lie beside the solver."""
    shutil.rmtree(lab.notebooks / "models" / "lenet" / ".brewbench", ignore_errors=True)


def iterate(page, count):
    before = int(page.locator(".bb-iteration b").inner_text().replace(",", ""))
    page.fill('input[aria-label="Number of iterations"]', str(count))
    page.locator('[data-command="many"]').click()
    expect(page.locator(".bb-iteration")).to_have_text(f"iteration {before + count}", timeout=60_000)
    expect(page.locator(".bb-badge")).to_have_text("paused")


def shown_loss(page):
    return float(page.locator(".bb-loss b").inner_text())


def test_the_timeline_goes_back_and_the_run_repeats(bench, python):  # noqa: F811
    python(bench, KEEP_ALL)
    iterate(bench, 12)
    losses = kernel(bench, python, "bench.session.history.loss.tolist()")
    assert shown_loss(bench) == pytest.approx(losses[-1], rel=1e-3)
    line = bench.locator("[data-timeline]")
    line.focus()
    for _ in range(4):
        bench.keyboard.press("ArrowLeft")
    until(bench, python, "bench.session.iteration == 7")
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 7")
    assert shown_loss(bench) == pytest.approx(losses[6], rel=1e-3)
    assert kernel(bench, python, "len(bench.session.history)") == 12
    iterate(bench, 5)
    assert kernel(bench, python, "bench.session.history.loss.tolist()") == losses
    bench.locator("[data-until]").fill("3")
    bench.locator("[data-until]").press("Enter")
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 3")
    bench.locator("[data-until]").fill("iteration >= 9 and loss < 100")
    bench.locator("[data-until]").press("Enter")
    expect(bench.locator(".bb-stepper .bb-info")).to_contain_text("so it is at iteration 9")
    assert kernel(bench, python, "bench.session.history.loss.tolist()") == losses[:9]


def test_a_nan_is_marked_and_one_click_goes_back(bench, python):  # noqa: F811
    python(bench, KEEP_ALL)
    iterate(bench, 3)
    python(bench, "import numpy as np\nwith bench.session.still(): bench.net.params['ip2'][0].data[0] = np.nan")
    bench.locator('[data-command="play"]').click()
    said = bench.locator(".bb-stepper .bb-info")
    expect(said).to_have_text(re.compile(r"^NaN at iteration 3: layer ip2, blob ip2 \(data\) is the first\.$"))
    expect(bench.locator(".bb-badge")).to_have_text("paused")
    expect(bench.locator(".ne-node:has([data-id=ip2]) [data-step=bad]")).to_have_count(1)
    expect(bench.locator(".bb-loss .bb-bad")).to_have_text("nan")
    assert kernel(bench, python, "[mark.kind for mark in bench.curves._marks]") == ["bad"]
    bench.locator('[data-command="go_back_to_finite"]').click()
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 2")
    expect(bench.locator("[data-step=bad]")).to_have_count(0)
    assert kernel(bench, python, "bool(np.isfinite(bench.net.params['ip2'][0].data).all())")
    iterate(bench, 2)
    assert kernel(bench, python, "bool(np.isfinite(bench.session.history.loss).all())")


def test_a_selected_layer_is_frozen_while_it_plays(bench, python):  # noqa: F811
    bench.locator('[data-id="conv1"]').first.click()
    bench.locator('[data-command="play"]').click()
    expect(bench.locator(".bb-badge")).to_have_text("running")
    until(bench, python, "bench.session.iteration > 2")
    bench.locator('[data-command="freeze"]').click()
    expect(bench.locator('[data-command="freeze"]')).to_have_text("unfreeze conv1")
    until(bench, python, "len(bench.session.history.marks) == 1 and bench.live.status.state == 'alive'")
    weights = "bench.session.live.net.params['conv1'][0].data.tobytes().hex()"
    first, at = kernel(bench, python, weights), kernel(bench, python, "bench.session.iteration")
    until(bench, python, f"bench.session.iteration > {at + 2}")
    bench.locator('[data-command="play"]').click()
    expect(bench.locator(".bb-badge")).to_have_text("paused")
    assert kernel(bench, python, weights) == first
    assert "conv1: lr_mult 1 → 0" in kernel(bench, python, "bench.session.history.marks[0].text")


def test_a_run_stays_beside_the_next_and_another_kernel_goes_on_with_it(bench, python, notebook):  # noqa: F811
    iterate(bench, 5)
    losses = kernel(bench, python, "bench.session.history.loss.tolist()")
    bench.locator('[data-command="reset"]').click()
    expect(bench.locator(".bb-iteration")).to_have_text("iteration 0")
    expect(bench.locator(".bb-runs summary")).to_have_text("runs: 1, 1 beside")
    iterate(bench, 3)
    assert kernel(bench, python, "bench.curves.points('loss', 'run 1')[1].tolist()") == losses
    bench.locator(".bb-runs summary").click()
    with bench.expect_download() as download:
        bench.locator('[data-run="run 1"] [data-run-ask="csv"]').click()
    rows = download.value.path().read_text().splitlines()
    assert [float(row.split(",")[1]) for row in rows[1:]] == losses
    python(bench, "bench.close()")
    page = notebook([MNIST, OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    expect(page.locator(".bb-stepper .bb-info")).to_contain_text("run 2 stands at iteration 3: go on with it")
    page.locator(".bb-runs summary").click()
    page.locator('[data-run="run 1"] [data-run-ask="resume"]').click()
    expect(page.locator(".bb-iteration")).to_have_text("iteration 5")
    assert kernel(page, python, "bench.session.history.loss.tolist()") == losses
