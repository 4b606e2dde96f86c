"""Weights that a net takes from a file, or shares with another net: which layer gets which.

Names decide. Where both sides have a name once, its weights go there, and a ReLU that is called like its convolution is
no second one: only layers with parameters count. A name that both sides have equally often goes in order, the first to
the first: so a snapshot is taken up again by the net that it was taken of. Any other repeated name goes by Caffe's
rule: each of the given layers, in their order, to the first layer of its name, or from HDF5 to the last, so that what
is given last is what stays. Source: Caffe's Net::CopyTrainedLayersFrom, CopyTrainedLayersFromHDF5 and
ShareTrainedLayersWith.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from . import files, hdf5
from .blob import Blob
from .memory import HOST, WRITE, computing
from .stored import Stored

if TYPE_CHECKING:
    from .net import Net

Place = int  # of a layer in its list


def partners(given: Sequence[str], here: Sequence[str], last: bool = False) -> list[tuple[Place, Place]]:
    """Which of the given layers goes to which one here, by their names, in the order of those given.

    `last` says that where Caffe's rule holds it is the last of a name that takes them.
    """
    ours: dict[str, list[Place]] = {}
    for place, name in enumerate(here):
        ours.setdefault(name, []).append(place)
    counts, seen, pairs = Counter(given), Counter(), []
    for place, name in enumerate(given):
        if name in ours:
            in_order = counts[name] == len(ours[name])
            pairs.append((place, ours[name][seen[name] if in_order else -1 if last else 0]))
            seen[name] += 1
    return pairs


def share_weights(net: Net, other: Net) -> None:
    """Let a net use the parameters of another: one memory, seen by both.

    Between two nets of one text each layer shares with itself, and by name with those that only the other net has.
    Raises ValueError where shapes differ; nothing is shared then.
    """
    theirs, ours = _places_with_blobs(other), _places_with_blobs(net)
    pairs = []
    if _definitions(net) == _definitions(other):
        origins = {origin: place for place in theirs if (origin := other.nodes[place].entry.origin) is not None}
        pairs = [(origins[origin], place) for place in ours if (origin := net.nodes[place].entry.origin) in origins]
    done = {place for place, _ in pairs}, {place for _, place in pairs}
    theirs, ours = ([one for one in places if one not in used] for places, used in ((theirs, done[0]), (ours, done[1])))
    named = partners([other.layer_names[place] for place in theirs], [net.layer_names[place] for place in ours])
    pairs += [(theirs[one], ours[two]) for one, two in named]
    shared: list[tuple[Blob, Blob]] = []
    for one, two in pairs:
        for source, target in zip(other.layers[one].blobs, net.layers[two].blobs, strict=False):
            if target.shape != source.shape:
                name = net.layer_names[two]
                raise ValueError(f"layer {name!r}: cannot share shape {source.shape} with {target.shape}")
            shared.append((source, target))
    for source, target in shared:
        target.share_data(source)


def copy_weights(net: Net, weights: str | PathLike | Net) -> list[str]:
    """Copy parameters into the layers of their names; returns the names that no layer here has.

    `weights` is a `.caffemodel`, its HDF5 twin, or a Net. Raises ValueError where counts or shapes differ, but for the
    ones that old models put in front (nothing is copied then), OSError or ValueError for a file that cannot be read.
    """
    given, source, from_hdf5 = _given(weights)
    names = set(net.layer_names)
    ours = _places_with_blobs(net)
    needing = {net.layer_names[place] for place in ours}
    bringing = {one.name for one in given if one.blobs}
    # A layer that brings nothing is passed over where that is right, or another one of its name brings something.
    bringers = [one for one in given if one.name in names and (one.blobs or one.name in needing - bringing)]
    for one in bringers:
        if one.name not in needing:
            raise ValueError(f"layer {one.name!r} has 0 parameter blobs here, {len(one.blobs)} in {source}")
    pairs = partners([one.name for one in bringers], [net.layer_names[place] for place in ours], last=from_hdf5)
    copies = [pair for one, two in pairs for pair in _copies(net, ours[two], bringers[one], source)]
    for values, blob in () if net.context.dry else copies:
        _take(values, blob)
    return [one.name for one in given if one.name not in names]


def check_hdf5(net: Net, diffs: bool = False) -> None:
    """Raises ValueError where the parameters of a net, and their diffs, cannot be saved as HDF5, for its names."""
    layers = [(layer.name, range(len(layer.blobs))) for layer in net.layers]
    hdf5.check_layers(
        (name, [index for index in numbers if (place, index) not in net.shared])
        for place, (name, numbers) in enumerate(layers)
    )
    if diffs:
        hdf5.check_layers(layers, "diff")


def _given(weights: str | PathLike | Net) -> tuple[list[files.LayerWeights], str, bool]:
    """The layers that bring weights, what they come from, for messages, and whether that is an HDF5 file."""
    if isinstance(weights, str | PathLike):
        return files.read_net_weights(weights), str(weights), files.is_hdf5(weights)
    layers = [layer for layer in weights.layers if layer.blobs]
    given = [files.LayerWeights(one.name, one.type, [blob.data for blob in one.blobs]) for one in layers]
    return given, "the other net", False


def _copies(
    net: Net, place: Place, given: files.LayerWeights, source: str
) -> list[tuple[np.ndarray | Stored, Blob]]:
    """The given values with the blobs of a layer that take them. Raises ValueError where they do not fit."""
    name, blobs = net.layer_names[place], net.layers[place].blobs
    kept = {index: values for index, values in enumerate(given.blobs) if values is not None}
    needed = {index for index in range(len(blobs)) if (place, index) not in net.shared}
    if len(given.blobs) > len(blobs) or not needed.issubset(kept):
        raise ValueError(f"layer {name!r} has {len(blobs)} parameter blobs here, {len(kept)} in {source}")
    for index, values in kept.items():
        blob = blobs[index]
        shape = _with_four_axes(blob.shape) if index in given.old else blob.shape
        if values.shape != shape:
            raise ValueError(
                f"parameter {index} of layer {name!r} has shape {blob.shape} here and {values.shape} in "
                f"{source}; to train it anew, give the layer another name"
            )
    return [(values, blobs[index]) for index, values in kept.items()]


def _places_with_blobs(net: Net) -> list[Place]:
    return [place for place, layer in enumerate(net.layers) if layer.blobs]


def _definitions(net: Net) -> list[tuple[str, str]]:
    """Name and type of every layer of the text: nets that agree in them are of one text."""
    return [(one.name, one.type) for one in net.source.param.layer]


def _with_four_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape as old models have it: ones in front, up to four axes."""
    return (1,) * (4 - len(shape)) + shape


def _take(values: Any, blob: Blob) -> None:
    """Fill a blob with as many values; those of its own type come from a file to where they belong at once."""
    if isinstance(values, Stored) and values.dtype == blob.dtype:
        with computing:
            values.read(blob.data_memory.on(HOST, WRITE))
    else:
        blob.data = np.reshape(values, blob.shape)
