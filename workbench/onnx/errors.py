"""NotMapped. What one of the two formats cannot say."""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.errors import Diagnostic
from ...proto import OneLine


class Unmapped(Exception):
    """One layer or node has no equivalent; the message says what of it."""


class NotMapped(OneLine, ValueError):
    """A net has layers without an equivalent in ONNX, or a model nodes without one in Caffe.

    `found` has a Diagnostic for each; as a string, a line for each.
    """

    def __init__(self, heading: str, found: Sequence[Diagnostic]):
        self.found = tuple(found)
        super().__init__("\n".join([heading, *(f"  {one}" for one in found)]))
