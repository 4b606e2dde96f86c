"""What an edit does to the weights of a living net: a plan that can be shown, and the carrying of it out."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from ..engine import Blob, Layer, Net, Report, Solver
from ..engine.graph import Entry
from ..engine.memory import HOST, MODIFY, WRITE, Memory
from ..engine.solver import data_positions, seek_data

Shape = tuple[int, ...]
Key = tuple[str, str, int]  # type and name of a layer, and which of those it is

SENTENCES = {
    "kept": "Parameter {index} of layer {layer!r} stays as it is, {new}.",
    "renamed": "Parameter {index} of layer {layer!r} (until now {old_layer!r}) stays as it is, {new}.",
    "resized": "Parameter {index} of layer {layer!r} changes from {old} to {new}: what both have stays, {rest}.",
    "new": "Parameter {index} of layer {layer!r}, {new}, is new: {rest}.",
    "dropped": "Parameter {index} of layer {layer!r}, {old}, goes; undoing the edit brings it back.",
}


@dataclass(frozen=True)
class PlanEntry:
    """What happens to one parameter blob: blob `index` of the layer `layer`.

    `action` is "kept", "resized" (the slice that both shapes have stays, on every axis), "renamed" (kept, in a
    layer that was called `old_layer`), "new" (filled by its filler) or "dropped". `restored` says that values
    come back which an edit took away that is now undone.
    """

    layer: str
    index: int
    action: str
    old_shape: Shape | None = None
    new_shape: Shape | None = None
    old_layer: str | None = None
    restored: bool = False

    def __str__(self) -> str:
        if self.restored:
            rest = "the values that it had before come back"
        elif self.action == "resized" and _overlap(self.old_shape or (), self.new_shape or ()) == self.new_shape:
            rest = "what lies beyond is cut off"
        else:
            rest = "its filler fills the rest" if self.action == "resized" else "its filler fills it"
        return SENTENCES[self.action].format(
            index=self.index,
            layer=self.layer,
            old_layer=self.old_layer,
            old=_spell(self.old_shape),
            new=_spell(self.new_shape),
            rest=rest,
        )


@dataclass(frozen=True)
class Plan:
    """What becomes of every parameter blob. Whatever it does not name stays bit for bit."""

    entries: tuple[PlanEntry, ...] = ()

    @property
    def changes(self) -> tuple[PlanEntry, ...]:
        """The entries that are not simply kept."""
        return tuple(entry for entry in self.entries if entry.action != "kept")

    def __str__(self) -> str:
        kept = len(self.entries) - len(self.changes)
        all_kept = [f"{kept} parameter blob{'s' if kept != 1 else ''} stay as they are."] if kept else []
        return "\n".join([*map(str, self.changes), *all_kept])


def plan(old: Net | None, new: Net | Report, memory: Lost | None = None) -> Plan:
    """What will become of the weights of `old` when it gives way to `new`; `memory` is what an undo can bring back.

    Of a report, layers of which only a run can tell the shapes have no entry.
    """
    entries: list[PlanEntry] = []
    memory = memory or {}
    for before, after in _pairs(_parts(old) if old else [], _parts(new)):
        if after and after.unknown:
            continue
        name = after.name if after else before.name if before else ""
        old_layer = before.name if before and before.name != name else None
        for index, (was, will) in enumerate(_zip(before, after)):
            kept = memory.get((after.key, index)) if after else None
            restored = False
            if will is None:
                action = "dropped"
            elif was == will:
                action = "renamed" if old_layer else "kept"
            else:
                common = _overlap(was, will) if was is not None else ()
                back = _overlap(kept.shape, will) if kept else ()
                action = "resized" if common else "new"
                restored = bool(back) and (not common or any(b > c for b, c in zip(back, common, strict=True)))
            entries.append(PlanEntry(name, index, action, was, will, old_layer, restored))
    return Plan(tuple(entries))


# Matching the layers of two nets


@dataclass(frozen=True)
class _Part:
    """A layer as far as its weights are concerned."""

    key: Key
    position: int  # in the text
    shapes: tuple[Shape, ...]
    ends: tuple[tuple[str, ...], ...]  # its tops, its bottoms
    layer: Layer | None = None  # None: known from a report only
    unknown: bool = False  # a report does not tell the shapes

    name = property(lambda self: self.key[1])

    @property
    def blobs(self) -> list[Blob]:
        return self.layer.blobs if self.layer else []


def _parts(net: Net | Report) -> list[_Part]:
    """The layers of the text that take part."""
    if isinstance(net, Report):
        found = [
            (
                (one.type, one.name),
                (one.index, one.param_shapes, (one.tops, one.bottoms)),
                (None, None in (*one.bottom_shapes, *one.top_shapes)),
            )
            for one in net.layers
            if one.included
        ]
    else:
        found = [
            (
                (layer.type, layer.name),
                (node.entry.origin, tuple(blob.shape for blob in layer.blobs), _ends(node.entry)),
                (layer, False),
            )
            for node, layer in zip(net.nodes, net.layers, strict=True)
            if node.entry.origin is not None
        ]
    seen: Counter[tuple[str, str]] = Counter()
    parts = []
    for kind, place, known in found:
        parts.append(_Part((*kind, seen[kind]), *place, *known))
        seen[kind] += 1
    return parts


def _ends(entry: Entry) -> tuple[tuple[str, ...], ...]:
    """Tops and bottoms of a layer, as the text names them."""
    return tuple(entry.param.top), entry.bottoms


def _pairs(old: Sequence[_Part], new: Sequence[_Part]) -> list[tuple[_Part | None, _Part | None]]:
    """Each new layer with the old one it goes on from, then the old ones that nobody goes on from.

    Layers go together by name and type. Of those that share both, the ones with the same tops and bottoms go together
    first, then those with the same tops, the rest in their order. One that has no partner takes the one that stands at
    its place in the text and has none either, if type and shapes agree: a renamed layer.
    """
    partners: dict[int, _Part] = {}  # old parts, by the identity of the new ones
    theirs = _by_kind(old)
    for kind, parts in _by_kind(new).items():
        rest = theirs.get(kind, [])
        for ends in (2, 1, 0):  # how many of them must agree
            for part in [part for part in parts if id(part) not in partners]:
                found = next((one for one in rest if one.ends[:ends] == part.ends[:ends]), None)
                if found is not None:
                    partners[id(part)] = found
                    rest.remove(found)
    used = {id(partner) for partner in partners.values()}
    gone = {part.position: part for part in old if id(part) not in used}
    for part in new:
        candidate = gone.get(part.position) if id(part) not in partners else None
        if candidate and (candidate.key[0], candidate.shapes) == (part.key[0], part.shapes):
            partners[id(part)] = candidate
            used.add(id(candidate))
    pairs: list[tuple[_Part | None, _Part | None]] = [(partners.get(id(part)), part) for part in new]
    return pairs + [(part, None) for part in old if id(part) not in used]


def _by_kind(parts: Iterable[_Part]) -> dict[tuple[str, str], list[_Part]]:
    """Parts by type and name, in their order."""
    found: dict[tuple[str, str], list[_Part]] = {}
    for part in parts:
        found.setdefault(part.key[:2], []).append(part)
    return found


def _zip(before: _Part | None, after: _Part | None) -> Iterable[tuple[Shape | None, Shape | None]]:
    """The shapes of each parameter blob, before and after."""
    return zip_longest(before.shapes if before else (), after.shapes if after else ())


def _overlap(one: Shape, other: Shape) -> Shape:
    """The lengths that two shapes share; () when they have another number of axes."""
    return tuple(map(min, one, other)) if len(one) == len(other) else ()


def _slices(shape: Shape) -> tuple[slice, ...]:
    return tuple(slice(length) for length in shape)


def _spell(shape: Shape | None) -> str:
    return " x ".join(map(str, shape)) if shape else "one number" if shape is not None else "nothing"


# What was cut off


@dataclass(frozen=True)
class Saved:
    """A parameter blob that an edit cut or dropped: its data, its diff, and one array for each slot of history."""

    shape: Shape
    rule: str  # the solver type that the history belongs to
    arrays: tuple[np.ndarray | None, ...]  # None: never touched

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays if array is not None)


Lost = dict[tuple[Key, int], Saved]


class WeightMemory:
    """The weights that edits took away, by the text that had them, so that going back to that text restores them.

    Holds `limit` bytes at most, the latest loss in any case.
    """

    def __init__(self, limit: int = 512 << 20):
        self.limit = limit
        self._lost: OrderedDict[str, Lost] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes held; what several texts share counts once."""
        arrays = {id(saved): saved.nbytes for lost in self._lost.values() for saved in lost.values()}
        return sum(arrays.values())

    def keep(self, texts: Iterable[str], lost: Lost) -> None:
        """Remember what was lost on leaving these texts."""
        for text in texts:
            self._lost.pop(text, None)
            if lost:
                self._lost[text] = lost
        while self.nbytes > self.limit and any(kept is not lost for kept in self._lost.values()):
            self._lost.popitem(last=False)

    def recall(self, text: str) -> Lost:
        """What was lost on leaving this text, last time."""
        return self._lost.get(text, {})


