"""Nets as ONNX models, and ONNX models as nets.

Needs the package `onnx` (``pip install 'brewbench[onnx]'``), which is imported when one of the functions is called.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from .errors import NotMapped
from .package import require_onnx

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["NotMapped", "to_onnx"]


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
