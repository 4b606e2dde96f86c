"""The bench: a net's drawing, text, form, stepper, curves and arrays, all on one live net."""

from .bench import Bench
from .opening import as_document, net_of, open

__all__ = ["Bench", "as_document", "net_of", "open"]
