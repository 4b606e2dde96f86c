"""Intents of the editor, carried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...engine import Report
from ...proto import Document
from .adding import add
from .copying import duplicate, paste
from .names import Graph, Say, indices_of, written
from .renaming import rename
from .rules import set_phase
from .sharing import share, unshare
from .wiring import connect, cut, remove


def carry_out(
    document: Document, report: Report, graph: Graph, intent: Mapping[str, Any], say: Say = lambda text: None
) -> list[int] | None:
    """Edit the document as an intent of the editor asks, in one step of undo.

    Returns the layers to select afterwards, None to leave the selection. What the user may not expect is told to
    `say`, afterwards. Raises ValueError, in words for the user, for what cannot be done.
    """
    kind = intent["type"]
    if kind == "connect":
        return connect(document, report, intent)
    if kind == "disconnect":
        with document.transaction("disconnect"):
            cut(document, graph, intent["edges"])
        return None
    if kind == "remove":
        return remove(document, report, graph, intent, say)
    if kind in ("add", "paste") and document.message.layers:
        raise ValueError("This net is written in Caffe's V1 form (layers { ... }), which takes no layer of today's: "
                         "brewbench upgrade_net_proto_text OLD NEW writes it in today's form.")  # fmt: skip
    if kind == "add":
        return add(document, report, graph, intent, say)
    if kind == "duplicate":
        return duplicate(document, written(report, intent["ids"]))
    if kind == "paste":
        near = indices_of(report, [intent["near"]]) if intent.get("near") else []
        return paste(document, intent["text"], near[-1] + 1 if near else len(document.layers))
    if kind == "rename":
        (index,) = written(report, [intent["id"]])
        return rename(document, report, index, intent["name"], say, alone=bool(intent.get("alone")))
    if kind == "rule":
        set_phase(document, written(report, intent["ids"]), intent["phase"])
        return None
    if kind == "share":
        share(document, report, written(report, intent["ids"]))
        return None
    if kind == "unshare":
        unshare(document, written(report, intent["ids"]))
        return None
    if kind in ("undo", "redo"):
        if not (document.undo() if kind == "undo" else document.redo()):
            raise ValueError(f"There is nothing to {kind}.")
        return None
    raise ValueError(f"The editor asks for {kind!r}, which the bench does not know.")
