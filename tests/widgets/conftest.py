"""Panes in a Chromium, on a page without Jupyter."""

import base64
import functools
import http.server
import threading

import pytest

from ..browser import harness


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="session")
def repository_address():
    """The repository's files, served on this machine only."""
    handler = functools.partial(_Quiet, directory=str(harness.ROOT))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


# For a module, not the session: Playwright occupies the thread's event loop, which other tests need.
@pytest.fixture(scope="module")
def pane_browser():
    with harness.browser(1000, 700) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context


@pytest.fixture
def demo(pane_browser, repository_address):
    """`demo("text")` opens the demo page with the script text.js; an exception in the page fails the test."""
    pages = []

    def open_demo(name):
        page = pane_browser.new_page()
        console = harness.Console(page)
        pages.append((page, console))
        page.goto(f"{repository_address}/tests/widgets/demo.html?{name}")
        page.wait_for_selector("body[data-ready]")
        return Demo(page)

    yield open_demo
    errors = [error for page, console in pages for error in console.errors]
    for page, _ in pages:
        page.close()
    assert not errors, errors


class Demo:
    """A pane in the page, and the messages it exchanges."""

    def __init__(self, page):
        self.page = page

    def receive(self, content, array=None):
        """Give the pane a message as if it came from the kernel, with a uint8, float32 or float64 array."""
        self.page.evaluate(
            """([content, bytes]) => { window.pane.receive(
                content,
                bytes && [new DataView(Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0)).buffer)]); }""",
            [content, None if array is None else base64.b64encode(array.tobytes()).decode()],
        )

    def sent(self, kind=None):
        """The messages sent so far, of one type or all."""
        return [m for m in self.page.evaluate("() => window.sent") if kind in (None, m["type"])]

    def wait_sent(self, kind, count=1):
        """Wait for so many messages of a type; the last one."""
        self.page.wait_for_function(
            "([kind, count]) => window.sent.filter(m => m.type === kind).length >= count", arg=[kind, count]
        )
        return self.sent(kind)[-1]

    def js(self, expression):
        """The value of a JavaScript expression in the page; `script` is the pane's module."""
        return self.page.evaluate(f"() => {{ const script = window.script; return {expression}; }}")
