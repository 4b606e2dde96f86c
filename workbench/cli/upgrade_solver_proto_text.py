"""`brewbench upgrade_solver_proto_text`: an old solver's text in Caffe's present form."""

from __future__ import annotations

from collections.abc import Sequence

from .upgrade_net_proto_text import upgrade_text


def run(words: Sequence[str]) -> None:
    """Upgrade a solver. Raises UsageError, ParseError, UpgradeError, OSError."""
    upgrade_text("upgrade_solver_proto_text", "solver", words)
