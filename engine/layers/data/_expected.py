"""The shape that the batches of a data layer are likely to have, as far as the layer's settings tell it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ....proto.messages import ResizeParameter
from ...data.transform import Transformer
from ...errors import MissingFile

Shape = tuple[int, ...]


class Expected(NamedTuple):
    """Shapes of the first tops; in words, the settings that tell them, and what else is not there.

    `label` is what each row of the second top can hold in stand-in data, where that is not a class.
    """

    shapes: tuple[Shape, ...]
    why: str
    lacks: str = ""
    label: tuple[float, ...] = ()


def expected_images(layer: Any) -> Expected | None:
    """The shape (N, C, H, W) of the images of a data layer with a `transform_param`; None where its size is not told.

    Raises DefinitionError for settings that contradict each other.
    """
    transform = type(layer.param.transform_param)()
    transform.CopyFrom(layer.param.transform_param)
    lacks = ""
    try:
        transformer = Transformer(transform, layer.context, layer.training, layer.name)
    except MissingFile as error:
        lacks = error.what
        transform.ClearField("mean_file")
        transformer = Transformer(transform, layer.context, layer.training, layer.name)
    told, size = _size(layer.settings, transformer)
    if size is None:
        return None
    field, channels = _channels(layer.settings, transformer)
    shape = (layer.settings.batch_size, *transformer.shape((channels, *size)))
    fields = ["batch_size", *told] + ([field] if field and field not in told else [])
    assumed = "" if field else f", with {channels} channels assumed"
    return Expected((shape,), f"{', '.join(fields[:-1])} and {fields[-1]}{assumed}", lacks)


def _size(settings: Any, transformer: Transformer) -> tuple[list[str], tuple[int, int] | None]:
    """Height and width of an image, at least what is cut from it; and the fields that tell the size of what is cut."""
    cut, resizing = transformer.cut, transformer.resizing
    cut_fields = ["crop_size"] if transformer.crop else ["crop_h", "crop_w"] if all(cut) else []
    if getattr(settings, "new_height", 0) and settings.new_width:
        size = settings.new_height, settings.new_width
        told = ["new_height", "new_width"] + (["resize_param"] if resizing else [])
    elif resizing:  # what it leaves is no smaller
        known = all(cut) or resizing.mode != ResizeParameter.FIT_SMALL_SIZE
        told, size = ["resize_param"], (resizing.height, resizing.width) if known else None
    elif transformer.mean is not None:
        told, size = ["mean_file"], transformer.mean.shape[1:]
    else:
        told, size = [], cut if all(cut) else None
    return cut_fields or told, size


def _channels(settings: Any, transformer: Transformer) -> tuple[str, int]:
    """The field that tells the number of channels, or "", and the number."""
    if transformer.color is not None:
        return ("force_color", 3) if transformer.color else ("force_gray", 1)
    if hasattr(settings, "is_color"):
        return "is_color", 3 if settings.is_color else 1
    if transformer.mean is not None:
        return "mean_file", len(transformer.mean)
    if len(transformer.mean_values) > 1:
        return "mean_value", len(transformer.mean_values)
    return "", 3
