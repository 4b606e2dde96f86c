"""From plain arrays to private layouts, and back."""

from __future__ import annotations

import numpy as np

from ...memory import touching
from .drive import Record, driver
from .layout import Blocked
from .target import lanes
from .vectors import read_float, record_view, turn_square, write_float

V = lanes()
FIELDS = ("plain", "laid", "channels", "blocks", "height", "width", "image", "block", "row")
IMAGES = np.dtype([(name, np.int64) for name in FIELDS])
images = record_view(IMAGES)


@driver
def from_plain(address, begin, end):
    """One block of channels of one image an item."""
    d = images(address)
    plane = d.height * d.width
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        full = min(V, d.channels - b * V)
        source = d.plain + 4 * (n * d.channels + b * V) * plane
        for h in range(d.height):
            target = d.laid + 4 * (n * d.image + b * d.block + h * d.row)
            row = source + 4 * h * d.width
            whole = d.width // V * V if full == V else 0
            for w in range(0, whole, V):
                turn_square(row + 4 * w, 4 * plane, target + 4 * w * V, 4 * V)
            for v in range(full):
                for w in range(whole, d.width):
                    write_float(target + 4 * (w * V + v), read_float(row + 4 * (v * plane + w)))
            for v in range(full, V):
                for w in range(d.width):
                    write_float(target + 4 * (w * V + v), np.float32(0))


@driver
def to_plain(address, begin, end):
    """One block of channels of one image an item."""
    d = images(address)
    plane = d.height * d.width
    for item in range(begin, end):
        n, b = item // d.blocks, item % d.blocks
        full = min(V, d.channels - b * V)
        target = d.plain + 4 * (n * d.channels + b * V) * plane
        for h in range(d.height):
            source = d.laid + 4 * (n * d.image + b * d.block + h * d.row)
            row = target + 4 * h * d.width
            whole = d.width // V * V if full == V else 0
            for w in range(0, whole, V):
                turn_square(source + 4 * w * V, 4 * V, row + 4 * w, 4 * plane)
            for v in range(full):
                for w in range(whole, d.width):
                    write_float(row + 4 * (v * plane + w), read_float(source + 4 * (w * V + v)))


def _record(host: np.ndarray, place: Blocked) -> Record:
    plain = host.__array_interface__["data"][0]
    if place.record is None:
        _, channels, height, width = place.shape
        values = 0, 0, channels, place.blocks, height, width, place.image, place.block, place.row
        place.record = Record(IMAGES, **dict(zip(FIELDS, values, strict=True)))
    return place.record.set(plain=plain, laid=place.first)


def plain_to_blocked(host: np.ndarray, place: Blocked) -> None:
    """Fill the blocked layout; its halo is zero already."""
    from_plain.run(_record(host, place), place.shape[0] * place.blocks)


def blocked_to_plain(place: Blocked, host: np.ndarray) -> None:
    """Fill the plain array (N, C, H, W)."""
    to_plain.run(_record(host, place), place.shape[0] * place.blocks)


TURN_FIELDS = ("source", "rows", "columns", "source_row", "target", "target_row")
TURN = np.dtype([(name, np.int64) for name in TURN_FIELDS])
turn = record_view(TURN)
SQUARES = 4  # of vectors; rows and columns turned at once, so that both sides stay in the cache


@driver
def turn_over(address, begin, end):
    """Some columns of the source an item, which are rows of the target."""
    d = turn(address)
    side = SQUARES * V
    for item in range(begin, end):
        first, last = item * side, min(d.columns, (item + 1) * side)
        whole = first + (last - first) // V * V
        for top in range(0, d.rows, side):
            bottom = min(d.rows, top + side)
            full = top + (bottom - top) // V * V
            for c in range(first, whole, V):
                for r in range(top, full, V):
                    source, target = d.source + 4 * (r * d.source_row + c), d.target + 4 * (c * d.target_row + r)
                    turn_square(source, 4 * d.source_row, target, 4 * d.target_row)
            for c in range(first, last):
                for r in range(full if c < whole else top, bottom):
                    value = read_float(d.source + 4 * (r * d.source_row + c))
                    write_float(d.target + 4 * (c * d.target_row + r), value)


_turning = Record(TURN)  # used by one thread at a time: memories change places under a lock


def transpose(
    source: np.ndarray | int, rows: int, columns: int, source_row: int, target: np.ndarray | int, target_row: int
) -> None:
    """target (columns, rows) = source (rows, columns), turned. Row strides count floats."""
    values = _address(source), rows, columns, source_row, _address(target), target_row
    with touching:
        turn_over.run(_turning.set(**dict(zip(TURN_FIELDS, values, strict=True))), -(-columns // (SQUARES * V)))


def _address(array: np.ndarray | int) -> int:
    return array if isinstance(array, int) else array.__array_interface__["data"][0]
