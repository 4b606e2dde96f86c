"""What check leaves out of its findings: all that only echoes another one."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import Diagnostic


def without_echoes(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """One finding for each layer of a type that nobody knows, in place of one for its settings and another for it.

    The settings of such a layer (`..._param`) are as unknown as the layer. Where its type cannot even be read, as in
    the V1 format, that is the finding.
    """
    found = list(found)
    unread = {one.layer_index for one in found if one.field == "type" and not _is_unknown_type(one)}
    unread.discard(None)
    unknown = unread | {one.layer_index for one in found if _is_unknown_type(one)}
    return [
        one
        for one in found
        if one.layer_index is None
        or one.layer_index not in unknown
        or not (_is_setting(one) or (_is_unknown_type(one) and one.layer_index in unread))
    ]


def _is_unknown_type(found: Diagnostic) -> bool:
    return found.field == "type" and found.message.startswith("unknown layer type")


def _is_setting(found: Diagnostic) -> bool:
    return bool(found.field) and found.field.partition(".")[0].endswith("_param")  # pyright: ignore
