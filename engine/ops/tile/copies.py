"""Drivers that copy blocks of channels from one blocked layout to another, to the same lanes or to others."""

from __future__ import annotations

import numpy as np

from ...addresses import array_address, keep_alive
from .drive import driver
from .slide import layout
from .target import lanes
from .vectors import all_of, load, read_int, record_view, store

V = lanes()
# A table has a row for each block: where the first image's lies, then the strides of image and row, in floats.
ENTRY = 3
COPY = layout("source", "target", "blocks", "rows", "length")
copy_view = record_view(COPY)


@driver
def copy_blocks(address, begin, end):
    """Block by block, one block of one image an item: from a table's entry to the same one of another table."""
    d = copy_view(address)
    for item in range(begin, end):
        n, b = item // d.blocks, 8 * ENTRY * (item % d.blocks)
        source = read_int(d.source + b) + 4 * n * read_int(d.source + b + 8)
        target = read_int(d.target + b) + 4 * n * read_int(d.target + b + 8)
        source_row, target_row = read_int(d.source + b + 16), read_int(d.target + b + 16)
        for h in range(d.rows):
            for i in range(0, d.length, V):
                store(target + 4 * (h * target_row + i), load(source + 4 * (h * source_row + i)))


SHIFT = layout("source", "sources", "source_at", "target", "targets", "target_at", "channels", "rows", "columns")
shift_view = record_view(SHIFT)


@driver
def shift_blocks(address, begin, end):
    """Place by place, one row of one image an item: all channels are put in order, and taken from there.

    `source_at` and `target_at` list the first channel of each block; a later block overwrites the lanes of nobody
    that a part before it ends with.
    """
    d = shift_view(address)
    zero = all_of(np.float32(0))
    ordered = np.zeros(d.channels + 2 * V, np.float32)
    order = array_address(ordered)
    for item in range(begin, end):
        n, h = item // d.rows, item % d.rows
        for w in range(d.columns):
            for k in range(d.sources):
                at = d.source + 8 * ENTRY * k
                place = 4 * (n * read_int(at + 8) + h * read_int(at + 16) + w * V)
                store(order + 4 * read_int(d.source_at + 8 * k), load(read_int(at) + place))
            store(order + 4 * d.channels, zero)
            for k in range(d.targets):
                at = d.target + 8 * ENTRY * k
                place = 4 * (n * read_int(at + 8) + h * read_int(at + 16) + w * V)
                store(read_int(at) + place, load(order + 4 * read_int(d.target_at + 8 * k)))
    keep_alive(ordered)
