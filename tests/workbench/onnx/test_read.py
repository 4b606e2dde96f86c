"""ONNX models as nets: what was written comes back, and graphs as PyTorch writes them give ONNX Runtime's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from onnx import TensorProto, helper, numpy_helper

from brewbench import from_onnx, to_onnx
from brewbench.engine import TEST, Net
from brewbench.proto.messages import NetParameter

from .nets import CLOSE, difference, inputs_for, run, session, without_losses
from .test_layers_written import SAID
from .test_nets_written import recipe

ROOT = Path(__file__).parents[3]
# Types that are written with operators that no layer computes: loops, scattering, masks, sizes that values decide.
ONE_WAY = {"ArgMax", "Filter", "LSTM", "RNN"}
BACK = [case for case in SAID if case.type not in ONE_WAY and "random" not in case.name]
BACK = [
    case for case in BACK if not ('top: "mask"' in str(case.net) or len(case.param.bottom) > 1 < len(case.param.top))
]
NETS = ["alexnet_deploy", "cifar10_full_train", "fcn_small", "googlenet_deploy", "lenet_deploy", "mix_small",
        "resnet_small_test", "siamese_train"]  # fmt: skip


def draw(*shape, seed=0):
    return np.random.RandomState(seed + len(shape)).randn(*shape).astype(np.float32)


def model_of(nodes, shape, weights, opset=17, batch="batch"):
    """A model with the input "input" and the output "output", as an exporter writes one."""
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *shape])
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "main_graph", [given], [made], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def agrees(model, batch=2):
    """The net of a model, after holding it to ONNX Runtime for a batch of 1 and another."""
    document, weights = from_onnx(model)
    net = Net(document, TEST, weights=weights)
    for size in (1, batch):
        values = inputs_for(model, {"batch": size})
        (expected,) = session(model, check=False).run(["output"], values)
        for name, array in values.items():
            net.blobs[name].reshape(*array.shape)
            net.blobs[name].data = array
        net.forward()
        assert difference(expected, net.blobs["output"].data) <= CLOSE
    return net


@pytest.mark.parametrize("case", BACK, ids=repr)
def test_a_layer_comes_back(case):
    net = Net(case.net, TEST, seed=3)
    layer = net.layers[net.index_of(case.names["layer"])]
    if layer.draws or len(layer.param.top) > 1 and layer.type == "Pooling":
        return
    if layer.type == "Upsample" and len(case.bottoms) > 1:
        return
    for blob, array in zip(layer.blobs, case.arrays("param"), strict=True):
        blob.data = array
    given = {n: a.astype(np.float32) for n, a in zip(case.names["inputs"], case.arrays("bottom"), strict=True)}
    model = to_onnx(net)
    document, weights = from_onnx(model, {name: array.shape for name, array in given.items()})
    back = Net(document, TEST, weights=weights)
    for name, array in given.items():
        net.blobs[name].data = array
        if name in back.inputs:
            back.blobs[name].data = array
    net.forward()
    back.forward()
    for name in {one.name for one in model.graph.output} & {*net.blobs}:
        assert difference(net.blobs[name].data, back.blobs[name].data) <= CLOSE


@pytest.mark.parametrize("name", NETS)
def test_a_net_comes_back(name):
    golden = np.load(ROOT / "tests" / "golden" / "nets" / f"{name}.npz")
    net = Net(without_losses(text_format.Parse(str(golden["prototxt"]), NetParameter())), TEST, seed=0)
    recipe(net)
    model = to_onnx(net)
    document, weights = from_onnx(model)
    again = to_onnx(Net(document, TEST, weights=weights))
    assert run(net, again, inputs_for(again, {"N": 2})) <= CLOSE


def conv(name, x, channels, weights, kernel=3, inputs=3, **attributes):
    weights[f"{name}.weight"] = draw(channels, inputs // attributes.get("group", 1), kernel, kernel) / (kernel * 3)
    weights[f"{name}.bias"] = draw(channels)
    path = f"/{name.replace('.', '/')}/Conv"
    attributes = {
        "dilations": [1, 1],
        "group": 1,
        "kernel_shape": [kernel] * 2,
        "pads": [1] * 4,
        "strides": [1, 1],
        **attributes,
    }
    return helper.make_node(
        "Conv", [x, f"{name}.weight", f"{name}.bias"], [f"{path}_output_0"], name=path, **attributes
    )


def test_a_residual_net_with_shape_arithmetic():
    statistics = {"bn.weight": draw(4, seed=3), "bn.bias": draw(4), "bn.running_mean": draw(4)}
    statistics["bn.running_var"] = np.float32([1, 2, 3, 4])
    weights = {name: np.float32(array) for name, array in statistics.items()}
    weights |= {"fc.weight": draw(5, 4), "fc.bias": draw(5)}
    weights |= {"minus": np.int64([-1]), "zero": np.int64(0), "axis": np.int64([0])}
    nodes = [
        conv("layer1.0.conv1", "input", 4, weights),
        named("BatchNormalization", "/layer1/0/bn1", "/layer1/0/conv1/Conv_output_0", *statistics, epsilon=1e-5),
        named("Relu", "/layer1/0/relu", "/layer1/0/bn1/BatchNormalization_output_0"),
        conv("layer1.0.conv2", "/layer1/0/relu/Relu_output_0", 4, weights, inputs=4),
        named("Add", "/layer1/0", "/layer1/0/conv2/Conv_output_0", "/layer1/0/relu/Relu_output_0"),
        named("GlobalAveragePool", "/avgpool", "/layer1/0/Add_output_0"),
        named("Shape", "", "/avgpool/GlobalAveragePool_output_0"),
        named("Gather", "", "/Shape_output_0", "zero", axis=0),
        named("Unsqueeze", "", "/Gather_output_0", "axis"),
        named("Concat", "", "/Unsqueeze_output_0", "minus", axis=0),
        named("Reshape", "", "/avgpool/GlobalAveragePool_output_0", "/Concat_output_0"),
        named("Gemm", "/fc", "/Reshape_output_0", "fc.weight", "fc.bias", alpha=1.0, beta=1.0, transB=1),
    ]
    nodes[-1].output[0] = "output"
    net = agrees(model_of(nodes, (3, 6, 6), weights))
    assert "layer1/0/conv1/Conv" in net.layer_names and "/avgpool/GlobalAveragePool_output_0" in net.blobs


def named(op, module, *inputs, **attributes):
    """A node by the names that PyTorch's exporter gives it and its output."""
    path = f"{module}/{op}"
    return helper.make_node(op, inputs, [f"{path}_output_0"], name=path, **attributes)


