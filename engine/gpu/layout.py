"""Channels last: images (N, C, H, W) that lie as (N, H, W, C) on a device, for as long as ops alone touch them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..memory import HOST, WRITE, Memory, Place

Shape = tuple[int, ...]


class ChannelsLast(Place):
    """A layout of one memory on a device. Weights (O, C, H, W) lie as (O, H, W, C).

    Who asks for the memory elsewhere gets it plain; on the device itself a kernel turns it.
    """

    name = "channels last"
    private = True

    def __init__(self, device: Any, shape: Shape):
        self.device, self.shape, self.xp = device, shape, device.xp
        self.outer, self.channels, self.area = shape[0], shape[1], prod(shape[2:])

    def allocate(self, count: int, dtype: np.dtype) -> Any:
        return self.device.allocate(prod(self.shape), dtype)

    def reaches(self, source: Place) -> bool:
        return source is self.device

    def copy_from(self, source: Place, array: Any, here: Any) -> None:
        """Turn plain values of the device."""
        self.device.launch("turn", here.dtype, here.size, array, here, self.channels, self.area)

    def plain(self, here: Any, array: Any) -> None:
        """Turn them back."""
        self.device.launch("turn", here.dtype, here.size, here, array, self.area, self.channels)

    def to_host(self, array: Any, host: np.ndarray) -> None:
        plain = self.device.allocate(array.size, array.dtype)
        self.plain(array, plain)
        self.device.to_host(plain, host)

    def from_host(self, host: np.ndarray, array: Any) -> None:
        plain = self.device.allocate(array.size, array.dtype)
        self.device.from_host(host, plain)
        self.copy_from(self.device, plain, array)


def differs(shape: Shape) -> bool:
    """Whether images of that shape lie otherwise with the channels last than plainly."""
    return len(shape) == 4 and shape[1] > 1 and prod(shape[2:]) > 1


def lies_last(memory: Memory, shape: Shape) -> bool:
    """Whether the values lie channels last now, as images of that shape."""
    return len(shape) == 4 and memory.layouts.get((ChannelsLast, shape)) in memory.valid


def channels_last(device: Any, memory: Memory, shape: Shape, access: str) -> Any:
    """The elements as a flat array in which the channels of images of that shape come last."""
    if not differs(shape):
        return memory.on(device, access)
    place = memory.layouts.get((ChannelsLast, shape))
    if place is None:
        place = memory.layouts[ChannelsLast, shape] = ChannelsLast(device, shape)
    if access != WRITE and memory.valid and not memory.valid & {place, device, HOST}:
        memory.on(device)  # they lie last as images of another shape
    return memory.on(place, access)
