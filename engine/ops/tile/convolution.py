"""Convolution by tile kernels, over blocked images; over planar ones where there are few channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from ... import witness
from ...blob import Blob
from ...context import Context
from ...memory import HOST, READ, WRITE, Memory
from ...threads import threads
from ...witness import noting, provided, unsteady
from .. import implements
from ..convolution import whole_kernels
from ._op import Shape, TileOp, adding, floats, host_address, own_floats, ready, table
from .layout import Blocked, Planar, laid_out, touch
from .target import lanes, registers

FEW = 8  # channels of an image up to which it stays planar
ROW_BYTES = 36_000  # of images and gradients that a weight gradient works on at once: what a core's first cache holds

CHUNK = 1 << 18  # bytes of weights that stay in a core's second cache while they pass over rows
NEAR = 1 << 18  # bytes of weights that may be in that cache still from the last pass


def split_row(width: int, blocks: int) -> tuple[int, int, int, int]:
    """How to cover a row with tiles: (blocks of channels, columns, number of full tiles, columns of the last).

    A kernel's time grows with its sums, its loads, and the latency of a chain of additions; the cheapest wins.
    """
    room = registers() - 4

    def cost(columns: int, n: int) -> float:
        latency = 4 if columns * n < 8 else 0
        return max(columns * n / 2, (columns + n) / 2, latency) + 0.3

    best: tuple[float, tuple[int, int, int, int]] | None = None
    for n in (4, 3, 2, 1):
        if blocks % n:
            continue
        tiles = ceil(width / min(max(room // n, 1), width))
        columns = ceil(width / tiles)
        tiles = ceil(width / columns)
        last = width - (tiles - 1) * columns
        price = ((tiles - 1) * cost(columns, n) + cost(last, n)) / (width * n)
        if best is None or price < best[0] - 1e-9:
            full = tiles if last == columns else tiles - 1
            best = price, (n, columns, full, 0 if last == columns else last)
    assert best is not None
    return best[1]


def run_length(channels: int, work: float) -> int:
    """Into runs of how many channels to part them, so that those beyond the last cost little.

    A step of a run takes `work` cycles, and a run itself a few.
    """
    return min((k for k in (16, 8, 4) if k <= lanes()), key=lambda k: ceil(channels / k) * (k * work + 6))


def far(weights: int, tiles: int) -> bool:
    """Whether so many weights have to be fetched from afar each time, and not enough tiles share them to hide that."""
    return 4 * weights >= NEAR and tiles <= 64


def in_chunks(channels: int, length: int, weights: int, tiles: int) -> tuple[int, list[range]]:
    """Into how many equal chunks to part the channels, so that a chunk of the weights stays near, and the runs of each.

    `weights` are those of a group of outputs, which `tiles` tiles share.
    """
    runs = ceil(channels / length)
    fitting = [k for k in range(1, runs + 1) if runs % k == 0 and 4 * weights <= k * CHUNK]
    chunks = fitting[0] if fitting and tiles > 1 else 1
    step = runs // chunks * length
    return chunks, [range(first, min(first + step, channels), length) for first in range(0, channels, step)]


def band_of(rows: int, chunks: int, groups: int) -> int:
    """How many rows each chunk of the weights passes over: all, unless threads would have nothing to do."""
    if chunks == 1:
        return 1
    return rows if threads() == 1 else ceil(rows / ceil(4 * threads() / groups))


class Packed:
    """Weights in the order in which a kernel reads them, kept until the plain ones may have changed."""

    def __init__(self, count: int, outputs: int = 0):
        self.kept, self.address = own_floats(count + outputs)
        self.bias = self.address + 4 * count
        self.version: Any = None
        self._told: Any = None  # who has written down that they are packed here

    def stale(self, *memories: Memory | None) -> bool:
        """Whether the weights must be packed anew; from now on they count as packed."""
        known = [memory for memory in memories if memory is not None]
        holds = self.holds(known)
        if not holds:
            self.note(known)
            noting(lambda: self.note(known))
            self._told = witness.now
        elif self._told is None or self._told is not witness.now:
            provided(lambda: self.holds(known))
        return not holds

    def note(self, memories: Sequence[Memory]) -> None:
        """What these memories hold now is what is packed. While somebody has them as arrays, that can change unseen."""
        lent = any(memory.lent for memory in memories)
        self.version = None if lent else [(memory, memory.version) for memory in memories]

    def holds(self, memories: Sequence[Memory]) -> bool:
        """Whether what is packed is what these memories hold now."""
        if self.version is None or len(self.version) != len(memories):
            return False
        for memory, (packed, version) in zip(memories, self.version, strict=True):
            if memory is not packed or memory.version != version or memory.lent:
                return False
        return True


@implements("convolution", "tile")
class Convolution(TileOp):
    """y = x under the kernels, plus a bias.

    Blocked images need as many channels to a group as fill whole vectors, unless there is one group only.
    """

    steady = takes_affine = True

    def __init__(
        self, context: Context, *, image: Shape, weight: Shape, stride: Shape, pad: Shape, dilation: Shape, group: int
    ):
        spec = dict(image=image, weight=weight, stride=stride, pad=pad, dilation=dilation, group=group)
        super().__init__(context, **spec)
        self.image, self.weight, self.group = image, weight, group
        self.kernel, self.stride, self.pad, self.dilation = weight[2:], stride, pad, dilation
        self.output = tuple(
            (length + 2 * p - d * (k - 1) - 1) // s + 1
            for length, k, s, p, d in zip(image[2:], self.kernel, stride, pad, dilation, strict=True)
        )
        self.y_shape = (image[0], weight[0], *self.output)
        self.taps = weight[2] * weight[3]
        self.planar = group == 1 and image[1] <= FEW
        self._correlating: Any = None
        self._spreading: Any = None
        self._weights: Any = None
        self.sums = ChannelSums()

    @classmethod
    def supports(cls, context: Context, *, image: Shape, weight: Shape, group: int, **spec: Any) -> bool:
        if len(image) != 4 or not super().supports(context) or 0 in image:
            return False
        if not whole_kernels(image=image, weight=weight, pad=spec["pad"], dilation=spec["dilation"]):
            return False
        whole = weight[1] % lanes() == 0 and weight[0] // group % lanes() == 0
        return group == 1 or whole

    @property
    def halo(self) -> int:
        return max(self.pad)

    @property
    def absorbs(self) -> bool:
        return ready()

    # Where things lie

    def x_place(self, x: Memory) -> Any:
        """Where the image lies; None where it lies plain and can stay so."""
        if not self.planar:
            return touch(x, laid_out(x, Blocked, self.image, self.halo), READ)
        if self.halo:
            return touch(x, laid_out(x, Planar, self.image, self.halo), READ)
        return None

    def plain_x(self, x: Memory) -> tuple[int, int, int, int]:
        """Address of the first value under the first tap, and the strides of image, channel and row, in floats."""
        place = self.x_place(x)
        height, width = self.image[2:]
        if place is None:
            return host_address(x.on(HOST, READ)), self.image[1] * height * width, height * width, width
        start = place.start - self.pad[0] * place.row - self.pad[1]
        return place.address + 4 * start, place.image, place.plane, place.row

    def first_x(self, x: Memory, place: Any) -> int:
        """The address of the first value under the first tap."""
        if self.planar:
            return self.plain_x(x)[0]
        return place.first - 4 * (self.pad[0] * place.row + self.pad[1] * lanes())

    @property
    def values_halo(self) -> int:
        """How far beyond its edges y is read (zeros) when it is spread over x."""
        reach = 0
        for axis in range(2):
            for phase in phases(self, axis):
                for _, shift in phase.taps:
                    reach = max(reach, -shift, phase.count - 1 + shift - (self.output[axis] - 1))
        return reach

    # What convolution and its transpose are made of

    def correlate(self, x: Memory, weight: Blob, bias: Blob | None, y: Memory) -> None:
        """y = x under the kernels, plus the bias, and what follows in place."""
        from .slide import pack, slide
        from .tiles import FROM_BIAS, FROM_ZERO

        place = self.x_place(x)
        out = touch(y, laid_out(y, Blocked, self.y_shape), WRITE)
        if self._correlating is None or self._correlating.places != (place, out):
            self._correlating = Correlating(self, x, place, out)
        plan, affine = self._correlating, self.affine
        depends = [weight.data_memory, *([bias.data_memory] if bias is not None else [])]
        if plan.packed.stale(*depends, *(affine.memories() if affine is not None else ())):
            weights = weight.read()
            if affine is not None:
                unsteady()
                factor, offset = affine.numbers()
                weights = (weights * np.broadcast_to(factor, self.weight[0])[:, None, None, None]).astype(np.float32)
                plan.bias[: self.weight[0]] = (0 if bias is None else bias.read().reshape(-1)) * factor + offset
            plan.pack.set(plain=host_address(weights))
            pack.run(plan.pack, plan.groups * plan.blocks)
            plan.slide.set(start=FROM_ZERO if bias is None and affine is None else FROM_BIAS)
        offsets = plan.packed.bias if bias is None or affine is not None else host_address(bias.read())
        plan.slide.set(x=self.first_x(x, place), y=out.first, bias=offsets, rectify=int(self.rectify))
        slide.run(plan.slide, plan.items)

    def spread(self, y: Memory, weight: Blob, x: Memory) -> None:
        """x = what y gives back through the kernels."""
        from .slide import pack_turned, slide

        values = touch(y, laid_out(y, Blocked, self.y_shape, self.values_halo), READ)
        out = touch(x, laid_out(x, Blocked, self.image), WRITE)
        if self._spreading is None or self._spreading.places != (values, out):
            self._spreading = Spreading(self, values, out)
        plan = self._spreading
        if plan.packed.stale(weight.data_memory):
            plan.pack.set(plain=host_address(weight.read()))
            pack_turned.run(plan.pack, plan.groups * plan.blocks)
        if plan.gaps:
            unsteady()
            x.held(out)[:] = 0
        for record, items in plan.phases:
            slide.run(record, items)

    def add_weight_gradient(self, x: Memory, y: Memory, weight: Blob) -> None:
        """weight.diff += the products of y with what the kernels see of x, over all places and images."""
        from .slide import planar_gradient, unpack_add, weight_gradient

        place = self.x_place(x)
        values = touch(y, laid_out(y, Blocked, self.y_shape), READ)
        if self._weights is None or self._weights.places != (place, values):
            self._weights = WeightGradient(self, x, place, values)
        plan = self._weights
        packed = floats(self.context, "weights", plan.size)
        if self.planar:
            plan.record.set(x=self.plain_x(x)[0], w=packed)
            planar_gradient.run(plan.record, plan.items)
        else:
            plan.record.set(w=packed)
            weight_gradient.run(plan.record, plan.items)
        start, total = adding(weight)
        plan.unpack.set(packed=packed, plain=host_address(total), start=start)
        unpack_add.run(plan.unpack, plan.groups * plan.blocks)

    # The op

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, weight, bias, y)
        self.correlate(x.data_memory, weight, bias, y.data_memory)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        if not ready() or self.planar:
            return self.plain.backward_data(y, weight, x)
        self.spread(y.diff_memory, weight, x.diff_memory)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        if not ready():
            return self.plain.backward_weights(x, y, weight, bias)
        if bias is not None:
            self.sums.add(y.diff_memory, self.y_shape, bias)
        if weight is not None:
            self.add_weight_gradient(x.data_memory, y.diff_memory, weight)


@implements("deconvolution", "tile")
class Deconvolution(Convolution):
    """The transpose of convolution: x gives through the kernels what a convolution of y would take."""

    takes_affine = False

    @property
    def absorbs(self) -> bool:
        return False

    @classmethod
    def supports(cls, context: Context, *, image: Shape, weight: Shape, group: int, **spec: Any) -> bool:
        few = group == 1 and image[1] <= FEW  # such an image would lie planar, and nothing is spread over that
        return not few and super().supports(context, image=image, weight=weight, group=group, **spec)

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, weight, bias, y)
        self.spread(x.data_memory, weight, y.data_memory)
        if bias is not None:
            unsteady()
            y.modify().reshape(self.image)[...] += bias.read().reshape(-1, 1, 1)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        if not ready():
            return self.plain.backward_data(y, weight, x)
        self.correlate(y.diff_memory, weight, None, x.diff_memory)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        if not ready():
            return self.plain.backward_weights(x, y, weight, bias)
        if bias is not None:
            self.sums.add(y.diff_memory, self.image, bias)
        if weight is not None:
            self.add_weight_gradient(y.diff_memory, x.data_memory, weight)


class ChannelSums:
    """Adds the sum over all places and images to the gradient of a bias."""

    def __init__(self) -> None:
        self.place: Any = None

    def add(self, gradient: Memory, shape: Shape, bias: Blob) -> None:
        from .drive import Record
        from .slide import BIAS, bias_gradient

        place = touch(gradient, laid_out(gradient, Blocked, shape), READ)
        if self.place is not place:
            self.place = place
            self.kept, address = own_floats(place.blocks * lanes())
            self.record = Record(
                BIAS, y=place.first, y_image=place.image, y_block=place.block, y_row=place.row, images=shape[0],
                rows=shape[2], length=shape[3], sums=address, channels=shape[1],
            )  # fmt: skip
        start, total = adding(bias)
        bias_gradient.run(self.record.set(total=host_address(total), start=start), place.blocks)


class Correlating:
    """Everything prepared for kernels to go over x at one place and write y at another."""

    def __init__(self, op: Convolution, x: Memory, place: Any, out: Blocked):
        from .drive import Record
        from .slide import PACK, SLIDE
        from .tiles import Tile, address_of

        v = lanes()
        self.places = place, out
        images, outputs = op.image[0], op.weight[0]
        inputs = op.weight[1]
        (kh, kw), (sh, sw), (dh, dw) = op.kernel, op.stride, op.dilation
        rows, width = op.output
        flat = not op.planar and op.taps == 1 and op.stride == (1, 1) and not place.halo and not out.halo
        if flat:
            rows, width = 1, rows * width
        out_blocks = out.blocks // op.group  # of one group of the convolution
        n, columns, tiles, last = split_row(width, out_blocks)
        self.groups = out.blocks // n
        wide = v * n
        if op.planar:
            address, x_image, plane, x_row = op.plain_x(x)
            self.blocks, step, a_step, length, lanes_in, chunks = inputs, sw, dw, kw, 1, 1
            runs = [(c * plane + a * dh * x_row, (c * kh + a) * kw * wide) for a in range(kh) for c in range(inputs)]
            unroll = 1
            x_group = 0
        else:
            self.blocks = -(-inputs // v)
            x_image, x_row, step, a_step, lanes_in = place.image, place.row, sw * v, 1, v
            length = run_length(inputs, columns * n / 2)
            chunks, parts = in_chunks(inputs, length, self.blocks * op.taps * v * wide, rows * tiles)
            runs = [
                (
                    c // v * place.block + c % v + a * dh * place.row + b * dw * v,
                    (((c // v * kh + a) * kw + b) * v + c % v) * wide,
                )
                for part in parts
                for a in range(kh)
                for c in part
                for b in range(kw)
            ]
            unroll = 4
            x_group = self.blocks * place.block
        size = self.groups * self.blocks * op.taps * lanes_in * wide
        self.packed = Packed(size, out.blocks * v)
        offset = (self.packed.bias - host_address(self.packed.kept)) // 4
        self.bias = self.packed.kept[offset : offset + out.blocks * v]
        self.pack = Record(
            PACK, packed=self.packed.address, group_outputs=outputs // op.group, group_inputs=inputs, taps=op.taps,
            columns=n, shares=self.groups // op.group, blocks=self.blocks, lanes=lanes_in,
        )  # fmt: skip
        self.tables = table([a for a, _ in runs]), table([b for _, b in runs])

        ahead = not op.planar and far(size, rows * tiles)

        def kernel(count: int, ahead: bool) -> int:
            tile = Tile(count, n, a_row=step, a_step=a_step, b_step=wide, unroll=unroll, ahead=ahead)
            return address_of(tile) if count else 0

        band = band_of(rows, chunks, images * self.groups)
        self.slide = Record(
            SLIDE, kernel=kernel(columns, ahead), last_kernel=kernel(last, False), tiles=tiles, ahead=int(ahead),
            x_image=x_image, x_group=x_group, x_row=sh * x_row, x_tile=4 * columns * step, w=self.packed.address,
            w_group=size // self.groups, bias=self.packed.bias, y_image=out.image,
            y_group=n * out.block, y_row=out.row, y_tile=4 * columns * v, y_column=v, y_block=out.block,
            groups=self.groups, share=self.groups // op.group, rows=rows, columns=n, a_at=self.tables[0][1],
            b_at=self.tables[1][1], taps=kh, runs=len(runs) // (kh * chunks), length=length, a_step=a_step,
            clip=int(not flat), stride=sh, pad=op.pad[0], dilation=dh, height=op.image[2], chunks=chunks,
            w_chunk=size // self.groups // chunks, band=band,
        )  # fmt: skip
        self.items = images * self.groups * ceil(rows / band)


class Phase:
    """The places along one axis of x that are `offset` beyond a multiple of the stride, and the taps that reach them.

    Place t of a phase is reached from place t + shift of y by each (tap, shift).
    """

    def __init__(self, offset: int, count: int, taps: list[tuple[int, int]]):
        self.offset, self.count, self.taps = offset, count, taps


def phases(op: Convolution, axis: int) -> list[Phase]:
    """The phases of one axis: as many as the stride."""
    s, p, d = op.stride[axis], op.pad[axis], op.dilation[axis]
    length = op.image[2 + axis]
    found = []
    for offset in range(min(s, length)):
        taps = reversed(range(op.kernel[axis]))  # so that the shifts ascend, in even steps
        reached = [(tap, (offset + p - tap * d) // s) for tap in taps if (offset + p - tap * d) % s == 0]
        found.append(Phase(offset, ceil((length - offset) / s), reached))
    return found


class Spreading:
    """Everything prepared for y to be spread over x: a convolution of y for each phase of the stride."""

    def __init__(self, op: Convolution, gradient: Blocked, out: Blocked):
        from .drive import Record
        from .slide import PACK, SLIDE
        from .tiles import FROM_ZERO, Tile, address_of

        v = lanes()
        self.places = gradient, out
        images = op.image[0]
        kh, kw = op.kernel
        in_blocks, self.blocks = out.blocks // op.group, gradient.blocks // op.group
        row_phases, column_phases = phases(op, 0), phases(op, 1)
        flat = op.taps == 1 and op.stride == (1, 1) and op.pad == (0, 0) and not gradient.halo and not out.halo
        n = split_row(out.shape[2] * out.shape[3] if flat else column_phases[0].count, in_blocks)[0]
        self.groups = out.blocks // n
        wide = v * n
        block_size = op.taps * v * wide
        w_group = self.blocks * block_size
        self.packed = Packed(self.groups * w_group)
        self.pack = Record(
            PACK, packed=self.packed.address, group_outputs=op.weight[0] // op.group, group_inputs=op.weight[1],
            taps=op.taps, columns=n, shares=self.groups // op.group, blocks=self.blocks, lanes=v,
        )  # fmt: skip
        self.gaps = any(not phase.taps for phase in (*row_phases, *column_phases))
        self.tables: list[Any] = []
        self.phases = []
        for row in row_phases:
            for column in column_phases:
                if not row.taps or not column.taps:
                    continue
                rows, width = (1, out.shape[2] * out.shape[3]) if flat else (row.count, column.count)
                count, tiles, last = _tiles_of(width, n)
                outputs = op.weight[0] // op.group
                length = run_length(outputs, count * n / 2)
                chunks, parts = in_chunks(outputs, length, w_group, rows * tiles)
                ahead = far(self.groups * w_group, rows * tiles)
                runs = [
                    (
                        c // v * gradient.block + c % v + up * gradient.row + left * v,
                        c // v * block_size + ((a * kw + b) * v + c % v) * wide,
                    )
                    for part in parts
                    for a, up in row.taps
                    for c in part
                    for b, left in column.taps
                ]
                a_at, b_at = table([a for a, _ in runs]), table([b for _, b in runs])
                self.tables += [a_at, b_at]
                step = op.stride[1] * v

                def kernel(count: int, ahead: bool) -> int:
                    tile = Tile(count, n, a_row=v, a_step=1, b_step=wide, unroll=4, ahead=ahead)
                    return address_of(tile) if count else 0

                band = band_of(rows, chunks, images * self.groups)
                record = Record(
                    SLIDE, kernel=kernel(count, ahead), last_kernel=kernel(last, False), ahead=int(ahead), band=band,
                    chunks=chunks, w_chunk=w_group // chunks, tiles=tiles, x=gradient.first,
                    x_image=gradient.image, x_group=self.blocks * gradient.block, x_row=gradient.row,
                    x_tile=4 * count * v, w=self.packed.address, w_group=w_group, start=FROM_ZERO,
                    y=out.first + 4 * (row.offset * out.row + column.offset * v), y_image=out.image,
                    y_group=n * out.block, y_row=op.stride[0] * out.row, y_tile=4 * count * step, y_column=step,
                    y_block=out.block, groups=self.groups, share=self.groups // op.group, rows=rows, columns=n,
                    a_at=a_at[1], b_at=b_at[1], taps=len(row.taps), runs=len(runs) // (len(row.taps) * chunks),
                    length=length, a_step=1, clip=int(not flat), stride=1, pad=-row.taps[0][1], height=op.output[0],
                    dilation=row.taps[1][1] - row.taps[0][1] if len(row.taps) > 1 else 1,
                )  # fmt: skip
                self.phases.append((record, images * self.groups * ceil(rows / band)))


def _tiles_of(width: int, n: int) -> tuple[int, int, int]:
    """(columns of a tile, number of full tiles, columns of the last) for tiles of n blocks."""
    most = max((registers() - 4) // n, 1)
    tiles = ceil(width / most)
    columns = ceil(width / tiles)
    tiles = ceil(width / columns)
    last = width - (tiles - 1) * columns
    return (columns, tiles, 0) if last == columns else (columns, tiles - 1, last)


class WeightGradient:
    """Everything prepared for the gradient of the weights."""

    def __init__(self, op: Convolution, x: Memory, place: Any, gradient: Blocked):
        from .drive import Record
        from .slide import GRADIENT, PACK, PLANAR
        from .tiles import Tile, address_of

        v = lanes()
        self.places = place, gradient
        images, inputs = op.image[0], op.weight[1]
        (kh, kw), (sh, sw), (dh, dw) = op.kernel, op.stride, op.dilation
        rows, length = op.output
        group_blocks = gradient.blocks // op.group
        n = next(n for n in ((4, 3, 2, 1) if op.planar else (3, 2, 1)) if group_blocks % n == 0)
        if op.planar and kw * n > registers() - 4:
            n = next(n for n in (4, 3, 2, 1) if group_blocks % n == 0 and (kw * n <= registers() - 4 or n == 1))
        self.groups = gradient.blocks // n
        unroll = 2 if length % 2 == 0 else 1
        b_at = table([h * gradient.row for h in range(rows)])
        if op.planar:
            self.blocks, lanes_in = inputs, 1
            _, x_image, plane, x_row = op.plain_x(x)
            a_at = table([h * sh * x_row for h in range(rows)])
            at_once = n
            chunk_rows = max(1, (registers() - 4) // (kw * n))
            chunk_rows = ceil(kh / ceil(kh / chunk_rows))
            chunks, rest = ceil(kh / chunk_rows), kh % chunk_rows

            def kernel(count: int) -> int:
                taps = tuple(a * dh * x_row + b * dw for a in range(count) for b in range(kw))
                tile = Tile(len(taps), at_once, a_rows=taps, a_step=sw, b_step=v, unroll=unroll)
                return address_of(tile) if count else 0

            self.record = Record(
                PLANAR, kernel=kernel(chunk_rows), last_kernel=kernel(rest), chunks=chunks, chunk_rows=chunk_rows,
                x_image=x_image, x_plane=plane, x_tap_row=dh * x_row, y=gradient.first, y_image=gradient.image,
                y_block=gradient.block, images=images, groups=self.groups, channels=inputs, columns=n, at_once=at_once,
                taps=op.taps, row_taps=kw, rows=rows, length=length, a_at=a_at[1], b_at=b_at[1], a_step=sw,
            )  # fmt: skip
            self.items = self.groups * inputs * chunks
        else:
            self.blocks, lanes_in = -(-inputs // v), v
            a_at = table([h * sh * place.row for h in range(rows)])
            lanes_at_once = min(v, 8 if registers() >= 32 else 4)
            at_once = next(k for k in (3, 2, 1) if n % k == 0 and k * lanes_at_once <= registers() - 4 or k == 1)
            tile = Tile(lanes_at_once, at_once, a_row=1, a_step=sw * v, b_step=v, unroll=unroll)
            chunk = max(2, min(rows, ROW_BYTES // (4 * (sh * place.row + at_once * gradient.row))))
            self.record = Record(
                GRADIENT, kernel=address_of(tile), x=op.first_x(x, place), x_image=place.image,
                x_group=self.blocks * place.block, x_block=place.block, x_tap_row=dh * place.row, x_tap=dw * v,
                y=gradient.first, y_image=gradient.image, y_block=gradient.block, images=images, groups=self.groups,
                share=self.groups // op.group, blocks=self.blocks, channels=inputs, columns=n, at_once=at_once,
                lanes=lanes_at_once, taps=op.taps, row_taps=kw, rows=rows, chunk=chunk, length=length, a_at=a_at[1],
                b_at=b_at[1], a_step=sw * v,
            )  # fmt: skip
            self.items = self.groups * self.blocks
        self.tables = a_at, b_at
        self.size = self.groups * self.blocks * op.taps * lanes_in * v * n
        self.unpack = Record(
            PACK, group_outputs=op.weight[0] // op.group, group_inputs=inputs, taps=op.taps, columns=n,
            shares=self.groups // op.group, blocks=self.blocks, lanes=lanes_in,
        )  # fmt: skip
