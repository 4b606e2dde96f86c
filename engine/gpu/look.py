"""What pages show of a blob, reduced where it lies, so that kilobytes travel instead of the blob."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..blob import Blob
from ..memory import computing
from .device import Device

SHARES = 512  # pieces of an array that are reduced side by side


class Look:
    """The values or gradients of a blob on a device. `part` is "data" or "diff". From any thread.

    `array` is the device's own, to be cut and turned, and brought to the host by `fetch`.
    """

    def __init__(self, blob: Blob, part: str = "data"):
        assert isinstance(blob.place, Device)
        self.device: Device = blob.place
        with computing:
            self.array = blob.read() if part == "data" else blob.read_diff()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def statistics(self) -> dict[str, float | int]:
        """Count, min, max, mean, std and share of exact zeros of the finite values, and how many are not finite."""
        count, finite, zero, low, high, total, squares = self._summary()
        result: dict[str, float | int] = {"count": count, "nonfinite": count - finite}
        if finite:
            mean = total / finite
            spread = max(squares / finite - mean * mean, 0.0) ** 0.5
            result |= {"min": low, "max": high, "mean": mean, "std": spread, "zeros": zero / finite}
        return result

    def histogram(self, bins: int) -> tuple[np.ndarray, float, float]:
        """How many finite values fall into each of equal bins, and where the first begins and the last ends."""
        count, finite, _, low, high, _, _ = self._summary()
        if not finite:
            return np.zeros(bins, np.uint32), 0.0, 0.0
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, bins + 1)
        there = self.device.allocate(bins + 1, edges.dtype)
        self.device.from_host(edges, there)
        counts = self.device.allocate(SHARES * bins, np.dtype(np.int32))
        with computing:
            arrays = self.array, there, counts
            self.device.launch_rows("histograms", self.array.dtype, SHARES, *arrays, count, bins, SHARES)
        return self._fetched(counts).reshape(SHARES, bins).sum(axis=0).astype(np.uint32), low, high

    def fetch(self, part: Any) -> np.ndarray:
        """Some of the array, as it is now, on the host."""
        with computing:
            self.device.enter()
            own = part.copy()
        return self._fetched(own.reshape(-1)).reshape(part.shape)

    def strongest(self, matrix: Any, block: tuple[int, int]) -> np.ndarray:
        """A matrix of the array's values, each block of so many rows and columns reduced to its strongest value."""
        rows, columns = (-(-length // size) for length, size in zip(matrix.shape, block, strict=True))
        found = self.device.allocate(rows * columns, matrix.dtype)
        with computing:
            self.device.launch("strongest", matrix.dtype, found.size, matrix, found, *matrix.shape, *block)
        return self._fetched(found).reshape(rows, columns)

    def _summary(self) -> tuple[int, int, float, float, float, float, float]:
        count = int(self.array.size)
        shares = self.device.allocate(6 * SHARES, np.dtype(np.float64))
        largest = float(np.finfo(self.array.dtype).max)
        with computing:
            self.device.launch_rows("summaries", self.array.dtype, SHARES, self.array, shares, count, SHARES, largest)
        finite, zero, low, high, total, squares = self._fetched(shares).reshape(SHARES, 6).T
        own = float(low.min()), float(high.max()), float(total.sum()), float(squares.sum())
        return count, int(finite.sum()), float(zero.sum()), *own

    def _fetched(self, array: Any) -> np.ndarray:
        host = np.empty(array.size, array.dtype)
        self.device.to_host(array, host)
        return host
