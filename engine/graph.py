"""From the layers as written to the layers as run: filtering by state, and inserting splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from ..proto.messages import LayerParameter
from .errors import DefinitionError

PHASES = ("TRAIN", "TEST")


@dataclass(frozen=True)
class Entry:
    """A layer's definition, the place it came from in the text, and its bottoms as the text names them.

    `origin` counts the layers of the text; a layer made here (a Split) has none. `number` counts the layers of its
    name in the net, from 0.
    """

    param: Any
    origin: int | None
    bottoms: tuple[str, ...] = ()
    number: int = 0


def state_meets_rule(state: Any, rule: Any) -> bool:
    """Whether a NetState satisfies a NetStateRule: its phase, its level between the bounds, its stages."""
    if rule.HasField("phase") and rule.phase != state.phase:
        return False
    if rule.HasField("min_level") and state.level < rule.min_level:
        return False
    if rule.HasField("max_level") and state.level > rule.max_level:
        return False
    stages = set(state.stage)
    return stages.issuperset(rule.stage) and stages.isdisjoint(rule.not_stage)


def included(param: Any, state: Any) -> bool:
    """Whether a layer takes part in this state: some `include` rule holds, or none is given and no `exclude` holds.

    Raises DefinitionError when it has both kinds of rules.
    """
    if param.include and param.exclude:
        raise DefinitionError("give include rules or exclude rules, not both.", "exclude")
    if param.include:
        return any(state_meets_rule(state, rule) for rule in param.include)
    return not any(state_meets_rule(state, rule) for rule in param.exclude)


def insert_splits(entries: Sequence[Entry]) -> list[Entry]:
    """Give each reader of a blob that is read more than once its own top of a Split layer.

    A loss weight counts as one more reader: it moves to the first top of the split, and the layer itself loses
    it (a loss layer then takes its default of 1 again, so that such a loss is counted once more, as in Caffe).
    Names: ``<blob>_<layer>_<top index>_split`` and the same with ``_<k>``. Source: Caffe's insert_splits.cpp.
    """
    producer: dict[str, tuple[int, int]] = {}
    source: dict[tuple[int, int], tuple[int, int]] = {}
    readers: Counter[tuple[int, int]] = Counter()
    weight: dict[tuple[int, int], float] = {}
    for i, entry in enumerate(entries):
        for j, blob in enumerate(entry.param.bottom):
            if blob in producer:
                source[i, j] = producer[blob]
                readers[producer[blob]] += 1
        for j, blob in enumerate(entry.param.top):
            producer[blob] = (i, j)
        for blob, loss_weight in zip(entry.param.top, entry.param.loss_weight, strict=False):
            weight[producer[blob]] = loss_weight
            readers[producer[blob]] += bool(loss_weight)
    taken: Counter[tuple[int, int]] = Counter()
    result: list[Entry] = []
    for i, entry in enumerate(entries):
        shared_bottoms = [j for j in range(len(entry.param.bottom)) if readers[source.get((i, j), (-1, -1))] > 1]
        shared_tops = [j for j in range(len(entry.param.top)) if readers[i, j] > 1]
        if not shared_bottoms and not shared_tops:
            result.append(entry)
            continue
        param = LayerParameter()
        param.CopyFrom(entry.param)
        for j in shared_bottoms:
            made = source[i, j]
            param.bottom[j] = _split_name(entries[made[0]].param.name, param.bottom[j], made[1], taken[made])
            taken[made] += 1
        result.append(replace(entry, param=param))
        for j in shared_tops:
            split = LayerParameter(type="Split", name=_split_name(param.name, param.top[j], j))
            split.bottom.append(param.top[j])
            split.top.extend(_split_name(param.name, param.top[j], j, k) for k in range(readers[i, j]))
            if weight.get((i, j)):
                split.loss_weight.extend([weight[i, j]] + [0.0] * (readers[i, j] - 1))
                param.ClearField("loss_weight")
                taken[i, j] += 1
            result.append(Entry(split, None, tuple(split.bottom)))
    return result


def _split_name(layer: str, blob: str, top: int, k: int | None = None) -> str:
    name = f"{blob}_{layer}_{top}_split"
    return name if k is None else f"{name}_{k}"


def origins(written: Iterable[Any], upgraded: Iterable[Any], made: int = 0) -> list[int | None]:
    """For each layer after an upgrade, which layer of the text it was; None for the first `made`, made by the upgrade.

    The order is that of the text, from which an upgrade may have taken layers out.
    """
    names = [param.name or param.layer.name if hasattr(param, "blobs_lr") else param.name for param in written]
    found: list[int | None] = [None] * made
    start = 0
    for param in islice(upgraded, made, None):
        try:
            index = names.index(param.name, start)
        except ValueError:
            found.append(None)
        else:
            found.append(index)
            start = index + 1
    return found
