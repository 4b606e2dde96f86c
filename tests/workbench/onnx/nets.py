"""A net and its model side by side: the same inputs into both, and the largest difference of their outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime

from brewbench.engine import TEST, Net
from brewbench.proto.messages import NetParameter
from brewbench.workbench.onnx import to_onnx

CLOSE = 1e-5  # of the largest value of a blob


def session(model: Any, check: bool = True) -> onnxruntime.InferenceSession:
    """A model, checked in full, ready to run."""
    if check:
        onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def without_losses(message: Any) -> Any:
    """A net that computes what the model of another gives: probabilities in place of losses, and no labels."""
    found = NetParameter()
    found.CopyFrom(message)
    del found.layer[:]
    losses = [one for one in message.layer if one.type in ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss")]
    for layer in message.layer:
        if layer in losses:
            made = found.layer.add(name=layer.name, type="Softmax" if layer.type == "SoftmaxWithLoss" else "Sigmoid")
            made.softmax_param.CopyFrom(layer.softmax_param)
            made.bottom.append(layer.bottom[0])
            made.top.append(layer.top[1] if len(layer.top) > 1 else f"{layer.name}/prob" if len(losses) > 1 else "prob")
        elif not layer.type.endswith("Loss") and layer.type != "Accuracy":
            found.layer.add().CopyFrom(layer)
    return found


def run(net: Net, model: Any, values: dict[str, np.ndarray]) -> float:
    """The largest difference of the model's outputs from the net's, as a share of the largest value of each."""
    runner = session(model)
    for name, array in values.items():
        net.blobs[name].reshape(*array.shape)
        net.blobs[name].data = array
    net.forward()
    names = [one.name for one in runner.get_outputs()]
    found = runner.run(names, {one.name: values[one.name] for one in runner.get_inputs()})
    return max(difference(net.blobs[blob_of(net, name)].data, given) for name, given in zip(names, found, strict=True))


def blob_of(net: Net, output: str) -> str:
    """The blob whose values an output has: one on which layers work in place may have another name than its input."""
    return output if output in net.blobs else output.rpartition("/")[2] if "/output" not in output else output[:-7]


def difference(expected: np.ndarray, found: np.ndarray) -> float:
    """The largest difference as a share of the largest expected value; what is no finite number must be the same."""
    assert found.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(expected[~finite], found[~finite])
    largest = float(np.abs(expected[finite]).max(initial=0))
    return float(np.abs(expected[finite] - found[finite]).max(initial=0)) / (largest or 1)


def inputs_for(model: Any, lengths: dict[str, int], seed: int = 0, kinds: Any = None) -> dict[str, np.ndarray]:
    """Random values for the inputs of a model, its named lengths being those given."""
    draw, values = np.random.RandomState(seed), {}
    for one in model.graph.input:
        shape = [dim.dim_value or lengths[dim.dim_param] for dim in one.type.tensor_type.shape.dim]
        make = (kinds or {}).get(one.name, lambda shape: draw.randn(*shape))
        values[one.name] = np.asarray(make(shape), np.float32)
    return values


__all__ = ["CLOSE", "TEST", "difference", "inputs_for", "run", "session", "to_onnx", "without_losses"]
