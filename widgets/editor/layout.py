"""Where the boxes of a net go: a layered layout, the same for the same graph, in a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

RANK_GAP = 44.0     # pixels between two ranks: room for a shape beside the edge
NODE_GAP = 28.0     # pixels between two boxes of one rank
MARGIN = 16.0       # pixels around the drawing

Point = tuple[float, float]


class Box(NamedTuple):
    """A box to place: its size in pixels, how many ports it has above and below, its cluster or -1."""

    w: float
    h: float
    ins: int
    outs: int
    cluster: int = -1


class Link(NamedTuple):
    """An edge to route, between boxes given by position."""

    source: int
    source_port: int
    target: int
    target_port: int


class Placement(NamedTuple):
    """A drawing: top left corners by node id, cubic Bezier control points by edge id, and its size."""

    positions: dict[str, Point]
    routes: dict[str, list[Point]]
    width: float
    height: float


class Drawing(NamedTuple):
    """As `Placement`, by position in the lists of boxes and links."""

    corners: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]


Engine = Callable[[Sequence[Box], Sequence[Link]], Drawing]


def layout(
    nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]], *, engine: Engine | None = None
) -> Placement:
    """Place the boxes of a graph, top to bottom along its edges.

    `nodes` have `id`, `w`, `h`, `bottoms`, `tops` and maybe `group`; `edges` have `id`, `source`,
    `source_port`, `target`, `target_port`.  The answer depends on sizes and edges alone, not on names, and is
    kept: asking again after an edit that moves nothing costs nothing.  `engine` is `draw` unless told.
    """
    places = {node["id"]: at for at, node in enumerate(nodes)}
    clusters: dict[str, int] = {}
    boxes = tuple(
        Box(
            float(node["w"]),
            float(node["h"]),
            max(1, len(node["bottoms"])),
            max(1, len(node["tops"])),
            -1 if not node.get("group") else clusters.setdefault(node["group"], len(clusters)),
        )
        for node in nodes
    )
    links = tuple(
        Link(places[edge["source"]], edge["source_port"], places[edge["target"]], edge["target_port"])
        for edge in edges
    )
    drawing = (engine or draw)(boxes, links)
    right = max((x + box.w for (x, _), box in zip(drawing.corners, boxes, strict=True)), default=0.0)
    below = max((y + box.h for (_, y), box in zip(drawing.corners, boxes, strict=True)), default=0.0)
    for route in drawing.routes:
        right = max(right, *(x for x, _ in route))
    return Placement(
        {node["id"]: corner for node, corner in zip(nodes, drawing.corners, strict=True)},
        {edge["id"]: list(route) for edge, route in zip(edges, drawing.routes, strict=True)},
        right + MARGIN,
        below + MARGIN,
    )


def port_x(width: float, port: int, count: int) -> float:
    """Where port number `port` of `count` sits along a side of this width: the middle of its share."""
    return width * (2 * min(port, count - 1) + 1) / (2 * max(1, count))


@lru_cache(maxsize=64)
def draw(boxes: tuple[Box, ...], links: tuple[Link, ...]) -> Drawing:
    """`layered_drawing`, kept for the graphs drawn last."""
    return layered_drawing(boxes, links)


def layered_drawing(boxes: Sequence[Box], links: Sequence[Link]) -> Drawing:
    """Longest-path ranks, order by barycentres, columns by least squares.

    Follows Sugiyama, Tagawa and Toda (1981): an edge over several ranks is cut into pieces by points that
    take part in the ordering, so that it passes between the boxes instead of behind them. Boxes of a rank begin in the
    order of the text, and keep it where nothing else decides: a small edit swaps no branches.
    """
    ranks = _ranks(len(boxes), links)
    widths = [box.w for box in boxes]
    chains: list[list[int]] = []               # per link: the places it passes, its two boxes included
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=0) + 1)]
    for at, rank in enumerate(ranks):
        rows[rank].append(at)
    for link in links:
        low, high = ranks[link.source], ranks[link.target]
        chain = [link.source]
        for rank in range(low + 1, high):
            rows[rank].append(len(widths))
            chain.append(len(widths))
            widths.append(8.0)
        chains.append([*chain, link.target])

    above: list[list[tuple[int, float, float]]] = [[] for _ in widths]   # place: (other, its port, own port)
    below: list[list[tuple[int, float, float]]] = [[] for _ in widths]
    for link, chain in zip(links, chains, strict=True):
        if ranks[link.target] <= ranks[link.source]:
            continue        # an edge that closes a cycle has no say
        source, target = boxes[link.source], boxes[link.target]
        for a, b in zip(chain, chain[1:], strict=False):
            tail = port_x(source.w, link.source_port, source.outs) - source.w / 2 if a == link.source else 0.0
            head = port_x(target.w, link.target_port, target.ins) - target.w / 2 if b == link.target else 0.0
            below[a].append((b, head, tail))
            above[b].append((a, tail, head))

    centre = [0.0] * len(widths)
    for row in rows:
        _pack(row, centre, widths, [centre[i] for i in row])
    for sweep in range(12):
        down = sweep % 2 == 0
        beside = above if down else below
        for row in rows if down else reversed(rows):
            wanted = [_wish(beside[i], centre, centre[i]) for i in row]
            if sweep < 8:
                order = sorted(range(len(row)), key=wanted.__getitem__)
                row[:] = [row[i] for i in order]
                wanted = [wanted[i] for i in order]
            _pack(row, centre, widths, wanted)

    left = min((centre[i] - widths[i] / 2 for i in range(len(widths))), default=0.0) - MARGIN
    tops, y = [], MARGIN
    for row in rows:
        tops.append(y)
        y += max((boxes[i].h for i in row if i < len(boxes)), default=0.0) + RANK_GAP
    corners = [
        (round(centre[at] - box.w / 2 - left, 1), round(tops[ranks[at]], 1)) for at, box in enumerate(boxes)
    ]
    routes = []
    for link, chain in zip(links, chains, strict=True):
        start, end = _ends(link, boxes, corners)
        route = [start]
        for offset, place in enumerate(chain[1:-1], start=1):
            rank, x = ranks[link.source] + offset, centre[place] - left
            bottom = tops[rank + 1] - RANK_GAP
            route += [*_bend(route[-1], (x, tops[rank])), *_bend((x, tops[rank]), (x, bottom))]
        routes.append(_rounded((*route, *_bend(route[-1], end))))
    return Drawing(tuple(corners), tuple(routes))


def _ranks(count: int, links: Sequence[Link]) -> list[int]:
    """Longest-path ranks; an edge that closes a cycle is left out, a source stands just above its reader."""
    after: list[list[int]] = [[] for _ in range(count)]
    for link in links:
        after[link.source].append(link.target)
    order: list[int] = []       # every box after all that it feeds
    state = [0] * count         # 0 new, 1 on the way, 2 done
    forward: list[list[int]] = [[] for _ in range(count)]
    for root in range(count):
        stack = [(root, iter(after[root]))] if not state[root] else []
        state[root] = state[root] or 1
        while stack:
            at, rest = stack[-1]
            for target in rest:
                if state[target] == 1:
                    continue
                forward[at].append(target)
                if state[target] == 0:
                    state[target] = 1
                    stack.append((target, iter(after[target])))
                    break
            else:
                state[at] = 2
                order.append(at)
                stack.pop()
    ranks = [0] * count
    fed = [False] * count
    for at in reversed(order):
        for target in forward[at]:
            ranks[target] = max(ranks[target], ranks[at] + 1)
            fed[target] = True
    for at in range(count):
        if not fed[at] and forward[at]:
            ranks[at] = min(ranks[target] for target in forward[at]) - 1
    return ranks


def _wish(beside: list[tuple[int, float, float]], centre: list[float], default: float) -> float:
    """Where a box would like its centre: under (or over) the middle of what it is connected to."""
    if not beside:
        return default
    return sum(centre[other] + theirs - own for other, theirs, own in beside) / len(beside)


def _pack(row: list[int], centre: list[float], widths: list[float], wanted: list[float]) -> None:
    """Put a row as close to the wanted centres as its order and its widths allow (least squares).

    Boxes that would overlap melt into a block, which takes the mean of its members' wishes: pool adjacent
    violators, after moving every box left by the room that those before it need.
    """
    shifts, room = [], 0.0
    for place, at in enumerate(row):
        if place:
            room += (widths[row[place - 1]] + widths[at]) / 2 + NODE_GAP
        shifts.append(room)
    blocks: list[tuple[float, int]] = []        # (sum of wishes, members)
    for wish, shift in zip(wanted, shifts, strict=True):
        block = (wish - shift, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
            total, members = blocks.pop()
            block = (total + block[0], members + block[1])
        blocks.append(block)
    places = iter(zip(row, shifts, strict=True))
    for total, members in blocks:
        for _ in range(members):
            at, shift = next(places)
            centre[at] = total / members + shift


def _ends(link: Link, boxes: Sequence[Box], corners: Sequence[Point]) -> tuple[Point, Point]:
    """The two ports that a link joins."""
    source, target = boxes[link.source], boxes[link.target]
    (sx, sy), (tx, ty) = corners[link.source], corners[link.target]
    return (
        (sx + port_x(source.w, link.source_port, source.outs), sy + source.h),
        (tx + port_x(target.w, link.target_port, target.ins), ty),
    )


def _bend(start: Point, end: Point) -> tuple[Point, Point, Point]:
    """Control points of a curve that leaves and arrives vertically, and its end."""
    reach = max(12.0, abs(end[1] - start[1]) / 2)
    return (start[0], start[1] + reach), (end[0], end[1] - reach), end


def _rounded(points: Sequence[Point]) -> tuple[Point, ...]:
    return tuple((round(x, 1), round(y, 1)) for x, y in points)
