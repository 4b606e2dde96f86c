"""Events. Whoever publishes neither waits for those who listen, nor falls with them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

Call = Callable[[], object]


class Channel:
    """One kind of event, to which anybody may subscribe, from any thread.

    What a subscriber raises is caught and published on `errors`; the others are still told.
    """

    def __init__(self, name: str):
        self.name = name
        self._callbacks: tuple[Callable[..., object], ...] = ()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Channel {self.name!r}, {len(self._callbacks)} subscribers>"

    def subscribe(self, callback: Callable[..., object]) -> Callable[[], None]:
        """Call `callback(*what)` at every event from now on; returns what ends that."""
        with self._lock:
            self._callbacks += (callback,)

        def unsubscribe() -> None:
            with self._lock, suppress(ValueError):
                remaining = list(self._callbacks)
                remaining.remove(callback)
                self._callbacks = tuple(remaining)

        return unsubscribe

    def publish(self, *what: Any) -> None:
        """Tell all subscribers, one after the other, on this thread."""
        for callback in self._callbacks:
            try:
                callback(*what)
            except Exception as error:
                _report(self, error)

    @property
    def has_subscribers(self) -> bool:
        return bool(self._callbacks)


errors = Channel("errors")
"""Tells of (channel, exception) whenever a subscriber of any other channel raised; logged where nobody listens."""


def _report(channel: Channel, error: Exception) -> None:
    if channel is errors or not errors.has_subscribers:
        logging.getLogger(__name__).error("a subscriber of %r failed", channel.name, exc_info=error)
    else:
        errors.publish(channel, error)


class Outbox:
    """Calls that wait to be made: each in its turn, or only the latest of a kind and no more often than `interval`.

    A call in its turn takes with it all that waited before, so that nothing overtakes. Times are seconds.
    """

    def __init__(self, interval: float):
        self.interval = interval
        self._ready: list[tuple[Hashable, Call]] = []
        self._latest: dict[Hashable, Call] = {}
        self._made: dict[Hashable, float] = {}

    def put(self, call: Call) -> None:
        """Have a call made next."""
        self._ready += [*self._latest.items(), (None, call)]
        self._latest.clear()

    def put_latest(self, key: Hashable, call: Call) -> bool:
        """Have a call made in place of the one of the same key that still waits; False where there was one."""
        is_new = key not in self._latest
        self._latest[key] = call
        return is_new

    def take(self, now: float) -> list[Call]:
        """What is to be called now."""
        for key in [key for key in self._latest if now >= self._time_of(key)]:
            self._ready.append((key, self._latest.pop(key)))
        taken, self._ready = self._ready, []
        self._made.update((key, now) for key, _ in taken if key is not None)
        return [call for _, call in taken]

    def delay(self, now: float) -> float | None:
        """How long until `take` has something to give; None: nothing waits."""
        if self._ready:
            return 0.0
        return max(0.0, min(map(self._time_of, self._latest)) - now) if self._latest else None

    def _time_of(self, key: Hashable) -> float:
        return self._made.get(key, -float("inf")) + self.interval


class Courier:
    """A daemon thread that makes calls for somebody who has no time to wait for them."""

    def __init__(self, interval: float = 0.1, name: str = "courier"):
        self._outbox = Outbox(interval)
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def post(self, call: Call) -> None:
        """Have a call made soon, after all that was posted before."""
        with self._changed:
            self._outbox.put(call)
            self._changed.notify()

    def post_latest(self, key: Hashable, call: Call) -> None:
        """Have a call made, if no later one of the same key comes before its time."""
        with self._changed:
            if self._outbox.put_latest(key, call):
                self._changed.notify()

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until all that was posted has been called; False when time ran out, or on the courier's own thread."""
        if threading.current_thread() is self._thread or self._closed:
            return False
        done = threading.Event()
        self.post(done.set)
        return done.wait(timeout)

    def close(self) -> None:
        """End the thread, after what was posted; a call that takes its time is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(1)

    def _serve(self) -> None:
        while True:
            with self._changed:
                while not (calls := self._outbox.take(time.monotonic())):
                    if self._closed:
                        return
                    self._changed.wait(self._outbox.delay(time.monotonic()))
            for call in calls:
                try:
                    call()
                except Exception:
                    logging.getLogger(__name__).exception("an event could not be told")
