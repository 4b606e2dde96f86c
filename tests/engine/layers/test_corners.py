"""What Caffe does at the corners of a definition: in place, without axes, at the end of a range, out of range."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, DefinitionError, Net
from brewbench.proto import Document

INPUT = 'layer {{ name: "{0}" type: "Input" top: "{0}" input_param {{ shape {{ {1} }} }} }}\n'


def net_of(layer: str, *shapes: tuple[int, ...], phase: int = TEST) -> Net:
    """A net of inputs x0, x1, ... of these shapes, and below them one layer, all of it running backward."""
    text = "force_backward: true\n"
    for index, shape in enumerate(shapes):
        text += INPUT.format(f"x{index}", " ".join(f"dim: {length}" for length in shape))
    return Net(Document.parse(text + layer, "net"), phase, seed=1)


def run(layer: str, *values, diff=None, phase: int = TEST) -> Net:
    """That net after a forward pass with these values and, with a `diff` for the first top, one back."""
    arrays = [np.asarray(value, np.float32) for value in values]
    net = net_of(layer, *(array.shape for array in arrays), phase=phase)
    for index, array in enumerate(arrays):
        net.blobs[f"x{index}"].data = array
    net.forward()
    if diff is not None:
        net.nodes[-1].tops[0].diff = diff
        net.backward_layer(len(net.layers) - 1)
    return net


def refused(layer: str, *shapes: tuple[int, ...], phase: int = TEST) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        net_of(layer, *shapes, phase=phase)
    assert caught.value.line and caught.value.line >= len(shapes) + 2
    return caught.value


@pytest.mark.parametrize(
    ("operation", "top", "diffs"),
    [  # x_1 = 5, x_2 = 3, x_3 = -1, and the diff of the top is 2
        ("SUM", 2, (2, 2, 2)),  # x_1 is gone
        ("MAX", 3, (0, 0, 0)),  # x_1 is gone, and its diff, 0, is the diff of the top
        ("PROD", -15, (9, 135, -405)),  # x_1 is -15 by now, and its diff of (3 * -1)^2 the diff of the top
    ],
)
def test_eltwise_in_place(operation, top, diffs):
    layer = f"""layer {{ name: "y" type: "Eltwise" bottom: "x0" bottom: "x1" bottom: "x2" top: "x0"
        eltwise_param {{ operation: {operation} }} }}"""
    net = run(layer, [5], [3], [-1], diff=2)
    assert net.blobs["x0"].data == top
    assert tuple(float(net.blobs[f"x{k}"].diff[0]) for k in range(3)) == diffs


@pytest.mark.parametrize("operation", ["SUM", "PROD", "MAX"])
def test_eltwise_of_blobs_without_axes(operation):
    layer = f"""layer {{ name: "y" type: "Eltwise" bottom: "x0" bottom: "x1" bottom: "x2" top: "y"
        eltwise_param {{ operation: {operation} }} }}"""
    net = run(layer, 5, 3, -1, diff=2)
    assert net.blobs["y"].data.shape == ()
    assert float(net.blobs["y"].data) == {"SUM": 7, "PROD": -15, "MAX": 5}[operation]
    assert float(net.blobs["x0"].diff) == {"SUM": 2, "PROD": -6, "MAX": 2}[operation]


def test_the_maximum_after_something_that_is_no_number_is_the_next():
    layer = 'layer { name: "y" type: "Eltwise" bottom: "x0" bottom: "x1" top: "y" eltwise_param { operation: MAX } }'
    net = run(layer, [np.nan, 1], [2, np.nan], diff=1)
    np.testing.assert_array_equal(net.blobs["y"].data, [2, np.nan])
    np.testing.assert_array_equal(net.blobs["x1"].diff, [1, 1])


def test_flatten_of_no_axes_puts_one_in():
    layer = 'layer { name: "y" type: "Flatten" bottom: "x0" top: "y" flatten_param { axis: 1 end_axis: 0 } }'
    assert net_of(layer, (2, 3, 4)).blobs["y"].shape == (2, 1, 3, 4)
    assert refused(layer.replace("axis: 1", "axis: 2"), (2, 3, 4)).field == "flatten_param.end_axis"


def test_clip_puts_the_lower_bound_above_a_lower_upper_one():
    layer = 'layer { name: "y" type: "Clip" bottom: "x0" top: "y" clip_param { min: 2 max: -1 } }'
    net = run(layer, [-5, 0, 5, np.nan])
    np.testing.assert_array_equal(net.blobs["y"].data, [2, 2, 2, 2])


def test_the_gradient_of_a_logarithm_in_place_is_its_slope_squared():
    layer = 'layer { name: "y" type: "Log" bottom: "x0" top: "x0" log_param { scale: 3 } }'
    net = run(layer, [4], diff=7)
    np.testing.assert_allclose(net.blobs["x0"].diff, 1 / np.log(12) ** 2, 1e-5)


def test_a_logarithm_that_does_not_look_at_its_bottom_has_no_slope():
    layer = 'layer { name: "y" type: "Log" bottom: "x0" top: "y" log_param { scale: 0 } }'
    net = run(layer, [4, 0], diff=7)
    np.testing.assert_array_equal(net.blobs["y"].data, [-np.inf, -np.inf])
    np.testing.assert_array_equal(net.blobs["x0"].diff, [0, 0])


@pytest.mark.parametrize(
    ("shift", "power", "value"), [(0, -1, np.inf), (-2, 0.5, np.nan), (-2, -3, -0.125), (-2, 0, 1)]
)
def test_a_power_of_a_constant_is_what_c_makes_of_it(shift, power, value):
    settings = f"power_param {{ scale: 0 shift: {shift} power: {power} }}"
    net = run(f'layer {{ name: "y" type: "Power" bottom: "x0" top: "y" {settings} }}', [4, 0], diff=7)
    np.testing.assert_array_equal(net.blobs["y"].data, [value, value])
    np.testing.assert_array_equal(net.blobs["x0"].diff, [0, 0])


@pytest.mark.parametrize(("x", "y", "diff"), [(2, 2, 7), (-1, 3 * np.expm1(-1), 21 * np.exp(-1))])
def test_elu_of_a_blob_without_axes(x, y, diff):
    net = run('layer { name: "y" type: "ELU" bottom: "x0" top: "y" elu_param { alpha: 3 } }', x, diff=7)
    np.testing.assert_allclose(net.blobs["y"].data, y, 1e-6)
    np.testing.assert_allclose(net.blobs["x0"].diff, diff, 1e-6)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2,), ()])
def test_mvn_makes_four_axes_of_fewer(shape):
    for top in "y", "x0":
        net = net_of(f'layer {{ name: "y" type: "MVN" bottom: "x0" top: "{top}" }}', shape)
        assert net.blobs[top].shape == (*shape, *(1,) * (4 - len(shape)))


def test_mvn_takes_no_more_than_four_axes():
    assert refused('layer { name: "y" type: "MVN" bottom: "x0" top: "y" }', (2, 3, 1, 1, 1)).field == "bottom"


def test_a_scale_with_offset_needs_its_axis_even_for_a_single_number():
    layer = """layer { name: "y" type: "Scale" bottom: "x0" bottom: "x1" top: "y"
        scale_param { axis: 2 bias_term: true } }"""
    assert refused(layer, (2, 3), ()).field == "scale_param.axis"
    assert net_of(layer.replace("bias_term: true", ""), (2, 3), ()).blobs["y"].shape == (2, 3)


def test_im2col_needs_an_axis_to_slide_over():
    layer = 'layer { name: "y" type: "Im2col" bottom: "x0" top: "y" convolution_param { axis: -1 kernel_size: 1 } }'
    assert refused(layer, (2, 3)).field == "convolution_param.axis"


@pytest.mark.parametrize("type", ["EuclideanLoss", "HingeLoss", "SigmoidCrossEntropyLoss", "SoftmaxWithLoss"])
def test_a_loss_needs_an_axis_for_items(type):
    layer = f'layer {{ name: "y" type: "{type}" bottom: "x0" bottom: "x1" top: "y" }}'
    assert refused(layer, (), ()).field == "bottom"


def test_infogain_knows_no_old_normalization():
    layer = """layer { name: "y" type: "InfogainLoss" bottom: "x0" bottom: "x1" bottom: "x2" top: "y"
        loss_param { normalize: true } }"""
    with pytest.raises(DefinitionError, match="give normalization") as caught:
        net_of(layer, (2, 3), (2,), (3, 3))
    assert caught.value.line == 6


def test_cross_entropy_of_a_sure_answer_is_zero():
    layer = 'layer { name: "y" type: "SigmoidCrossEntropyLoss" bottom: "x0" bottom: "x1" top: "y" }'
    assert run(layer, [[40.0]], [[1]]).blobs["y"].data == 0


@pytest.mark.parametrize("ratio", [-0.5, 1.5])
def test_a_ratio_that_drops_nothing_matters_in_training_only(ratio):
    layer = f'layer {{ name: "y" type: "Dropout" bottom: "x0" top: "y" dropout_param {{ dropout_ratio: {ratio} }} }}'
    assert run(layer, [1, 2]).blobs["y"].data.tolist() == [1, 2]
    assert refused(layer, (2,), phase=TRAIN).field == "dropout_param.dropout_ratio"


SLID = [  # type, settings, shape of the bottom, and the shape that the padded kernel reaches over
    ("Convolution", "num_output: 16 kernel_size: 5 stride: 3", (2, 3, 4, 7), (2, 3, 5, 7)),
    ("Convolution", "num_output: 16 kernel_size: 5 stride: 2 pad: 1", (2, 16, 2, 6), (2, 16, 3, 6)),
    ("Convolution", "num_output: 16 kernel_size: 4 stride: 9 group: 16", (2, 16, 1, 5), (2, 16, 4, 5)),
    ("Convolution", "num_output: 2 kernel_size: 3 stride: 4 dilation: 2", (2, 3, 2, 4, 6), (2, 3, 5, 5, 6)),
    ("Im2col", "kernel_size: 5 stride: 3", (2, 3, 4, 3), (2, 3, 5, 5)),
]


@pytest.mark.parametrize(("type", "settings", "shape", "reach"), SLID)
def test_a_kernel_larger_than_the_bottom_by_less_than_the_stride_takes_one_place(type, settings, shape, reach):
    """C's division rounds towards zero; what lies beyond the bottom and its padding counts as zeros."""
    if type == "Convolution":
        settings += " weight_filler { type: 'gaussian' } bias_filler { type: 'gaussian' }"
    layer = f'layer {{ name: "y" type: "{type}" bottom: "x0" top: "y" convolution_param {{ {settings} }} }}'
    draw = np.random.RandomState(0)
    x, whole = draw.randn(*shape), np.zeros(reach)
    inside = tuple(slice(length) for length in shape)
    whole[inside] = x
    expected = run(layer, whole)
    gradient = draw.randn(*expected.blobs["y"].shape)
    net, expected = run(layer, x, diff=gradient), run(layer, whole, diff=gradient)
    np.testing.assert_allclose(net.blobs["y"].data, expected.blobs["y"].data, 1e-5, 1e-5)
    np.testing.assert_allclose(net.blobs["x0"].diff, expected.blobs["x0"].diff[inside], 1e-5, 1e-5)
    for one, other in zip(net.params.get("y", ()), expected.params.get("y", ()), strict=True):
        np.testing.assert_allclose(one.diff, other.diff, 1e-5, 1e-5)


