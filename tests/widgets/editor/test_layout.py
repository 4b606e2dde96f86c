"""Layout: no overlaps, edges lead downwards and end at their ports, small edits leave branches where they are."""

import random

import pytest

from brewbench.widgets.editor.layout import Box, Link, draw, layered_drawing, layout, port_x


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


@pytest.mark.parametrize("net", [chain(6), shortcut(), scatter(1), scatter(2), scatter(3)])
def test_boxes_do_not_overlap_and_edges_lead_down(net):
    boxes, links = net
    drawing = layered_drawing(boxes, links)
    assert not overlap(boxes, drawing.corners)
    assert min(x for x, _ in drawing.corners) >= 0 and min(y for _, y in drawing.corners) >= 0
    for link, route in zip(links, drawing.routes, strict=True):
        assert len(route) % 3 == 1, "cubic curves: a point and then three for each piece"
        source, target = boxes[link.source], boxes[link.target]
        (sx, sy), (tx, ty) = drawing.corners[link.source], drawing.corners[link.target]
        assert sy + source.h < ty
        assert route[0] == pytest.approx((sx + port_x(source.w, link.source_port, source.outs), sy + source.h), abs=1)
        assert route[-1] == pytest.approx((tx + port_x(target.w, link.target_port, target.ins), ty), abs=1)


def test_long_edge_passes_beside_the_trunk():
    boxes, links = shortcut()
    drawing = layered_drawing(boxes, links)
    for x, y in drawing.routes[-1][2:-2]:
        inside = [
            at for at, (left, top) in enumerate(drawing.corners)
            if left < x < left + boxes[at].w and top < y < top + boxes[at].h
        ]
        assert not inside


def test_trunk_is_straight():
    drawing = layered_drawing(*chain(6))
    assert len({x for x, _ in drawing.corners}) == 1


def test_cycles_and_loops_do_not_hang():
    boxes, links = chain(4)
    drawing = layered_drawing(boxes, [*links, Link(3, 0, 0, 0), Link(2, 0, 2, 0)])
    assert len(drawing.corners) == 4 and len(drawing.routes) == 5
    assert not overlap(boxes, drawing.corners)


def test_source_stands_just_above_its_reader():
    boxes, links = chain(6)
    drawing = layered_drawing([*boxes, Box(150, 42, 1, 1)], [*links, Link(6, 0, 5, 0)])
    assert drawing.corners[6][1] == drawing.corners[4][1]


def module(branches):
    """A box that feeds branches of two boxes each, joined by one: the inception module's shape."""
    boxes, links = [Box(150, 42, 1, 1)], []
    for _ in range(branches):
        at = len(boxes)
        boxes += [Box(160, 42, 1, 1), Box(150, 60, 1, 1)]
        links += [Link(0, 0, at, 0), Link(at, 0, at + 1, 0)]
    ends = [2 * branch + 2 for branch in range(branches)]
    links += [Link(end, 0, len(boxes), port) for port, end in enumerate(ends)]
    return [*boxes, Box(200, 42, branches, 1)], links


def test_branches_stand_in_the_order_of_the_text_and_stay_there_when_one_is_added():
    for branches in (3, 4, 5):
        corners = layered_drawing(*module(branches)).corners
        columns = [corners[2 * branch + 1][0] for branch in range(branches)]
        assert columns == sorted(columns), f"{branches} branches"


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
