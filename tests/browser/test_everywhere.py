"""The same bench in Notebook 7, Voila and marimo: it stands, and page and kernel talk to each other."""

import sys

import pytest
from playwright.sync_api import expect

from . import harness

pytestmark = pytest.mark.browser

OPEN = """
import brewbench
bench = brewbench.open("models/lenet/lenet.prototxt")
bench
"""
MARIMO = """
import marimo
app = marimo.App(width="full")
@app.cell
def _():
{cell}
    return
if __name__ == "__main__":
    app.run()
"""


class Notebook7(harness.Lab):
    """Jupyter Notebook 7."""

    def _command(self, port):
        return [
            sys.executable, "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
            "--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.notebooks}",
            f"--IdentityProvider.token={self._token}",
        ]  # fmt: skip

    def show(self, page):
        page.goto(f"{self.url}/notebooks/{self.add([OPEN], 'bench')}?token={self._token}")
        cell = page.locator(".jp-Notebook .jp-CodeCell").first
        cell.click()
        expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first).to_be_attached(timeout=60_000)
        page.keyboard.press("Shift+Enter")


class Voila(harness.Lab):
    """Voila, which runs a notebook for each visitor and shows what comes out."""

    ANSWERS = "/"

    def _command(self, port):
        self.add([OPEN], "bench")
        words = ["--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}", "--Voila.port_retries=0"]
        return [sys.executable, "-m", "voila", "bench.ipynb", *words]

    def show(self, page):
        page.goto(self.url, timeout=60_000)


class Marimo(harness.Lab):
    """marimo, whose notebooks are Python files."""

    ANSWERS = "/health"

    def _command(self, port):
        cell = "\n".join(f"    {line}" for line in OPEN.strip().splitlines())
        (self.notebooks / "bench.py").write_text(MARIMO.format(cell=cell))
        words = ["--headless", "--no-token", "--host", "127.0.0.1", "--port", str(port)]
        return [sys.executable, "-m", "marimo", "run", "bench.py", *words]

    def show(self, page):
        page.goto(self.url, timeout=60_000)


@pytest.mark.parametrize("kind", [Notebook7, Voila, Marimo], ids=lambda kind: kind.__name__)
def test_the_bench_stands_and_talks_to_its_kernel(kind, tmp_path, context):
    server = kind(tmp_path)
    try:
        page = context.new_page()
        server.show(page)
        page.locator(".bb-editor[data-ready]").wait_for(timeout=60_000)
        page.locator(".ne-node", has_text="conv2").first.click()
        if kind is Marimo:  # which has no room for the form
            expect(page.locator(".cm-line.bb-chosen", has_text='"conv2"').first).to_be_visible()
        else:
            expect(page.locator(".bb-form-title")).to_contain_text("conv2")
        page.close()
    finally:
        server.close()