def test_a_kernel_larger_than_the_bottom_by_the_stride_takes_no_place():
    settings = "convolution_param { num_output: 1 kernel_size: 5 stride: 2 }"
    error = refused(f'layer {{ name: "y" type: "Convolution" bottom: "x0" top: "y" {settings} }}', (1, 1, 3, 9))
    assert error.field == "convolution_param.kernel_size"


@pytest.mark.parametrize("looked", [True, False])
def test_the_weights_of_a_loss_are_lost_when_its_top_grows(looked):
    net = net_of('layer { name: "y" type: "Power" bottom: "x0" top: "y" loss_weight: 3 }', (2, 3))
    losses = []
    for items in 2, 1, 2, 4, 2:
        net.blobs["x0"].reshape(items, 3)
        net.reshape()
        net.blobs["x0"].data = 1
        losses.append(net.forward())
        if looked:
            assert (net.blobs["y"].diff == (3 if len(losses) <= 3 else 0)).all()
    assert losses == [18, 9, 18, 0, 0]


def test_a_gate_that_is_nearly_shut_lets_through_what_it_should():
    layer = """layer { name: "y" type: "LSTMUnit" bottom: "x0" bottom: "x1" bottom: "x2" top: "y" top: "h" }"""
    net = run(layer, [[[5e7]]], [[[-20, -18, -15, 1]]], [[1]])
    entered, kept, shown = 1 / (1 + np.exp([20.0, 18.0, 15.0]))
    cell = kept * 5e7 + entered * np.tanh(1)
    np.testing.assert_allclose(net.blobs["y"].data, [[[cell]]], 1e-6)
    np.testing.assert_allclose(net.blobs["h"].data, [[[shown * np.tanh(cell)]]], 1e-6)
    assert run(layer, [[[3]]], [[[-1e4, -1e4, -1e4, 1]]], [[1]]).blobs["h"].data == 0


