"""Fixtures of the browser tests: `lab`, `context`, `notebook` and `python`."""

import re

import pytest

from . import harness

PHASES = pytest.StashKey()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.stash.setdefault(PHASES, {})[report.when] = report
    return report


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """One JupyterLab server for all browser tests."""
    server = harness.Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


# For a module, not the session: Playwright occupies the thread's event loop, which other tests need.
@pytest.fixture(scope="module")
def context():
    """A Chromium."""
    with harness.browser() as chromium:
        yield chromium


@pytest.fixture
def notebook(lab, context, request):
    """A function that opens a notebook in JupyterLab, runs all its cells and returns the page.

    `notebook(source, timeout=120, wait=True)`: the source is the name of a file in `notebooks/`, or a list of
    code cells; without `wait` they may still be running. An error in a cell that is waited for fails the test, as
    does one in the page's console at any time until the test ends.
    """
    opened = []

    def open_and_run(source, timeout=120, wait=True):
        page = context.new_page()
        console = harness.Console(page)
        opened.append((page, console))
        name = re.sub(r"\W+", "-", f"{request.node.name}-{len(opened)}")
        harness.open_notebook(page, lab.address(lab.add(source, name)))
        if wait:
            harness.run_all(page, timeout)
        else:
            page.evaluate(harness.RUN_ALL)
        return page

    yield open_and_run
    phases = request.node.stash[PHASES]
    passed = "call" in phases and phases["call"].passed
    errors = [error for _, console in opened for error in console.errors]
    for page, console in opened:
        if errors or not passed:
            print("The page and its console:", harness.save_evidence(page, console))
        page.evaluate("async () => { await jupyterapp?.shell?.currentWidget?.sessionContext?.shutdown(); }")
        page.close()
    assert not errors, "errors in the browser's console:\n" + "\n".join(errors)


@pytest.fixture
def python():
    """`python(page, code)` runs code in the kernel behind the page and returns what it prints."""
    return harness.python
