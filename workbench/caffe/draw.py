"""Drawings of nets: Graphviz's text, and pictures made from it."""

from __future__ import annotations

import re
import subprocess
from os import PathLike
from pathlib import Path
from typing import Any

from ...engine.atomic import atomic_write
from ...proto.messages import NetParameter, PoolingParameter
from ...proto.printable import printable
from ...proto.upgrade import upgrade_net
from ..graphviz import dot_program

COLORS = {
    "Convolution": "#FF5050",
    "Deconvolution": "#FF5050",
    "Pooling": "#FF9900",
    "InnerProduct": "#CC33FF",
}
OTHER_COLOR, IN_PLACE_COLOR, BLOB_COLOR = "#6495ED", "#90EE90", "#E0E0E0"
LAYER_STYLE_DEFAULT = {"shape": "record", "fillcolor": OTHER_COLOR, "style": "filled"}
NEURON_LAYER_STYLE = {**LAYER_STYLE_DEFAULT, "fillcolor": IN_PLACE_COLOR}
BLOB_STYLE = {"shape": "octagon", "fillcolor": BLOB_COLOR, "style": "filled"}
LEARNING = ("Convolution", "Deconvolution", "InnerProduct")


class Graph:
    """A drawing to be made. Source: what scripts use of pydot's Dot."""

    def __init__(self, text: str):
        self.text = text

    def to_string(self) -> str:
        """The graph in Graphviz's language."""
        return self.text

    def create(self, format: str = "png") -> bytes:
        """The graph as a picture: "png", "svg", "jpg"; "raw" is the text itself.

        Raises ValueError for a format that the Graphviz at hand does not write (graphviz-pure has no "pdf"),
        OSError when there is no Graphviz.
        """
        if format == "raw":
            return self.text.encode()
        done = subprocess.run([dot_program(), f"-T{format}"], input=self.text.encode(), capture_output=True)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip()
            raise ValueError(f"Graphviz cannot draw this as {format!r}: {reason}")
        return done.stdout

    def write(self, path: str | PathLike, format: str = "raw") -> None:
        """Write the graph to a file. Raises what `create` does."""
        picture = self.create(format)
        with atomic_write(path) as file:
            file.write(picture)


def get_pydot_graph(
    caffe_net: Any,
    rankdir: str,
    label_edges: bool = True,
    phase: int | None = None,
    display_lrm: bool = False,
) -> Graph:
    """A net as a graph of layers and blobs, from left to right ("LR") or in another direction of Graphviz's.

    `caffe_net` is a NetParameter, `label_edges` writes numbers of outputs on the edges, `phase` leaves out
    the layers of the other phase, `display_lrm` shows the rates of learning layers. Raises UpgradeError for an
    old net that cannot be upgraded.
    """
    net = caffe_net
    if net.layers:
        net = NetParameter()
        net.CopyFrom(caffe_net)
        upgrade_net(net)
    nodes: dict[str, str] = {}
    edges = []
    for layer in net.layer:
        if phase is not None and not _in_phase(layer, phase):
            continue
        label = get_layer_label(layer, rankdir, display_lrm)
        own = f"layer {layer.name} {layer.type}"
        in_place = len(layer.bottom) == len(layer.top) == 1 and layer.bottom[0] == layer.top[0]
        color = IN_PLACE_COLOR if in_place else choose_color_by_layertype(layer.type)
        nodes[own] = _node(label, "record", color)
        for bottom in map(_spelled, layer.bottom):
            nodes[f"blob {bottom}"] = _node(bottom, "octagon", BLOB_COLOR)
            edges.append(_edge(bottom, label, ""))
        for top in map(_spelled, layer.top):
            nodes[f"blob {top}"] = f"{_quoted(top)};"  # plain, unless a layer further up reads it
            edges.append(_edge(label, top, get_edge_label(layer) if label_edges else ""))
    head = [f"digraph {_quoted(_spelled(net.name) or 'Net')} {{", f"rankdir={rankdir};"]
    return Graph("\n".join([*head, *nodes.values(), *edges, "}", ""]))


def _in_phase(layer: Any, phase: int) -> bool:
    included = not layer.include or any(rule.phase == phase for rule in layer.include)
    return included and all(rule.phase != phase for rule in layer.exclude)