@pytest.mark.parametrize("channels", [1, 16])
@pytest.mark.parametrize("mask", [True, False])
def test_a_window_that_sees_nothing_has_the_lowest_number_and_no_place(channels, mask):
    layer = f"""layer {{ name: "y" type: "Pooling" bottom: "x0" top: "y" {'top: "mask"' if mask else ""}
        pooling_param {{ kernel_size: 1 stride: 5 }} }}"""
    x = np.full((1, channels, 4, 4), 7)
    net = run(layer, x, diff=[[3, 5], [8, 9]])
    least = np.finfo(np.float32).min
    np.testing.assert_array_equal(net.blobs["y"].data[0, -1], [[7, least], [least, least]])
    if mask:
        np.testing.assert_array_equal(net.blobs["mask"].data[0, -1], [[0, -1], [-1, -1]])
    assert net.blobs["x0"].diff[0, -1].sum() == net.blobs["x0"].diff[0, -1, 0, 0] == 3


def test_a_pooling_window_may_be_larger_than_the_bottom_while_rounding_up_leaves_it_a_place():
    layer = """layer {{ name: "y" type: "Pooling" bottom: "x0" top: "y"
        pooling_param {{ pool: {} kernel_size: 3 stride: 2 }} }}"""
    x = np.arange(4).reshape(1, 1, 2, 2)
    assert run(layer.format("AVE"), x).blobs["y"].data.tolist() == [[[[1.5]]]]
    assert run(layer.format("MAX"), x).blobs["y"].data.tolist() == [[[[3]]]]
    assert refused(layer.format("MAX"), (1, 1, 2, 1)).field == "pooling_param.kernel_size"
    assert refused(layer.format("MAX round_mode: FLOOR"), (1, 1, 2, 2)).field == "pooling_param.kernel_size"


