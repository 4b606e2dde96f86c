"""Drivers of convolution in which every channel has a kernel of its own and sees no other."""

from __future__ import annotations

import numpy as np

from .denormals import flush_denormals, put_back
from .drive import driver
from .slide import layout
from .target import lanes
from .vectors import all_of, choose, load, more, multiply_add, record_view, store

V = lanes()
CHANNELWISE = layout(
    "x", "x_image", "x_block", "x_row", "w", "bias", "y", "y_image", "y_block", "y_row", "images", "blocks", "height",
    "width", "rows", "columns", "kernel_h", "kernel_w", "stride_h", "stride_w", "pad_h", "pad_w", "dilation_h",
    "dilation_w", "rectify",
)  # fmt: skip
channelwise_view = record_view(CHANNELWISE)


@driver
def correlate(address, begin, end):
    """One row of one block of channels of one image an item, four places at a time."""
    d = channelwise_view(address)
    zero = all_of(np.float32(0))
    step = 4 * d.stride_w * V
    mode = flush_denormals()
    for item in range(begin, end):
        n, b, i = item // (d.blocks * d.rows), item // d.rows % d.blocks, item % d.rows
        x = d.x + 4 * (n * d.x_image + b * d.x_block + (i * d.stride_h - d.pad_h) * d.x_row - d.pad_w * V)
        y = d.y + 4 * (n * d.y_image + b * d.y_block + i * d.y_row)
        w = d.w + 4 * b * d.kernel_h * d.kernel_w * V
        bias = load(d.bias + 4 * b * V)
        j = 0
        while j < d.columns:
            first = second = third = fourth = bias
            for u in range(d.kernel_h):
                for v in range(d.kernel_w):
                    at = x + 4 * (u * d.dilation_h * d.x_row + v * d.dilation_w * V) + j * step
                    weight = load(w + 4 * (u * d.kernel_w + v) * V)
                    first = multiply_add(load(at), weight, first)
                    if j + 4 <= d.columns:
                        second = multiply_add(load(at + step), weight, second)
                        third = multiply_add(load(at + 2 * step), weight, third)
                        fourth = multiply_add(load(at + 3 * step), weight, fourth)
            if d.rectify:
                first = choose(more(zero, first), zero, first)
                second = choose(more(zero, second), zero, second)
                third = choose(more(zero, third), zero, third)
                fourth = choose(more(zero, fourth), zero, fourth)
            store(y + 4 * j * V, first)
            if j + 4 <= d.columns:
                store(y + 4 * (j + 1) * V, second)
                store(y + 4 * (j + 2) * V, third)
                store(y + 4 * (j + 3) * V, fourth)
                j += 4
            else:
                j += 1
    put_back(mode)


@driver
def spread(address, begin, end):
    """One block of channels of one image an item: x is what y gives back."""
    d = channelwise_view(address)
    zero = all_of(np.float32(0))
    mode = flush_denormals()
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        x = d.x + 4 * (n * d.x_image + b * d.x_block)
        y = d.y + 4 * (n * d.y_image + b * d.y_block)
        w = d.w + 4 * b * d.kernel_h * d.kernel_w * V
        for h in range(d.height):
            for k in range(d.width):
                store(x + 4 * (h * d.x_row + k * V), zero)
        for i in range(d.rows):
            for u in range(d.kernel_h):
                h = i * d.stride_h - d.pad_h + u * d.dilation_h
                if h < 0 or h >= d.height:
                    continue
                for v in range(d.kernel_w):
                    weight = load(w + 4 * (u * d.kernel_w + v) * V)
                    left = v * d.dilation_w - d.pad_w
                    for j in range(d.columns):
                        k = j * d.stride_w + left
                        if k >= 0 and k < d.width:
                            at = x + 4 * (h * d.x_row + k * V)
                            store(at, multiply_add(load(y + 4 * (i * d.y_row + j * V)), weight, load(at)))
    put_back(mode)


@driver
def weight_gradient(address, begin, end):
    """One tap of one block of channels an item, summed over the images: w holds the sums."""
    d = channelwise_view(address)
    taps = d.kernel_h * d.kernel_w
    mode = flush_denormals()
    for item in range(begin, end):
        b, u, v = item // taps, item % taps // d.kernel_w, item % d.kernel_w
        sums = all_of(np.float32(0))
        for n in range(d.images):
            x = d.x + 4 * (n * d.x_image + b * d.x_block + (u * d.dilation_h - d.pad_h) * d.x_row)
            x += 4 * (v * d.dilation_w - d.pad_w) * V
            y = d.y + 4 * (n * d.y_image + b * d.y_block)
            part = all_of(np.float32(0))
            for i in range(d.rows):
                for j in range(d.columns):
                    seen = load(x + 4 * (i * d.stride_h * d.x_row + j * d.stride_w * V))
                    part = multiply_add(seen, load(y + 4 * (i * d.y_row + j * V)), part)
            sums = sums + part
        store(d.w + 4 * item * V, sums)
    put_back(mode)
