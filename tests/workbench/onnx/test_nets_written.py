"""Whole nets as ONNX models: ONNX Runtime gives their numbers for batches of 1 and of 3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, Net
from brewbench.proto.messages import NetParameter
from brewbench.workbench.onnx import to_onnx

from .nets import CLOSE, inputs_for, run, without_losses

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests" / "golden" / "nets").glob("*.npz"))
MODELS = ROOT.parent / "shared" / "models"
TRAINED = {
    "lenet_bvlc": ("lenet_deploy_bvlc.prototxt", "lenet_iter_10000.caffemodel"),
    "squeezenet_v1.0": ("deploy.prototxt", "squeezenet_v1.0_decoded.caffemodel"),
    "arm_cifar10": ("cifar10_m4_deploy_derived.prototxt", "cifar10_m4_iter_70000.caffemodel.h5"),
    "vdsr": ("VDSR_net_deploy.prototxt", "VDSR_Adam.caffemodel"),
    "mtcnn": ("det3.prototxt", "det3.caffemodel"),
}

# Softmax makes 2e-5 of the rounding of this net's long sums in single precision; ONNX Runtime is nearer to the truth.
IN_DOUBLE = {"caffenet_full_conv"}


def recipe(net):
    """Values for parameters that fillers leave zero, and for statistics of BatchNorm."""
    draw = np.random.RandomState(5)
    for layer in net.layers:
        for index, blob in enumerate(layer.blobs):
            if layer.type == "BatchNorm":
                blob.data = (draw.randn(*blob.shape) * 0.1, 0.5 + draw.rand(*blob.shape), [2.0])[index]
            elif not blob.data.any():
                fan = blob.count // blob.shape[0] if blob.shape else 1
                blob.data = draw.randn(*blob.shape) / fan**0.5


def lengths(net, model, batch):
    """One length for each name; sequences keep their steps, for which a layer is set up."""
    found = {}
    for one in model.graph.input:
        for axis, dim in enumerate(one.type.tensor_type.shape.dim):
            if dim.dim_param:
                found[dim.dim_param] = net.blobs[one.name].shape[axis] if dim.dim_param == "T" else batch
    return found


def agrees(definition, weights=None, kinds=None, fill=True, double=False):
    """Whether net, in double precision if asked for, and model give the same for two batches."""
    net = Net(definition, TEST, seed=0, weights=weights)
    if fill:
        recipe(net)
    model = to_onnx(net)
    if double:
        single, net = net, Net(definition, TEST, seed=0, dtype=np.float64)
        net.copy_from(single)
    for batch in (1, 3):
        assert run(net, model, inputs_for(model, lengths(net, model, batch), batch, kinds)) <= CLOSE
    return model


@pytest.mark.parametrize(
    "path", [path for path in GOLDEN if path.stem != "loss_reused_by_power"], ids=lambda path: path.stem
)
def test_golden_nets(path):
    message = without_losses(text_format.Parse(str(np.load(path)["prototxt"]), NetParameter()))
    draw = np.random.RandomState(1)
    kinds = {
        name: lambda shape: draw.randint(0, 4, shape)
        for layer in message.layer
        if layer.type == "Embed"
        for name in layer.bottom
    }
    kinds["cont"] = lambda shape: np.arange(shape[0])[:, None] * np.ones(shape) > 0
    model = agrees(message, kinds=kinds, double=path.stem in IN_DOUBLE)
    dims = [dim for one in model.graph.input for dim in one.type.tensor_type.shape.dim]
    assert any(dim.dim_param == "N" for dim in dims), model.doc_string


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks" / "models").rglob("lenet.prototxt")), ids=lambda p: p.name)
def test_nets_that_ship(path):
    agrees(path)


@pytest.mark.parametrize("name", TRAINED)
def test_trained_nets(name):
    definition, weights = (MODELS / name / file for file in TRAINED[name])
    if not definition.is_file():
        pytest.skip(f"the trained models by others, ../shared/models, are not here: {name}")
    agrees(definition, weights, fill=False)


def test_the_losses_of_a_net_that_trains_become_probabilities():
    message = text_format.Parse(str(np.load(ROOT / "tests/golden/nets/lenet_test.npz")["prototxt"]), NetParameter())
    model = to_onnx(message)
    assert [one.name for one in model.graph.output] == ["prob"]
    assert [one.name for one in model.graph.input] == ["data"]
    assert "layer 'accuracy' (Accuracy) is left out" in model.doc_string
    net = Net(without_losses(message), TEST, seed=0)
    assert run(net, model, inputs_for(model, {"N": 2})) <= CLOSE


def test_what_reads_a_loss_is_left_out_with_it():
    path = ROOT / "tests" / "golden" / "nets" / "loss_reused_by_power.npz"
    model = to_onnx(text_format.Parse(str(np.load(path)["prototxt"]), NetParameter()))
    assert "layer 'pw' (Power) is left out: it reads a loss" in model.doc_string
    assert [one.name for one in model.graph.output] == ["prob"]


def test_sequences_of_any_length(tmp_path):
    path = ROOT / "tests" / "golden" / "nets" / "lstm_net.npz"
    message = without_losses(text_format.Parse(str(np.load(path)["prototxt"]), NetParameter()))
    net = Net(message, TEST, seed=0)
    model = to_onnx(net)
    for shape in (shape for layer in message.layer if layer.type == "Input" for shape in layer.input_param.shape):
        shape.dim[0] += 4
    longer = Net(message, TEST, seed=0)
    longer.copy_from(net)
    steps = longer.blobs["cont"].shape[0]
    values = inputs_for(model, {"T": steps, "N": 2}, kinds={"cont": lambda shape: np.arange(steps)[:, None] % 3 > 0})
    values["cont"] = np.broadcast_to(values["cont"], (steps, 2))
    assert run(longer, model, values) <= CLOSE


def test_the_same_weights_come_from_both_kinds_of_files(tmp_path):
    path = ROOT / "notebooks/models/lenet/lenet.prototxt"
    net = Net(path, TEST, seed=4)
    for name in ("w.caffemodel", "w.h5"):
        net.save(tmp_path / name)
    models = [to_onnx(path, tmp_path / name) for name in ("w.caffemodel", "w.h5")]
    assert models[0] == models[1] == to_onnx(net)
    assert to_onnx(path) == to_onnx(path) != models[0]
    assert "no weights were given" in to_onnx(path).doc_string and not models[0].doc_string
