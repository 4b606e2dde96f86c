"""What of a layer can be looked at: its parameters, tops and bottoms, as choices with a label each."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine import Blob, Net
from ...engine.net import LayerReport

Choice = tuple[str, str, int]  # "params", the layer's identity, the blob's index; or "blobs", a name, 0


def choices_of(net: Net, layer: LayerReport) -> list[tuple[str, Choice]]:
    """The blobs of a layer in a net, with their shapes in the labels; none where the net does not have it."""
    found: list[tuple[str, Choice]] = [
        (f"{layer.name}: {_what(index)} {_spell(blob.shape)}", ("params", layer.identity, index))
        for index, blob in enumerate(_params(net, layer.identity))
    ]
    return found + [
        (f"{name} {_spell(net.blobs[name].shape)}", ("blobs", name, 0))
        for name in dict.fromkeys((*layer.tops, *layer.bottoms))
        if name in net.blobs
    ]


def chosen_blob(net: Net | None, choice: Choice) -> Blob | None:
    """The blob that a choice means in a net; None where the net does not have it."""
    kind, name, index = choice
    if net is None:
        return None
    blobs = _params(net, name) if kind == "params" else [net.blobs[name]] if name in net.blobs else []
    return blobs[index] if index < len(blobs) else None


def title_of(choice: Choice) -> str:
    """A title for the blob that a choice means: of parameters, "conv1 0", or "conv1#2 0" of the second such layer."""
    kind, identity, index = choice
    if kind != "params":
        return identity
    name, _, number = identity.partition("\0number ")
    return f"{name}#{int(number) + 1} {index}" if number else f"{name} {index}"


def _params(net: Net, identity: str) -> Sequence[Blob]:
    return next((layer.blobs for layer in net.layers if layer.identity == identity), ())


def _what(index: int) -> str:
    return ("weights", "bias")[index] if index < 2 else f"parameter {index}"


def _spell(shape: Sequence[int]) -> str:
    """A shape in a few characters: 64×1×28×28."""
    return "×".join(str(length) for length in shape) or "scalar"
