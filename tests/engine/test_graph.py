"""Nets as Caffe wires them: filtering, splits, shapes, sharing, what needs backward."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, DefinitionError, Net
from brewbench.engine.graph import included
from brewbench.proto.messages import LayerParameter, NetParameter, NetState

GOLDEN = Path(__file__).parents[1] / "golden"
STATES = json.loads((GOLDEN / "net_states.json").read_text())
SHAPES = json.loads((GOLDEN / "shapes.json").read_text())["nets"]
NEED_BACKWARD = json.loads((GOLDEN / "need_backward.json").read_text())
PHASES = {"TRAIN": TRAIN, "TEST": TEST}


def parse(text):
    return text_format.Parse(text, NetParameter())


def describe(net):
    owned = {(one.layer, one.index) for one in net.learnable}
    layers = [
        [node.name, node.entry.param.type, list(node.entry.param.bottom), [net.blob_names[i] for i in node.top_ids]]
        for node in net.nodes
    ]
    weights = {}
    for node in net.nodes:
        weights.update({net.blob_names[i]: w for i, w in zip(node.top_ids, node.loss_weights, strict=True) if w})
    return {
        "layers": layers,
        "blobs": [[name, list(blob.shape)] for name, blob in net.blobs.items()],
        "params": [
            [name, index, list(blob.shape), (name, index) in owned]
            for name, blobs in net.params.items()
            for index, blob in enumerate(blobs)
        ],
        "param_count": net.param_count,
        "inputs": net.inputs,
        "outputs": net.outputs,
        "loss_weights": weights,
    }


STATE_CASES = [
    pytest.param(case["prototxt"], state, id=f"{name}-{k}")
    for name, case in STATES.items()
    for k, state in enumerate(case["states"])
]


@pytest.mark.parametrize(("text", "state"), STATE_CASES)
def test_a_net_in_a_state_is_wired_as_in_caffe(text, state):
    message = parse(text)
    net = Net(message, PHASES[state["phase"]], level=state["level"], stages=state["stages"])
    found, wanted = describe(net), state["result"]
    for key in wanted:
        assert found[key] == wanted[key], key


BACKWARD_CASES = [
    pytest.param(case["prototxt"], phase, wanted, id=f"{name.removeprefix('own:')}-{phase}")
    for name, case in NEED_BACKWARD.items()
    if "prototxt" in case
    for phase, wanted in case["states"].items()
]


@pytest.mark.parametrize(("text", "phase", "wanted"), BACKWARD_CASES)
def test_backward_runs_where_caffe_runs_it(text, phase, wanted):
    message = parse(text)
    message.force_backward = False  # Caffe logged the flags before it applied this one
    net = Net(message, PHASES[phase])
    assert {node.name: node.need_backward for node in net.nodes} == wanted["need_backward"]
    assert net.outputs == wanted["outputs"]
    assert net.memory_required == wanted["memory_required_for_data_bytes"]


def test_force_backward_reaches_everything_but_the_labels():
    text = NEED_BACKWARD["own:force_backward"]["prototxt"]
    message = parse(text)
    message.force_backward = True
    net = Net(message, TRAIN)
    assert all(node.need_backward for node in net.nodes)
    loss = net.nodes[net.index_of("loss")]
    assert loss.propagate_down == [True, False]


# The nets of Caffe's own repository: some are among the golden nets, with other batches, some lie beside the checkout.

KEPT = {
    "examples/cifar10/cifar10_full_train_test.prototxt": {"TRAIN": "cifar10_full_train"},
    "examples/cifar10/cifar10_quick_train_test.prototxt": {
        "TRAIN": "cifar10_quick_train",
        "TEST": "cifar10_quick_test",
    },
    "examples/mnist/lenet.prototxt": dict.fromkeys(PHASES, "lenet_deploy"),
    "examples/mnist/lenet_train_test.prototxt": {"TRAIN": "lenet_train", "TEST": "lenet_test"},
    "examples/mnist/mnist_autoencoder.prototxt": {"TRAIN": "mnist_autoencoder_train"},
    "examples/net_surgery/bvlc_caffenet_full_conv.prototxt": dict.fromkeys(PHASES, "caffenet_full_conv"),
    "examples/net_surgery/conv.prototxt": dict.fromkeys(PHASES, "net_surgery_conv"),
    "examples/siamese/mnist_siamese_train_test.prototxt": {"TRAIN": "siamese_train"},
    "models/bvlc_alexnet/deploy.prototxt": dict.fromkeys(PHASES, "alexnet_deploy"),
    "models/bvlc_googlenet/deploy.prototxt": dict.fromkeys(PHASES, "googlenet_deploy"),
    "models/bvlc_reference_caffenet/deploy.prototxt": dict.fromkeys(PHASES, "caffenet_deploy"),
}
ZOO = Path(__file__).parents[3] / "shared" / "zoo" / "BVLC+caffe"
DATA = ("Data", "ImageData", "HDF5Data", "WindowData", "Input")
# Layer and shapes of the data, where only need_backward.json knows of the net.
DATA_OF = {
    "examples/cifar10/cifar10_full_train_test.prototxt": ("cifar", {"data": [100, 3, 32, 32], "label": [100]}),
    "examples/siamese/mnist_siamese_train_test.prototxt": ("pair_data", {"pair_data": [64, 2, 28, 28], "sim": [64]}),
    "models/bvlc_alexnet/deploy.prototxt": ("data", {"data": [10, 3, 227, 227]}),
}


def known_nets():
    """Every net of the repository, in every phase, whose text is at hand and whose result in Caffe is kept."""
    refs = {name.removeprefix("ref:") for name in NEED_BACKWARD if name.startswith("ref:")} | set(SHAPES)
    for ref in sorted(refs):
        for phase in PHASES:
            shapes = SHAPES.get(ref, {"states": {}})["states"].get(phase)
            backward = NEED_BACKWARD.get(f"ref:{ref}", {"states": {}})["states"].get(phase)
            kept, lying = KEPT.get(ref, {}).get(phase), ZOO / ref.replace("/", "_")
            if kept or lying.exists():
                path = GOLDEN / "nets" / f"{kept}.npz" if kept else lying
                yield pytest.param(ref, phase, path, shapes, backward, id=f"{ref}-{phase}")


@pytest.mark.parametrize(("ref", "phase", "path", "shapes", "backward"), list(known_nets()))
def test_a_net_of_caffes_repository_is_as_in_caffe(ref, phase, path, shapes, backward):
    message = parse(str(np.load(path)["prototxt"]) if path.suffix == ".npz" else path.read_text())
    message.force_backward = False
    if shapes is not None and "error" not in shapes:
        name, of_blob = shapes["layers"][0][0], dict(shapes["blobs"])
    else:
        name, of_blob = DATA_OF.get(ref, ("data", {}))
    replaced = bool(SHAPES[ref]["replaced_data_layers"]) if ref in SHAPES else len(of_blob) > 1
    give_batches(message, name, of_blob, PHASES[phase], replaced)
    if "error" in (shapes or backward):
        with pytest.raises(DefinitionError, match="unknown bottom blob"):
            Net(message, PHASES[phase])
        return
    net = Net(message, PHASES[phase])
    if shapes is not None:
        found = describe(net)
        last = {layer[0]: layer[2:] for layer in found["layers"]}  # what was asked of Caffe by name, it told so
        found["layers"] = [[name, type, *last[name]] for name, type, *_ in found["layers"]]
        for key in shapes:
            assert found[key] == shapes[key], key
    if backward is not None:
        assert {node.name: node.need_backward for node in reversed(net.nodes)} == backward["need_backward"]
        assert net.outputs == backward["outputs"]
        assert net.memory_required == backward["memory_required_for_data_bytes"]


def give_batches(message, name, shapes, phase, replaced):
    """Give the data the shapes that it had in Caffe; where it was read there, a DummyData layer stands for it."""
    state = NetState(phase=phase)
    kept, given = [], []
    for layer in message.layer:
        if layer.type not in DATA:
            kept.append(layer)
        elif included(layer, state):
            given.append(layer)
    if not replaced:
        for layer in given:
            if layer.top[0] in shapes:
                layer.input_param.shape[0].dim[:] = shapes[layer.top[0]]
        return
    tops = [top for layer in given for top in layer.top]
    dummy = LayerParameter(name=name, type="DummyData", top=tops)
    for top in tops:
        dummy.dummy_data_param.shape.add().dim.extend(shapes[top])
    kept = [LayerParameter.FromString(layer.SerializeToString()) for layer in kept]
    del message.layer[:]
    message.layer.extend([dummy, *kept])


def test_propagate_down_alone_makes_no_layer_run_backward():
    text = """layer { name: "x" type: "Input" top: "x" top: "t" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "t" propagate_down: true propagate_down: false }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 3 } }
layer { name: "last" type: "EuclideanLoss" bottom: "y" bottom: "t" propagate_down: true propagate_down: true }"""
    net = Net(parse(text), TRAIN)
    flags = {node.name: node.need_backward for node in net.nodes if node.entry.param.type != "Split"}
    assert flags == {"x": False, "loss": False, "ip": True, "last": True}
