"""The package `onnx`, which the extra of that name brings along."""

from __future__ import annotations

from ...engine.errors import MissingPackage


def require_onnx() -> None:
    """Raises MissingPackage, which names the extra, where the package is not installed."""
    try:
        import onnx  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingPackage("ONNX models need the package onnx: pip install 'brewbench[onnx]'") from error
