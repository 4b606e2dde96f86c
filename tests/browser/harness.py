"""JupyterLab and Chromium for tests: a private server on loopback, and notebooks run in a real page."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from playwright.sync_api import BrowserContext, Page, sync_playwright

from .. import held
from . import chromium

ROOT = held.ROOT

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Dialogs and requests to the internet that would get between a test and its page.
SETTINGS = {
    "notebook-extension/tracker": {"autoStartDefaultKernel": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
KERNEL_IDLE = """() => {
    const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    return context && context.isReady && context.session?.kernel?.status === 'idle';
}"""
RUN_ALL = """() => {
    window.brewbenchRan = null;
    window.jupyterapp.commands.execute('notebook:run-all-cells').then(ran => { window.brewbenchRan = ran; });
}"""
# stream, execute_result, display_data and error messages, as the kernel sent them
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code')
    .flatMap(cell => cell.model.sharedModel.toJSON().outputs ?? [])"""
EXECUTE = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false});
    const text = [];
    let error = null;
    future.onIOPub = message => {
        const content = message.content;
        if (message.header.msg_type === 'stream') text.push(content.text);
        if (message.header.msg_type === 'execute_result') text.push(content.data['text/plain']);
        if (message.header.msg_type === 'error') error = content.traceback.join('\\n');
    };
    await future.done;
    return {text: text.join(''), error};
}"""


class Lab:
    """A JupyterLab server with folders of its own, in which no setting of the user has a say.

    Args:
        folder: an empty folder; the server gets its state there, and a copy of `notebooks/`
            in which notebooks find their data and models.
        timeout: seconds to wait for the first answer.
    """

    ANSWERS = "/api/status"  # the page that is asked for until there is an answer

    def __init__(self, folder: Path, timeout: float = 60):
        self.notebooks = folder / "notebooks"
        held.copy("notebooks", folder)
        self._log = folder / "server.log"
        self._token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with self._log.open("w") as log:
            self._server = subprocess.Popen(
                self._command(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(folder),
                cwd=self.notebooks,
            )
        try:
            self._wait_until_it_answers(timeout)
        except BaseException:
            self.close()
            raise

    def address(self, path: str) -> str:
        """The page that opens a file, given relative to the server's folder, in a fresh workspace."""
        return f"{self.url}/lab/tree/{path}?token={self._token}&reset"

    def add(self, source: str | Path | Sequence[str], name: str) -> str:
        """Put a notebook into the server's folder: a file's copy, or code cells. Returns its name there."""
        if isinstance(source, (str, Path)):
            content = nbformat.reads(held.content(f"notebooks/{source}").decode(), as_version=4)
        else:
            content = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(cell) for cell in source],
                metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            )
        nbformat.write(content, self.notebooks / f"{name}.ipynb")
        return f"{name}.ipynb"

    def close(self) -> None:
        """Stop the server, which stops its kernels."""
        self._server.terminate()
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait(20)

    def _command(self, port: int) -> list[str]:
        return [
            sys.executable, "-m", "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.notebooks}",
            f"--IdentityProvider.token={self._token}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.news_url=None",
        ]  # fmt: skip

    def _environment(self, folder: Path) -> dict[str, str]:
        settings = folder / "settings"
        for name, values in SETTINGS.items():
            path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        # The extension of the working copy, in place of the one that is installed.
        extensions = folder / "data" / "labextensions"
        extensions.mkdir(parents=True)
        shutil.copytree(ROOT / "widgets" / "labextension", extensions / "brewbench")
        return {
            **os.environ,
            "BREWBENCH_FAST": "1",
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_PREFER_ENV_PATH": "0",  # else the extension that is installed comes first
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        }

    def _wait_until_it_answers(self, timeout: float) -> None:
        status = f"{self.url}{self.ANSWERS}?token={self._token}"
        deadline = time.monotonic() + timeout
        while True:
            try:
                urllib.request.urlopen(status, timeout=5).close()
                return
            except OSError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{type(self).__name__} did not start:\n{self._log.read_text()}") from None
                time.sleep(0.1)


@contextlib.contextmanager
def browser(width: int = 1600, height: int = 1000) -> Iterator[BrowserContext]:
    """A headless Chromium with a profile of its own. Raises RuntimeError where there is none."""
    executable = chromium.find()
    if executable is None:
        raise RuntimeError(chromium.ADVICE)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable,
            headless=True,
            args=CHROMIUM_ARGUMENTS,
            viewport={"width": width, "height": height},
            timeout=60_000,
        )
        try:
            context.set_default_timeout(20_000)
            yield context
        finally:
            context.close()


class Console:
    """What a page wrote to its console, and the exceptions nobody caught there."""

    def __init__(self, page: Page):
        self.lines: list[str] = []
        self.errors: list[str] = []
        page.on("console", lambda message: self._add(message.type, message.text))
        page.on("pageerror", lambda error: self._add("error", f"uncaught: {error}"))

    def _add(self, kind: str, text: str) -> None:
        self.lines.append(f"{kind}: {text}")
        if kind == "error":
            self.errors.append(text)


def open_notebook(page: Page, address: str, timeout: float = 60) -> None:
    """Load a notebook in JupyterLab and wait for its kernel to be ready."""
    page.goto(address, timeout=timeout * 1000)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=timeout * 1000)
    page.wait_for_function(KERNEL_IDLE, timeout=timeout * 1000)


def run_all(page: Page, timeout: float = 120) -> None:
    """Run all cells of the notebook in front and wait for the last one. Raises AssertionError on an error."""
    page.evaluate(RUN_ALL)
    page.wait_for_function("() => window.brewbenchRan !== null", timeout=timeout * 1000)
    errors = [output for output in page.evaluate(OUTPUTS) if output["output_type"] == "error"]
    assert not errors, "\n".join("\n".join(error["traceback"]) for error in errors)
    assert page.evaluate("() => window.brewbenchRan"), "JupyterLab could not run all cells"


def python(page: Page, code: str) -> str:
    """Run code in the kernel of the notebook in front. Returns what it printed and its last value's repr."""
    answer = page.evaluate(EXECUTE, code)
    assert answer["error"] is None, answer["error"]
    return answer["text"].strip()


def save_evidence(page: Page, console: Console) -> Path:
    """Save what the page shows and what its console says into a new temporary folder, which is returned."""
    folder = Path(tempfile.mkdtemp(prefix="brewbench-browser-"))
    (folder / "console.log").write_text("\n".join(console.lines) + "\n")
    page.screenshot(path=folder / "page.png")
    return folder
