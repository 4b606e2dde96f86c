"""pycaffe's Net."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from errno import ENOENT
from itertools import zip_longest
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ... import engine
from ...engine import Blob, Layer
from ...engine.atomic import atomic_path
from ...engine.layers.common.python import Python, UserLayer
from ...engine.layers.data.memory_data import MemoryData
from .early import EarlyNet
from .settings import next_seed

Arrays = dict[str, np.ndarray]


class FileError(FileNotFoundError, RuntimeError):
    """A file that is not there: a RuntimeError to scripts for pycaffe, an OSError to others."""


class InputError(ValueError, RuntimeError):
    """Arrays that are not what a MemoryData layer takes: a RuntimeError to scripts for pycaffe."""


def _check_file(path: Any) -> None:
    """Raise FileError for a path at which there is no file."""
    if isinstance(path, str | PathLike) and not Path(path).is_file():
        raise FileError(ENOENT, "Could not open file", str(path))


class Net(EarlyNet):
    """A net as pycaffe shows it: ``Net(file, phase, weights=...)`` or ``Net(file, weights, phase)``.

    `engine` is the net underneath, of which this is a view: `blobs`, `params` and `layers` are its own.
    Raises FileError, and DefinitionError, ParseError, OSError or ValueError where Caffe would end the process.
    """

    def __init__(
        self,
        network_file: Any,
        *args: Any,
        phase: int | None = None,
        weights: str | PathLike | None = None,
        level: int = 0,
        stages: Sequence[str] | None = None,
    ):
        if isinstance(network_file, engine.Net):
            self.engine = network_file
            return
        if args and not isinstance(args[0], Integral):
            names = ("weights", "phase")
        else:
            names = ("phase", "level", "stages", "weights")
        given = {"phase": phase, "level": level, "stages": stages, "weights": weights}
        given |= dict(zip(names, args, strict=False))
        if given["phase"] is None or len(args) > len(names):
            raise TypeError("a Net takes (file, phase, level, stages, weights), or (file, weights, phase)")
        for path in (network_file, given["weights"]):
            _check_file(path)
        self.engine = engine.Net(
            network_file,
            int(given["phase"]),
            weights=given["weights"],
            level=given["level"],
            stages=given["stages"] or (),
            seed=next_seed(),
        )

    # What it is made of

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def blobs(self) -> OrderedDict[str, Blob]:
        """Blobs by name, in the order of the net."""
        return self.engine.blobs

    @property
    def params(self) -> OrderedDict[str, list[Blob]]:
        """The parameter blobs of each layer that has any: weights, then biases."""
        return self.engine.params

    @property
    def layers(self) -> list[Layer | UserLayer]:
        """The layers in order; a Python layer is the user's own object."""
        return [layer.user if isinstance(layer, Python) else layer for layer in self.engine.layers]

    @property
    def layer_dict(self) -> OrderedDict[str, Layer | UserLayer]:
        """Layers by name, in the order of the net."""
        return OrderedDict(zip(self._layer_names, self.layers, strict=True))

    @property
    def inputs(self) -> list[str]:
        return self.engine.inputs

    @property
    def outputs(self) -> list[str]:
        return self.engine.outputs

    @property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """The names of each layer's tops."""
        return self._names("top_ids")

    @property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """The names of each layer's bottoms."""
        return self._names("bottom_ids")

    def _names(self, which: str) -> OrderedDict[str, list[str]]:
        names = self.engine.blob_names
        return OrderedDict((node.name, [names[i] for i in getattr(node, which)]) for node in self.engine.nodes)

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """Each blob's weight in the loss."""
        weights = OrderedDict.fromkeys(self.blobs, 0.0)
        for node in self.engine.nodes:
            for blob_id, weight in zip(node.top_ids, node.loss_weights, strict=True):
                weights[self.engine.blob_names[blob_id]] = weight
        return weights

    # By number, as pycaffe's own Python code has them, and scripts now and then

    @property
    def _layer_names(self) -> list[str]:
        return self.engine.layer_names

    @property
    def _blob_names(self) -> list[str]:
        return self.engine.blob_names

    @property
    def _blobs(self) -> list[Blob]:
        return list(self.blobs.values())

    @property
    def _blob_loss_weights(self) -> list[float]:
        return list(self.blob_loss_weights.values())

    @property
    def _inputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.inputs]

    @property
    def _outputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.outputs]

    def _bottom_ids(self, layer: int) -> list[int]:
        return self.engine.nodes[layer].bottom_ids

    def _top_ids(self, layer: int) -> list[int]:
        return self.engine.nodes[layer].top_ids

    def _forward(self, start: int, end: int) -> float:
        return self.engine.forward(start, end)

    def _backward(self, start: int, end: int) -> None:
        self.engine.backward(start, end)

    # Running

    def forward(
        self, blobs: Iterable[str] | None = None, start: str | None = None, end: str | None = None, **inputs: Any
    ) -> Arrays:
        """Run from layer `start` to layer `end`, after filling inputs given by name.

        Returns the outputs (the tops of `end` where it is given) and the blobs asked for, as live arrays.
        Raises ValueError when an input's name or batch size is not the net's.
        """
        first = self._index(start, 0)
        last = self._index(end, len(self.layers) - 1)
        names = set(self.top_names[end] if end is not None else self.outputs) | set(blobs or [])
        if inputs:
            if set(inputs) != set(self.inputs):
                raise ValueError(
                    f"Input blob arguments do not match net inputs: they are {self.inputs}; got {sorted(inputs)}"
                )
            for name, values in inputs.items():
                self._fill(name, values)
        self.engine.forward(first, last)
        return {name: self.blobs[name].data for name in names}

    def _fill(self, name: str, values: Any) -> None:
        if np.shape(values)[:1] != self.blobs[name].shape[:1]:
            raise ValueError(
                f"Input is not batch sized: {name!r} takes {self.blobs[name].shape}; got {np.shape(values)}"
            )
        self.blobs[name].data[...] = values

    def backward(
        self, diffs: Iterable[str] | None = None, start: str | None = None, end: str | None = None, **tops: Any
    ) -> Arrays:
        """Run back from layer `start` to layer `end`, after filling output diffs given by name.

        Returns the diffs of the inputs (the bottoms of `end` where it is given) and of the blobs asked for.
        """
        first = self._index(start, len(self.layers) - 1)
        last = self._index(end, 0)
        names = set(self.bottom_names[end] if end is not None else self.inputs) | set(diffs or [])
        if tops:
            if set(tops) != set(self.outputs):
                raise ValueError(
                    f"Top diff arguments do not match net outputs: they are {self.outputs}; got {sorted(tops)}"
                )
            for name, values in tops.items():
                if np.shape(values)[:1] != self.blobs[name].shape[:1]:
                    raise ValueError(f"Diff is not batch sized: {name!r} takes {self.blobs[name].shape}")
                self.blobs[name].diff[...] = values
        self.engine.backward(first, last)
        return {name: self.blobs[name].diff for name in names}

    def _index(self, layer: str | None, default: int) -> int:
        if layer is None:
            return default
        if layer not in self._layer_names:
            raise ValueError(f"net {self.name!r} has no layer {layer!r}")
        return self._layer_names.index(layer)

    def forward_all(self, blobs: Iterable[str] | None = None, **inputs: Any) -> Arrays:
        """Run any number of inputs through in batches, the last filled with zeros; returns copies of the outputs."""
        wanted = set(self.outputs) | set(blobs or [])
        total = len(next(iter(inputs.values())))
        parts: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
        for batch in self._batch(inputs):
            found = self.forward(blobs, None, None, **batch)
            for name in wanted:
                parts[name].extend(np.atleast_1d(found[name].copy()))
        return {name: np.asarray(part)[:total] for name, part in parts.items()}

    def forward_backward_all(
        self, blobs: Iterable[str] | None = None, diffs: Iterable[str] | None = None, **given: Any
    ) -> tuple[Arrays, Arrays]:
        """`forward_all` for the inputs given, and backward for the output diffs given; returns blobs and diffs."""
        names, slopes = set(self.outputs) | set(blobs or []), set(self.inputs) | set(diffs or [])
        forward = self._batch({name: given[name] for name in self.inputs if name in given})
        backward = self._batch({name: given[name] for name in self.outputs if name in given})
        all_blobs: dict[str, list[np.ndarray]] = {name: [] for name in names}
        all_diffs: dict[str, list[np.ndarray]] = {name: [] for name in slopes}
        for inputs, tops in zip_longest(forward, backward, fillvalue={}):
            found = self.forward(blobs, None, None, **inputs)
            slope = self.backward(diffs, None, None, **tops)
            for name in names:
                all_blobs[name].extend(np.atleast_1d(found[name].copy()))
            for name in slopes:
                all_diffs[name].extend(np.atleast_1d(slope[name].copy()))
        total = len(next(iter(given.values())))
        return (
            {name: np.asarray(part)[:total] for name, part in all_blobs.items()},
            {name: np.asarray(part)[:total] for name, part in all_diffs.items()},
        )

    def _batch(self, arrays: Arrays) -> Iterable[Arrays]:
        if not arrays:
            return
        total = len(next(iter(arrays.values())))
        size = next(iter(self.blobs.values())).shape[0]
        for start in range(0, total, size):
            batch = {name: np.asarray(values[start : start + size]) for name, values in arrays.items()}
            missing = size - (min(total, start + size) - start)
            if missing:
                batch = {
                    name: np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
                    for name, values in batch.items()
                }
            yield batch

    def reshape(self) -> None:
        """Carry the shapes of the inputs through the net."""
        self.engine.reshape()

    def clear_param_diffs(self) -> None:
        """Set every parameter gradient to zero."""
        for one in self.engine.learnable:  # each where it lies: arrays that the caller holds stay the net's
            one.blob.write_diff()[...] = 0

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Let the MemoryData layer that comes first hand out these rows, which are not copied.

        data: (n, C, H, W); labels: (n,) or (n, 1, 1, 1). Raises RuntimeError when the net does not begin with
        such a layer, InputError when the arrays do not fit it.
        """
        layer = self.engine.layers[0] if self.engine.layers else None
        if not isinstance(layer, MemoryData):
            raise RuntimeError("set_input_arrays may only be called if the first layer is a MemoryData layer")
        try:
            layer.reset(data, labels)
        except ValueError as error:
            raise InputError(str(error)) from error

    _set_input_arrays = set_input_arrays

    # Hooks

    def before_forward(self, function: Callable[[int], None]) -> None:
        """Call `function(layer index)` before each layer runs forward."""
        self.engine.before_forward.append(function)

    def after_forward(self, function: Callable[[int], None]) -> None:
        """Call `function(layer index)` after each layer ran forward."""
        self.engine.after_forward.append(function)

    def before_backward(self, function: Callable[[int], None]) -> None:
        """Call `function(layer index)` before each layer runs backward."""
        self.engine.before_backward.append(function)

    def after_backward(self, function: Callable[[int], None]) -> None:
        """Call `function(layer index)` after each layer ran backward."""
        self.engine.after_backward.append(function)

    # Weights

    def copy_from(self, weights: str | PathLike) -> None:
        """Copy the parameters of layers of the same name from a `.caffemodel` or its HDF5 twin."""
        self.engine.copy_from(weights)

    def share_with(self, other: Net) -> None:
        """Use the parameters of another net for the layers of the same name."""
        self.engine.share_with(other.engine)

    def save(self, path: str | PathLike) -> None:
        """Write the parameters as a `.caffemodel`, whatever the name."""
        self._save(path, ".caffemodel")

    def save_hdf5(self, path: str | PathLike) -> None:
        """Write the parameters as HDF5, whatever the name."""
        self._save(path, ".h5")

    def _save(self, path: str | PathLike, kind: str) -> None:
        with atomic_path(path) as temporary:
            named = temporary.with_suffix(kind)  # the engine goes by the name
            self.engine.save(named)
            named.replace(temporary)

    load_hdf5 = copy_from
