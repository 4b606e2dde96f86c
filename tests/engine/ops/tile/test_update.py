"""The compiled update against the plain one."""

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.context import Context
from brewbench.engine.memory import HOST, WRITE, Arena, Memory
from brewbench.engine.ops.tile.update import TYPES
from brewbench.engine.ops.update import Rates, Segment
from brewbench.engine.solver import SOLVERS
from brewbench.engine.solvers import adadelta, adagrad, adam, nesterov, rmsprop, sgd  # noqa: F401
from brewbench.engine.threads import using

# Lengths on both sides of whole vectors and of a piece that one thread takes.
COUNTS = 1, 7, 16, 33, 20_000, 40_001


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"], autouse=True)
def threads(request):
    with using(request.param):
        yield


def made(rng, counts, low=-1.0):
    arena = Arena([Memory(count) for count in counts])
    for memory in arena.memories:
        memory.on(HOST, WRITE)[:] = rng.uniform(low, 1, memory.count)
    return arena


def segments_of(arena):
    """Some parameters with other multipliers than their neighbours, one of them without a rate."""
    spans = [arena.span_of(memory) for memory in arena.memories]
    return [
        Segment(spans[0][0], spans[1][1], 1.0, 1.0),
        Segment(*spans[2], 2.0, 0.0),
        Segment(*spans[3], 0.0, 1.0),
        Segment(spans[4][0], spans[5][1], 0.5, 3.0),
    ]


@pytest.mark.parametrize("numbers", [{}, {"scale": 0.3}, {"decay": 0.05}, {"decay": 0.05, "l1": True, "scale": 0.5}])
@pytest.mark.parametrize("kind", TYPES)
def test_every_rule_gives_what_the_plain_one_gives(kind, numbers):
    found, wanted = [], []
    for engine, results in (("tile", found), ("reference", wanted)):
        rng = np.random.default_rng(3)
        solver = SOLVERS[kind]
        op = ops.TABLE["update"][engine](Context(), rule=solver.rule, type=kind)
        w, g = made(rng, COUNTS), made(rng, COUNTS)
        history = [made(rng, COUNTS, low=0) for _ in range(solver.slots)]
        w.memories[3].on(HOST, "modify")[::3] = 0
        for step in (1, 2):
            rates = Rates(0.1, 0.9, 0.99, 0.95, 1e-5, step)
            op.apply(w, g, history, segments_of(w), rates, **numbers)
            assert rates.rate == 0.1
        results += [arena.on(HOST) for arena in (w, g, *history)]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, 2e-6, 1e-6)


def test_the_gaps_between_parameters_stay_zero():
    rng = np.random.default_rng(0)
    w, g, h = (made(rng, COUNTS) for _ in range(3))
    op = ops.make("update", Context(), rule=SOLVERS["SGD"].rule, type="SGD")
    assert op.engine == "tile"
    op.apply(w, g, [h], segments_of(w), Rates(0.1, 0.9), decay=0.1)
    inside = np.zeros(w.count, bool)
    for memory in w.memories:
        inside[slice(*w.span_of(memory))] = True
    for arena in (w, g, h):
        assert not arena.on(HOST)[~inside].any() and arena.on(HOST)[inside].all()


def test_a_weight_that_is_infinite_and_does_not_decay_takes_no_part_in_the_step():
    w, g, h = (Arena([Memory(40)]) for _ in range(3))
    w.on(HOST, WRITE)[:] = np.inf
    g.on(HOST, WRITE)[:] = 2
    op = ops.make("update", Context(), rule=SOLVERS["SGD"].rule, type="SGD")
    op.apply(w, g, [h], [Segment(0, 40, 1.0, 0.0)], Rates(0.5, 0.9), decay=0.1)
    assert (h.on(HOST)[:40] == 1).all() and np.isposinf(w.on(HOST)[:40]).all()


def test_a_rule_of_somebody_elses_is_left_to_the_plain_update():
    def rule(xp, g, history, rates):
        g *= 7

    op = ops.make("update", Context(), rule=rule, type="SGD")
    assert op.engine == "reference"
    w, g = Arena([Memory(3)]), Arena([Memory(3)])
    g.on(HOST, WRITE)[:] = 1
    op.apply(w, g, [], [Segment(0, 3, 1.0, 1.0)], Rates(1.0))
    assert w.on(HOST)[:3].tolist() == [-7, -7, -7]


def test_other_numbers_than_float32_are_left_to_the_plain_update():
    op = ops.make("update", Context(dtype=np.float64), rule=SOLVERS["SGD"].rule, type="SGD")
    assert op.engine == "reference"


def test_the_norm_is_exact_where_single_sums_are_not():
    arena = Arena([Memory(3), Memory(5_000_000)])
    arena.memories[0].on(HOST, WRITE)[:] = 3
    arena.memories[1].on(HOST, WRITE)[:] = 0.1
    op = ops.make("update", Context(), rule=SOLVERS["SGD"].rule, type="SGD")
    exact = np.sqrt((arena.on(HOST).astype(np.float64) ** 2).sum())
    assert op.norm(arena) == pytest.approx(exact, rel=1e-7)
    assert op.norm(Arena([])) == 0
