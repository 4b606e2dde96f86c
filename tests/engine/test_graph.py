"""Nets as Caffe wires them: filtering, splits, shapes, sharing, what needs backward."""

import json
from pathlib import Path

import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net
from brewbench.proto.messages import NetParameter

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


def test_force_backward_reaches_everything_but_the_labels():
    text = NEED_BACKWARD["own:force_backward"]["prototxt"]
    message = parse(text)
    message.force_backward = True
    net = Net(message, TRAIN)
    assert all(node.need_backward for node in net.nodes)
    loss = net.nodes[net.index_of("loss")]
    assert loss.propagate_down == [True, False]