def test_padding_of_one_axis_leaves_windows_beyond_the_bottom_out_of_both():
    layer = """layer {{ name: "y" type: "Pooling" bottom: "x0" top: "y"
        pooling_param {{ kernel_h: 2 kernel_w: 1 stride: 2 pad_h: {} pad_w: 0 }} }}"""
    assert net_of(layer.format(0), (1, 1, 4, 4)).blobs["y"].shape == (1, 1, 2, 3)
    assert net_of(layer.format(1), (1, 1, 4, 4)).blobs["y"].shape == (1, 1, 3, 2)


@pytest.mark.parametrize("type", ["LSTM", "RNN"])
def test_sequences_need_an_axis_for_the_inputs(type):
    layer = f"""layer {{ name: "y" type: "{type}" bottom: "x0" bottom: "x1" bottom: "x2" top: "y"
        recurrent_param {{ num_output: 2 }} }}"""
    assert refused(layer.replace('bottom: "x2"', ""), (3, 2), (3, 2)).field == "bottom"
    assert refused(layer, (3, 2, 1), (3, 2), (2,)).field == "bottom"
    assert net_of(layer, (3, 2, 1), (3, 2), (2, 1)).blobs["y"].shape == (3, 2, 2)


def test_a_state_outlives_the_loss_of_streams():
    layer = """layer { name: "y" type: "RNN" bottom: "x0" bottom: "x1" top: "y" recurrent_param { num_output: 1 } }"""
    net = net_of(layer, (1, 2, 1), (1, 2))
    show = net.layers[-1].blobs  # W, b, U, V, a
    for blob, value in zip(show, (1, 0, 1, 1, 0), strict=True):
        blob.data = value
    net.blobs["x0"].data, net.blobs["x1"].data = [[[0.5], [0.7]]], 1
    net.forward()
    for blob, shape in (net.blobs["x0"], (1, 1, 1)), (net.blobs["x1"], (1, 1)):
        blob.reshape(*shape)
    net.reshape()
    net.blobs["x0"].data = 0
    net.forward()
    np.testing.assert_allclose(net.blobs["y"].data[0], [[np.tanh(np.tanh(np.tanh(0.5)))]], 1e-5)


def test_weights_of_sequences_get_their_gradient_asked_for_or_not():
    layer = """layer { name: "y" type: "RNN" bottom: "x0" bottom: "x1" top: "y" recurrent_param { num_output: 1
        weight_filler { value: 1 } } param { lr_mult: 0 } param { lr_mult: 0 } }"""
    net = Net(
        Document.parse(
            INPUT.format("x0", "dim: 1 dim: 1 dim: 1")
            + INPUT.format("x1", "dim: 1 dim: 1")
            + layer.replace('top: "y"', 'top: "y" loss_weight: 1'),
            "net",
        ),
        TRAIN,
    )
    net.blobs["x0"].data, net.blobs["x1"].data = 0.5, 1
    net.clear_param_diffs()
    net.forward()
    net.backward()
    assert net.params["y"][0].diff.any()


