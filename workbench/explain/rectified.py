"""Gradients with another rule at each rectifier: guided backpropagation, and the deconvolutional network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...engine.build import Node
from .targets import net_of, output_of
from .twin import Twin, twin_of

RECTIFIERS = ("ReLU", "ReLU6")

Array = np.ndarray


def guided_backprop(net: Any, unit: Any, output: str | None = None, *, input: str | None = None) -> Array:
    r"""The gradient of a unit where, at every ReLU, only positive gradients pass on: (C, H, W).

    $$ \partial x = [x > 0] \, \max(0, \partial y) $$

    Rectifiers are ReLU, with whatever slope, and ReLU6; other layers have their own gradient.
    Raises ValueError as `gradient` does.
    Reference: Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity", ICLR workshop 2015.
    """
    net = net_of(net)
    with twin_of(net, output_of(net, output), input) as twin:
        return _rectified(twin, unit, lambda node, signal: None)


def deconvolution(net: Any, unit: Any, output: str | None = None, *, input: str | None = None) -> Array:
    r"""A unit carried back to the image by a deconvolutional network: (C, H, W).

    $$ \partial x = \max(0, \partial y) $$

    At every ReLU the signal that goes back is rectified itself, and the forward mask does not count. Maximum pooling
    is undone by its switches, convolutions and inner products by their transposed filters, any other layer by its
    gradient. The signal begins as 1 at the unit; for a feature map, give the position of its strongest value as
    (c, y, x), with the map's blob as `output`.
    Raises ValueError as `gradient` does.
    Reference: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    """
    net = net_of(net)
    with twin_of(net, output_of(net, output), input) as twin:
        return _rectified(twin, unit, _pass_on)


def _rectified(twin: Twin, unit: Any, after: Callable[[Node, Array], None]) -> Array:
    """A pass back that takes negative signals away before each rectifier; `after` has the node and that signal."""
    nodes, signals = twin.net.nodes, {}

    def before(index: int) -> None:
        node = nodes[index]
        if node.entry.param.type in RECTIFIERS and node.layer is not None:
            diff = node.tops[0].diff
            np.maximum(diff, 0, out=diff)
            signals[index] = diff.copy()

    def behind(index: int) -> None:
        if index in signals:
            after(nodes[index], signals.pop(index))

    index = twin.index(unit)
    twin.net.before_backward.append(before)
    twin.net.after_backward.append(behind)
    try:
        return twin.slope(index)
    finally:
        twin.net.before_backward.remove(before)
        twin.net.after_backward.remove(behind)


def _pass_on(node: Node, signal: Array) -> None:
    node.bottoms[0].diff[...] = signal
