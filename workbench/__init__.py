"""What a user does, without a screen: live nets, sessions, pycaffe, the command line.

The names are imported when they are first used, so that the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .events import Channel, errors
    from .history import History, Points
    from .livenet import LiveNet, Status
    from .plan import Plan, PlanEntry
    from .session import Session
    from .session.watch import NotFinite
    from .walk import Cursor
    from .walkthrough import Walkthrough

_PUBLIC = {
    "Channel": "events",
    "Cursor": "walk",
    "History": "history",
    "LiveNet": "livenet",
    "NotFinite": "session.watch",
    "Plan": "plan",
    "PlanEntry": "plan",
    "Points": "history",
    "Session": "session",
    "Status": "livenet",
    "Walkthrough": "walkthrough",
    "errors": "events",
}

__all__ = [
    "Channel",
    "Cursor",
    "History",
    "LiveNet",
    "NotFinite",
    "Plan",
    "PlanEntry",
    "Points",
    "Session",
    "Status",
    "Walkthrough",
    "errors",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
