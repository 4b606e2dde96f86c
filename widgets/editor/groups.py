"""Groups of layers that fold into one box: by name, and runs of groups that are built alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FEWEST_OF_STEM = 3  # layers that share a stem, such as res2a in res2a_branch1, before they are a group
FEWEST_IN_RUN = 3  # groups alike in a row before they are drawn as one
STEM = re.compile(r"([A-Za-z]+\d+[A-Za-z]*\d*)(?:_.+)?$")


@dataclass
class Groups:
    """The groups of a net. Layers and their places in boxes go by position.

    `members` maps a group's name to the positions in it, `parent` a group to the run it is part of, `of` a position to
    its innermost group. A run is named by its first and last group: ``res4b1 to res4b35``.
    """

    members: dict[str, list[int]] = field(default_factory=dict)
    parent: dict[str, str] = field(default_factory=dict)
    of: dict[int, str] = field(default_factory=dict)
    alike: dict[str, int] = field(default_factory=dict)  # of a run: how many groups

    def around(self, at: int) -> list[str]:
        """The groups that a layer is in, the innermost first."""
        found = [self.of[at]] if at in self.of else []
        while found and found[-1] in self.parent:
            found.append(self.parent[found[-1]])
        return found

    def box_of(self, at: int, collapsed: Collection[str]) -> str | None:
        """The outermost group that is collapsed and holds a layer; None where the layer is drawn itself."""
        return next((name for name in reversed(self.around(at)) if name in collapsed), None)

    def children(self, name: str) -> list[str]:
        """The groups in a run."""
        return [child for child, parent in self.parent.items() if parent == name]


def find_groups(
    layers: Sequence[Any], hosts: Sequence[int], sources: Sequence[Sequence[tuple[int, int] | None]]
) -> Groups:
    """The groups of a net: of names with "/" by what stands before the last, of others by their stem; then runs.

    `hosts` says in whose box each layer is drawn, `sources` for each bottom which layer wrote it, by position. A stem
    counts only where nothing leaves its layers and comes back, so that its box closes no cycle.
    """
    after: dict[int, set[int]] = defaultdict(set)  # box -> boxes that read it
    for at, found in enumerate(sources):
        for source in found:
            if source is not None and hosts[source[0]] != hosts[at]:
                after[hosts[source[0]]].add(hosts[at])
    by_name: dict[str, list[int]] = defaultdict(list)
    by_stem: dict[str, list[int]] = defaultdict(list)
    for at, host in enumerate(hosts):
        name = layers[at].name
        if at != host:
            continue
        if "/" in name:
            by_name[name.rpartition("/")[0]].append(at)
        elif match := STEM.match(name):
            by_stem[match[1]].append(at)
    groups = Groups({name: inside for name, inside in by_name.items() if name and len(inside) > 1})
    for stem, inside in by_stem.items():
        if len(inside) >= FEWEST_OF_STEM and stem not in groups.members and _is_closed(set(inside), after):
            groups.members[stem] = inside
    groups.of = {at: name for name, inside in groups.members.items() for at in inside}
    _find_runs(groups, layers, hosts, sources, after)
    return groups


def _is_closed(inside: set[int], after: Mapping[int, set[int]]) -> bool:
    """Whether no way leads out of some boxes and back in."""
    last = max(inside)  # a reader stands below its writer in the text, so no way back begins behind the last
    ahead = [reader for at in inside for reader in after[at] if reader not in inside and reader < last]
    seen = set(ahead)
    while ahead:
        for reader in after[ahead.pop()]:
            if reader in inside:
                return False
            if reader < last and reader not in seen:
                seen.add(reader)
                ahead.append(reader)
    return True


def _find_runs(
    groups: Groups,
    layers: Sequence[Any],
    hosts: Sequence[int],
    sources: Sequence[Sequence[tuple[int, int] | None]],
    after: Mapping[int, set[int]],
) -> None:
    """Let groups of one build that follow each other, each fed by the one before alone, be a run."""
    strips: dict[int, list[int]] = defaultdict(list)
    for at, host in enumerate(hosts):
        strips[host].append(at)

    def build(inside: Sequence[int]) -> tuple[Any, ...]:
        """What makes two groups alike: types, settings, shapes of parameters, and who reads whom."""
        order = {at: number for number, at in enumerate(inside)}
        return tuple(
            (
                tuple((layers[one].type, layers[one].summary, str(layers[one].param_shapes)) for one in strips[at]),
                tuple(order.get(hosts[source[0]], -1) if source else None for source in sources[at]),
                layers[at].included,
            )
            for at in inside
        )

    def fed_by(name: str) -> set[str | None]:
        inside = set(groups.members[name])
        return {
            groups.of.get(hosts[source[0]])
            for at in inside
            for source in sources[at]
            if source is not None and hosts[source[0]] not in inside
        }

    row: list[str] = []
    names = sorted(groups.members, key=lambda name: groups.members[name][0])
    builds = {name: build(groups.members[name]) for name in names}
    for name in [*names, ""]:
        if name and row and builds[name] == builds[row[-1]] and fed_by(name) == {row[-1]}:
            row.append(name)
            continue
        if len(row) >= FEWEST_IN_RUN and _is_closed({at for one in row for at in groups.members[one]}, after):
            run = f"{row[0]} to {row[-1]}"
            groups.members[run] = [at for one in row for at in groups.members[one]]
            groups.parent.update(dict.fromkeys(row, run))
            groups.alike[run] = len(row)
        row = [name]
