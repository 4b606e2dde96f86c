"""The training net of a deploy net: data in place of its inputs, a loss in place of its probabilities; its solver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine import LAYERS, TEST, TRAIN, Report, check, load_layers
from ..proto import Document
from ..proto.messages import LayerParameter
from .deployment import modernised

DATA = ("Data", "ImageData", "HDF5Data", "DummyData")
"""Types of data layers that can take the place of inputs."""

LOSSES = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid", "EuclideanLoss": None}
"""By type of a loss, the layer that it contains, and so takes the place of."""

SOURCES = {
    "Data": ("train_lmdb", "test_lmdb"),
    "ImageData": ("train.txt", "test.txt"),
    "HDF5Data": ("train.txt", "test.txt"),
    "DummyData": ("", ""),
}
"""What the layers for TRAIN and TEST read, unless told."""

BATCH = (64, 100)
FILLED = ("Convolution", "ConvolutionDepthwise", "Deconvolution", "DepthwiseConvolution", "Embed", "InnerProduct")
"""Types whose weights start at 0, and never learn, where no filler is written."""

SOLVER = """# Test iterations times the TEST batch should cover the test data.
net: "{net}"
test_iter: 100
test_interval: 500
base_lr: {rate}
lr_policy: "step"
gamma: 0.1
stepsize: 5000
momentum: 0.9
weight_decay: 0.0005
display: 100
max_iter: 10000
snapshot: 5000
snapshot_prefix: "{prefix}"
solver_mode: CPU
"""


def trainable(
    document: Document, *, data: str = "Data", loss: str = "SoftmaxWithLoss",
    sources: Sequence[str] = (), batch: Sequence[int] = BATCH,
) -> Document:  # fmt: skip
    """The training net of a deploy net, as a new text; what is not about data, losses and fillers stays as it is.

    The input becomes a data layer for TRAIN and one for TEST, with the labels as a second top, named `label` where
    that is free. The Softmax or Sigmoid that the loss contains gives way to it; beside SoftmaxWithLoss there is an
    Accuracy for TEST. Weights without a filler get "xavier", since they would stay 0; BatchNorm decides by the phase.

    Args:
        document: the deploy net.
        data: the type of the data layers, one of DATA; Data and ImageData read one input.
        loss: the type of the loss, one of LOSSES.
        sources: what the layers for TRAIN and TEST read.
        batch: images at once in TRAIN and TEST.

    Raises ValueError for what the net or the arguments do not allow.
    """
    if data not in DATA:
        raise ValueError(f"data must be one of {', '.join(DATA)}; got {data!r}.")
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}; got {loss!r}.")
    if len(batch) != 2 or min(batch) < 1:
        raise ValueError(f"batch must be two numbers above 0, for TRAIN and TEST; got {tuple(batch)}.")
    load_layers()
    modern = modernised(document)
    made = _Making(modern, check(modern, TEST))
    with made.document.transaction("make a training net"):
        made.fill()
        made.judge(loss)
        made.feed(data, [*sources, *SOURCES[data][len(sources) :]], batch)
    return made.document


def solver_text(net: str, prefix: str = "snapshot", rate: float = 0.01) -> str:
    """A solver for a net by the path that it will have: SGD whose rate drops by ten every 5,000 iterations."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in (net, prefix)]
    return SOLVER.format(net=quoted[0], prefix=quoted[1], rate=rate)