def get_layer_label(layer: Any, rankdir: str, display_lrm: bool = False) -> str:
    """Name, type and window of a layer; in lines where the drawing is wide, in one where it is high."""
    words = [_spelled(layer.name), f"({_spelled(layer.type)})"]
    if layer.type == "Pooling":
        settings = layer.pooling_param
        words[1] = f"({layer.type} {PoolingParameter.PoolMethod.Name(settings.pool)})"
        words += _window(settings.kernel_size, settings.stride, settings.pad)
    elif layer.type in ("Convolution", "Deconvolution"):
        settings = layer.convolution_param
        words += _window(*([*given, default][0] for given, default in (
            (settings.kernel_size, 1), (settings.stride, 1), (settings.pad, 0)
        )))  # fmt: skip
    if display_lrm and layer.type in LEARNING:
        weights, biases = get_layer_lr_mult(layer)
        if weights or biases:
            words.append(f"lr mult: {weights:.1f}, {biases:.1f}")
    return (" " if rankdir in ("TB", "BT") else r"\n").join(words)


def _window(kernel_size: int, stride: int, pad: int) -> list[str]:
    return [f"kernel size: {kernel_size}", f"stride: {stride}", f"pad: {pad}"]


def get_pooling_types_dict() -> dict[int, str]:
    """The names of the ways to pool, by number."""
    return {number: name for name, number in PoolingParameter.PoolMethod.items()}


def get_layer_lr_mult(layer: Any) -> tuple[float, float]:
    """The rates of a learning layer's weights and biases. Raises ValueError for other types."""
    if layer.type not in LEARNING:
        raise ValueError(f"a {layer.type} layer has no lr_mult")
    weights, biases = [*(param.lr_mult for param in layer.param), 1.0, 1.0][:2]
    return weights, biases


def get_edge_label(layer: Any) -> str:
    """What is written on the edges to a layer's tops: how many rows or outputs, where the layer sets it."""
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in ("Convolution", "Deconvolution"):
        return str(layer.convolution_param.num_output)
    return str(layer.inner_product_param.num_output) if layer.type == "InnerProduct" else ""


def choose_color_by_layertype(layertype: str) -> str:
    """The colour of a layer that does not work in place, as #RRGGBB."""
    return COLORS.get(layertype, OTHER_COLOR)


def _node(label: str, shape: str, color: str) -> str:
    special = re.sub(r"([{}|<>])", r"\\\1", label) if shape == "record" else label  # what divides a record
    shown = f"label={_quoted(special)}, " if special != label else ""
    return f'{_quoted(label)} [{shown}fillcolor="{color}", shape={shape}, style=filled];'


def _edge(source: str, target: str, label: str) -> str:
    return f"{_quoted(source)} -> {_quoted(target)}  [label={_quoted(label)}];"


def _spelled(name: str) -> str:
    """A name as Graphviz reads it in a label: a backslash would begin an escape, or take in the quote behind it."""
    return printable(name).replace("\\", "\\\\")


def _quoted(text: str) -> str:
    """A name in Graphviz's language, in quotes where it must have them."""
    keyword = text.lower() in ("node", "edge", "graph", "digraph", "subgraph", "strict")
    if re.fullmatch(r"[A-Za-z_]\w*|\d+", text, re.ASCII) and not keyword:
        return text
    return '"' + text.replace('"', r"\"") + '"'


def draw_net(
    caffe_net: Any,
    rankdir: str,
    ext: str = "png",
    phase: int | None = None,
    display_lrm: bool = False,
) -> bytes:
    """A net as a picture, in a format that `Graph.create` knows; settings are those of `get_pydot_graph`."""
    return get_pydot_graph(caffe_net, rankdir, phase=phase, display_lrm=display_lrm).create(ext)


def draw_net_to_file(
    caffe_net: Any,
    filename: str | PathLike,
    rankdir: str = "LR",
    phase: int | None = None,
    display_lrm: bool = False,
) -> None:
    """Write a net as a picture, in the format that the name ends in; ``.raw`` gives Graphviz's text."""
    graph = get_pydot_graph(caffe_net, rankdir, phase=phase, display_lrm=display_lrm)
    graph.write(filename, Path(filename).suffix.removeprefix(".") or "raw")


if __name__ == "__main__":  # python -m caffe.draw NET IMAGE
    import sys

    from ..cli import main

    sys.exit(main(["draw_net", *sys.argv[1:]]))
