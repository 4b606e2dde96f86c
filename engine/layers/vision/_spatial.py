"""Kernel, stride, pad and dilation of the sliding layers, as their fields say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import DefinitionError

Shape = tuple[int, ...]


def per_axis(settings: Any, field: str, axes: int, otherwise: int | None = None) -> Shape:
    """One number for each of the `axes` that are slid over, from a repeated field or its _h and _w twins.

    Without `otherwise` the field must be given. Raises DefinitionError on a wrong number of numbers.
    """
    name = field.removesuffix("_size")
    height, width = f"{name}_h", f"{name}_w"
    listed = list(getattr(settings, field))
    if settings.HasField(height) or settings.HasField(width):
        if listed:
            raise DefinitionError(f"give either {field} or {height} and {width}, not both.", field)
        if axes != 2:
            raise DefinitionError(f"{height} and {width} are for 2 axes; this bottom has {axes}: use {field}.", height)
        return getattr(settings, height), getattr(settings, width)
    if not listed and otherwise is not None:
        return (otherwise,) * axes
    if len(listed) not in (1, axes):
        raise DefinitionError(
            f"{field} must be given once, or once for each of the {axes} axes; got {len(listed)} numbers.", field
        )
    return tuple(listed) if len(listed) == axes else tuple(listed) * axes


def geometry(settings: Any, axes: int) -> dict[str, Shape]:
    """kernel, stride, pad and dilation over `axes` axes. Raises DefinitionError where one is zero that cannot be."""
    found = {
        "kernel": per_axis(settings, "kernel_size", axes),
        "stride": per_axis(settings, "stride", axes, 1),
        "pad": per_axis(settings, "pad", axes, 0),
        "dilation": dilation_of(settings, axes),
    }
    for name, field in (("kernel", "kernel_size"), ("stride", "stride"), ("dilation", "dilation")):
        if min(found[name], default=1) < 1:
            raise DefinitionError(f"{field} must be at least 1; got {min(found[name])}.", field)
    return found


def dilation_of(settings: Any, axes: int) -> Shape:
    """The dilation along each axis."""
    listed = list(settings.dilation) or [1]
    if len(listed) not in (1, axes):
        raise DefinitionError(
            f"dilation must be given once, or once for each of the {axes} axes; got {len(listed)} numbers.", "dilation"
        )
    return tuple(listed) if len(listed) == axes else tuple(listed) * axes


def positions(lengths: Shape, kernel: Shape, stride: Shape, pad: Shape, dilation: Shape) -> Shape:
    """How many places the kernel takes along each axis, rounded down, but towards zero as C divides.

    So a kernel may be larger than the padded bottom by less than the stride: it takes one place, and zeros lie beyond.
    Raises DefinitionError when it is larger by more.
    """
    for length, k, s, p, d in zip(lengths, kernel, stride, pad, dilation, strict=True):
        reach = d * (k - 1) + 1
        if reach - length - 2 * p >= s:
            spread = f" (dilated to {reach})" if d > 1 else ""
            padding = f" and {p} of padding on each side" if p else ""
            raise DefinitionError(
                f"kernel_size {k}{spread} is larger than the bottom, which has {length} there{padding}.", "kernel_size"
            )
    return tuple(
        max(length + 2 * p - d * (k - 1) - 1, 0) // s + 1
        for length, k, s, p, d in zip(lengths, kernel, stride, pad, dilation, strict=True)
    )


def windows(
    lengths: Sequence[int], kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int], floor: bool = False
) -> Shape:
    """How many pooling windows there are along each axis: rounded up, or down with `floor`.

    Where any axis is padded, the last one is left out if it would start beyond the bottom and its first padding. A
    window may be larger than the padded bottom, as long as rounding leaves one. Raises DefinitionError where it does
    not.
    """
    counts = []
    for length, k, s, p in zip(lengths, kernel, stride, pad, strict=True):
        room = length + 2 * p - k
        count = (room // s if floor else -(-room // s)) + 1
        if any(pad) and (count - 1) * s >= length + p:
            count -= 1
        if count < 1:
            padding = f" and {p} of padding on each side" if p else ""
            raise DefinitionError(
                f"kernel_size {k} is larger than the bottom, which has {length} there{padding}.", "kernel_size"
            )
        if any(pad) and (count - 1) * s >= length + p:
            raise DefinitionError(f"stride {s} leads beyond a bottom that has {length} there.", "stride")
        counts.append(count)
    return tuple(counts)


def positions_undone(lengths: Shape, kernel: Shape, stride: Shape, pad: Shape, dilation: Shape) -> Shape:
    """The lengths over which a kernel takes that many positions: the reverse of `positions`.

    Raises DefinitionError when the padding leaves nothing.
    """
    undone = tuple(
        s * (length - 1) + d * (k - 1) + 1 - 2 * p
        for length, k, s, p, d in zip(lengths, kernel, stride, pad, dilation, strict=True)
    )
    if min(undone, default=1) < 1:
        raise DefinitionError(f"pad {pad} leaves nothing of the top, whose lengths would be {undone}.", "pad")
    return undone
