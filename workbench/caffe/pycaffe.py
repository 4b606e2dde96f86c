"""The names that scripts import from ``caffe.pycaffe``: classes, and the functions behind the members of a Net."""

from collections import OrderedDict
from itertools import zip_longest

import numpy as np

from . import io
from .net import Net
from .processes import NCCL
from .solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
)
from .timer import Timer

_Net_blobs, _Net_params, _Net_layer_dict = Net.blobs, Net.params, Net.layer_dict
_Net_blob_loss_weights = Net.blob_loss_weights
_Net_inputs, _Net_outputs = Net.inputs, Net.outputs
_Net_forward, _Net_backward = Net.forward, Net.backward
_Net_forward_all, _Net_forward_backward_all = Net.forward_all, Net.forward_backward_all
_Net_set_input_arrays, _Net_batch = Net.set_input_arrays, Net._batch


def _Net_get_id_name(func, field):
    """A property of a Net: for each layer, the names of the blobs whose numbers ``func(net, layer number)`` gives.

    `field` is the attribute in which pycaffe keeps them; here they are looked up anew.
    """

    def names(net: Net) -> OrderedDict[str, list[str]]:
        blobs = list(net.blobs)
        return OrderedDict((layer, [blobs[i] for i in func(net, at)]) for at, layer in enumerate(net._layer_names))

    return property(names)


__all__ = [
    "NCCL",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "NesterovSolver",
    "Net",
    "OrderedDict",
    "RMSPropSolver",
    "SGDSolver",
    "Timer",
    "io",
    "np",
    "zip_longest",
]
