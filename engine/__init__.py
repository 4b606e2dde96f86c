"""The arithmetic: blobs, layers, nets and solvers, with Caffe's numbers."""

from .blob import Blob
from .errors import DefinitionError, Diagnostic
from .layer import LAYERS, Layer, at_least, between, layer, layer_class, load_layers
from .net import TEST, TRAIN, LayerReport, Net, Report, check
from .solver import Listener, Progress, Solver, TestResult, check_solver, get_solver

__all__ = [
    "LAYERS",
    "TEST",
    "TRAIN",
    "Blob",
    "DefinitionError",
    "Diagnostic",
    "Layer",
    "LayerReport",
    "Listener",
    "Net",
    "Progress",
    "Report",
    "Solver",
    "TestResult",
    "at_least",
    "between",
    "check",
    "check_solver",
    "get_solver",
    "layer",
    "layer_class",
    "load_layers",
]
