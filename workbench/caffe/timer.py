"""Timer. A stop watch."""

from __future__ import annotations

from time import perf_counter


class Timer:
    """Measures what lies between `start` and `stop`; `ms` reads it in milliseconds, and stops it."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._seconds = 0.0

    def start(self) -> None:
        """Begin at zero; does nothing to a timer that runs."""
        if self._started is None:
            self._started = perf_counter()

    def stop(self) -> None:
        """Halt; does nothing to a timer that stands."""
        if self._started is not None:
            self._seconds = perf_counter() - self._started
            self._started = None

    @property
    def ms(self) -> float:
        """The time last measured; 0 for a timer that was never started."""
        self.stop()
        return self._seconds * 1000
