"""Drivers of convolution: kernels slid over rows, gradients of weights, and weights packed for both."""

from __future__ import annotations

import numpy as np

from .drive import driver
from .target import lanes
from .vectors import all_of, array, load, record_view, store, tile

V = lanes()


def layout(*names: str) -> np.dtype:
    return np.dtype([(name, np.int64) for name in names])


SLIDE = layout(
    "kernel", "last_kernel", "tiles", "x", "x_image", "x_group", "x_row", "x_tile", "w", "w_group", "bias", "start",
    "y", "y_image", "y_group", "y_row", "y_tile", "y_column", "y_block", "groups", "share", "rows", "columns",
    "a_at", "b_at", "taps", "runs", "length", "a_step", "clip", "stride", "pad", "dilation", "height", "rectify",
)  # fmt: skip
slide_view = record_view(SLIDE)


@driver
def slide(address, begin, end):
    """One row of one group of output channels of one image an item; tiles of columns along it.

    `taps` rows of the kernel have `runs` runs each; with `clip`, those that lie in the padding are left out.
    """
    d = slide_view(address)
    wide = V * d.columns
    for item in range(begin, end):
        n, g, h = item // (d.groups * d.rows), item // d.rows % d.groups, item % d.rows
        x = d.x + 4 * (n * d.x_image + g // d.share * d.x_group + h * d.x_row)
        y = d.y + 4 * (n * d.y_image + g * d.y_group + h * d.y_row)
        w, bias = d.w + 4 * g * d.w_group, d.bias + 4 * g * wide
        first, last = 0, d.taps
        if d.clip:
            top = h * d.stride - d.pad
            while first + 1 < last and top + first * d.dilation < 0:
                first += 1
            while last - 1 > first and top + (last - 1) * d.dilation >= d.height:
                last -= 1
        a_at, b_at, runs = d.a_at + 8 * first * d.runs, d.b_at + 8 * first * d.runs, (last - first) * d.runs
        for _ in range(d.tiles):
            tile(d.kernel, x, a_at, w, b_at, runs, d.length, y, d.start, bias, d.rectify,
                 d.a_step, wide, V, d.y_column, d.y_block)
            x += d.x_tile
            y += d.y_tile
        if d.last_kernel:
            tile(d.last_kernel, x, a_at, w, b_at, runs, d.length, y, d.start, bias, d.rectify,
                 d.a_step, wide, V, d.y_column, d.y_block)


GRADIENT = layout(
    "kernel", "x", "x_image", "x_group", "x_block", "x_tap_row", "x_tap", "y", "y_image", "y_block", "w", "images",
    "groups", "share", "blocks", "channels", "columns", "at_once", "lanes", "taps", "row_taps", "rows", "chunk",
    "length", "a_at", "b_at", "a_step",
)  # fmt: skip
gradient_view = record_view(GRADIENT)


@driver
def weight_gradient(address, begin, end):
    """One block of input channels under one group of output channels an item: all its taps, summed over the images."""
    d = gradient_view(address)
    for item in range(begin, end):
        g, block = item // d.blocks, item % d.blocks
        used = min(V, d.channels - block * V)
        for n in range(d.images):
            x = d.x + 4 * (n * d.x_image + g // d.share * d.x_group + block * d.x_block)
            y = d.y + 4 * (n * d.y_image + g * d.columns * d.y_block)
            for first in range(0, d.rows, d.chunk):
                runs = min(d.chunk, d.rows - first)
                start = 1 if n + first else 0
                for t in range(d.taps):
                    x_tap = x + 4 * (t // d.row_taps * d.x_tap_row + t % d.row_taps * d.x_tap)
                    w = d.w + 4 * (item * d.taps + t) * V * V * d.columns
                    for j in range(0, d.columns, d.at_once):
                        for lane in range(0, used, d.lanes):
                            tile(d.kernel, x_tap + 4 * lane, d.a_at + 8 * first, y + 4 * j * d.y_block,
                                 d.b_at + 8 * first, runs, d.length, w + 4 * (lane * d.columns + j) * V, start, 0, 0,
                                 d.a_step, V, d.y_block, V * d.columns, V)


PLANAR = layout(
    "kernel", "last_kernel", "chunks", "chunk_rows", "x", "x_image", "x_plane", "x_tap_row", "y", "y_image", "y_block",
    "w", "images", "groups", "channels", "columns", "at_once", "taps", "row_taps", "rows", "length", "a_at", "b_at",
    "a_step",
)  # fmt: skip
planar_view = record_view(PLANAR)


@driver
def planar_gradient(address, begin, end):
    """The same for planar images: some rows of taps of one channel under one group of output channels an item."""
    d = planar_view(address)
    for item in range(begin, end):
        g, channel, chunk = item // (d.channels * d.chunks), item // d.chunks % d.channels, item % d.chunks
        row = chunk * d.chunk_rows
        kernel = d.kernel if row + d.chunk_rows <= d.taps // d.row_taps else d.last_kernel
        w = d.w + 4 * ((g * d.channels + channel) * d.taps + row * d.row_taps) * V * d.columns
        for n in range(d.images):
            x = d.x + 4 * (n * d.x_image + channel * d.x_plane + row * d.x_tap_row)
            y = d.y + 4 * (n * d.y_image + g * d.columns * d.y_block)
            for j in range(0, d.columns, d.at_once):
                tile(kernel, x, d.a_at, y + 4 * j * d.y_block, d.b_at, d.rows, d.length, w + 4 * j * V,
                     1 if n else 0, 0, 0, d.a_step, V, d.y_block, V * d.columns, V)


BIAS = layout("y", "y_image", "y_block", "y_row", "images", "rows", "length", "sums")
bias_view = record_view(BIAS)


@driver
def bias_gradient(address, begin, end):
    """The sum of one block of channels over all places and images an item."""
    d = bias_view(address)
    for block in range(begin, end):
        total = all_of(np.float32(0))
        for n in range(d.images):
            part = all_of(np.float32(0))
            for h in range(d.rows):
                at = d.y + 4 * (n * d.y_image + block * d.y_block + h * d.y_row)
                for w in range(d.length):
                    part = part + load(at + 4 * V * w)
            total = total + part
        store(d.sums + 4 * V * block, total)


PACK = layout(
    "plain", "packed", "group_outputs", "group_inputs", "taps", "columns", "shares", "blocks", "lanes", "start"
)
pack_view = record_view(PACK)


@driver
def pack(address, begin, end):
    """Weights (O, C, taps) as a forward pass reads them: (groups, blocks, taps, lanes, columns * V)."""
    d = pack_view(address)
    wide = V * d.columns
    for item in range(begin, end):
        g, block = item // d.blocks, item % d.blocks
        output = g // d.shares * d.group_outputs
        target = array(d.packed + 4 * item * d.taps * d.lanes * wide, d.taps * d.lanes * wide)
        for j in range(wide):
            local = g % d.shares * wide + j
            for v in range(d.lanes):
                i = block * d.lanes + v
                if local < d.group_outputs and i < d.group_inputs:
                    source = array(d.plain + 4 * ((output + local) * d.group_inputs + i) * d.taps, d.taps)
                    for t in range(d.taps):
                        target[(t * d.lanes + v) * wide + j] = source[t]
                else:
                    for t in range(d.taps):
                        target[(t * d.lanes + v) * wide + j] = np.float32(0)


@driver
def unpack_add(address, begin, end):
    """Add a gradient in that order to the plain one, or write it where `start` is 0."""
    d = pack_view(address)
    wide = V * d.columns
    for item in range(begin, end):
        g, block = item // d.blocks, item % d.blocks
        output = g // d.shares * d.group_outputs
        source = array(d.packed + 4 * item * d.taps * d.lanes * wide, d.taps * d.lanes * wide)
        for j in range(min(wide, d.group_outputs - g % d.shares * wide)):
            local = g % d.shares * wide + j
            for v in range(min(d.lanes, d.group_inputs - block * d.lanes)):
                i = block * d.lanes + v
                target = array(d.plain + 4 * ((output + local) * d.group_inputs + i) * d.taps, d.taps)
                for t in range(d.taps):
                    value = source[(t * d.lanes + v) * wide + j]
                    target[t] = target[t] + value if d.start else value


@driver
def pack_turned(address, begin, end):
    """Weights (O, C, taps) as a backward pass reads them: (groups of C, blocks of O, taps, lanes, columns * V)."""
    d = pack_view(address)
    wide = V * d.columns
    for item in range(begin, end):
        g, block = item // d.blocks, item % d.blocks
        output = g // d.shares * d.group_outputs
        target = array(d.packed + 4 * item * d.taps * V * wide, d.taps * V * wide)
        for v in range(V):
            o = block * V + v
            for j in range(wide):
                i = g % d.shares * wide + j
                if o < d.group_outputs and i < d.group_inputs:
                    source = array(d.plain + 4 * ((output + o) * d.group_inputs + i) * d.taps, d.taps)
                    for t in range(d.taps):
                        target[(t * V + v) * wide + j] = source[t]
                else:
                    for t in range(d.taps):
                        target[(t * V + v) * wide + j] = np.float32(0)
