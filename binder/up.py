"""Brewbench in one command: make the environment, then open JupyterLab or run every test."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

USAGE = """\
usage: python3 binder/up.py lab  [JupyterLab arguments]
       python3 binder/up.py test [pytest arguments]

lab   installs Brewbench into .venv beside this repository's README and opens JupyterLab on
      notebooks/00-the-bench.ipynb; for example: lab --no-browser --port 8890
test  installs the test tools too, then runs ruff, pyright, the checks of the JavaScript and pytest;
      for example: test -k packaging
"""
ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "brewbench-installed"


def say(text):
    print(f"[brewbench] {text}", flush=True)


def call(*command, **options):
    """Run a command and return its exit status; its output goes where ours goes."""
    return subprocess.run([str(word) for word in command], **options).returncode


def must(*command, **options):
    if call(*command, **options):
        sys.exit("[brewbench] This command failed, see above: " + " ".join(map(str, command)))


def pip(python, *arguments):
    """Run pip without its advice for developers of packages and for root."""
    environment = dict(os.environ, PYTHONWARNINGS="ignore", PIP_ROOT_USER_ACTION="ignore")
    must(python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments, env=environment)


def make_environment():
    """Make .venv unless it is there and its Python runs."""
    if PYTHON.exists() and not call(PYTHON, "-m", "pip", "--version", stdout=subprocess.DEVNULL):
        return
    say(f"Making the environment {VENV} with Python {sys.version.split()[0]}")
    if importlib.util.find_spec("ensurepip"):
        if not call(sys.executable, "-m", "venv", "--clear", VENV):
            return
    make_environment_with_virtualenv()


def make_environment_with_virtualenv():
    """The way around a bare Debian, whose venv cannot make an environment with pip in it."""
    if not importlib.util.find_spec("pip"):
        sys.exit(
            "[brewbench] This Python has neither a working venv nor pip. Install one of them, "
            "for example: apt-get install python3-venv"
        )
    say("venv is not complete here: using virtualenv, fetched for this once")
    with tempfile.TemporaryDirectory() as folder:
        # --target leaves the system's Python alone, which PEP 668 asks of us.
        pip(sys.executable, "install", "--target", folder, "virtualenv")
        path = dict(os.environ, PYTHONPATH=folder)
        must(sys.executable, "-m", "virtualenv", "--quiet", "--clear", VENV, env=path)


def install(extra):
    """Install the repository, editable, unless nothing that decides the outcome has changed."""
    decides = (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()
    digest = hashlib.sha256(decides).hexdigest()
    stamp = STAMP.read_text() if STAMP.exists() else ""
    if stamp == f"test {digest}" or stamp == f"{extra} {digest}":
        return
    say("Installing Brewbench and what it needs; the first time takes some minutes")
    pip(PYTHON, "install", "--editable", f"{ROOT}[test]" if extra == "test" else ROOT)
    STAMP.write_text(f"{extra} {digest}")


def extend_lab():
    """Put JupyterLab's extension into .venv as it is now: an editable install leaves it out, a wheel has it."""
    there = VENV / "share" / "jupyter" / "labextensions" / "brewbench"
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(ROOT / "widgets" / "labextension", there)


def environment():
    """The variables for what runs inside .venv, so that `brewbench` is found in its terminals too."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    return dict(os.environ, PATH=path, VIRTUAL_ENV=str(VENV), PYRIGHT_PYTHON_IGNORE_WARNINGS="1")


def lab(arguments):
    """Become JupyterLab, so that Ctrl+C and signals reach it and nothing else."""
    # A default address rather than a file to open: it is in the link that Jupyter prints, too.
    address = "--LabApp.default_url=/lab/tree/00-the-bench.ipynb"
    command = [str(PYTHON), "-m", "jupyterlab", address, *arguments]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # a container's only user; Jupyter would refuse to start
    call(PYTHON, ROOT / "binder" / "warm.py", "--behind", env=environment())
    say("Opening JupyterLab on notebooks/00-the-bench.ipynb; Ctrl+C twice ends it")
    os.chdir(str(ROOT / "notebooks"))
    if os.name != "nt":
        os.execve(command[0], command, environment())
    try:
        return call(*command, env=environment())
    except KeyboardInterrupt:
        return 0


def test(arguments):
    """Run all checks, the later ones also after an earlier one failed."""
    call(PYTHON, ROOT / "tests" / "browser" / "chromium.py")
    checks = {
        "ruff": ["-m", "ruff", "check", "."],
        "pyright": ["-m", "pyright", "--pythonpath", PYTHON],
        "javascript": [ROOT / "binder" / "page.py"],
        "pytest": ["-m", "pytest", *arguments],
    }
    failed = []
    for name, command in checks.items():
        print(f"\n===== {name} =====", flush=True)
        if call(PYTHON, *command, cwd=str(ROOT), env=environment()):
            failed.append(name)
    print()
    say("FAILED: " + ", ".join(failed) if failed else "All checks passed: " + ", ".join(checks))
    return 1 if failed else 0


def main(arguments):
    commands = {"lab": lab, "test": test}
    if not arguments or arguments[0] not in commands:
        print(USAGE, end="")
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is also run by Pythons that are too old
        found = f"{sys.executable} is Python {sys.version.split()[0]}"
        return f"[brewbench] Brewbench needs Python 3.11 or newer; {found}."
    make_environment()
    install(arguments[0])
    extend_lab()
    return commands[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
