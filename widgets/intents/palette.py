"""The palette: what can be added to a net."""

from __future__ import annotations

from ...engine import LAYERS, load_layers


def palette() -> list[dict[str, str]]:
    """The layer types on offer, for the editor: type, category, and the first sentence of the type's docstring."""
    load_layers()
    entries = [
        {"type": name, "category": cls.category, "help": (cls.__doc__ or "").strip().partition("\n")[0]}
        for name, cls in LAYERS.items()
        if name != "Split"
    ]
    return sorted(entries, key=lambda entry: (entry["category"], entry["type"]))