def one(op, *constants, **attributes):
    """A node from "input" to "output", with constants behind its input, and those by name."""
    names = [f"c{k}" if value is not None else "" for k, value in enumerate(constants)]
    node = helper.make_node(op, ["input", *names], ["output"], name=f"/{op}", **attributes)
    return [node], {name: value for name, value in zip(names, constants, strict=True) if name}


SINGLE = {
    "relu6": one("Clip", np.float32(0), np.float32(6)),
    "clip": one("Clip", np.float32(-0.5), np.float32(0.5)),
    "clip below": one("Clip", np.float32(0)),
    "leaky": one("LeakyRelu", alpha=0.2),
    "prelu": one("PRelu", draw(4, 1, 1)),
    "hard sigmoid": one("HardSigmoid", alpha=1 / 6),
    "hard swish": one("HardSwish"),
    "max pool": one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=0),
    "max pool ceil": one("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    "max pool same": one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    "mean inside": one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=0),
    "mean with padding": one("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4, count_include_pad=1),
    "times a number": one("Mul", np.float32(0.5)),
    "times channels": one("Mul", draw(4, 1, 1)),
    "plus channels": one("Add", draw(1, 4, 1, 1)),
    "less an image": one("Sub", draw(5, 7)),
    "over channels": one("Div", np.float32([2, 3, 4, 5]).reshape(4, 1, 1)),
    "power": one("Pow", np.float32(2)),
    "mean of height and width": one("ReduceMean", axes=[2, 3], keepdims=1),
    "mean without them": one("ReduceMean", axes=[-1, -2], keepdims=0),
    "mean of channels": one("ReduceMean", axes=[1], keepdims=1),
    "transposed": one("Transpose", perm=[0, 2, 3, 1]),
    "flat": one("Flatten", axis=1),
    "sliced": one("Slice", np.int64([1]), np.int64([2**62]), np.int64([2]), np.int64([1])),
    "sliced twice": one("Slice", np.int64([1, 0]), np.int64([-1, 2]), np.int64([3, 1])),
    "softmax": one("Softmax", axis=1),
    "log softmax": one("LogSoftmax", axis=-1),
    "repeated": one("Resize", None, np.float32([1, 1, 2, 2]), mode="nearest",
                    coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "corner on corner": one("Resize", None, None, np.int64([1, 4, 9, 13]), mode="linear",
                            coordinate_transformation_mode="align_corners"),
    "lrn": one("LRN", size=3, alpha=0.1, beta=0.75, bias=1.0),
    "depth to space": one("DepthToSpace", blocksize=2, mode="CRD"),
    "space to depth": one("Transpose", perm=[0, 1, 3, 2]),
    "deconvolution": one("ConvTranspose", draw(4, 3, 2, 2), draw(3), kernel_shape=[2, 2], strides=[2, 2]),
    "uneven pads": one("Conv", draw(2, 4, 3, 3), kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
    "same lower": one("Conv", draw(4, 1, 3, 3), kernel_shape=[3, 3], strides=[2, 2], group=4, auto_pad="SAME_LOWER"),
    "zeros around": one("Pad", np.int64([0, 0, 1, 2, 0, 0, 3, 0])),
    "matrix": one("MatMul", draw(7, 3)),
    "squeezed": one("Unsqueeze", np.int64([1])),
    "largest": one("Max", np.float32(0.1)),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_a_node(name):
    nodes, weights = SINGLE[name]
    agrees(model_of(nodes, (4, 5, 7), weights), batch=1 if name == "corner on corner" else 2)


def test_padding_joins_the_convolution_behind_it():
    weights = {"pads": np.int64([0, 0, 1, 1, 0, 0, 1, 1])}
    nodes = [helper.make_node("Pad", ["input", "pads"], ["p"], name="pad"), conv("c", "p", 2, weights, pads=[0] * 4)]
    nodes[1].output[0] = "output"
    assert [layer.type for layer in agrees(model_of(nodes, (3, 5, 5), weights)).layers] == ["Input", "Convolution"]


def test_squeeze_and_excitation_with_a_sigmoid_gate():
    weights = {}
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["g"]),
        conv("fc", "g", 3, weights, kernel=1, pads=[0] * 4),
        helper.make_node("Sigmoid", ["/fc/Conv_output_0"], ["s"]),
        helper.make_node("Mul", ["input", "s"], ["m"]),
        helper.make_node("Split", ["m"], ["a", "b", "c"], axis=1),
        helper.make_node("Concat", ["c", "a"], ["d"], axis=1),
        helper.make_node("Sub", ["d", "b"], ["output"]),
    ]
    agrees(model_of(nodes, (3, 4, 6), weights, opset=13))
