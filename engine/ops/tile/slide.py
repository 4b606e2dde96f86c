"""Drivers of convolution: kernels slid over rows, gradients of weights, and weights packed for both."""

from __future__ import annotations

import numba
import numpy as np

from ...addresses import array_address, keep_alive
from .denormals import flush_denormals, put_back
from .drive import driver
from .target import lanes
from .vectors import all_of, load, read_float, record_view, store, tile, tile_ahead, turn_square, write_float

V = lanes()


def layout(*names: str) -> np.dtype:
    return np.dtype([(name, np.int64) for name in names])


SLIDE = layout(
    "kernel", "last_kernel", "tiles", "x", "x_image", "x_group", "x_row", "x_tile", "w", "w_group", "bias", "start",
    "y", "y_image", "y_group", "y_row", "y_tile", "y_column", "y_block", "groups", "share", "rows", "columns",
    "a_at", "b_at", "taps", "runs", "length", "a_step", "clip", "stride", "pad", "dilation", "height", "rectify",
    "ahead", "chunks", "w_chunk", "band",
)  # fmt: skip
slide_view = record_view(SLIDE)


@driver
def slide(address, begin, end):
    """Some rows of one group of output channels of one image an item; tiles of columns along them.

    The weights of a group come in chunks, each for some of the input channels, and each passes over all the rows: so
    it stays near. `taps` rows of the kernel have `runs` runs each in a chunk; with `clip`, those that lie in the
    padding are left out. With `ahead` the kernels look ahead: each tile has one vector of each row of the next chunk
    fetched.
    """
    d = slide_view(address)
    wide, bands = V * d.columns, (d.rows + d.band - 1) // d.band
    mode = flush_denormals()
    for item in range(begin, end):
        n, g, top_row = item // (d.groups * bands), item // bands % d.groups, item % bands * d.band
        w, bias = d.w + 4 * g * d.w_group, d.bias + 4 * g * wide
        for chunk in range(d.chunks):
            start = d.start if chunk == 0 else 1
            rectify = d.rectify if chunk == d.chunks - 1 else 0
            beyond = 4 * d.w_chunk
            if chunk == d.chunks - 1:
                beyond = 4 * ((g + 1 if g + 1 < d.groups else 0) * d.w_group - g * d.w_group - chunk * d.w_chunk)
            for h in range(top_row, min(top_row + d.band, d.rows)):
                x = d.x + 4 * (n * d.x_image + g // d.share * d.x_group + h * d.x_row)
                y = d.y + 4 * (n * d.y_image + g * d.y_group + h * d.y_row)
                first, last = 0, d.taps
                if d.clip:
                    top = h * d.stride - d.pad
                    while first + 1 < last and top + first * d.dilation < 0:
                        first += 1
                    while last - 1 > first and top + (last - 1) * d.dilation >= d.height:
                        last -= 1
                at, runs = 8 * (chunk * d.taps + first) * d.runs, (last - first) * d.runs
                a_at, b_at = d.a_at + at, d.b_at + at
                if d.ahead:
                    for t in range(d.tiles):
                        ahead = beyond + 4 * V * ((h * d.tiles + t) % d.columns)
                        tile_ahead(d.kernel, x, a_at, w, b_at, runs, d.length, y, start, bias, rectify,
                                   d.a_step, wide, V, d.y_column, d.y_block, ahead)
                        x += d.x_tile
                        y += d.y_tile
                else:
                    for _ in range(d.tiles):
                        tile(d.kernel, x, a_at, w, b_at, runs, d.length, y, start, bias, rectify,
                             d.a_step, wide, V, d.y_column, d.y_block)
                        x += d.x_tile
                        y += d.y_tile
                if d.last_kernel:
                    tile(d.last_kernel, x, a_at, w, b_at, runs, d.length, y, start, bias, rectify,
                         d.a_step, wide, V, d.y_column, d.y_block)
    put_back(mode)


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
    mode = flush_denormals()
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
    put_back(mode)


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
    mode = flush_denormals()
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
    put_back(mode)


BIAS = layout(
    "y", "y_image", "y_block", "y_row", "images", "rows", "length", "sums", "channels", "total", "start"
)
bias_view = record_view(BIAS)


@driver
def bias_gradient(address, begin, end):
    """The sum of one block of channels over all places and images an item, added to the total, or alone at start 0."""
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
        for c in range(block * V, min(d.channels, (block + 1) * V)):
            value = read_float(d.sums + 4 * c)
            write_float(d.total + 4 * c, read_float(d.total + 4 * c) + value if d.start else value)


PACK = layout(
    "plain", "packed", "group_outputs", "group_inputs", "taps", "columns", "shares", "blocks", "lanes", "start"
)
pack_view = record_view(PACK)


@numba.njit(inline="always")
def pack_one(d, source, target, j, column):
    """One weight of the j-th output of a group: column counts its (input, tap) from the block on."""
    v, t = column // d.taps, column % d.taps
    write_float(target + 4 * ((t * d.lanes + v) * V * d.columns + j), read_float(source + 4 * column))


@driver
def pack(address, begin, end):
    """Weights (O, C, taps) as a forward pass reads them: (groups, blocks, taps, lanes, columns * V).

    Inputs and taps, which lie side by side, are turned by squares. The target is zero where nothing is written.
    """
    d = pack_view(address)
    wide = V * d.columns
    room = np.empty(V * V, np.float32)
    square = array_address(room)
    for item in range(begin, end):
        g, block = item // d.blocks, item % d.blocks
        first = g % d.shares * wide  # output of its group of the convolution
        outputs = max(0, min(wide, d.group_outputs - first))
        columns = min(d.lanes, d.group_inputs - block * d.lanes) * d.taps
        row = d.group_inputs * d.taps
        source = d.plain + 4 * ((g // d.shares * d.group_outputs + first) * row + block * d.lanes * d.taps)
        target = d.packed + 4 * item * d.taps * d.lanes * wide
        for j in range(0, outputs, V):
            whole = columns // V * V if j + V <= outputs else 0
            for c in range(0, whole, V):
                turn_square(source + 4 * (j * row + c), 4 * row, square, 4 * V)
                for k in range(V):
                    v, t = (c + k) // d.taps, (c + k) % d.taps
                    store(target + 4 * ((t * d.lanes + v) * wide + j), load(square + 4 * k * V))
            for i in range(j, min(j + V, outputs)):
                for c in range(whole, columns):
                    pack_one(d, source + 4 * i * row, target, i, c)
    keep_alive(room)


@driver
def unpack_add(address, begin, end):
    """Add a gradient in that order to the plain one, or write it where `start` is 0."""
    d = pack_view(address)
    wide = V * d.columns
    room = np.empty(2 * V * V, np.float32)
    square, turned = array_address(room), array_address(room) + 4 * V * V
    for item in range(begin, end):
        g, block = item // d.blocks, item % d.blocks
        first = g % d.shares * wide
        outputs = max(0, min(wide, d.group_outputs - first))
        columns = min(d.lanes, d.group_inputs - block * d.lanes) * d.taps
        row = d.group_inputs * d.taps
        plain = d.plain + 4 * ((g // d.shares * d.group_outputs + first) * row + block * d.lanes * d.taps)
        packed = d.packed + 4 * item * d.taps * d.lanes * wide
        for j in range(0, outputs, V):
            whole = columns // V * V if j + V <= outputs else 0
            for c in range(0, whole, V):
                for k in range(V):
                    v, t = (c + k) // d.taps, (c + k) % d.taps
                    store(square + 4 * k * V, load(packed + 4 * ((t * d.lanes + v) * wide + j)))
                turn_square(square, 4 * V, turned, 4 * V)
                for k in range(V):
                    at, value = plain + 4 * ((j + k) * row + c), load(turned + 4 * k * V)
                    store(at, load(at) + value if d.start else value)
            for i in range(j, min(j + V, outputs)):
                for c in range(whole, columns):
                    v, t = c // d.taps, c % d.taps
                    at, value = plain + 4 * (i * row + c), read_float(packed + 4 * ((t * d.lanes + v) * wide + i))
                    write_float(at, read_float(at) + value if d.start else value)
    keep_alive(room)


@driver
def pack_turned(address, begin, end):
    """Weights (O, C, taps) as a backward pass reads them: (groups of C, blocks of O, taps, lanes, columns * V).

    The taps of a vector of inputs are turned together. The target is zero where nothing is written.
    """
    d = pack_view(address)
    wide = V * d.columns
    room = np.empty(V * V, np.float32)
    square = array_address(room)
    for item in range(begin, end):
        g, block = item // d.blocks, item % d.blocks
        first = g % d.shares * wide  # input of its group of the convolution
        inputs = max(0, min(wide, d.group_inputs - first))
        row = d.group_inputs * d.taps
        output = g // d.shares * d.group_outputs + block * V
        target = d.packed + 4 * item * d.taps * V * wide
        for v in range(min(V, d.group_outputs - block * V)):
            source = d.plain + 4 * ((output + v) * row + first * d.taps)
            whole = inputs // V * V
            for j in range(0, whole, V):
                if d.taps == 1:
                    store(target + 4 * (v * wide + j), load(source + 4 * j))
                    continue
                for t in range(0, d.taps, V):
                    turn_square(source + 4 * (j * d.taps + t), 4 * d.taps, square, 4 * V)
                    for k in range(min(V, d.taps - t)):
                        store(target + 4 * (((t + k) * V + v) * wide + j), load(square + 4 * k * V))
            for j in range(whole, inputs):
                for t in range(d.taps):
                    value = read_float(source + 4 * (j * d.taps + t))
                    write_float(target + 4 * ((t * V + v) * wide + j), value)
    keep_alive(room)
