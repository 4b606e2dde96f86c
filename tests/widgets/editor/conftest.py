"""Reports of example nets, as a net check would give them, and a Chromium with the demo page."""

from __future__ import annotations

import functools
import http.server
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import brewbench.widgets.editor.graph as graph_module

from ... import held
from ...browser import chromium

PAGE = Path(graph_module.__file__).parents[1] / "page"
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
CATEGORY = {
    "Data": "data", "Input": "data", "Convolution": "vision", "Pooling": "vision", "LRN": "vision",
    "InnerProduct": "common", "Concat": "common", "Eltwise": "common", "ReLU": "neuron", "Dropout": "neuron",
    "SoftmaxWithLoss": "loss", "Accuracy": "loss",
}


@dataclass
class LayerReport:
    """What the editor reads of a checked layer."""

    index: int
    name: str
    type: str
    bottoms: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()
    bottom_shapes: list[tuple[int, ...] | None] = field(default_factory=list)
    top_shapes: list[tuple[int, ...] | None] = field(default_factory=list)
    param_shapes: list[tuple[int, ...]] = field(default_factory=list)
    in_place: bool = False
    included: bool = True
    category: str = "unknown"
    summary: str = ""


@dataclass
class Diagnostic:
    """What the editor reads of a diagnostic."""

    severity: str
    message: str
    layer: str | None = None
    layer_index: int | None = None
    field: str | None = None
    line: int | None = None


@dataclass
class Report:
    """What the editor reads of a net check."""

    layers: list[LayerReport]
    diagnostics: list[Diagnostic] = field(default_factory=list)


class NetText:
    """A net written layer by layer; shapes are those of the blob's last writer."""

    def __init__(self):
        self.layers: list[LayerReport] = []
        self.shapes: dict[str, tuple[int, ...] | None] = {}

    def add(self, name, kind, bottoms=(), tops=None, shape=None, params=(), summary="", included=True):
        """Append a layer; returns its first top."""
        bottoms = (bottoms,) if isinstance(bottoms, str) else tuple(bottoms)
        tops = (name,) if tops is None else (tops,) if isinstance(tops, str) else tuple(tops)
        found = [self.shapes.get(blob) for blob in bottoms]
        shapes = shape if isinstance(shape, list) else [found[0] if shape is None and found else shape] * len(tops)
        self.layers.append(
            LayerReport(
                len(self.layers), name, kind, bottoms, tops, found if included else [None] * len(found),
                shapes if included else [None] * len(tops), list(params), bottoms == tops, included,
                CATEGORY.get(kind, "unknown"), summary,
            )
        )
        if included:
            self.shapes.update(zip(tops, shapes, strict=True))
        return tops[0] if tops else ""

    def report(self, *diagnostics: Diagnostic) -> Report:
        return Report(self.layers, list(diagnostics))


def lenet_report(outputs: int = 20, *diagnostics: Diagnostic) -> Report:
    """LeNet as its training phase sees it; `outputs` of conv1 may be changed."""
    net = NetText()
    net.add("mnist", "Data", (), ("data", "label"), [(64, 1, 28, 28), (64,)], summary="lmdb, batch 64")
    net.add("mnist", "Data", (), ("data", "label"), included=False, summary="lmdb, batch 100")
    net.add("conv1", "Convolution", "data", shape=(64, outputs, 24, 24), summary=f"{outputs}, 5x5",
            params=[(outputs, 1, 5, 5), (outputs,)])
    net.add("pool1", "Pooling", "conv1", shape=(64, outputs, 12, 12), summary="MAX 2x2 /2")
    net.add("conv2", "Convolution", "pool1", shape=(64, 50, 8, 8), summary="50, 5x5",
            params=[(50, outputs, 5, 5), (50,)])
    net.add("pool2", "Pooling", "conv2", shape=(64, 50, 4, 4), summary="MAX 2x2 /2")
    net.add("ip1", "InnerProduct", "pool2", shape=(64, 500), summary="500", params=[(500, 800), (500,)])
    net.add("relu1", "ReLU", "ip1", "ip1")
    net.add("ip2", "InnerProduct", "ip1", shape=(64, 10), summary="10", params=[(10, 500), (10,)])
    net.add("accuracy", "Accuracy", ("ip2", "label"), included=False)
    net.add("loss", "SoftmaxWithLoss", ("ip2", "label"), shape=())
    return net.report(*diagnostics)


