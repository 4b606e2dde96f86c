"""What ops have in common that work channel by channel, in whatever layout the values lie."""

from __future__ import annotations

from typing import Any

from ...context import Context
from ...memory import Memory
from ._op import Shape, TileOp, ready


class PerChannel(TileOp):
    """An op over values (N, C, ...)."""

    def __init__(self, context: Context, *, shape: Shape, **spec: Any):
        super().__init__(context, shape=shape, **spec)
        self.shape = shape
        self._channels: Any = None

    @classmethod
    def supports(cls, context: Context, *, shape: Shape, **spec: Any) -> bool:
        return super().supports(context) and len(shape) > 1 and 0 not in shape

    @property
    def channels(self) -> Any:
        """What goes over them; made when the op first runs."""
        if self._channels is None:
            from .channels import Channels

            self._channels = Channels(self.shape)
        return self._channels

    def layout_of(self, *memories: Memory) -> Any:
        """The layout to work in; None where that is for the reference."""
        return self.channels.layout_of(memories) if ready() else None
