"""Measured time of each layer, forward and backward: of a net, or of a copy beside one that is trained."""

from __future__ import annotations

from contextlib import closing
from statistics import median
from time import monotonic
from typing import Any

from ..engine import Net
from ..engine.backend import stopwatch
from ..engine.needs import needs_of, present
from ..engine.scaffold import find_file, weight_files
from ..engine.source import Source
from .findings import states_in
from .livenet import LiveNet

PASSES = 5  # timed ones at the most
BUDGET = 2.0  # seconds for the timed passes; one is made in any case

Times = tuple[list[float], list[float]]  # milliseconds of each layer, forward and backward


def pass_times(net: Net, watch: Any) -> Times:
    """Run every layer forward, then backward; milliseconds of each, by its position in the net.

    `watch` is a stopwatch at the place of the net. Layers run one by one: none is fused with the one before it.
    """
    layers = range(len(net.layers))
    watch.mark()
    for index in layers:
        net.forward_layer(index)
        watch.mark()
    for index in reversed(layers):
        net.backward_layer(index)
        watch.mark()
    laps = watch.laps()
    return laps[: len(layers)], laps[len(layers) :][::-1]


def twin(live: LiveNet) -> Net:
    """A net of its own, like the living one at its start: text, seed, first weights. The caller closes it.

    Raises RuntimeError where there is no net, or no memory for a second one; what building a net raises.
    """
    if live.net is None or live.built is None:
        raise RuntimeError("There is no net yet.")
    most = present()
    if most is not None and 2 * needs_of(live.net).total > most:
        raise RuntimeError("There is not enough memory for a second net beside the one that runs.")
    text, solver_text = live.built
    param: Any = text.message
    level, stages = live.level, live.stages
    if solver_text is not None:
        level, stages = states_in(solver_text.message, param.state)[0]
    made = Net(
        text, live.phase, level=level, stages=stages, seed=live.net.context.seed, backend=live.backend,
        trust=live.trust, stand_in=live.stand_in,
    )  # fmt: skip
    try:
        if solver_text is not None:
            source = Source(solver_text, "solver")
            for name in weight_files(source):
                made.copy_from(find_file(source, name, "weights", "file of weights"))
        if live.weights is not None:
            made.copy_from(live.weights)
    except BaseException:
        made.close()
        raise
    return made


def measured(live: LiveNet) -> tuple[dict[int, float], dict[int, float]]:
    """Median milliseconds of each layer, forward and backward, by its place in the text.

    They are those of a few passes of a copy of the net, so that weights, rows and random numbers of the training
    stay what they are; it stands still during a timed pass. Raises what `twin` raises, and what a layer raises.
    """
    with closing(twin(live)) as net:
        watch = stopwatch(net.context.place)
        pass_times(net, watch)  # makes kernels, buffers, tables
        passes = []
        begin = monotonic()
        while len(passes) < PASSES and (not passes or monotonic() - begin < BUDGET):
            with live.turns:
                passes.append(pass_times(net, watch))
        origins = [node.entry.origin for node in net.nodes]
    found: list[dict[int, float]] = []
    for way in (0, 1):
        times = [median(values) for values in zip(*(one[way] for one in passes), strict=True)]
        found.append({origin: time for origin, time in zip(origins, times, strict=True) if origin is not None})
    return found[0], found[1]
