"""Random definitions of sliding layers as ONNX models, and back: Caffe's rounding of sizes, windows and divisors."""

from __future__ import annotations

import random

import numpy as np
import pytest

from brewbench.engine import TEST, DefinitionError, Net
from brewbench.proto import Document
from brewbench.workbench.onnx import NotMapped, from_onnx, to_onnx

from .nets import CLOSE, difference, inputs_for, run

INPUT = 'layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ {} }} }} }}\n'


def holds(text, shape):
    """The net gives ONNX Runtime's numbers; so does the net that its model is read as, if layers can say it."""
    dims = " ".join(f"dim: {length}" for length in shape)
    try:
        net = Net(Document.parse(INPUT.format(dims) + text, "net"), TEST, seed=1)
    except DefinitionError:
        return None  # such a net is none
    try:
        model = to_onnx(net)
    except NotMapped as error:
        assert "a window lies beyond the padded bottom" in str(error)
        return False
    for batch in (1, 3):
        values = inputs_for(model, {"N": batch}, batch)
        assert run(net, model, values) <= CLOSE
    try:
        document, weights = from_onnx(model)
    except NotMapped as error:
        unread = ("Caffe's rounding does not give", "(Where)", "only zeros can be around an image")
        assert any(words in str(error) for words in unread)
        return True
    back = Net(document, TEST, weights=weights)
    back.blobs["x"].reshape(*values["x"].shape)
    back.blobs["x"].data = values["x"]
    back.forward()
    assert difference(net.blobs["y"].data, back.blobs["y"].data) <= CLOSE
    return True


def pairs(draw, *ranges):
    return [(draw.randint(low, high), draw.randint(low, high)) for low, high in ranges]


@pytest.mark.parametrize("seed", range(150))
def test_pooling(seed):
    draw = random.Random(seed)
    shape = 2, draw.randint(1, 3), draw.randint(1, 9), draw.randint(1, 9)
    kernel, stride = pairs(draw, (1, 5), (1, 5))
    pad = draw.randint(0, kernel[0] - 1), draw.randint(0, kernel[1] - 1)
    method, rounding = draw.choice(["MAX", "AVE", "STOCHASTIC"]), draw.choice(["", "round_mode: FLOOR"])
    pad = (0, 0) if method == "STOCHASTIC" else pad
    holds(
        f"""layer {{ name: "y" type: "Pooling" bottom: "x" top: "y" pooling_param {{ pool: {method} {rounding}
        kernel_h: {kernel[0]} kernel_w: {kernel[1]} stride_h: {stride[0]} stride_w: {stride[1]}
        pad_h: {pad[0]} pad_w: {pad[1]} }} }}""",
        shape,
    )


@pytest.mark.parametrize("seed", range(100))
def test_convolution(seed):
    draw = random.Random(seed)
    axes, group = draw.randint(1, 3), draw.randint(1, 2)
    shape = (2, 2 * group, *(draw.randint(1, 8) for _ in range(axes)))
    each = {
        "kernel_size": (1, 4), "stride": (1, 3), "pad": (0, 2), "dilation": (1, 2)
    }  # fmt: skip
    fields = " ".join(f"{name}: {draw.randint(*range_)}" for name, range_ in each.items() for _ in range(axes))
    kind = draw.choice(["Convolution", "Deconvolution"])
    bias = draw.choice(["", "bias_term: false"])
    holds(
        f"""layer {{ name: "y" type: "{kind}" bottom: "x" top: "y" convolution_param {{ num_output: {2 * group}
        group: {group} {fields} {bias} weight_filler {{ type: "gaussian" std: 1 }}
        bias_filler {{ type: "uniform" }} }} }}""",
        shape,
    )


@pytest.mark.parametrize("seed", range(60))
def test_layers_that_work_over_axes(seed):
    draw = random.Random(seed)
    shape = (2, *(draw.randint(1, 4) for _ in range(draw.randint(1, 3))))
    axis = draw.randrange(-len(shape), len(shape))
    kind, field = draw.choice(
        [
            ("Softmax", f"softmax_param {{ axis: {axis} }}"),
            (
                "InnerProduct",
                f"inner_product_param {{ axis: {axis} num_output: 3 weight_filler {{ type: 'xavier' }} }}",
            ),
            (
                "Reduction",
                f"reduction_param {{ axis: {axis} operation: {draw.choice(['SUM', 'MEAN', 'SUMSQ', 'ASUM'])} }}",
            ),
            ("Tile", f"tile_param {{ axis: {axis} tiles: {draw.randint(1, 3)} }}"),
            ("Flatten", f"flatten_param {{ axis: {axis} }}"),
            ("Scale", f"scale_param {{ axis: {axis} num_axes: -1 bias_term: true filler {{ type: 'uniform' }} }}"),
            (
                "Power",
                f"power_param {{ power: {draw.choice([0, 1, 2, 3])} scale: {draw.choice([0, 1, -2])} shift: 0.5 }}",
            ),
        ]
    )
    assert holds(f"layer {{ name: 'y' type: '{kind}' bottom: 'x' top: 'y' {field} }}", shape) in (None, True)


def test_the_mean_of_windows_that_reach_beyond_padding():
    """5 places, padded to 7, under windows of 3 by 3: the last one is 1 wide."""
    text = """layer { name: "y" type: "Pooling" bottom: "x" top: "y"
        pooling_param { pool: AVE kernel_size: 3 stride: 3 pad: 1 } }"""
    assert holds(text, (1, 1, 5, 5))
    assert holds(text.replace("pad: 1", "pad: 2"), (1, 2, 6, 7))


def test_fixed_numbers_of_a_window():
    text = (
        INPUT.format("dim: 1 dim: 1 dim: 2 dim: 3")
        + """layer { name: "y" type: "Pooling" bottom: "x" top: "y"
        pooling_param { pool: AVE kernel_size: 2 stride: 2 } }"""
    )
    net = Net(Document.parse(text, "net"), TEST)
    values = {"x": np.float32([[[[1, 2, 3], [4, 5, 7]]]])}
    assert run(net, to_onnx(net), values) <= CLOSE
    np.testing.assert_allclose(net.blobs["y"].data, [[[[3, 5]]]])
