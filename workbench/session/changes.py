"""Changes. What an edit that lands in a run means to it, in words and in the solver's history."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from ...engine import Net, Solver
from ...proto import Document

SHOWN = 4  # changes that a mark on the curves spells out
LONGEST = 30  # characters of a value that it shows

Built = tuple[Document, Document | None] | None  # the texts of net and solver that a net was built from


def spell_changes(old: Built, new: Built) -> str:
    """What changed between the texts of two nets, as "base_lr 0.01 → 0.1; conv1: lr_mult 1 → 0"; "" for nothing."""
    if old is None or new is None:
        return ""
    found = []
    if old[1] is not None and new[1] is not None:
        found += _fields(old[1].message, new[1].message)
    found += _of_nets(old[0].message, new[0].message)
    more = f"; {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def _of_nets(old: Any, new: Any) -> list[str]:
    kind = "layers" if new.layers else "layer"
    theirs, mine = _by_name(getattr(old, kind)), _by_name(getattr(new, kind))
    found = []
    for name in dict.fromkeys((*theirs, *mine)):
        for before, after in zip_longest(theirs.get(name, ()), mine.get(name, ())):
            if before is None or after is None:
                found.append(f"{name} {'added' if before is None else 'removed'}")
            else:
                found += [f"{name}: {change}" for change in _fields(before, after)]
    return found


def _by_name(layers: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for layer in layers:
        found.setdefault(layer.name, []).append(layer)
    return found


def _fields(old: Any, new: Any) -> Iterator[str]:
    """Every field that differs in two messages of one type, with its values."""
    for field in new.DESCRIPTOR.fields:
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after and (field.is_repeated or old.HasField(field.name) == new.HasField(field.name)):
            continue
        if field.message_type is None:
            if before != after:
                yield f"{field.name} {_spell(before, field)} → {_spell(after, field)}"
        elif not field.is_repeated:
            yield from _fields(before, after)
        else:
            empty = field.message_type._concrete_class
            for one, other in zip_longest(before, after):
                yield from _fields(empty() if one is None else one, empty() if other is None else other)


def _spell(value: Any, field: Any) -> str:
    if field.is_repeated:
        text = "[" + ", ".join(_spell_one(one, field) for one in value) + "]"
    else:
        text = _spell_one(value, field)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _spell_one(value: Any, field: Any) -> str:
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


# Frozen parameters


def multipliers(net: Net | None) -> dict[tuple[str, int], float]:
    """The lr_mult of every learnable parameter, by its layer's identity and its number there."""
    if net is None:
        return {}
    of_blob = {id(one.blob.data_memory): one.lr_mult for one in net.learnable}
    return {
        (layer.identity, number): of_blob[id(blob.data_memory)]
        for layer in net.layers
        for number, blob in enumerate(layer.blobs)
        if id(blob.data_memory) in of_blob
    }


def stop_frozen(solver: Solver, before: dict[tuple[str, int], float]) -> None:
    """Clear the history of parameters whose lr_mult has just become 0: by momentum alone they would move on."""
    now = multipliers(solver.net)
    frozen = {key for key, value in now.items() if value == 0 and before.get(key, 0) != 0}
    if not frozen:
        return
    numbers = {id(one.blob.data_memory): number for number, one in enumerate(solver.net.learnable)}
    for layer in solver.net.layers:
        for index, blob in enumerate(layer.blobs):
            if (layer.identity, index) in frozen:
                for slot in solver.history:
                    slot[numbers[id(blob.data_memory)]].data[...] = 0