# Carrying


def carry(
    old: tuple[Net, Solver | None], new: tuple[Net, Solver | None], memory: Lost | None = None
) -> tuple[Plan, Lost]:
    """Carry out the plan from one net (and its solver) to another; returns it, and what was lost by it.

    Parameters go with their diffs and, where the solver types agree, their history; the data layers continue at
    their rows. What nobody has touched yet is left to its filler, which gives the same values for the same seed.
    """
    memory = memory or {}
    old_net, old_solver = old
    new_net, new_solver = new
    here, there = _memories(old_net, old_solver), _memories(new_net, new_solver)
    old_rule, rule = (solver.type if solver else "" for solver in (old_solver, new_solver))
    lost: Lost = {}
    for before, after in _pairs(_parts(old_net), _parts(new_net)):
        for index, (was, will) in enumerate(_zip(before, after)):
            sources: list[Memory] = []
            if before and was is not None:
                sources = here[id(before.blobs[index].data_memory)]
                if will is None or _overlap(was, will) != was:
                    arrays = [source.on(HOST).reshape(was).copy() if source.touched else None for source in sources]
                    lost[before.key, index] = Saved(was, old_rule, tuple(arrays))
            if after is None or will is None:
                continue
            targets = there.pop(id(after.blobs[index].data_memory), [])  # a shared blob is filled once
            saved = memory.get((after.key, index))
            for slot, target in enumerate(targets):
                kept = saved.arrays[slot] if saved and (slot < 2 or saved.rule == rule) else None
                source = sources[slot] if sources and (slot < 2 or old_rule == rule) else None
                _fill(target, will, kept, source, was)
    result = plan(old_net, new_net, memory)
    _continue_data(old_net, new_net)
    if old_solver and new_solver:
        new_solver.continue_from(old_solver)
        for mine, theirs in zip(old_solver.test_nets, new_solver.test_nets, strict=False):
            _continue_data(mine, theirs)
    return result, lost


