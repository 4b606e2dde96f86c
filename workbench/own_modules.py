"""Modules of the user's own: layers that were selected and named, kept as prototxt in the folder for settings."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from ..engine import LAYERS, load_layers
from ..engine.atomic import atomic_write
from ..proto import Document
from ..proto.messages import LayerParameter
from .modules import MODULES, Module

VARIABLE = "BREWBENCH_CONFIG"
ENTRY = "bottom"
"""The name that the blob has in a module's file which the module comes behind."""

HEAD = """\
# A module of one's own, which the palette offers under the name of this file. `bottom` is the blob that it comes
# behind. A number typed behind its name is the num_output of the layers that stand in one of these lines:
"""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}")
_NUMBER = re.compile(r"^# number (\S+): (.+)$", re.MULTILINE)


def folder() -> Path:
    """Where modules are kept: in the user's folder for settings, or in the one that BREWBENCH_CONFIG names."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named) / "modules"
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", Path.home() / "AppData" / "Roaming"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "brewbench" / "modules"


def all_modules() -> dict[str, Module]:
    """Brewbench's modules, then the user's own, by name."""
    return MODULES | own_modules()


def own_modules() -> dict[str, Module]:
    """The user's own modules, by name; a file that is none is passed over."""
    found = {}
    with suppress(OSError):
        for path in sorted(folder().glob("*.prototxt")):
            with suppress(OSError, ValueError):
                found[path.stem] = _load(path)
    return found


def save(name: str, layers: Sequence[Any]) -> Path:
    """Keep layers, as LayerParameters in the order of the text, as a module; the file, which is whole or not there.

    Raises ValueError for a name that cannot be, or for layers that read no other's blob, OSError where the file
    cannot be written.
    """
    load_layers()
    if not _NAME.fullmatch(name):
        raise ValueError(f"A module's name is letters, digits, - and _, beginning with a letter; got {name!r}.")
    if name.lower() in {one.lower() for one in (*LAYERS, *MODULES)}:
        raise ValueError(f"{name!r} is in the palette already: choose another name.")
    kept = relative(layers)
    text = HEAD + "".join(f"# number {number}: {' '.join(names)}\n" for number, names in _numbers(kept))
    path = folder() / f"{name}.prototxt"
    path.parent.mkdir(parents=True, exist_ok=True)
    for layer in kept:
        text += f"layer {{\n{text_format.MessageToString(layer, indent=2)}}}\n"
    with atomic_write(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def remove(name: str) -> None:
    """Throw a module away. Raises ValueError where there is none of that name."""
    try:
        (folder() / f"{Path(name).name}.prototxt").unlink()
    except OSError:
        raise ValueError(f"There is no module {name!r} of your own.") from None


def relative(layers: Sequence[Any]) -> list[Any]:
    """Copies of layers as a module's file has them: the blob they come behind is `bottom`, their names are short.

    Raises ValueError where no layer reads a blob of others.
    """
    group = os.path.commonprefix([layer.name for layer in layers]).rpartition("/")[0] if len(layers) > 1 else ""
    made: set[str] = set()
    outer: list[str] = []
    for layer in layers:
        outer += [blob for blob in layer.bottom if blob not in made]
        made.update(layer.top)
    if not outer:
        raise ValueError("Select layers of which one reads a blob of another layer: a module comes behind one.")
    entry = outer[0]

    def short(name: str) -> str:
        return name.removeprefix(f"{group}/") if group else name

    def blob(name: str) -> str:
        return ENTRY if name == entry else short(name) if name in made else name

    copies = []
    for layer in layers:
        copy: Any = LayerParameter()
        copy.CopyFrom(layer)
        copy.name = short(layer.name)
        copy.bottom[:] = map(blob, layer.bottom)
        copy.top[:] = map(blob, layer.top)
        copies.append(copy)
    return copies


def _numbers(layers: Sequence[Any]) -> list[tuple[str, list[str]]]:
    """The numbers of a module, each with the layers it is for: those of the same num_output have one."""
    found: dict[int, list[str]] = {}
    for layer in layers:
        param = _settings(layer)
        if param is not None and param.num_output:
            found.setdefault(param.num_output, []).append(layer.name)
    return [(names[0], names) for names in found.values()]


def _settings(layer: Any) -> Any:
    """The settings of a layer that has a num_output; None of any other."""
    cls = LAYERS.get(layer.type)
    param = getattr(layer, cls.param_field) if cls is not None and cls.param_field else None
    return param if param is not None and "num_output" in param.DESCRIPTOR.fields_by_name else None


def _load(path: Path) -> Module:
    load_layers()
    document = Document.open(path, "net")
    layers = list(document.message.layer)
    if not layers or document.problems or not all(layer.top for layer in layers[-1:]):
        raise ValueError(f"{path}: expected the layers of a module.")
    by_name = {layer.name: layer for layer in layers}
    numbers = {number: tuple(name for name in names.split() if name in by_name and _settings(by_name[name]) is not None)
               for number, names in _NUMBER.findall(document.text)}  # fmt: skip
    numbers = {number: names for number, names in numbers.items() if names}
    usual = tuple(_settings(by_name[names[0]]).num_output for names in numbers.values())
    kinds = ", ".join(dict.fromkeys(layer.type for layer in layers))
    help = f"Of your own: {len(layers)} layers, {kinds}."
    return Module(partial(_make, layers, numbers), tuple(numbers), usual, help)


def _make(
    layers: Sequence[Any], numbers: Mapping[str, Sequence[str]], name: str, bottom: str, *given: int
) -> list[Any]:
    """The layers of a module, under names that begin with its own."""
    outputs = {layer: value for names, value in zip(numbers.values(), given, strict=True) for layer in names}
    made = {top for layer in layers for top in layer.top}

    def blob(old: str) -> str:
        return bottom if old == ENTRY else f"{name}/{old}" if old in made else old

    copies = []
    for layer in layers:
        copy: Any = LayerParameter()
        copy.CopyFrom(layer)
        copy.name = f"{name}/{layer.name}"
        copy.bottom[:] = map(blob, layer.bottom)
        copy.top[:] = map(blob, layer.top)
        for param in copy.param:
            if param.name:  # shared within the module, not with another of its kind
                param.name = f"{name}/{param.name}"
        if layer.name in outputs:
            _settings(copy).num_output = outputs[layer.name]
        copies.append(copy)
    return copies
