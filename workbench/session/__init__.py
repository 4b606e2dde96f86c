"""Sessions: a solver that is played, paused, stepped by layer and rewound, on a thread of its own."""

from .session import Session

__all__ = ["Session"]
