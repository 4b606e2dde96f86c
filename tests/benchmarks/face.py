"""How fast the bench is in the page: python -m tests.benchmarks.face [FILE.prototxt ...]

For each net: from running the cell to a drawing in the page, first in a fresh kernel (brewbench imported) and again;
the longest block of the page's main thread meanwhile; frames a second while panning; the search, once its list is
there. Beside it, where it is installed, Netron on the same file in the same Chromium, page load included.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import TimeoutError

from ..browser import harness
from . import face_nets

WATCH = """() => {
    window.longest = 0;
    new PerformanceObserver(list => {
        for (const each of list.getEntries()) window.longest = Math.max(window.longest, each.duration);
    }).observe({ type: 'longtask', buffered: false });
}"""
RUN_CELL = """async (at) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = at;
    window.longest = 0;
    const start = performance.now();
    window.jupyterapp.commands.execute('notebook:run-cell');
    const cell = notebook.widgets[at].node;
    while (!cell.querySelector('.bb-editor[data-ready] .ne-node')) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
PAN = """async () => {
    const canvas = document.querySelector('.ne-canvas'), { left, top } = canvas.getBoundingClientRect();
    canvas.setPointerCapture = () => {};
    const send = (type, dx) => canvas.dispatchEvent(new PointerEvent(type, {
        bubbles: true, pointerId: 1, buttons: 1, clientX: left + 8 + dx, clientY: top + 300 + 4 * dx }));
    send('pointerdown', 0);
    const start = performance.now();
    let frames = 0;
    while (performance.now() - start < 2000) {
        send('pointermove', 60 * Math.sin(frames / 9));
        await new Promise(requestAnimationFrame);
        frames += 1;
    }
    send('pointerup', 0);
    return frames * 1000 / (performance.now() - start);
}"""
SEARCH = """async (word) => {
    const canvas = document.querySelector('.ne-canvas');
    canvas.focus();
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }));
    const input = [...document.querySelectorAll('.ne-chooser input')].find(each => each.offsetParent);
    await new Promise(resolve => setTimeout(resolve, 1500));
    const start = performance.now();
    input.value = word;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    return performance.now() - start;
}"""


def measure(name: str, path: Path) -> dict[str, Any]:
    """The figures of one net, in milliseconds and frames a second."""
    with tempfile.TemporaryDirectory() as folder:
        lab = harness.Lab(Path(folder))
        try:
            with harness.browser(1280, 800) as browser:
                page = browser.new_page()
                cells = [f"{name} = brewbench.open({str(path)!r})\n{name}" for name in ("bench", "again")]
                file = lab.add(["import brewbench; brewbench.open", *cells], "face")
                harness.open_notebook(page, lab.address(file))
                page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
                page.wait_for_timeout(1500)
                page.evaluate(WATCH)
                found: dict[str, Any] = {"net": name, "first": page.evaluate(RUN_CELL, 1)}
                found["longest"] = page.evaluate("window.longest")
                page.wait_for_timeout(1500)
                found["again"] = page.evaluate(RUN_CELL, 2)
                page.wait_for_timeout(1000)
                found["pan"] = page.evaluate(PAN)
                found["search"] = page.evaluate(SEARCH, "3x3")
                found["boxes"] = page.evaluate("document.querySelectorAll('.ne-node').length")
                return found
        finally:
            lab.close()


def measure_netron(path: Path) -> float:
    """Netron on a file: from asking for its page to the graph, in milliseconds; NaN where it is not installed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"import netron; netron.start({str(path)!r}, ('127.0.0.1', {port}), browse=False); netron.wait()"
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            if server.poll() is not None:
                return float("nan")
            time.sleep(0.1)
        with harness.browser(1280, 800) as browser:
            page = browser.new_page()
            start = time.perf_counter()
            page.goto(f"http://127.0.0.1:{port}/")
            try:
                page.wait_for_selector("g.node, .graph-node", timeout=10_000, state="attached")
            except TimeoutError:  # its page is another by now, or asks something first
                return float("nan")
            return 1000 * (time.perf_counter() - start)
    finally:
        server.terminate()
        server.wait(10)


def main(files: list[str]) -> None:
    """Print a table of all nets."""
    with tempfile.TemporaryDirectory() as folder:
        nets = [(Path(one).stem, Path(one).resolve()) for one in files]
        for name, text in (("ResNet-152", face_nets.resnet152()), ("chain of 5,000", face_nets.chain(5000))):
            path = Path(folder) / f"{name.split()[0]}.prototxt"
            path.write_text(text)
            nets.append((name, path))
        print("| net | first, ms | again, ms | longest block, ms | pan, frames/s | search, ms | Netron, ms |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name, path in nets:
            one, netron = measure(name, path), measure_netron(path)
            figures = (one["first"], one["again"], one["longest"], one["pan"], one["search"], netron)
            print(f"| {name} | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
