"""How long the device takes for a piece of work, by its own clock."""

from __future__ import annotations

from typing import Any

from .device import Device


class Stopwatch:
    """Takes the time on the device's stream: launching from Python does not count, unless the device waits for it."""

    def __init__(self, device: Device):
        self.device = device
        self._events: list[Any] = []  # reused from round to round
        self._used = 0

    def mark(self) -> None:
        """Here one piece of work ends and the next begins."""
        if self._used == len(self._events):
            self._events.append(self.device.event(timed=True))
        self._events[self._used].record()
        self._used += 1

    def laps(self) -> list[float]:
        """Milliseconds from each mark to the next, once all is done; then it begins anew."""
        used, self._used = self._events[: self._used], 0
        if used:
            used[-1].synchronize()
        elapsed = self.device.xp.cuda.get_elapsed_time
        return [elapsed(start, stop) for start, stop in zip(used, used[1:], strict=False)]
