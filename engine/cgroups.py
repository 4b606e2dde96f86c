"""Where Linux shows the control groups that limit this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

SYSTEM = Path("/")


def folders(controller: str, system: Path = SYSTEM) -> Iterator[tuple[Path, bool]]:
    """The folders of this process's groups and those above them, as far as it sees them; True for those of version 2.

    `controller` is what the limits are of, "cpu" or "memory"; `system` is the root of the file system. Source: the
    kernel's documents on cgroup v1 and v2.
    """
    try:
        groups = (system / "proc/self/cgroup").read_text().splitlines()
        mounts = (system / "proc/self/mountinfo").read_text().splitlines()
    except (OSError, UnicodeDecodeError):  # no such system
        return
    for line in groups:
        number, controllers, group = line.split(":", 2)
        unified = number == "0" and not controllers
        if unified or controller in controllers.split(","):
            for folder in _shown(system, mounts, group, None if unified else controller):
                yield folder, unified


def _shown(system: Path, mounts: list[str], group: str, controller: str | None) -> list[Path]:
    """Where a control group and those above it are shown; `controller` is None for version 2."""
    for line in mounts:
        fields, _, kind = line.partition(" - ")
        root, place = fields.split(" ")[3:5]
        name, _, options = kind.split(" ", 2)
        controlled = options.split(" ")[-1].split(",")
        if name == "cgroup2" if controller is None else name == "cgroup" and controller in controlled:
            shown = PurePosixPath(group)
            # In a container the mount may begin at its own group, or at one that is not above the group's name
            below = shown.relative_to(root) if shown.is_relative_to(root) else PurePosixPath()
            folder = system / place.lstrip("/")
            return [folder, *(folder / Path(*below.parts[: k + 1]) for k in range(len(below.parts)))]
    return []
