"""pycaffe's names, over the same nets and solvers.

Scripts written for `import caffe` run on `from brewbench import caffe`; after `caffe.install()` even the import
finds it. Source: the interface of BVLC/caffe's python/caffe.
"""

from ...engine import TEST, TRAIN, Blob
from ...engine.layers.common.python import UserLayer as Layer
from . import io
from .classifier import Classifier
from .detector import Detector
from .net import Net
from .net_spec import NetSpec, layers, params, to_proto
from .settings import (
    init_log,
    install,
    layer_type_list,
    log,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_random_seed,
)
from .solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)

__version__ = "1.0.0"  # the pycaffe whose interface this is

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Blob",
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "get_solver",
    "init_log",
    "install",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "params",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
    "to_proto",
]