def test_a_batch_norm_needs_channels():
    assert refused('layer { name: "y" type: "BatchNorm" bottom: "x0" top: "y" }', (4,)).field == "bottom"


def test_dummy_data_of_no_numbers_cannot_be_filled():
    layer = 'layer { name: "y" type: "DummyData" top: "y" dummy_data_param { shape { dim: 0 } } }'
    assert "nothing to fill" in str(refused(layer))


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        ('type: "Embed" bottom: "x0" embed_param { input_dim: 3 num_output: 2 }', [(2,)]),
        ('type: "BatchReindex" bottom: "x0" bottom: "x1"', [(2, 3), (4,)]),
        ('type: "Filter" bottom: "x0" bottom: "x1"', [(2, 3), (2,)]),
        ('type: "InfogainLoss" bottom: "x0" bottom: "x1" bottom: "x2"', [(2, 3), (2,), (3, 3)]),
        ('type: "ArgMax" bottom: "x0"', [(2, 3)]),
        ('type: "Threshold" bottom: "x0"', [(2, 3)]),
        ('type: "Accuracy" bottom: "x0" bottom: "x1"', [(2, 3), (2,)]),
    ],
)
def test_force_backward_asks_for_gradients_that_are_none(layer, shapes):
    net = net_of(f'layer {{ name: "y" {layer} top: "y" }}', *shapes)
    for index, shape in enumerate(shapes):
        net.blobs[f"x{index}"].data = np.ones(shape)
    net.forward()
    with pytest.raises(DefinitionError, match="gradient") as caught:
        net.backward()
    assert caught.value.line == len(shapes) + 2
    assert caught.value.layer == "y"


@pytest.mark.parametrize("type", ["SoftmaxWithLoss", "HingeLoss", "MultinomialLogisticLoss", "SigmoidCrossEntropyLoss"])
def test_propagate_down_to_labels_is_an_error_when_it_comes_to_it(type):
    layer = f"""layer {{ name: "y" type: "{type}" bottom: "x0" bottom: "x1" top: "y"
        propagate_down: true propagate_down: true }}"""
    net = run(layer, [[0.5]], [[0]] if type == "SigmoidCrossEntropyLoss" else [0])
    with pytest.raises(DefinitionError, match="cannot give a gradient to its bottom 'x1'"):
        net.backward()


@pytest.mark.parametrize("type", ["EuclideanLoss", "HingeLoss", "MultinomialLogisticLoss", "ContrastiveLoss"])
def test_old_losses_take_four_axes(type):
    bottoms = 'bottom: "x0" bottom: "x1"' + (' bottom: "x2"' if type == "ContrastiveLoss" else "")
    layer = f'layer {{ name: "y" type: "{type}" {bottoms} top: "y" }}'
    for axes in 4, 5:
        x = (2, 3, *(1,) * (axes - 2))
        shapes = {"EuclideanLoss": (x, x), "ContrastiveLoss": (x, x, (2,))}.get(type, (x, (2,)))
        if axes == 4:
            assert net_of(layer, *shapes).blobs["y"].shape == ()
        else:
            assert refused(layer, *shapes).field == "bottom"


def test_a_batch_norm_gives_a_gradient_to_data_that_needs_none():
    text = (
        INPUT.format("x", "dim: 4 dim: 1") + 'layer { name: "y" type: "BatchNorm" bottom: "x" top: "y" loss_weight: 1 }'
    )
    net = Net(Document.parse(text, "net"), TRAIN)
    net.blobs["x"].data = [[1], [2], [3], [5]]
    net.forward()
    net.blobs["y"].diff = [[1], [0], [0], [0]]
    net.backward()
    assert net.blobs["x"].diff.any()


@pytest.mark.parametrize("norm", ["L1", "L2"])
def test_the_hinge_leaves_margins_in_the_diff_and_takes_them_from_there(norm):
    layer = f"""layer {{ name: "y" type: "HingeLoss" bottom: "x0" bottom: "x1" top: "y"
        hinge_loss_param {{ norm: {norm} }} }}"""
    net = run(layer, [[0.5, -3, 2]], [0])
    np.testing.assert_array_equal(net.blobs["x0"].diff, [[0.5, 0, 3]])
    net.backward_layer(len(net.layers) - 1)
    np.testing.assert_array_equal(net.blobs["x0"].diff, [[-1, 0, 1]] if norm == "L1" else [[-1, 0, 6]])
    net.forward()
    net.blobs["x0"].diff = 0
    net.backward_layer(len(net.layers) - 1)
    assert not net.blobs["x0"].diff.any()
