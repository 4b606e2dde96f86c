"""A model file by somebody else: its bytes, and tensors that lie beside it, in its own folder alone."""

from __future__ import annotations

from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, helper, numpy_helper

MOST_VALUES = 2**31 - 1  # of a tensor, as of a blob


def load_model(model: Any) -> tuple[Any, Path | None]:
    """A ModelProto from a path, bytes or itself, and the folder of its file. Raises OSError, ValueError."""
    if isinstance(model, ModelProto):
        return model, None
    path = None if isinstance(model, bytes) else Path(model)
    name, content = (path or "the model"), model if path is None else path.read_bytes()
    found = ModelProto()
    try:
        found.ParseFromString(content)
    except DecodeError:
        raise ValueError(f"{name}: is no ONNX model") from None
    if not found.HasField("graph") or not found.graph.node:
        raise ValueError(f"{name}: is no ONNX model, or one without nodes")
    try:
        nodes = [(one.name, one.op_type, one.domain, *one.input, *one.output) for one in found.graph.node]
        listed = (*found.graph.initializer, *found.graph.input, *found.graph.output)
        words = all(isinstance(word, str) for word in (found.graph.name, *chain(*nodes), *(one.name for one in listed)))
    except UnicodeDecodeError:
        words = False
    if not words:
        raise ValueError(f"{name}: a name in it is no UTF-8")
    return found, path.parent if path is not None else None


def array_of(tensor: Any, folder: Path | None) -> np.ndarray:
    """The values of a TensorProto. Raises ValueError for wrong ones, or for data outside the model's folder."""
    name = tensor.name or "a constant"
    if any(length < 0 for length in tensor.dims) or prod(tensor.dims) > MOST_VALUES:
        raise ValueError(f"tensor {name!r} has the shape {tuple(tensor.dims)}")
    try:
        if tensor.data_location == TensorProto.EXTERNAL:
            return _external(tensor, folder)
        return numpy_helper.to_array(tensor)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, ValueError) and str(error).startswith("tensor "):
            raise
        raise ValueError(f"tensor {name!r} cannot be read: {str(error).splitlines()[0]}") from None


def _external(tensor: Any, folder: Path | None) -> np.ndarray:
    given = {entry.key: entry.value for entry in tensor.external_data}
    location = given.get("location", "")
    if folder is None:
        raise ValueError(f"tensor {tensor.name!r} lies in the file {location!r}: give the path of the model")
    path = (folder / location).resolve()
    if not location or Path(location).is_absolute() or not path.is_relative_to(folder.resolve()):
        raise ValueError(f"tensor {tensor.name!r} lies outside the model's folder: {location!r}")
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).newbyteorder("<")
    count = prod(tensor.dims)
    if not path.is_file():
        raise ValueError(f"tensor {tensor.name!r} lies in {location!r}, which is not there")
    with open(path, "rb") as file:
        file.seek(int(given.get("offset", 0)))
        content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError(f"tensor {tensor.name!r} ends beyond the file {location!r}")
    return np.frombuffer(content, dtype, count).reshape(tuple(tensor.dims))


def attributes_of(node: Any, folder: Path | None) -> dict[str, Any]:
    """A node's attributes by name; tensors as arrays. Raises ValueError for one of a kind that is not known."""
    found: dict[str, Any] = {}
    for one in node.attribute:
        value = helper.get_attribute_value(one)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        found[one.name] = array_of(value, folder) if isinstance(value, TensorProto) else value
    return found
