"""The graph that the net editor draws: plain data made from the report of a net check."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import prod
from typing import Any

from ...engine.stand_in import spell_shape
from .groups import find_groups
from .layout import Placement, layout
from .svg import to_svg

__all__ = ["build_graph", "default_collapsed", "edge_ends", "to_svg"]

CATEGORIES = ("vision", "common", "neuron", "loss", "data", "fork", "python")
LARGE_NET = 60          # boxes above which name groups start collapsed
HEAD = 42               # height of a box with a name and a type
LINE = 15               # height of one more line in it
STRIP = 20              # height of an in-place layer stacked below it
NARROWEST, WIDEST = 132, 288

Version = tuple[int, int]       # one writing of a blob: (position of the layer, number of its top)


def build_graph(
    report: Any,
    *,
    positions: Mapping[str, tuple[float, float]] | None = None,
    collapsed_groups: Collection[str] = frozenset(),
    palette: Iterable[Mapping[str, str]] = (),
    version: int = 0,
    rules: Mapping[int, str] | None = None,
    layout: Callable[..., Placement] = layout,
) -> dict[str, Any]:
    """Make the editor's graph, ready for JSON, out of a report with `layers` and `diagnostics`.

    Each layer has `index`, `name`, `type`, `bottoms`, `tops`, `bottom_shapes`, `top_shapes`, `param_shapes`,
    `included`, `category` and `summary`; each diagnostic `severity`, `message`, `layer` and `layer_index`.
    A shape may be None where it is unknown.  The answer holds

    - `nodes`: boxes with `id` (the name; `name#2` for the second layer of that name), `index`, `name`, `type`,
      `category`, corner `x`, `y`, size `w`, `h`, `head` (height without the strips), `tops`, `bottoms`,
      `dangling` (numbers of bottoms that nobody writes), `note` and `lines` (text in the box), `details`
      (text of its tooltip), `folded` (in-place layers stacked in it), `dimmed` (not in this phase), `error`,
      `warning`, `params`, `group` (its name group or ""), `collapsed` (how many layers a group stands for)
      and, of a group, `members` (their places in the text);
    - `edges`: `id`, `source`, `source_port`, `target`, `target_port`, `blob`, `label` (its shape), `dimmed`,
      `points` (Bezier control points, where the layout gave some), `writer` (layer and top index) and
      `readers` (pairs of layer and bottom index: what to cut in the document to remove the edge);
    - `groups`: expanded name groups, with `name` and `members`; `problems`: messages about no single layer;
      `palette`, `version`, `width`, `height`.

    `rules` has the rules of layers in a few words, by their places in the text; boxes and strips have them as `rule`.
    `positions` overrides the layout for some ids.  `collapsed_groups` names groups to draw as one box.
    """
    net = _Net(list(report.layers), rules or {})
    boxes = _Boxes(net, frozenset(collapsed_groups))
    errors, warnings, problems = _messages(net, report.diagnostics)
    nodes = [boxes.node(key, errors, warnings) for key in boxes.keys]
    edges = boxes.edges()
    _note_outputs(nodes, edges, net, boxes)
    _measure(nodes)
    placement = layout(nodes, edges)
    _place(nodes, edges, placement, positions or {})
    return {
        "version": version,
        "nodes": nodes,
        "edges": edges,
        "groups": boxes.expanded(),
        "problems": problems,
        "palette": [dict(entry) for entry in palette],
        "width": placement.width,
        "height": placement.height,
    }


def default_collapsed(report: Any) -> frozenset[str]:
    """The groups to collapse when a net is first drawn: all of them if it is large, none otherwise."""
    net = _Net(list(report.layers))
    if sum(host == at for at, host in enumerate(net.hosts)) <= LARGE_NET:
        return frozenset()
    return frozenset(net.groups.members)


def members_of(layers: Sequence[Any], id: str) -> list[int]:
    """The layers behind the box of a collapsed group, by position, strips included; none where it is no such box."""
    net = _Net(list(layers))
    inside = {at for name, members in net.groups.members.items() if id.partition("/#")[0] in (name, f"{name}/")
              for at in members}  # fmt: skip
    return [at for at, host in enumerate(net.hosts) if host in inside]


def groups_around(layers: Sequence[Any], at: int) -> list[str]:
    """The names of the groups that hide a layer, by position, where they are collapsed."""
    net = _Net(list(layers))
    return net.groups.around(net.hosts[at])


def edge_ends(graph: Mapping[str, Any], edge_id: str) -> list[tuple[int, int]]:
    """The bottoms behind an edge, as pairs of layer index and bottom index.  KeyError for an unknown edge."""
    for edge in graph["edges"]:
        if edge["id"] == edge_id:
            return [(layer, bottom) for layer, bottom in edge["readers"]]
    raise KeyError(edge_id)


class _Net:
    """What follows from the layers alone: who reads what from whom, and which layers share a box."""

    def __init__(self, layers: list[Any], rules: Mapping[int, str] | None = None):
        self.layers = layers
        self.rules = rules or {}
        self.ids = layer_ids(layers)
        self.sources = _sources(layers)
        self.hosts, self.origins = self._fold()
        self.groups = find_groups(layers, self.hosts, self.sources)

    def _fold(self) -> tuple[list[int], dict[Version, Version]]:
        """Put in-place layers into the box of whoever made their blob.

        Where somebody else reads the blob before it is overwritten, Caffe gives the two readers copies, and
        the layer is a branch of its own: it keeps its box.
        """
        readers = Counter(
            source
            for layer, found in zip(self.layers, self.sources, strict=True)
            if layer.included
            for source in found
            if source
        )
        hosts = list(range(len(self.layers)))
        origins: dict[Version, Version] = {}
        for at, (layer, found) in enumerate(zip(self.layers, self.sources, strict=True)):
            source = found[0] if len(found) == 1 and tuple(layer.bottoms) == tuple(layer.tops) else None
            if source and (not layer.included or readers[source] == 1):
                hosts[at] = hosts[source[0]]
                origins[at, 0] = origins[source]
            else:
                origins.update({(at, port): (at, port) for port in range(len(layer.tops))})
        return hosts, origins


class _Boxes:
    """The boxes to draw, keyed by the position of a layer or the name of a collapsed group, and their edges."""

    def __init__(self, net: _Net, collapsed: frozenset[str]):
        self.net = net
        self.members: dict[int | str, list[int]] = defaultdict(list)    # key: positions, strips included
        for at, host in enumerate(net.hosts):
            group = net.groups.box_of(host, collapsed)
            self.members[host if group is None else group].append(at)
        self.keys = list(self.members)
        self.key_of = {at: key for key, inside in self.members.items() for at in inside}
        taken = set(net.ids)
        self.ids = {
            key: net.ids[key] if isinstance(key, int) else _unique(f"{key}/", taken) for key in self.keys
        }
        self._edges: dict[tuple[str, int, str, int], dict[str, Any]] = {}
        self.ins: dict[int | str, list[Version]] = defaultdict(list)    # of groups: versions that come in
        self.outs: dict[int | str, list[Version]] = defaultdict(list)   # of groups: versions that go out
        self.dangling: dict[int | str, list[int]] = defaultdict(list)
        self._connect()

    def _connect(self) -> None:
        net = self.net
        for at, (layer, found) in enumerate(zip(net.layers, net.sources, strict=True)):
            if net.hosts[at] != at:
                continue
            key = self.key_of[at]
            for bottom, source in enumerate(found):
                if source is None:
                    if isinstance(key, int) and layer.included:
                        self.dangling[key].append(bottom)
                    continue
                origin = net.origins[source]
                tail = self.key_of[origin[0]]
                if tail == key and isinstance(key, str):
                    continue        # inside a collapsed group
                self._connect_one(tail, origin, key, bottom, at, source)

    def _connect_one(self, tail, origin: Version, head, bottom: int, at: int, source: Version) -> None:
        layer = self.net.layers[at]
        ends = (
            self.ids[tail],
            origin[1] if isinstance(tail, int) else _number(self.outs[tail], origin),
            self.ids[head],
            bottom if isinstance(head, int) else _number(self.ins[head], origin),
        )
        edge = self._edges.setdefault(
            ends,
            {
                "id": f"{ends[0]}:{ends[1]}>{ends[2]}:{ends[3]}",
                "source": ends[0],
                "source_port": ends[1],
                "target": ends[2],
                "target_port": ends[3],
                "blob": layer.bottoms[bottom],
                "label": "",
                "dimmed": True,
                "writer": [self.net.layers[source[0]].index, source[1]],
                "readers": [],
            },
        )
        shape = _get(layer.bottom_shapes, bottom)
        if shape is None:
            shape = _get(self.net.layers[source[0]].top_shapes, source[1])
        edge["label"] = edge["label"] or _shape_text(shape)
        edge["dimmed"] = edge["dimmed"] and not layer.included
        edge["readers"].append([layer.index, bottom])

    def edges(self) -> list[dict[str, Any]]:
        """The edges; those of this phase first, because the first edge of a top carries its label."""
        return sorted(self._edges.values(), key=lambda edge: edge["dimmed"])

    def expanded(self) -> list[dict[str, Any]]:
        """The groups that are drawn as frames, with the boxes in them."""
        frames = []
        for name, inside in self.net.groups.members.items():
            boxes = dict.fromkeys(self.key_of[at] for at in inside)
            if name in self.members or all(self._is_around(box, name) for box in boxes):
                continue
            frames.append({"name": name, "members": [self.ids[box] for box in boxes]})
        return frames

    def _is_around(self, box: int | str, name: str) -> bool:
        """Whether a box is a collapsed group that a group is part of."""
        return isinstance(box, str) and (box == name or self.net.groups.parent.get(name) == box)

    def node(self, key: int | str, errors: Mapping[int, str], warnings: Mapping[int, str]) -> dict[str, Any]:
        return self._group(key, errors, warnings) if isinstance(key, str) else self._layer(key, errors, warnings)

    def _layer(self, at: int, errors: Mapping[int, str], warnings: Mapping[int, str]) -> dict[str, Any]:
        net, layer = self.net, self.net.layers[at]
        strips = [
            {**_face(net, strip, errors, warnings), "params": _count(net.layers[strip].param_shapes)}
            for strip in self.members[at]
            if strip != at
        ]
        return {
            **_face(net, at, errors, warnings),
            "tops": list(layer.tops),
            "bottoms": list(layer.bottoms),
            "dangling": self.dangling[at],
            "lines": [layer.stand_in] if getattr(layer, "stand_in", "") else [],
            "folded": strips,
            "params": _count(layer.param_shapes) + sum(strip["params"] for strip in strips),
            "group": net.groups.of.get(at, ""),
            "collapsed": 0,
        }

    def _group(self, name: str, errors: Mapping[int, str], warnings: Mapping[int, str]) -> dict[str, Any]:
        net, inside = self.net, self.members[name]
        layers = [net.layers[at] for at in inside]
        types = Counter(layer.type for layer in layers)
        params = sum(_count(layer.param_shapes) for layer in layers)
        categories = [_category(net.layers[at]) for at in net.groups.members[name]]
        alike = net.groups.alike.get(name)
        return {
            "id": self.ids[name],
            "index": layers[0].index,
            "name": name,
            "type": "group",
            "category": "loss" if "loss" in categories else Counter(categories).most_common(1)[0][0],
            "dimmed": not any(layer.included for layer in layers),
            "error": _first(inside, errors, net),
            "warning": _first(inside, warnings, net),
            "note": f"{alike} × {len(inside) // alike} layers" if alike else f"{len(inside)} layers",
            "details": [f"{count} {kind}" for kind, count in types.most_common()]
            + ([f"{params:,} parameters"] if params else []),
            "tops": [net.layers[at].tops[port] for at, port in self.outs[name]],
            "bottoms": [net.layers[at].tops[port] for at, port in self.ins[name]],
            "dangling": [],
            "lines": [],
            "folded": [],
            "params": params,
            "group": name,
            "collapsed": len(inside),
            "members": [layer.index for layer in layers],
        }


def _face(net: _Net, at: int, errors: Mapping[int, str], warnings: Mapping[int, str]) -> dict[str, Any]:
    """What a box and a strip have in common: the layer's identity, and what there is to say about it."""
    layer = net.layers[at]
    details = [layer.stand_in] if getattr(layer, "stand_in", "") else []
    for word, blobs, shapes in (
        ("bottom", layer.bottoms, layer.bottom_shapes),
        ("top", layer.tops, layer.top_shapes),
    ):
        for port, blob in enumerate(blobs):
            details.append(f"{word} {blob} {_shape_text(_get(shapes, port)) or '?'}")
    if layer.param_shapes:
        texts = ", ".join(_shape_text(shape) or "?" for shape in layer.param_shapes)
        details.append(f"{_count(layer.param_shapes):,} parameters: {texts}")
    return {
        "id": net.ids[at],
        "index": layer.index,
        "name": layer.name,
        "type": layer.type,
        "category": _category(layer),
        "note": layer.summary or "",
        "details": details,
        "rule": net.rules.get(layer.index, ""),
        "dimmed": not layer.included,
        "error": errors.get(at),
        "warning": warnings.get(at),
    }


