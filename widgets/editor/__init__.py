"""The net editor: a report of a net in, a drawing to edit out."""

from .graph import build_graph, default_collapsed, edge_ends
from .svg import to_svg
from .widget import NetEditor

__all__ = ["NetEditor", "build_graph", "default_collapsed", "edge_ends", "to_svg"]