def googlenet_report(modules: int = 9) -> Report:
    """GoogLeNet's shape: a stem, inception modules of four branches, two side losses where there is room."""
    net = NetText()
    net.add("data", "Data", (), ("data", "label"), [(32, 3, 224, 224), (32,)], summary="lmdb, batch 32")

    def conv(name, bottom, outputs, size, kernel, stride=1):
        channels = net.shapes[bottom][1]
        stride_text = f" /{stride}" if stride > 1 else ""
        top = net.add(name, "Convolution", bottom, shape=(32, outputs, size, size),
                      summary=f"{outputs}, {kernel}x{kernel}{stride_text}",
                      params=[(outputs, channels, kernel, kernel), (outputs,)])
        head, slash, tail = name.rpartition("/")
        net.add(f"{head}{slash}relu_{tail}", "ReLU", top, top)
        return top

    top = conv("conv1/7x7_s2", "data", 64, 112, 7, 2)
    top = net.add("pool1/3x3_s2", "Pooling", top, shape=(32, 64, 56, 56), summary="MAX 3x3 /2")
    top = net.add("pool1/norm1", "LRN", top, summary="5")
    top = conv("conv2/3x3_reduce", top, 64, 56, 1)
    top = conv("conv2/3x3", top, 192, 56, 3)
    top = net.add("conv2/norm2", "LRN", top, summary="5")
    top = net.add("pool2/3x3_s2", "Pooling", top, shape=(32, 192, 28, 28), summary="MAX 3x3 /2")
    for number in range(modules):
        name = f"inception_{3 + number // 4}{'abcd'[number % 4]}"
        size = net.shapes[top][2]
        branches = [
            conv(f"{name}/1x1", top, 64, size, 1),
            conv(f"{name}/3x3", conv(f"{name}/3x3_reduce", top, 96, size, 1), 128, size, 3),
            conv(f"{name}/5x5", conv(f"{name}/5x5_reduce", top, 16, size, 1), 32, size, 5),
            conv(f"{name}/pool_proj", net.add(f"{name}/pool", "Pooling", top, summary="MAX 3x3"), 32, size, 1),
        ]
        top = net.add(f"{name}/output", "Concat", branches, shape=(32, 256, size, size))
        if number in (3, 6):
            side = f"loss{number // 3}"
            pooled = net.add(f"{side}/ave_pool", "Pooling", top, shape=(32, 256, 4, 4), summary="AVE 5x5 /3")
            fc = net.add(f"{side}/classifier", "InnerProduct", pooled, shape=(32, 1000), summary="1000",
                         params=[(1000, 4096), (1000,)])
            net.add(f"{side}/loss", "SoftmaxWithLoss", (fc, "label"), shape=())
    top = net.add("pool5/7x7_s1", "Pooling", top, shape=(32, 256, 1, 1), summary="AVE 7x7")
    net.add("pool5/drop_7x7_s1", "Dropout", top, top, summary="0.4")
    fc = net.add("loss3/classifier", "InnerProduct", top, shape=(32, 1000), summary="1000",
                 params=[(1000, 256), (1000,)])
    net.add("loss3/loss3", "SoftmaxWithLoss", (fc, "label"), shape=())
    return net.report()


@pytest.fixture
def nets() -> Any:
    """The example nets and the records they are made of."""
    class Nets:
        lenet = staticmethod(lenet_report)
        googlenet = staticmethod(googlenet_report)
        text = NetText
        diagnostic = Diagnostic
        page = PAGE

    return Nets


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="session")
def address():
    """The repository's files, served on this machine only."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(held.ROOT))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


# For a module, not the session: Playwright occupies the thread's event loop, which other tests need.
@pytest.fixture(scope="module")
def browser():
    """A Chromium; the test fails with advice where there is none."""
    from playwright.sync_api import sync_playwright

    path = chromium.find()
    if path is None:
        pytest.fail(chromium.ADVICE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS, timeout=60_000)
        yield browser
        browser.close()


@pytest.fixture
def open_demo(browser, address):
    """Open the demo page on one of its nets; a script error on the page fails the test."""
    pages = []
    errors: list[str] = []

    def open_page(net: str = "lenet", theme: str = "light", width: int = 1000, height: int = 760):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/tests/widgets/editor/demo.html?net={net}&theme={theme}")
        page.wait_for_selector(".bb-editor[data-ready]")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not errors
