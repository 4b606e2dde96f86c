"""Nets as ONNX models, and ONNX models as nets.

Needs the package `onnx` (``pip install 'brewbench[onnx]'``), which is imported when one of the functions is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from .errors import NotMapped
from .package import require_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

    from ...engine import Net
    from ...proto import Document

__all__ = ["NotMapped", "from_onnx", "to_onnx"]


def to_onnx(net: Any, weights: Any = None, path: str | PathLike | None = None, **state: Any) -> ModelProto:
    """The deploy net of a definition as an ONNX model, checked, with a dynamic batch where its layers allow one.

    The layers are those of the TEST phase, computing what `Net.forward` computes there; `level` and `stages` choose
    among them. Loss layers are left out: of SoftmaxWithLoss the probabilities stay, of SigmoidCrossEntropyLoss those
    of each number. What the export had to decide is in the model's `doc_string`, a line each.

    Args:
        net: a Net, which brings its weights; or the path of a prototxt, a Document, a NetParameter, a NetSpec.
        weights: a `.caffemodel`, its HDF5 twin or a Net; without them a definition's fillers give the values, by a
            fixed seed.
        path: a file to write the model to, too. It appears when it is complete.

    Raises NotMapped, a ValueError that names every layer without an equivalent in ONNX; DefinitionError, ParseError,
    OSError and ValueError as Net does; MissingPackage without the package onnx.
    """
    require_onnx()
    from .writing import model_of

    model = model_of(net, weights, **state)
    if path is not None:
        from .files import save_model

        save_model(model, path)
    return model


def from_onnx(model: Any, shapes: Mapping[str, Sequence[int]] | None = None) -> tuple[Document, Net]:
    """A net that computes what an ONNX model does, as a Document, and its weights, as a Net that holds them.

    ``Net(document, weights=weights)`` and ``weights.save("net.caffemodel")`` take the weights from there. Arithmetic of
    constants, such as that of shapes, is done while the model is read; the net's blobs have the names of its values.
    Nothing in the model is run, and of other files only those in its own folder are read.

    Args:
        model: the path of an `.onnx` file, its bytes, or a ModelProto.
        shapes: of inputs, by name; needed where more than the batch is free. A free batch is 1 otherwise.

    Raises NotMapped, a ValueError that names every node without equivalent layers; ValueError for what is no model or
    holds wrong values; OSError; MissingPackage without the package onnx.
    """
    require_onnx()
    from .reading import net_of

    return net_of(model, shapes)
