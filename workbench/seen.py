"""What living nets tell of the shapes of Python layers, which a check does not run."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine import Layer, Net
from ..engine.context import Seen, Shapes


def seen_in(nets: Sequence[Net], phase: int) -> Seen:
    """Finds the Python layer of a net that has the name, the settings and the bottoms' shapes of another.

    The tops' shapes are those of its last pass. A net in `phase` comes first, then those in the other.
    """
    known: dict[tuple[str, bytes, Shapes, int], tuple[Shapes, Shapes]] = {}
    for net in sorted(nets, key=lambda net: net.phase == phase):  # the last one holds
        for node, layer in zip(net.nodes, net.layers, strict=True):
            if layer.code is not None:
                key = _key(layer, tuple(blob.shape for blob in node.bottoms))
                tops = tuple(blob.shape for blob in node.tops)
                known[key] = tops, tuple(blob.shape for blob in layer.blobs)
    return lambda layer, bottoms: known.get(_key(layer, bottoms))


def _key(layer: Layer, bottoms: Shapes) -> tuple[str, bytes, Shapes, int]:
    return layer.name, layer.settings.SerializeToString(deterministic=True), bottoms, len(layer.param.top)
