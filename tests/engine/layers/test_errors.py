"""Definitions that Caffe aborts on: here they name the layer and the field."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import LAYERS, load_layers
from brewbench.engine.net import Net
from brewbench.proto import Document

CASES = json.loads((Path(__file__).parent / "cases" / "errors.json").read_text())
load_layers()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["type"] in LAYERS])
def test_error_names_layer_and_field(name):
    case = CASES[name]
    with pytest.raises(DefinitionError) as caught:
        net = Net(Document.parse(case["prototxt"], "net"))
        for blob, shape in case.get("reshape", {}).items():
            net.blobs[blob].reshape(*shape)
        for blob, values in case.get("inputs", {}).items():
            net.blobs[blob].data = np.reshape(values, net.blobs[blob].shape)
        net.reshape()
        net.forward()
    assert caught.value.type == case["type"]
    assert case["field"] in (caught.value.field or "").split("."), str(caught.value)
