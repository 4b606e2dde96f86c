"""Layers that draw: Dropout, DummyData and stochastic pooling have the right odds, and repeat themselves."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine.net import Net
from brewbench.proto import Document

SOURCE = 'layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ {0} }} }} }}\n'


def net_of(shape: tuple[int, ...], layer: str, seed: int = 1, phase: int = 0) -> Net:
    dims = " ".join(f"dim: {length}" for length in shape)
    return Net(Document.parse("force_backward: true\n" + SOURCE.format(dims) + layer, "net"), phase, seed=seed)


DROPOUT = 'layer { name: "drop" type: "Dropout" bottom: "x" top: "y" dropout_param { dropout_ratio: 0.3 } }'


def test_dropout_drops_its_share_and_keeps_the_mean():
    net = net_of((100, 1000), DROPOUT)
    net.blobs["x"].data = 2
    net.forward()
    y = net.blobs["y"].data
    assert np.isin(y, [0, np.float32(2 / 0.7)]).all()
    assert abs((y == 0).mean() - 0.3) < 0.01
    assert y.dtype == np.float32


def test_dropout_passes_the_gradient_where_it_passed_the_value():
    net = net_of((10, 10), DROPOUT)
    net.blobs["x"].data = 1
    net.forward()
    net.blobs["y"].diff = 3
    net.backward()
    np.testing.assert_allclose(net.blobs["x"].diff, 3 * net.blobs["y"].data, 1e-6)


def test_dropout_depends_on_seed_name_and_pass_alone():
    def masks(layer: str, seed: int) -> list[np.ndarray]:
        net = net_of((8, 8), layer, seed)
        net.blobs["x"].data = 1
        found = []
        for _ in range(2):
            net.forward()
            found.append(net.blobs["y"].data.copy())
        return found

    first, again = masks(DROPOUT, 1), masks(DROPOUT, 1)
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()
    assert (first[0] != masks(DROPOUT, 2)[0]).any()
    assert (first[0] != masks(DROPOUT.replace('"drop"', '"other"'), 1)[0]).any()


def test_dropout_scales_in_testing_where_a_fork_says_so():
    layer = DROPOUT.replace("0.3", "0.3 scale_train: false")
    for text in (layer, layer.replace('top: "y"', 'top: "x"')):
        train, test = (net_of((10, 10), text, phase=phase) for phase in (0, 1))
        for net in (train, test):
            net.blobs["x"].data = 2
            net.forward()
        top = train.layers[-1].param.top[0]
        kept, scaled = train.blobs[top].data, test.blobs[top].data
        assert set(np.round(kept, 5).flat) == {0, 2}
        np.testing.assert_allclose(scaled, 2 * 0.7, 1e-6)
        factors = np.where(kept, 1, 0), 0.7
        for net, factor in zip((train, test), factors, strict=True):
            net.blobs[top].diff = 3
            net.backward()
            np.testing.assert_allclose(net.blobs["x"].diff, 3 * factor, 1e-6)


def test_dropout_with_ratio_one_drops_everything():
    net = net_of((4, 4), DROPOUT.replace("0.3", "1"))
    net.blobs["x"].data = 1
    net.forward()
    assert (net.blobs["y"].data == 0).all()


def test_random_dummy_data_is_new_each_pass_and_constants_stay_as_they_were_left():
    text = """layer { name: "d" type: "DummyData" top: "a" top: "b" dummy_data_param {
        shape { dim: 1000 } data_filler { type: "gaussian" std: 2 } data_filler { value: 3 } } }"""
    net = Net(Document.parse(text, "net"), seed=5)
    net.forward()
    first = net.blobs["a"].data.copy()
    assert abs(first.std() - 2) < 0.2
    assert (net.blobs["b"].data == 3).all()
    net.blobs["b"].data = 4
    net.forward()
    assert (net.blobs["a"].data != first).any()
    assert (net.blobs["b"].data == 4).all()


STOCHASTIC = """layer { name: "pool" type: "Pooling" bottom: "x" top: "y" top: "where"
    pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 } }"""


def test_stochastic_pooling_draws_in_proportion():
    net = net_of((1, 5000, 2, 2), STOCHASTIC)
    net.blobs["x"].data = np.float32([[0, 1], [2, 5]])
    net.forward()
    y, where = net.blobs["y"].data.ravel(), net.blobs["where"].data.ravel()
    for value, place, share in ((1, 1, 1 / 8), (2, 2, 2 / 8), (5, 3, 5 / 8)):
        assert abs((y == value).mean() - share) < 0.03
        assert (where[y == value] == place).all()
    net.blobs["y"].diff = 1
    net.backward()
    np.testing.assert_array_equal(net.blobs["x"].diff.reshape(5000, 4).argmax(1), where)
    np.testing.assert_array_equal(net.blobs["x"].diff.sum((2, 3)), 1)


def test_stochastic_pooling_of_negative_windows_gives_zero_and_no_gradient():
    net = net_of((1, 200, 2, 2), STOCHASTIC)
    x = np.full((1, 200, 2, 2), -1, np.float32)
    x[0, ::2] = 2
    net.blobs["x"].data = x
    net.blobs["y"].data = 7
    net.forward()
    y, where = net.blobs["y"].data.ravel(), net.blobs["where"].data.ravel()
    assert (y[::2] == 2).all() and (where[::2] >= 0).all()
    nothing = where[1::2] == -1
    np.testing.assert_array_equal(y[1::2], np.where(nothing, 0, -1))
    assert 10 < nothing.sum() < 50  # a quarter of the shares of -4 lie above the first -1
    net.blobs["y"].diff = 1
    net.backward()
    np.testing.assert_array_equal(net.blobs["x"].diff.sum((2, 3)).ravel()[1::2], np.where(nothing, 0, 1))


SPP = 'layer { name: "pool" type: "SPP" bottom: "x" top: "y" spp_param { pool: STOCHASTIC pyramid_height: 2 } }'


@pytest.mark.parametrize("layer", [DROPOUT, STOCHASTIC, SPP])
def test_a_seed_that_is_restored_is_drawn_by(layer):
    """As in a run that another seed began, and that took up a snapshot."""
    found = []
    for seed in (1, 2):
        net = net_of((4, 3, 8, 8), layer, seed=seed)
        net.blobs["x"].data = np.random.RandomState(0).uniform(size=(4, 3, 8, 8))
        net.forward()
        net.context.seed, net.context.passes = 1, 3
        net.forward()
        found.append(net.blobs["y"].data.copy())
    np.testing.assert_array_equal(found[0], found[1])


def test_stochastic_pooling_in_test_is_the_weighted_mean():
    net = net_of((1, 1, 3, 3), STOCHASTIC.replace('top: "where"', ""), phase=1)
    x = np.float32([[1, 2, 3], [0, 5, 0], [0, 0, 0]])
    net.blobs["x"].data = x
    net.forward()
    expected = [[(1 + 4 + 25) / 8, 3.0], [0.0, 0.0]]  # the last windows are cut off by the border
    np.testing.assert_allclose(net.blobs["y"].data[0, 0], expected, 1e-6)


def test_stochastic_pooling_in_test_gives_zero_where_values_add_up_to_nothing():
    net = net_of((1, 4, 2, 2), STOCHASTIC.replace('top: "where"', ""), phase=1)
    net.blobs["x"].data = [[[[one, 1], [1, 1]] for one in (-4, -3, np.nan, 1)]]
    net.blobs["y"].data = 7
    with np.errstate(invalid="ignore"):
        net.forward()
    np.testing.assert_allclose(net.blobs["y"].data.ravel(), [0, 0, 0, 1], 1e-6)


def test_a_pyramid_draws_values_of_the_image_alone():
    """The first windows of its second level begin in the padding, where there is nothing to draw."""
    net = net_of((200, 1, 3, 3), SPP)
    net.blobs["x"].data = -1
    net.blobs["y"].data = 7
    net.forward()
    pooling, pooled = net.layers[-1].levels[1]
    assert pooling.pad == (1, 1)
    share = np.mean(pooled.data, (0, 1))  # of n values, -1 each, the first is drawn n - 1 times of n
    np.testing.assert_allclose(share, [[0, -1 / 2], [-1 / 2, -3 / 4]], atol=0.1)
    net.blobs["y"].diff = 1
    net.backward()
    assert -net.blobs["x"].diff.sum() == net.blobs["y"].data.sum()


def test_labels_that_are_no_class_are_told():
    text = SOURCE.format("dim: 2 dim: 3") + SOURCE.format("dim: 2").replace('"x"', '"l"')
    text += 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "x" bottom: "l" top: "loss" }'
    net = Net(Document.parse(text, "net"))
    net.blobs["l"].data = [0, 3]
    with pytest.raises(ValueError, match="label 3 at place 1 of bottom 'l'; with 3 classes labels go from 0 to 2"):
        net.forward()
