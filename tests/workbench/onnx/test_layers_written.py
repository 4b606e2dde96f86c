"""Every layer type's cases as ONNX models, and random definitions: ONNX Runtime gives what the layer gives."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import LAYERS, TEST, Net, load_layers
from brewbench.workbench.onnx import NotMapped, to_onnx
from brewbench.workbench.onnx.writing.losses import LEFT_OUT, PROBABLE
from brewbench.workbench.onnx.writing.table import load

from .nets import CLOSE, run

pytest.importorskip("onnxruntime")
LAYER_TESTS = Path(__file__).parents[2] / "engine" / "layers" / "test_layers.py"


def _cases():
    """The cases of the layers' own tests."""
    spec = importlib.util.spec_from_file_location("layer_cases", LAYER_TESTS)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["layer_cases"] = module
    spec.loader.exec_module(module)
    return module.ALL


load_layers()
UNSAID = {"DetectionEvaluate", "DetectionOutput", "PSROIPooling"}
SAID = [case for case in _cases() if case.type in load() and case.type not in (*PROBABLE, "Input", "Silence")]
SAID = [case for case in SAID if case.type != "HDF5Output" and not (case.type == "DummyData" and "random" in case.name)]


@pytest.mark.parametrize("case", SAID, ids=repr)
def test_a_model_gives_what_the_layer_gives(case):
    net = Net(case.net, TEST, seed=3)
    layer = net.layers[net.index_of(case.names["layer"])]
    if layer.draws:
        with pytest.raises(NotMapped, match="random data"):
            to_onnx(net)
        return
    for blob, array in zip(layer.blobs, case.arrays("param"), strict=True):
        blob.data = array
    given = dict(zip(case.names["inputs"], (a.astype(np.float32) for a in case.arrays("bottom")), strict=True))
    assert run(net, to_onnx(net), given) <= CLOSE


def test_every_type_is_said_or_known_not_to_be():
    data = {name for name, cls in LAYERS.items() if cls.category == "data"} - {"Input", "DummyData", "HDF5Output"}
    unsaid = {name for name in LAYERS if LAYERS[name].__module__.startswith("brewbench.")}
    unsaid -= {*load(), *LEFT_OUT, *data, "Input", "Python"}
    assert unsaid - {"AnnotatedData", "ImageLabelmapData"} == UNSAID