def _unique(name: str, taken: set[str]) -> str:
    """`name`, or the first of `name#2`, `name#3`, ... that is free; taken from then on."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}#{number}"
    taken.add(found)
    return found


def layer_ids(layers: Iterable[Any]) -> list[str]:
    """The ids of boxes and strips, one a layer: its name, ``name#2`` for the second layer of that name."""
    taken: set[str] = set()
    return [_unique(layer.name or layer.type, taken) for layer in layers]


def _sources(layers: Sequence[Any]) -> list[list[Version | None]]:
    """For each bottom the writing that it reads: the last one before it in the file.

    A layer outside this phase is invisible to those in it, but reads what stands before it, whoever wrote it.
    """
    active: dict[str, Version] = {}
    anyone: dict[str, Version] = {}
    sources = []
    for at, layer in enumerate(layers):
        known = active if layer.included else anyone
        sources.append([known.get(blob) for blob in layer.bottoms])
        for port, blob in enumerate(layer.tops):
            anyone[blob] = at, port
            if layer.included:
                active[blob] = at, port
    return sources


def _messages(net: _Net, diagnostics: Iterable[Any]) -> tuple[dict[int, str], dict[int, str], list[str]]:
    """Errors and warnings by the position of their layer, joined line by line, and those of no layer."""
    by_index = {layer.index: at for at, layer in enumerate(net.layers)}
    by_name = {layer.name: at for at, layer in reversed(list(enumerate(net.layers)))}
    errors: dict[int, str] = {}
    warnings: dict[int, str] = {}
    problems = []
    for diagnostic in diagnostics:
        at = by_index.get(diagnostic.layer_index)
        if at is None:
            at = by_name.get(diagnostic.layer)
        severity = str(getattr(diagnostic.severity, "value", diagnostic.severity)).lower()
        if at is None:
            problems.append(diagnostic.message)
        else:
            kind = errors if severity == "error" else warnings
            kind[at] = f"{kind[at]}\n{diagnostic.message}" if at in kind else diagnostic.message
    return errors, warnings, problems


