"""No finding of axe-core on the bench, in both themes, whichever panes are open."""

from pathlib import Path

import pytest

from .test_bench import MNIST, OPEN

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run(document.querySelector('.bb-bench'))).violations.map(
    one => `${one.impact}: ${one.id}: ${one.nodes[0].html}`)"""


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: python3 binder/up.py test installs it")
def test_axe_finds_nothing(notebook):
    page = notebook([MNIST, OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.locator('[data-id="conv1"]').first.click()
    page.locator('[data-command="once"]').click()
    page.locator(".bb-iteration", has_text="iteration 1").wait_for(timeout=60_000)
    found = {}
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        page.wait_for_timeout(500)
        for tab in ("form", "text", "look", "table", "why"):
            page.click(f"[data-tab={tab}]")
            page.wait_for_timeout(300)
            found |= {(theme, tab, one): None for one in page.evaluate(RUN)}
    assert not found, "\n".join(map(str, found))
