"""Events. The channels of a session, and the thread that publishes on them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from ..events import Channel, Courier


class Events:
    """The channels of a session, by name, and the courier that serves them; `interval` is in seconds."""

    def __init__(self, interval: float):
        self.state = Channel("state")
        self.progress = Channel("progress")
        self.test = Channel("test")
        self.cursor = Channel("cursor")
        self.error = Channel("error")
        self.snapshot = Channel("snapshot")
        self.rebuilt = Channel("rebuilt")
        self.making = Channel("making")
        self.testing = Channel("testing")
        self.notice = Channel("notice")
        self.not_finite = Channel("not finite")
        self.kept = Channel("kept")
        self.mark = Channel("mark")
        self.runs = Channel("runs")
        self.courier = Courier(interval, "session events")

    def tell(self, channel: Channel, *what: Any) -> None:
        """Publish soon, after all that was told before."""
        self.courier.post(partial(channel.publish, *what))

    def tell_latest(self, channel: Channel, *what: Any) -> None:
        """Publish soon, unless something later comes on the channel meanwhile; at most every `interval` seconds."""
        self.call_latest(channel.name, partial(channel.publish, *what))

    def call(self, call: Callable[[], object]) -> None:
        """Have a call made on the courier's thread, after all that was told before."""
        self.courier.post(call)

    def call_latest(self, key: Hashable, call: Callable[[], object]) -> None:
        """Have a call made on the courier's thread, in place of one of the same key that still waits."""
        self.courier.post_latest(key, call)
