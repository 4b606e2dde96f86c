"""Drivers of pooling: windows over blocked images, a vector of channels at a time."""

from __future__ import annotations

import numpy as np

from .drive import driver
from .slide import layout
from .target import lanes
from .vectors import (
    all_of,
    all_of_int,
    choose,
    equal,
    load,
    load_bytes,
    more,
    record_view,
    store,
    store_bytes,
)  # fmt: skip

V = lanes()
WINDOWS = layout(
    "x", "x_image", "x_block", "x_row", "y", "y_image", "y_block", "y_row", "where", "blocks", "height", "width",
    "rows", "columns", "kernel_h", "kernel_w", "stride_h", "stride_w", "pad_h", "pad_w",
)  # fmt: skip
windows_view = record_view(WINDOWS)
LEAST = np.finfo(np.float32).min  # what a window has that sees nothing, as in Caffe
NOWHERE = 255  # and where that came from


@driver
def maximum(address, begin, end):
    """One row of windows of one block of channels an item: the largest values, and the numbers of their places."""
    d = windows_view(address)
    for item in range(begin, end):
        n, b, i = item // (d.blocks * d.rows), item // d.rows % d.blocks, item % d.rows
        top = i * d.stride_h - d.pad_h
        first_h, last_h = max(top, 0), min(top + d.kernel_h, d.height)
        x = d.x + 4 * (n * d.x_image + b * d.x_block)
        y = d.y + 4 * (n * d.y_image + b * d.y_block + i * d.y_row)
        where = d.where + item * d.columns * V
        for j in range(d.columns):
            left = j * d.stride_w - d.pad_w
            first_w, last_w = max(left, 0), min(left + d.kernel_w, d.width)
            best, index = all_of(np.float32(LEAST)), all_of_int(NOWHERE)
            for h in range(first_h, last_h):
                for w in range(first_w, last_w):
                    value = load(x + 4 * (h * d.x_row + w * V))
                    better = more(value, best)
                    best = choose(better, value, best)
                    index = choose(better, all_of_int((h - top) * d.kernel_w + w - left), index)
            store(y + 4 * j * V, best)
            store_bytes(where + j * V, index)


@driver
def maximum_alone(address, begin, end):
    """The same without the places, for passes that nothing goes back through."""
    d = windows_view(address)
    for item in range(begin, end):
        n, b, i = item // (d.blocks * d.rows), item // d.rows % d.blocks, item % d.rows
        top = i * d.stride_h - d.pad_h
        first_h, last_h = max(top, 0), min(top + d.kernel_h, d.height)
        x = d.x + 4 * (n * d.x_image + b * d.x_block)
        y = d.y + 4 * (n * d.y_image + b * d.y_block + i * d.y_row)
        for j in range(d.columns):
            left = j * d.stride_w - d.pad_w
            first_w, last_w = max(left, 0), min(left + d.kernel_w, d.width)
            best = all_of(np.float32(LEAST))
            for h in range(first_h, last_h):
                for w in range(first_w, last_w):
                    value = load(x + 4 * (h * d.x_row + w * V))
                    best = choose(more(value, best), value, best)
            store(y + 4 * j * V, best)


@driver
def maximum_backward(address, begin, end):
    """One block of channels of one image an item: each gradient goes to the place its value came from."""
    d = windows_view(address)
    zero = all_of(np.float32(0))
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        x = d.x + 4 * (n * d.x_image + b * d.x_block)
        for h in range(d.height):
            for w in range(d.width):
                store(x + 4 * (h * d.x_row + w * V), zero)
        for i in range(d.rows):
            top = i * d.stride_h - d.pad_h
            first_h, last_h = max(top, 0), min(top + d.kernel_h, d.height)
            y = d.y + 4 * (n * d.y_image + b * d.y_block + i * d.y_row)
            where = d.where + (item * d.rows + i) * d.columns * V
            for j in range(d.columns):
                left = j * d.stride_w - d.pad_w
                first_w, last_w = max(left, 0), min(left + d.kernel_w, d.width)
                gradient, index = load(y + 4 * j * V), load_bytes(where + j * V)
                for h in range(first_h, last_h):
                    for w in range(first_w, last_w):
                        at = x + 4 * (h * d.x_row + w * V)
                        here = equal(index, all_of_int((h - top) * d.kernel_w + w - left))
                        store(at, load(at) + choose(here, gradient, zero))


@driver
def mean(address, begin, end):
    """One row of windows of one block of channels an item; what is divided by counts padding, but nothing beyond it."""
    d = windows_view(address)
    for item in range(begin, end):
        n, b, i = item // (d.blocks * d.rows), item // d.rows % d.blocks, item % d.rows
        top = i * d.stride_h - d.pad_h
        first_h, last_h = max(top, 0), min(top + d.kernel_h, d.height)
        size_h = min(top + d.kernel_h, d.height + d.pad_h) - top
        x = d.x + 4 * (n * d.x_image + b * d.x_block)
        y = d.y + 4 * (n * d.y_image + b * d.y_block + i * d.y_row)
        for j in range(d.columns):
            left = j * d.stride_w - d.pad_w
            first_w, last_w = max(left, 0), min(left + d.kernel_w, d.width)
            size = size_h * (min(left + d.kernel_w, d.width + d.pad_w) - left)
            total = all_of(np.float32(0))
            for h in range(first_h, last_h):
                for w in range(first_w, last_w):
                    total = total + load(x + 4 * (h * d.x_row + w * V))
            store(y + 4 * j * V, total / all_of(np.float32(size)))


@driver
def mean_backward(address, begin, end):
    """One block of channels of one image an item."""
    d = windows_view(address)
    zero = all_of(np.float32(0))
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        x = d.x + 4 * (n * d.x_image + b * d.x_block)
        for h in range(d.height):
            for w in range(d.width):
                store(x + 4 * (h * d.x_row + w * V), zero)
        for i in range(d.rows):
            top = i * d.stride_h - d.pad_h
            first_h, last_h = max(top, 0), min(top + d.kernel_h, d.height)
            size_h = min(top + d.kernel_h, d.height + d.pad_h) - top
            y = d.y + 4 * (n * d.y_image + b * d.y_block + i * d.y_row)
            for j in range(d.columns):
                left = j * d.stride_w - d.pad_w
                first_w, last_w = max(left, 0), min(left + d.kernel_w, d.width)
                size = size_h * (min(left + d.kernel_w, d.width + d.pad_w) - left)
                share = load(y + 4 * j * V) / all_of(np.float32(size))
                for h in range(first_h, last_h):
                    for w in range(first_w, last_w):
                        at = x + 4 * (h * d.x_row + w * V)
                        store(at, load(at) + share)
