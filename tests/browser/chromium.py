"""The Chromium that the browser tests drive: find it, or, run as a script, get it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
ADVICE = (
    "The browser tests need Chromium. Install it (Debian: apt-get install chromium; anywhere: "
    "python -m playwright install --with-deps chromium), or name its executable in BREWBENCH_CHROMIUM."
)


def find() -> str | None:
    """The path of a Chromium that runs: the one named by BREWBENCH_CHROMIUM, on PATH, or Playwright's."""
    if named := os.environ.get("BREWBENCH_CHROMIUM"):
        return shutil.which(named)
    for name in NAMES:
        if (path := shutil.which(name)) and _runs(path):
            return path
    path = _of_playwright()
    return path if Path(path).exists() and _runs(path) else None


def get() -> str | None:
    """Install Chromium through apt, else through Playwright; its path, or None where neither works."""
    if "BREWBENCH_CHROMIUM" in os.environ:
        return None  # another one would not be used
    for commands in (_apt(), [[sys.executable, "-m", "playwright", "install", *_with_deps(), "chromium"]]):
        for command in commands:
            print("[brewbench] Getting Chromium:", " ".join(command), flush=True)
            if not _succeeds(command):
                break
        if commands and (path := find()):
            return path
    return None


def _runs(path: str) -> bool:
    # Ubuntu's chromium-browser is a stub that fails where the snap behind it is not installed.
    return _succeeds([path, "--version"], timeout=60, quiet=True)


def _of_playwright() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _apt() -> list[list[str]]:
    if not shutil.which("apt-get") or not (_is_root() or _has_sudo()):
        return []
    sudo = [] if _is_root() else ["sudo", "-n"]
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    install = [*apt, "install", "-y", "--no-install-recommends", "chromium", "fonts-liberation"]
    return [[*apt, "update"], install]


def _with_deps() -> list[str]:
    return ["--with-deps"] if sys.platform == "linux" and (_is_root() or _has_sudo()) else []


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _has_sudo() -> bool:
    return bool(shutil.which("sudo")) and _succeeds(["sudo", "-n", "true"], timeout=10, quiet=True)


def _succeeds(command: list[str], timeout: float = 900, quiet: bool = False) -> bool:
    output = subprocess.DEVNULL if quiet else None
    try:
        return subprocess.run(command, timeout=timeout, stdout=output, stderr=output).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    found = find() or get()
    print(f"[brewbench] {'Chromium: ' + found if found else ADVICE}", flush=True)
    sys.exit(0 if found else 1)
