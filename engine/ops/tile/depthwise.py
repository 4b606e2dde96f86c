"""Convolution with as many groups as channels: one kernel a channel, a vector of channels at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...memory import READ, WRITE, Memory
from ...witness import unsteady
from .. import implements
from ..convolution import whole_kernels
from ._op import Shape, TileOp, host_address, own_floats, ready
from .convolution import ChannelSums, Packed
from .layout import Blocked, laid_out, touch
from .target import lanes


@implements("convolution", "depthwise")
class Depthwise(TileOp):
    """y = x under the kernels, plus a bias; weight is (C, 1, height, width)."""

    steady = takes_affine = True

    def __init__(
        self, context: Context, *, image: Shape, weight: Shape, stride: Shape, pad: Shape, dilation: Shape, group: int
    ):
        spec = dict(image=image, weight=weight, stride=stride, pad=pad, dilation=dilation, group=group)
        super().__init__(context, **spec)
        self.image, self.weight, self.pad = image, weight, pad
        output = tuple(
            (length + 2 * p - d * (k - 1) - 1) // s + 1
            for length, k, s, p, d in zip(image[2:], weight[2:], stride, pad, dilation, strict=True)
        )
        self.y_shape = (*image[:2], *output)
        self.fields: dict[str, int] = dict(images=image[0], height=image[2], width=image[3])
        self.fields.update(rows=output[0], columns=output[1])
        for name, pair in (("kernel", weight[2:]), ("stride", stride), ("pad", pad), ("dilation", dilation)):
            self.fields.update({f"{name}_h": pair[0], f"{name}_w": pair[1]})
        self.taps = weight[2] * weight[3]
        self.blocks = -(-image[1] // lanes())
        self.packed: Any = None
        self.records: dict[str, Any] = {}
        self.sums = ChannelSums()

    @classmethod
    def supports(cls, context: Context, *, image: Shape, weight: Shape, group: int, **spec: Any) -> bool:
        one = group == image[1] == weight[0] and weight[1] == 1
        one &= whole_kernels(image=image, weight=weight, pad=spec["pad"], dilation=spec["dilation"])
        return one and len(image) == 4 and 0 not in image and super().supports(context)

    @property
    def absorbs(self) -> bool:
        return ready()

    @property
    def halo(self) -> int:
        return max(self.pad)

    def lanes_of(self, array: np.ndarray) -> np.ndarray:
        """A packed array as (channels, taps), of which writing reaches the array."""
        whole = array[: self.blocks * self.taps * lanes()].reshape(self.blocks, self.taps, lanes())
        return whole.transpose(0, 2, 1)

    def into(self, packed: np.ndarray, weight: np.ndarray) -> None:
        """packed (blocks, taps, lanes) = weight (channels, taps)."""
        full = np.zeros((self.blocks * lanes(), self.taps), np.float32)
        full[: len(weight)] = weight
        self.lanes_of(packed)[...] = full.reshape(self.blocks, lanes(), self.taps)

    def record(self, kind: str, x: Memory, y: Memory, x_access: str, y_access: str, halo: int) -> Any:
        """The record for passes between these memories."""
        from .channelwise import CHANNELWISE
        from .drive import Record

        places = [
            (m, touch(m, laid_out(m, Blocked, shape, around), access))
            for m, shape, access, around in ((x, self.image, x_access, halo), (y, self.y_shape, y_access, 0))
        ]
        known = self.records.get(kind)
        here = tuple(place for _, place in places)
        if known is None or known[0] != here:
            steps = {
                f"{name}_{step}": getattr(place, step)
                for name, place in zip("xy", here, strict=True)
                for step in ("image", "block", "row")
            }
            first = dict(x=here[0].first, y=here[1].first)
            known = self.records[kind] = here, Record(CHANNELWISE, blocks=self.blocks, **steps, **first, **self.fields)
        return known[1]

    def pack(self, weight: Blob, bias: Blob | None) -> tuple[int, int]:
        """The addresses of packed weights and bias, what follows in place taken along."""
        if self.packed is None:
            self.packed = Packed(self.blocks * self.taps * lanes(), self.blocks * lanes())
        packed, affine = self.packed, self.affine
        depends = [weight.data_memory, *([bias.data_memory] if bias is not None else [])]
        if packed.stale(*depends, *(affine.memories() if affine is not None else ())):
            unsteady()
            weights = weight.read().reshape(self.weight[0], -1)
            offsets: Any = bias.read().reshape(-1) if bias is not None else np.zeros(1)
            if affine is not None:
                factor, offset = affine.numbers()
                weights, offsets = weights * np.reshape(factor, (-1, 1)), offsets * factor + offset
            start = (packed.address - host_address(packed.kept)) // 4
            self.into(packed.kept[start:], weights)
            first = start + self.blocks * self.taps * lanes()
            packed.kept[first : first + self.weight[0]] = offsets
        return packed.address, packed.bias

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, weight, bias, y)
        from .channelwise import correlate

        record = self.record("forward", x.data_memory, y.data_memory, READ, WRITE, self.halo)
        w, offsets = self.pack(weight, bias)
        record.set(w=w, bias=offsets, rectify=int(self.rectify))
        correlate.run(record, self.image[0] * self.blocks * self.y_shape[2])

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        if not ready():
            return self.plain.backward_data(y, weight, x)
        from .channelwise import spread

        record = self.record("data", x.diff_memory, y.diff_memory, WRITE, READ, 0)
        spread.run(record.set(w=self.pack(weight, None)[0]), self.image[0] * self.blocks)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        if not ready():
            return self.plain.backward_weights(x, y, weight, bias)
        from .channelwise import weight_gradient

        if bias is not None:
            self.sums.add(y.diff_memory, self.y_shape, bias)
        if weight is not None:
            unsteady()
            record = self.record("weights", x.data_memory, y.diff_memory, READ, READ, self.halo)
            array, address = own_floats(self.blocks * self.taps * lanes())
            weight_gradient.run(record.set(w=address), self.blocks * self.taps)
            sums = self.lanes_of(array[(address - host_address(array)) // 4 :])
            total = weight.modify_diff().reshape(self.weight[0], -1)
            total += sums.reshape(-1, self.taps)[: self.weight[0]]