class _Making:
    """The training net as it is made: `document` is edited from its end to its start, so that places hold."""

    def __init__(self, deployed: Document, report: Report):
        self.document = Document.parse(deployed.text, "net")
        self.report = report
        self.layers = [layer for layer in report.layers if layer.included and layer.index >= 0]
        self.inputs = [layer for layer in self.layers if not layer.bottoms and layer.type == "Input"]
        if not self.inputs:
            raise ValueError("This net has no Input layer, in whose place data could come.")
        if any(layer.category == "loss" for layer in self.layers):
            raise ValueError("This net has a loss already.")
        names = {name for layer in report.layers for name in (layer.name, *layer.bottoms, *layer.tops)}
        self._taken = names
        self.label = self._free("label")
        self.target: tuple[int, ...] | None = None  # the shape of what the loss compares with the label
        self.whole = False  # whether a label is as large as the prediction, not a class

    def _free(self, name: str) -> str:
        """The name, or one like it that neither a layer nor a blob has."""
        found, number = name, 1
        while found in self._taken:
            number += 1
            found = f"{name}{number}"
        self._taken.add(found)
        return found

    def fill(self) -> None:
        for record in self.document.layers:
            field = LAYERS[record.type].param_field if record.type in LAYERS else None
            path = (*record.path, field or "")
            if record.type in FILLED and not self.document.has((*path, "weight_filler")):
                self.document.set((*path, "weight_filler"), {"type": "xavier"})
                if self.document.get((*path, "bias_term")) is not False and not self.document.has(
                    (*path, "bias_filler")
                ):
                    self.document.set((*path, "bias_filler"), {"type": "constant"})
            if record.type == "BatchNorm" and self.document.get((*path, "use_global_stats")):
                self.document.clear((*path, "use_global_stats"))

    def judge(self, loss: str) -> None:
        """Put the loss behind the net, in place of the layer that it contains."""
        last, blob = self._output(LOSSES[loss])
        inner = last.type == LOSSES[loss]
        prediction = last.bottoms[0] if inner else blob
        shapes = last.bottom_shapes if inner else last.top_shapes
        known = dict(zip(last.bottoms if inner else last.tops, shapes, strict=False))
        self.target = known.get(prediction)
        self.whole = loss != "SoftmaxWithLoss"
        made: Any = LayerParameter(name=self._free("loss"), type=loss, bottom=[prediction, self.label])
        made.top.append(made.name)
        settings = self.document.message.layer[last.index]
        if inner and settings.HasField("softmax_param"):
            made.softmax_param.CopyFrom(settings.softmax_param)
        place = last.index if inner else len(self.document.layers)
        if inner:
            self.document.remove_layer(place)
        self.document.insert_layer(place, made)
        if loss == "SoftmaxWithLoss":
            score: Any = LayerParameter(name=self._free("accuracy"), type="Accuracy", bottom=list(made.bottom))
            score.top.append(score.name)
            score.include.add(phase=TEST)
            if made.softmax_param.HasField("axis"):
                score.accuracy_param.axis = made.softmax_param.axis
            self.document.insert_layer(place, score)

    def _output(self, inner: str | None) -> tuple[Any, str]:
        """The last layer whose top nobody reads, one of the type that the loss contains before any other."""
        read = {blob for layer in self.layers for blob in layer.bottoms if blob not in layer.tops}
        ends = [(layer, top) for layer in self.layers if layer.bottoms for top in layer.tops if top not in read]
        if not ends:
            raise ValueError("This net has no output, behind which a loss could come.")
        return next((end for end in reversed(ends) if end[0].type == inner), ends[-1])

    def feed(self, data: str, sources: Sequence[str], batch: Sequence[int]) -> None:
        """Put data layers for TRAIN and TEST in place of the inputs."""
        tops = [(top, shape) for layer in self.inputs
                for top, shape in zip(layer.tops, layer.top_shapes, strict=False)]  # fmt: skip
        if len(tops) > 1 and data not in ("HDF5Data", "DummyData"):
            raise ValueError(f"{data} gives one blob; this net has the inputs {', '.join(top for top, _ in tops)}: "
                             "take HDF5Data or DummyData.")  # fmt: skip
        place = self.inputs[0].index
        for layer in reversed(self.inputs):
            self.document.remove_layer(layer.index)
        for phase, source, size in reversed(list(zip((TRAIN, TEST), sources, batch, strict=True))):
            self.document.insert_layer(place, self._data(data, tops, phase, source, size))

    def _data(self, kind: str, tops: Sequence[tuple[str, Any]], phase: int, source: str, size: int) -> Any:
        name = tops[0][0] if len(tops) == 1 else "data"
        made: Any = LayerParameter(name=name, type=kind, top=[*(top for top, _ in tops), self.label])
        made.include.add(phase=phase)
        shape = tops[0][1] or ()
        if kind == "DummyData":
            label = (size, *(self.target or (0,))[1:]) if self.whole else (size, *(self.target or ())[2:])
            for one in (*((size, *(shape or (0,))[1:]) for _, shape in tops), label):
                made.dummy_data_param.shape.add(dim=one)
            for _ in tops:
                made.dummy_data_param.data_filler.add(type="gaussian", std=1)
            made.dummy_data_param.data_filler.add(type="constant")
        elif kind == "HDF5Data":
            made.hdf5_data_param.source, made.hdf5_data_param.batch_size = source, size
        elif kind == "ImageData":
            param = made.image_data_param
            param.source, param.batch_size = source, size
            if len(shape) == 4:
                param.new_height, param.new_width, param.is_color = shape[2], shape[3], shape[1] == 3
        else:
            made.data_param.source, made.data_param.batch_size, made.data_param.backend = source, size, 1  # LMDB
            if len(shape) == 4 and shape[2] == shape[3]:
                made.transform_param.crop_size = shape[2]
        return made