def _memories(net: Net, solver: Solver | None) -> dict[int, list[Memory]]:
    """For each parameter: the memories of its data, its diff, and its history, by the identity of the first."""
    slots = solver.history if solver else []
    return {
        id(one.blob.data_memory): [
            one.blob.data_memory,
            one.blob.diff_memory,
            *(slot[number].data_memory for slot in slots),
        ]
        for number, one in enumerate(net.learnable)
    }


def _fill(
    target: Memory, shape: Shape, saved: np.ndarray | None, source: Memory | None, source_shape: Shape | None
) -> None:
    """Lay over the filler's values those that come back, and over them those that are there now."""
    live = source if source is not None and source.touched else None
    if live is not None and source_shape == shape:
        target.on(HOST, WRITE)[:] = live.on(HOST)
        return
    if live is None and saved is None:
        return
    values = target.on(HOST, MODIFY).reshape(shape)
    for array in (saved, live.on(HOST).reshape(source_shape or ()) if live is not None else None):
        if array is not None and array.ndim == values.ndim:
            common = _slices(_overlap(array.shape, shape))
            values[common] = array[common]


def _continue_data(old: Net, new: Net) -> None:
    """Let the data layers of `new` go on where those of `old` are, if they read the same source."""
    positions = data_positions(old)
    going_on = {}
    for before, after in _sources(old, new):
        if before.identity in positions and _source_of(before) == _source_of(after):
            going_on[after.identity] = positions[before.identity]
    seek_data(new, going_on)
    continue_inputs(old, new)


def continue_inputs(old: Net, new: Net) -> None:
    """What somebody gave to the net stays: the tops of Input layers where the shape does, the rows of MemoryData."""
    for before, after in _sources(old, new):
        if type(before) is type(after):
            after.take_over(before)
        if before.type == "Input":
            for was, name in zip(before.param.top, after.param.top, strict=False):
                source, target = old.blobs[was], new.blobs[name]
                if source.shape == target.shape and source.data_memory.touched:
                    target.data = source.data_memory.on(HOST).reshape(source.shape)


def _sources(old: Net, new: Net) -> Iterable[tuple[Layer, Layer]]:
    """The data layers that go together."""
    for before, after in _pairs(_parts(old), _parts(new)):
        if before and after and before.layer and after.layer and after.layer.is_source:
            yield before.layer, after.layer


def _source_of(layer: Layer) -> str | None:
    return getattr(layer.settings, "source", None)