def _first(inside: Iterable[int], messages: Mapping[int, str], net: _Net) -> str | None:
    return next((f"{net.layers[at].name}: {messages[at]}" for at in inside if at in messages), None)


def _number(versions: list[Version], version: Version) -> int:
    """The port of a group for this blob, a new one if it is the first to ask."""
    if version not in versions:
        versions.append(version)
    return versions.index(version)


def _note_outputs(nodes: list[dict], edges: list[dict], net: _Net, boxes: _Boxes) -> None:
    """Write into each box what no edge shows: a summary too long for its line, and tops nobody reads."""
    read = {(edge["source"], edge["source_port"]) for edge in edges}
    for key, node in zip(boxes.keys, nodes, strict=True):
        if len(node["type"]) + len(node["note"]) > 36:
            node["lines"].append(node["note"])
            node["note"] = ""
        if isinstance(key, int):
            for port, blob in enumerate(node["tops"]):
                text = _shape_text(_get(net.layers[key].top_shapes, port))
                if text and (node["id"], port) not in read:
                    node["lines"].append(f"{blob} {text}")


def _measure(nodes: Iterable[dict[str, Any]]) -> None:
    """Give each box a size that its text fits in, in steps, so that an edited number moves nothing."""
    for node in nodes:
        kind = "" if node["collapsed"] else node["type"]
        widths = [len(node["name"]) * 7.6 + _chip(node), len(kind) * 6.5 + len(node["note"]) * 6.2]
        widths += [len(line) * 6.2 for line in node["lines"]]
        widths += [(len(strip["type"]) + len(strip["name"])) * 6.2 + 16 + _chip(strip) for strip in node["folded"]]
        ports = max(len(node["tops"]), len(node["bottoms"]))
        w = max(NARROWEST, min(WIDEST, max(widths) + 34), 96 * len(node["tops"]), 28 * ports)
        node["w"] = int(-(-w // 12) * 12)
        node["head"] = HEAD + LINE * len(node["lines"])
        node["h"] = node["head"] + STRIP * len(node["folded"]) + (4 if node["folded"] else 0)


def _chip(face: Mapping[str, Any]) -> float:
    """The width of what shows a layer's rules, behind its name."""
    rule = face.get("rule", "")
    return len(rule) * 6.2 + 18 if rule else 0


def _place(
    nodes: list[dict], edges: list[dict], placement: Placement, positions: Mapping[str, tuple[float, float]]
) -> None:
    for node in nodes:
        node["x"], node["y"] = positions.get(node["id"], placement.positions[node["id"]])
    for edge in edges:
        route = placement.routes.get(edge["id"])
        if route and edge["source"] not in positions and edge["target"] not in positions:
            edge["points"] = [list(point) for point in route]


def _category(layer: Any) -> str:
    return layer.category if layer.category in CATEGORIES else "unknown"


def _get(shapes: Sequence[Any] | None, port: int) -> Any:
    return shapes[port] if shapes and port < len(shapes) else None


def _shape_text(shape: Sequence[int] | None) -> str:
    return "" if shape is None else spell_shape(tuple(shape))


def _count(shapes: Iterable[Sequence[int]] | None) -> int:
    return sum(prod(shape) for shape in shapes or () if shape is not None)
