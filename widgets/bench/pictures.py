"""The picture of a bench that a saved notebook holds, brought up to date while the bench lives."""

from __future__ import annotations

from collections.abc import Callable

from ...workbench.events import Courier
from ..frame import Frame

INTERVAL = 2.0  # seconds between two pictures, at the least


class Pictures:
    """Sends the page another picture when something changed, once a page has said that it keeps it.

    `make` draws it, on a thread of its own.
    """

    def __init__(self, frame: Frame, make: Callable[[], str]):
        self._frame, self._make = frame, make
        self._wanted = False
        self._last = ""
        self._courier = Courier(INTERVAL, "pictures")
        frame.on_keep = self.keep

    def keep(self) -> None:
        """A page keeps pictures."""
        self._wanted, self._last = True, ""
        self.update()

    def update(self) -> None:
        """Something that the picture shows may have changed."""
        if self._wanted:
            self._courier.post_latest("picture", self._send)

    def close(self) -> None:
        """Send no more."""
        self._wanted = False
        self._courier.close()

    def _send(self) -> None:
        picture = self._make() if self._wanted else ""
        if picture and picture != self._last:
            self._last = picture
            self._frame.send({"type": "picture", "svg": picture})
