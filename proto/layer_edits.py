"""Edits of the layers of a net: put in, removed, moved, connected, renamed."""

from google.protobuf.message import Message

from . import layout
from .edited import EditedText
from .field_edits import clear_field, overwrite, remove, set_field
from .layout import Spot
from .messages import NetParameter
from .spelling import Style, schema, wrap, write_lines
from .syntax import MESSAGE, parse
from .tree import Path, elements, text_of


def insert_layer(edited: EditedText, index: int, layer: str | Message) -> None:
    """Put a layer, as a message or as text, before the layer `index`; see `Document.insert_layer`."""
    layers = edited.tree.layers
    _check_index(index, len(layers) + 1)
    break_ = layout.newline(edited.text)
    if isinstance(layer, str):
        nodes = parse(layer)
        if len(nodes) != 1 or nodes[0].name not in ("layer", "layers") or nodes[0].kind is not MESSAGE:
            raise ValueError("expected the text of one layer: layer { ... }")
        block = layer.replace("\r\n", "\n").strip("\n").replace("\n", break_)
    else:
        name = {"LayerParameter": "layer", "V1LayerParameter": "layers"}.get(layer.DESCRIPTOR.name)
        if name is None:
            raise ValueError(f"expected a LayerParameter; got a {layer.DESCRIPTOR.name}")
        style = Style(indent=layout.style_around(edited.text, *_model(edited, layers, index)).indent)
        block = break_.join(wrap(name, write_lines(layer, style), style))
    with edited.transaction("insert layer"):
        _insert_block(edited, index, block)


def remove_layer(edited: EditedText, index: int) -> None:
    """Remove a layer with its own comments; what was connected to it stays as it is."""
    _check_index(index, len(edited.tree.layers))
    with edited.transaction(f"remove layer {edited.tree.records[index].name!r}"):
        remove(edited, edited.tree.layers[index], edited.tree.records[index].path)


def move_layer(edited: EditedText, index: int, to: int) -> None:
    """Move a layer, with its own comments, so that it becomes the layer `to`."""
    layers = edited.tree.layers
    _check_index(index, len(layers))
    _check_index(to, len(layers))
    if index == to:
        return
    spot = layers[index]
    start, end = layout.own_lines(edited.text, spot) or (spot.start, spot.value_end)
    block = edited.text[start:end].rstrip("\r\n")
    with edited.transaction(f"move layer {edited.tree.records[index].name!r}"):
        remove(edited, spot, edited.tree.records[index].path)
        _insert_block(edited, to, block)


def connect(edited: EditedText, bottom_blob: str, layer_index: int, position: int | None = None) -> None:
    """Make a blob a bottom of a layer: a further one, or instead of the one at `position`."""
    path = (*_layer_path(edited, layer_index), "bottom")
    if position is None:
        position = len(edited.tree.find(path))
    with edited.transaction(f"connect {bottom_blob!r}"):
        set_field(edited, (*path, position), bottom_blob)


def disconnect(edited: EditedText, layer_index: int, position: int) -> None:
    """Remove one bottom of a layer."""
    path = (*_layer_path(edited, layer_index), "bottom")
    _check_index(position, len(edited.tree.find(path)), "bottom")
    with edited.transaction("disconnect"):
        clear_field(edited, (*path, position))


def rename_blob(edited: EditedText, old: str, new: str) -> None:
    """Rename a blob in every top and bottom, and among the inputs; see `Document.rename_blob`."""
    spots = [
        child
        for layer in edited.tree.layers
        for child in elements(c for c in layer.children() if c.node.name in ("bottom", "top"))
    ]
    spots = edited.tree.by_name.get("input", []) + spots
    names = {text_of(spot.node) for spot in spots}
    if old not in names:
        raise ValueError(f"there is no blob {old!r}")
    if new != old and new in names:
        raise ValueError(f"there is a blob {new!r} already")
    spots = [spot for spot in spots if text_of(spot.node) == old]
    field = schema(NetParameter.DESCRIPTOR)["input"]
    with edited.transaction(f"rename blob {old!r}"):
        for spot in sorted(spots, key=lambda spot: spot.start, reverse=True):
            path = edited.tree.path_at(spot.value_start)
            overwrite(edited, spot, field, new, path)


def rename_layer(edited: EditedText, index: int, new: str) -> None:
    """Rename one layer (the blobs it makes keep their names)."""
    path = _layer_path(edited, index)
    if edited.tree.find((*path, "layer")):  # V0 keeps the name inside
        path = (*path, "layer")
    with edited.transaction(f"rename layer {edited.tree.records[index].name!r}"):
        set_field(edited, (*path, "name"), new)


def _layer_path(edited: EditedText, index: int) -> Path:
    _check_index(index, len(edited.tree.layers))
    return edited.tree.records[index].path


def _model(edited: EditedText, layers: list[Spot], index: int) -> tuple[Spot | None, list[Spot], int]:
    """The layer that a new one at `index` should look like, as arguments for `style_around`."""
    if not layers:
        return None, [], -1
    spot = layers[min(index, len(layers) - 1)]
    return spot, spot.children(), -1


def _insert_block(edited: EditedText, index: int, block: str) -> None:
    """Put the text of a layer on lines of its own before the layer `index`."""
    text, layers = edited.text, edited.tree.layers
    break_ = layout.newline(text)
    if any(not spot.node.name for spot in layers):
        raise ValueError("layers in a list [ ... ] cannot be inserted or moved; write them one by one")
    gap = break_ * (1 + _blank_lines_between(text, layers, index))
    if index < len(layers):
        start = layers[index].start
        head = layout.line_start(text, start)
        if text[head:start].strip():
            edited.splice(start, start, break_ + block + gap)
        else:
            at = layout.comments_above(text, head)
            edited.splice(at, at, block + gap)
    elif layers:
        at = layout.end_of_field(text, layers[-1])
        edited.splice(at, at, gap + block + ("" if text[at : at + 1] in ("", "\r", "\n") else break_))
    else:
        edited.splice(*layout.insertion(text, None, edited.tree.roots, len(edited.tree.roots) - 1, [block]))
    edited.touch(edited.tree.records[index].path)


def _blank_lines_between(text: str, layers: list[Spot], index: int) -> int:
    """How many blank lines (none or one) part the layers around `index`."""
    if len(layers) < 2:
        return 0
    first = min(max(index - 1, 0), len(layers) - 2)
    between = text[layers[first].end : layers[first + 1].start]
    return int(any(not line.strip() for line in between.split("\n")[1:-1]))


def _check_index(index: int, count: int, what: str = "layer") -> None:
    if not 0 <= index < count:
        raise IndexError(f"there is no {what} {index}; there are {count}")
