"""Layout: both engines draw without overlaps, downwards, and end edges at their ports."""

import random

import pytest

from brewbench.widgets.editor import layout as module
from brewbench.widgets.editor.layout import (
    Box,
    Link,
    draw,
    graphviz_drawing,
    layered_drawing,
    layout,
    port_x,
)

ENGINES = [graphviz_drawing, layered_drawing]


def chain(count):
    boxes = [Box(150, 42, 1, 1) for _ in range(count)]
    return boxes, [Link(at, 0, at + 1, 0) for at in range(count - 1)]


def shortcut():
    """A trunk of eight, whose first box also feeds its last."""
    boxes, links = chain(8)
    boxes[0], boxes[-1] = Box(190, 42, 1, 2), Box(160, 60, 2, 1)
    return boxes, [*links, Link(0, 1, 7, 1)]


def scatter(seed, count=40):
    """A random acyclic net of boxes of different sizes."""
    dice = random.Random(seed)
    boxes = [Box(dice.randrange(120, 280), dice.randrange(40, 120), 3, 2) for _ in range(count)]
    links = [
        Link(dice.randrange(at), dice.randrange(2), at, port)
        for at in range(1, count)
        for port in range(dice.randrange(4))
    ]
    return boxes, links


def overlap(boxes, corners, slack=0.5):
    for i, (a, (ax, ay)) in enumerate(zip(boxes, corners, strict=True)):
        for b, (bx, by) in zip(boxes[:i], corners[:i], strict=True):
            if ax + a.w > bx + slack and bx + b.w > ax + slack and ay + a.h > by + slack and by + b.h > ay + slack:
                return True
    return False


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("net", [chain(6), shortcut(), scatter(1), scatter(2), scatter(3)])
def test_boxes_do_not_overlap_and_edges_lead_down(engine, net):
    boxes, links = net
    drawing = engine(boxes, links)
    assert not overlap(boxes, drawing.corners)
    assert min(x for x, _ in drawing.corners) >= 0 and min(y for _, y in drawing.corners) >= 0
    for link, route in zip(links, drawing.routes, strict=True):
        assert len(route) % 3 == 1, "cubic curves: a point and then three for each piece"
        source, target = boxes[link.source], boxes[link.target]
        (sx, sy), (tx, ty) = drawing.corners[link.source], drawing.corners[link.target]
        assert sy + source.h < ty
        assert route[0] == pytest.approx((sx + port_x(source.w, link.source_port, source.outs), sy + source.h), abs=1)
        assert route[-1] == pytest.approx((tx + port_x(target.w, link.target_port, target.ins), ty), abs=1)


@pytest.mark.parametrize("engine", ENGINES)
def test_long_edge_passes_beside_the_trunk(engine):
    boxes, links = shortcut()
    drawing = engine(boxes, links)
    for x, y in drawing.routes[-1][2:-2]:
        inside = [
            at for at, (left, top) in enumerate(drawing.corners)
            if left < x < left + boxes[at].w and top < y < top + boxes[at].h
        ]
        assert not inside


def test_trunk_is_straight():
    drawing = layered_drawing(*chain(6))
    assert len({x for x, _ in drawing.corners}) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_cycles_and_loops_do_not_hang(engine):
    boxes, links = chain(4)
    drawing = engine(boxes, [*links, Link(3, 0, 0, 0), Link(2, 0, 2, 0)])
    assert len(drawing.corners) == 4 and len(drawing.routes) == 5
    assert not overlap(boxes, drawing.corners)


def test_source_stands_just_above_its_reader():
    boxes, links = chain(6)
    drawing = layered_drawing([*boxes, Box(150, 42, 1, 1)], [*links, Link(6, 0, 5, 0)])
    assert drawing.corners[6][1] == drawing.corners[4][1]


def test_our_own_layout_serves_where_graphviz_does_not(monkeypatch):
    def missing(*_):
        raise FileNotFoundError("no dot")

    monkeypatch.setattr(module, "graphviz_drawing", missing)
    boxes, links = chain(5)
    boxes = (*boxes, Box(151, 43, 1, 1))        # seen by no other test: nothing kept
    assert draw(boxes, tuple(links)) == layered_drawing(boxes, links)


def test_large_nets_do_not_wait_for_graphviz(monkeypatch):
    monkeypatch.setattr(module, "LARGE", 10)
    monkeypatch.setattr(module, "graphviz_drawing", lambda *_: pytest.fail("asked Graphviz"))
    boxes, links = chain(12)
    boxes[0] = Box(152, 44, 1, 1)
    assert len(draw(tuple(boxes), tuple(links)).corners) == 12


def test_layout_is_kept_while_sizes_and_edges_stay():
    calls = []

    def engine(boxes, links):
        calls.append(boxes)
        return layered_drawing(boxes, links)

    nodes = [{"id": name, "w": 150, "h": 42, "bottoms": ["x"], "tops": ["y"]} for name in "ab"]
    edges = [{"id": "e", "source": "a", "source_port": 0, "target": "b", "target_port": 0}]
    placed = layout(nodes, edges, engine=engine)
    assert set(placed.positions) == {"a", "b"} and set(placed.routes) == {"e"}
    assert placed.height > 2 * 42 and placed.width > 150 and len(calls) == 1

    hits = draw.cache_info().hits
    layout(nodes, edges)
    layout([{**node, "id": node["id"] * 2} for node in nodes], [{**edges[0], "source": "aa", "target": "bb"}])
    assert draw.cache_info().hits >= hits + 1, "another name is no other layout"


def test_graphviz_runs_here():
    """The wheel of graphviz-pure is a dependency: a box is drawn by it, or by an installed dot."""
    assert graphviz_drawing([Box(150, 42, 1, 1)], []).corners == ((16.0, pytest.approx(16.0, abs=1)),)
