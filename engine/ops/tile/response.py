"""Drivers of local response normalisation over blocked images, for beta 3/4: then powers are square roots."""

from __future__ import annotations

import numba
import numpy as np

from ...addresses import array_address, keep_alive
from .drive import driver
from .target import lanes
from .vectors import all_of, load, record_view, root, store

V = lanes()
RESPONSE = np.dtype(
    [(name, np.int64) for name in (
        "x", "x_image", "x_block", "x_row", "y", "y_image", "y_block", "y_row", "g", "g_image", "g_block", "g_row",
        "out", "out_image", "out_block", "out_row", "blocks", "height", "width", "half",
    )]
    + [("alpha", np.float32), ("k", np.float32)]
)  # fmt: skip
response_view = record_view(RESPONSE)


@numba.njit(inline="always")
def dampened(s):
    """s to the power of -3/4."""
    r = root(s)
    return all_of(np.float32(1)) / (r * root(r))


@numba.njit(inline="always")
def neighbours(at, channel, half):
    """The sum over the neighbours of a vector of channels, in a list of channels with zeros around it."""
    sums = load(at + 4 * channel)
    for k in range(1, 2 * half + 1):
        sums = sums + load(at + 4 * (channel + k))
    return sums


@driver
def across(address, begin, end):
    """One row of one image an item: y = x s^-3/4 with s over neighbouring channels."""
    d = response_view(address)
    channels = d.blocks * V
    squares = np.zeros(channels + 2 * d.half + V, np.float32)
    at = array_address(squares)
    alpha, k = all_of(d.alpha), all_of(d.k)
    for item in range(begin, end):
        n, h = item // d.height, item % d.height
        for w in range(d.width):
            x = d.x + 4 * (n * d.x_image + h * d.x_row + w * V)
            y = d.y + 4 * (n * d.y_image + h * d.y_row + w * V)
            for b in range(d.blocks):
                value = load(x + 4 * b * d.x_block)
                store(at + 4 * (d.half + b * V), value * value)
            for b in range(d.blocks):
                s = k + alpha * neighbours(at, b * V, d.half)
                store(y + 4 * b * d.y_block, load(x + 4 * b * d.x_block) * dampened(s))
    keep_alive(squares)


@driver
def across_backward(address, begin, end):
    """out = g s^-3/4 - 3/2 alpha x sum(g y / s), s computed anew: cheaper than remembering it."""
    d = response_view(address)
    channels = d.blocks * V
    squares = np.zeros(channels + 2 * d.half + V, np.float32)
    shares = np.zeros(channels + 2 * d.half + V, np.float32)
    factors = np.zeros(channels + V, np.float32)
    squares_at, shares_at, factors_at = array_address(squares), array_address(shares), array_address(factors)
    alpha, k, slope = all_of(d.alpha), all_of(d.k), all_of(np.float32(-1.5) * d.alpha)
    for item in range(begin, end):
        n, h = item // d.height, item % d.height
        for w in range(d.width):
            x = d.x + 4 * (n * d.x_image + h * d.x_row + w * V)
            g = d.g + 4 * (n * d.g_image + h * d.g_row + w * V)
            out = d.out + 4 * (n * d.out_image + h * d.out_row + w * V)
            for b in range(d.blocks):
                value = load(x + 4 * b * d.x_block)
                store(squares_at + 4 * (d.half + b * V), value * value)
            for b in range(d.blocks):
                s = k + alpha * neighbours(squares_at, b * V, d.half)
                factor = dampened(s)
                store(factors_at + 4 * b * V, factor)
                share = load(g + 4 * b * d.g_block) * load(x + 4 * b * d.x_block) * factor / s
                store(shares_at + 4 * (d.half + b * V), share)
            for b in range(d.blocks):
                shared = neighbours(shares_at, b * V, d.half)
                own = load(g + 4 * b * d.g_block) * load(factors_at + 4 * b * V)
                store(out + 4 * b * d.out_block, own + slope * load(x + 4 * b * d.x_block) * shared)
    keep_alive(squares)
    keep_alive(shares)
    keep_alive(factors)


@numba.njit(inline="always")
def around(at, h, w, height, width, half):
    """The sum over the square around a place of a plane of vectors."""
    sums = all_of(np.float32(0))
    for i in range(max(0, h - half), min(height, h + half + 1)):
        for j in range(max(0, w - half), min(width, w + half + 1)):
            sums = sums + load(at + 4 * (i * width + j) * V)
    return sums


@driver
def within(address, begin, end):
    """One block of channels of one image an item: y = x s^-3/4 with s over neighbouring places."""
    d = response_view(address)
    squares = np.zeros((d.height * d.width + 1) * V, np.float32)
    at = array_address(squares)
    alpha, k = all_of(d.alpha), all_of(d.k)
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        x, y = d.x + 4 * (n * d.x_image + b * d.x_block), d.y + 4 * (n * d.y_image + b * d.y_block)
        for h in range(d.height):
            for w in range(d.width):
                value = load(x + 4 * (h * d.x_row + w * V))
                store(at + 4 * (h * d.width + w) * V, value * value)
        for h in range(d.height):
            for w in range(d.width):
                s = k + alpha * around(at, h, w, d.height, d.width, d.half)
                store(y + 4 * (h * d.y_row + w * V), load(x + 4 * (h * d.x_row + w * V)) * dampened(s))
    keep_alive(squares)


@driver
def within_backward(address, begin, end):
    """The same as `across_backward`, over places."""
    d = response_view(address)
    size = (d.height * d.width + 1) * V
    squares, shares, factors = np.zeros(size, np.float32), np.zeros(size, np.float32), np.zeros(size, np.float32)
    squares_at, shares_at, factors_at = array_address(squares), array_address(shares), array_address(factors)
    alpha, k, slope = all_of(d.alpha), all_of(d.k), all_of(np.float32(-1.5) * d.alpha)
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        x, g = d.x + 4 * (n * d.x_image + b * d.x_block), d.g + 4 * (n * d.g_image + b * d.g_block)
        out = d.out + 4 * (n * d.out_image + b * d.out_block)
        for h in range(d.height):
            for w in range(d.width):
                value = load(x + 4 * (h * d.x_row + w * V))
                store(squares_at + 4 * (h * d.width + w) * V, value * value)
        for h in range(d.height):
            for w in range(d.width):
                here = 4 * (h * d.width + w) * V
                s = k + alpha * around(squares_at, h, w, d.height, d.width, d.half)
                factor = dampened(s)
                store(factors_at + here, factor)
                share = load(g + 4 * (h * d.g_row + w * V)) * load(x + 4 * (h * d.x_row + w * V)) * factor / s
                store(shares_at + here, share)
        for h in range(d.height):
            for w in range(d.width):
                shared = around(shares_at, h, w, d.height, d.width, d.half)
                own = load(g + 4 * (h * d.g_row + w * V)) * load(factors_at + 4 * (h * d.width + w) * V)
                store(out + 4 * (h * d.out_row + w * V), own + slope * load(x + 4 * (h * d.x_row + w * V)) * shared)
    keep_alive(squares)
    keep_alive(shares)
    keep_alive(factors)
