"""From whatever names a net or a solver to a bench on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from ...engine import TEST
from ...engine.backend import Backend
from ...engine.context import Context
from ...engine.trust import Trusted
from ...proto import Document
from ...workbench import LiveNet, models
from ...workbench.weights import is_weights
from .bench import Bench

NEW = 'name: "net"\n'
"""The text of a net that is yet to be built."""


def open(
    definition: Any = None,
    net: Any = None,
    *,
    phase: int = TEST,
    weights: str | PathLike | None = None,
    seed: int | None = None,
    backend: Backend | str | None = None,
    trust: Trusted = False,
    shapes: Mapping[str, Sequence[int]] | None = None,
    stand_in: Any = None,
) -> Bench:
    """A bench on a net, or on a solver and its net.

    `definition` is the path of a prototxt of either kind, the name of a published net (`models.names()`), a Document,
    a message, or a NetSpec; `net` takes the place of the net that a solver names; without a definition the net is new,
    and empty. `weights` is a `.caffemodel` to begin with, `seed` fixes all that is random. Without a
    solver the net is in `phase` and is stepped forward and backward only. `backend` says where to compute, "cpu" or
    "gpu"; the stepper can change it.

    Opening runs no code that the text names. Where there are Python layers, the bench asks before it builds the net,
    unless `trust` is True or names folders that hold their modules; `shapes` states the shapes of their tops meanwhile.

    A net whose database is not there shows its shapes as far as its settings tell them. `stand_in`, as for Net, lets it
    run on made-up data, or the bar that the bench shows then.

    Raises OSError, ParseError, DefinitionError or ValueError, in one line, for what cannot be opened, RuntimeError for
    a GPU that is not there. What is wrong inside a net does not raise: the bench marks it.
    """
    document = Document.parse(NEW, "net") if definition is None else as_document(definition)
    given: Any = {"seed": seed, "weights": weights, "backend": backend, "trust": trust, "shapes": shapes}
    given["stand_in"] = stand_in
    if document.kind == "net":
        return Bench(LiveNet(document, phase, **given))
    inner = as_document(net, "net") if net is not None else net_of(document)
    return Bench(LiveNet(inner, solver_document=document, **given))


def as_document(definition: Any, kind: str | None = None) -> Document:
    """Whatever names a net or a solver, as a text that can be edited."""
    if isinstance(definition, Document):
        return definition
    if isinstance(definition, str) and definition in models.names() and not Path(definition).exists():
        return models.build(definition)
    if isinstance(definition, str | PathLike):
        if is_weights(definition):
            raise ValueError(f"{definition} is a file of weights: brewbench.open_weights lists what it holds")
        return Document.open(definition, kind)
    if hasattr(definition, "to_proto"):
        definition = definition.to_proto()
    return Document.parse(text_format.MessageToString(definition), kind)


def net_of(solver: Document) -> Document:
    """The document of the net that a solver trains: the file it names, or the net written inside it."""
    param: Any = solver.message
    for field in ("net_param", "train_net_param"):
        if param.HasField(field):
            return as_document(getattr(param, field), "net")
    name = param.net or param.train_net
    root = Path(solver.path).parent if solver.path else None
    return Document.open(Context(root=root).find(name, "net", "net"), "net")
