"""Which fields of a message a form shows where, and the lines that it says about them."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...proto.fields import Field, fields
from .values import SHAPE

Path = tuple[str | int, ...]

COMMON = {"LayerParameter": ("param", "include", "exclude", "loss_weight", "propagate_down")}
"""What every layer may have, apart from its own settings: shown folded, below them."""


def hint(field: Field) -> str:
    """One line under an input: what the field does, in which unit, from where to where."""
    notes = [f"in {field.unit}" if field.unit else ""]
    if field.min is not None and (field.kind != "uint" or field.min > 0):
        notes.append(f"at least {field.min:g}")
    if field.max is not None:
        notes.append(f"at most {field.max:g}")
    if field.message == SHAPE:
        notes.append("as in 1x3x224x224")
    if field.repeated:
        notes.append("comma-separated")
    notes = [note for note in notes if note]
    return f"{field.help} ({', '.join(notes)})" if notes else field.help


def summary(value: Any) -> str:
    """A message in a few words, for the head of its folded section."""
    if not value:
        return ""
    if isinstance(value, list):
        return f"{len(value)}: " + "; ".join(summary(each) or "empty" for each in value)
    scalars = [(name, each) for name, each in value.items() if not isinstance(each, dict | list)]
    words = [str(each) if isinstance(each, str) else f"{name} {_spell_number(each)}" for name, each in scalars]
    words += [f"{name} {' '.join(map(str, each))}" for name, each in value.items()
              if isinstance(each, list) and not any(isinstance(item, dict) for item in each)]  # fmt: skip
    return ", ".join(words[:4])


def _spell_number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) and math.isfinite(value) else str(value)


def arrange(
    message: str, sections: Sequence[str] = (), values: Mapping[str, Any] | None = None, top: bool = False,
    without: Collection[str] = (),
) -> tuple[list[Field], list[Field], list[Field]]:
    """Which fields of a message a form shows: at once, in open sections, and folded under "more".

    Args:
        message: a message name such as "LayerParameter".
        sections: message fields to show open, such as ("convolution_param",).
        values: what is written: it is shown even if deprecated or unusual.
        top: whether this is the message the form is about. Its other message fields appear only when
            written, or in COMMON: a layer has sixty of them and needs one.
        without: fields that are not shown.
    """
    values = values or {}
    common = COMMON.get(message, ())
    records = [field for field in fields(message) if not field.deprecated or field.name in values]
    records = [field for field in records if field.name not in without]
    by_name = {field.name: field for field in records}
    opened = [by_name[name] for name in sections if name in by_name]
    others = [field for field in records if top and field.kind == "message" and field.name not in (*sections, *common)]
    opened += [field for field in others if field.name in values]
    left = [field for field in records if field not in opened and field not in others]
    folded = [field for field in left if field.advanced or field.deprecated or field.name in common]
    if top:
        folded.sort(key=lambda field: common.index(field.name) if field.name in common else len(common))
    return [field for field in left if field not in folded], opened, folded


def dotted(path: Path) -> str:
    """A path as diagnostics spell it: "convolution_param.num_output", "param.0.lr_mult"."""
    return ".".join(map(str, path))
