"""Rules that let a layer be in some phases or stages only: shown in a few words, set as a switch does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...proto import Document

PHASES = ("TRAIN", "TEST")


def rules_of(layers: Iterable[Any]) -> dict[int, str]:
    """The rules of layer messages in a few words, by place: "TRAIN", "TEST", "TRAIN deploy"; "" without any."""
    return {index: rule_of(layer) for index, layer in enumerate(layers)}


def rule_of(layer: Any) -> str:
    """The rules of one layer message. "TRAIN" is also said of a layer that is excluded from TEST."""
    include = list(dict.fromkeys(map(_spelled, layer.include)))
    exclude = list(dict.fromkeys(map(_spelled, layer.exclude)))
    if len(exclude) == 1 and not include and exclude[0] in PHASES:
        return PHASES[1 - PHASES.index(exclude[0])]
    if set(include) == set(PHASES):
        include = []
    said = [" or ".join(include)] if include else []
    return ", ".join([*said, *(f"not {rule}" for rule in exclude)])


def _spelled(rule: Any) -> str:
    words = [PHASES[rule.phase]] if rule.HasField("phase") else []
    words += [*rule.stage, *(f"not {stage}" for stage in rule.not_stage)]
    words += [f"level >= {rule.min_level}"] if rule.HasField("min_level") else []
    words += [f"level <= {rule.max_level}"] if rule.HasField("max_level") else []
    return " ".join(words) or "always"


def set_phase(document: Document, indices: Sequence[int], phase: str) -> None:
    """Let layers be in one phase only, "TRAIN" or "TEST", or in both, "". Stages and levels stay as they are.

    Raises ValueError where a layer excludes by more than the phase: Caffe takes either kind of rules, not both.
    """
    if phase not in (*PHASES, ""):
        raise ValueError(f"The phase must be TRAIN, TEST or empty; got {phase!r}.")
    if not indices:
        raise ValueError("Select the layers first.")
    with document.transaction(f"in {phase or 'all phases'}"):
        for index in indices:
            _set_phase(document, index, phase)


def _set_phase(document: Document, index: int, phase: str) -> None:
    record = document.layers[index]
    excluded = document.get((*record.path, "exclude")) or []
    for k in reversed(range(len(excluded))):
        if _only_phase(excluded[k]):
            document.clear((*record.path, "exclude", k))
        elif phase or excluded[k].HasField("phase"):
            raise ValueError(f"{record.name} excludes {_spelled(excluded[k])}: change its rules in the form.")
    included = document.get((*record.path, "include")) or []
    kept = 0  # rules about the phase alone: one is enough
    for k, rule in enumerate(included):
        kept += _only_phase(rule)
        if phase:
            document.set((*record.path, "include", k, "phase"), phase)
    for k in reversed(range(len(included))):
        if _only_phase(included[k]) and (not phase or kept > 1):
            document.clear((*record.path, "include", k))
            kept -= 1
        elif not phase:
            document.clear((*record.path, "include", k, "phase"))
    if phase and not included:
        document.set((*record.path, "include", 0), {"phase": phase})


def _only_phase(rule: Any) -> bool:
    return [field.name for field, _ in rule.ListFields()] in (["phase"], [])
