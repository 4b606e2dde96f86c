"""Labels and normalisation: what the losses over classes have in common."""

from __future__ import annotations

from math import prod
from typing import Any

from ...errors import DefinitionError
from ...layer import first_beyond, integers
from ...memory import HOST

FULL, VALID, BATCH_SIZE, NONE = range(4)


def refuse_gradient(layer: Any, propagate_down: Any, index: int = 1) -> None:
    """Raise DefinitionError when the gradient of a bottom is asked for that has none, such as labels."""
    if len(propagate_down) > index and propagate_down[index]:
        name = layer.bottom_name(index)
        raise DefinitionError(f"cannot give a gradient to its bottom {name}, which holds no smooth quantity.", "bottom")


def split_at(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """(outer, classes, inner): what lies before an axis, along it, and after it."""
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


def check_first_lengths(bottom: Any) -> None:
    """Raise DefinitionError when the predictions and the labels are not of one batch."""
    first, second = bottom[0].shape[:1], bottom[1].shape[:1]
    if first != second or not first:
        raise DefinitionError(
            f"predictions and labels must have the same first length; got {bottom[0].shape} and {bottom[1].shape}.",
            "bottom",
        )


def check_axes(*blobs: Any) -> None:
    """Raise DefinitionError for a blob of more than four axes: Caffe counts the items of these losses by `num`."""
    for blob in blobs:
        if blob.num_axes > 4:
            raise DefinitionError(f"takes blobs of at most 4 axes; got one of shape {blob.shape}.", "bottom")


def check_count(bottom: Any, outer: int, inner: int) -> None:
    """Raise DefinitionError when there is not one label for each prediction."""
    if bottom[1].count != outer * inner:
        raise DefinitionError(
            f"needs one label for each of the {outer * inner} predictions of shape {bottom[0].shape}; got "
            f"{bottom[1].count} of shape {bottom[1].shape}.",
            "bottom",
        )


def normalization_of(loss: Any, otherwise: int | None = None) -> int:
    """The mode that LossParameter asks for; the old `normalize` counts where `normalization` is not given."""
    if loss.HasField("normalization"):
        return loss.normalization
    if loss.HasField("normalize"):
        return VALID if loss.normalize else BATCH_SIZE
    return loss.normalization if otherwise is None else otherwise


def read(layer: Any, blob: Any, shape: tuple[int, ...], classes: int, ignored: int | None) -> tuple[Any, Any]:
    """Labels as integers of `shape`, and 1 or 0 by whether each counts; those that do not count read 0.

    Raises DefinitionError for a label that is not a class (on the host, where looking is free).
    """
    xp = layer.xp
    values = blob.read().reshape(shape)
    label = integers(values, xp)
    counts = xp.ones(shape, layer.context.dtype) if ignored is None else (label != ignored).astype(layer.context.dtype)
    if ignored is not None:
        label *= label != ignored
    wrong = first_beyond(values, label, classes) if layer.context.place is HOST else None
    if wrong is not None:
        name = layer.bottom_name(1) if hasattr(layer, "bottom_name") else layer.label_name
        message = f"got the label {wrong} of bottom {name}; with {classes} classes labels go from 0 to {classes - 1}."
        raise DefinitionError(message, "bottom")
    return label, counts


def normalizer(mode: int, outer: int, inner: int, counts: Any) -> Any:
    """What the summed loss is divided by: at least 1. `counts` has a 1 for each label that counts."""
    if mode == VALID:
        return counts.sum().clip(1)
    return max({FULL: outer * inner, BATCH_SIZE: outer, NONE: 1}[mode], 1)
