"""What pages show of a blob, reduced where it lies, so that kilobytes travel instead of the blob."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..blob import Blob
from .device import Device

SHARES = 512  # pieces of an array that are reduced side by side


class Look:
    """The values or gradients of a blob on a device. `part` is "data" or "diff"."""

    def __init__(self, blob: Blob, part: str = "data"):
        assert isinstance(blob.place, Device)
        self.device: Device = blob.place
        self.array = blob.read() if part == "data" else blob.read_diff()

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
        arrays = self.array, there, counts
        self.device.launch_rows("histograms", self.array.dtype, SHARES, *arrays, count, bins, SHARES)
        return self._fetched(counts).reshape(SHARES, bins).sum(axis=0).astype(np.uint32), low, high

    def item(self, index: int) -> np.ndarray:
        """One item of the batch, or one unit."""
        return self._fetched(self.array[index].reshape(-1)).reshape(self.array.shape[1:])

    def _summary(self) -> tuple[int, int, float, float, float, float, float]:
        count = int(self.array.size)
        shares = self.device.allocate(6 * SHARES, np.dtype(np.float64))
        largest = float(np.finfo(self.array.dtype).max)
        self.device.launch_rows("summaries", self.array.dtype, SHARES, self.array, shares, count, SHARES, largest)
        finite, zero, low, high, total, squares = self._fetched(shares).reshape(SHARES, 6).T
        own = float(low.min()), float(high.max()), float(total.sum()), float(squares.sum())
        return count, int(finite.sum()), float(zero.sum()), *own

    def _fetched(self, array: Any) -> np.ndarray:
        host = np.empty(array.size, array.dtype)
        self.device.to_host(array, host)
        return host
