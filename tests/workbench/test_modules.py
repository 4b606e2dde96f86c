"""Modules of published nets: their shapes and parameters."""

import pytest

from brewbench.engine import check
from brewbench.proto.messages import NetParameter
from brewbench.workbench.modules import MODULES


def report_of(kind, shape, *numbers):
    """The check of a net that is an input of a shape and one module."""
    net = NetParameter()
    net.layer.add(name="data", type="Input", top=["data"]).input_param.shape.add(dim=shape)
    for layer in MODULES[kind].layers("m", "data", numbers):
        net.layer.add().CopyFrom(layer)
    report = check(net)
    assert not report.diagnostics, [str(one) for one in report.diagnostics]
    return report


@pytest.mark.parametrize(
    ("kind", "shape", "numbers", "top", "params"),
    [
        ("inception", (1, 192, 28, 28), (64, 96, 128, 16, 32, 32), (1, 256, 28, 28), 163_696),  # GoogLeNet's 3a
        ("inception", (1, 256, 28, 28), (128, 128, 192, 32, 96, 64), (1, 480, 28, 28), 388_736),  # and 3b
        ("fire", (1, 96, 55, 55), (16, 64, 64), (1, 128, 55, 55), 11_920),  # SqueezeNet's fire2
        ("residual", (1, 64, 56, 56), (128, 2), (1, 128, 28, 28), 230_915),
        ("bottleneck", (1, 64, 56, 56), (64, 256, 1), (1, 256, 56, 56), 76_292),
        ("conv-bn-scale-relu", (1, 3, 224, 224), (64, 7, 2), (1, 64, 112, 112), 9_665),  # ResNet's conv1
    ],
)  # fmt: skip
def test_modules_have_the_shapes_and_parameters_of_published_nets(kind, shape, numbers, top, params):
    report = report_of(kind, shape, *numbers)
    assert report.layers[-1].top_shapes[0] == top
    assert report.param_count == params


@pytest.mark.parametrize("kind", MODULES)
def test_a_module_without_numbers_is_sound(kind):
    assert report_of(kind, (1, 64, 8, 8)).layers[-1].top_shapes[0][0] == 1


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="found 7 numbers"):
        MODULES["inception"].layers("m", "data", (1,) * 7)
    with pytest.raises(ValueError, match="stride must be at least 1; got 0"):
        MODULES["residual"].layers("m", "data", (8, 0))
