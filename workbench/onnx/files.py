"""Models on disk: written whole or not at all."""

from __future__ import annotations

from os import PathLike
from typing import Any

from ...engine.atomic import atomic_write

MOST_BYTES = 2**31 - 1  # of a message, by protobuf


def save_model(model: Any, path: str | PathLike) -> None:
    """Write a ModelProto. Raises ValueError where it is too large for one file, OSError."""
    size = model.ByteSize()
    if size > MOST_BYTES:
        raise ValueError(f"{path}: a model of {size:,} bytes does not fit into one ONNX file, which holds 2 GB")
    with atomic_write(path) as file:
        file.write(model.SerializeToString())
