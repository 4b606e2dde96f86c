"""Softmax and its loss in vectors against plain NumPy."""

import numpy as np
import pytest

from brewbench.engine import ops
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import layer_class, load_layers
from brewbench.engine.ops import softmax, tile  # noqa: F401
from brewbench.engine.ops.tile.layout import Features, current
from brewbench.proto.messages import LayerParameter

SHAPES = [
    ((1, 1), 1), ((5, 10), 1), ((33, 16), 1), ((40, 1000), 1), ((2, 21, 5, 7), 1), ((3, 2, 64), 1), ((7, 4), 0),
    ((3, 5, 6), 2), ((1, 4, 100, 50), 1),
]  # fmt: skip

load_layers()


def scores(shape, seed=0):
    return (4 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def made(engine, shape, axis):
    return ops.TABLE["softmax"][engine](Context(), shape=shape, axis=axis)


@pytest.mark.usefixtures("each_thread_count")
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_chances_and_gradients_are_those_of_the_plain_engine(shape, axis, in_place):
    results = []
    for engine in ("tile", "reference"):
        op, x = made(engine, shape, axis), Blob(shape)
        y = x if in_place else Blob(shape)
        x.data = scores(shape)
        op.forward(x, y)
        chances = y.data.copy()
        y.diff = scores(shape, 1)
        op.backward(y, x)
        results.append((chances, x.diff.copy()))
    (chances, slope), (wanted, wanted_slope) = results
    np.testing.assert_allclose(chances, wanted, 2e-6, 1e-12)
    np.testing.assert_allclose(chances.sum(axis=axis), 1, 1e-5)
    np.testing.assert_allclose(slope, wanted_slope, 1e-5, 1e-6)


@pytest.mark.parametrize("shape", [(1, 5), (40, 10), (17, 33), (16, 4)], ids=str)
def test_turned_rows_stay_turned(shape, laid):
    plain, turned = made("reference", shape, 1), made("tile", shape, 1)
    x, y, wanted = laid(scores(shape), Features), Blob(shape), Blob(shape)
    turned.forward(x, y)
    assert current(y.data_memory) is not None
    plain.forward(x, wanted)
    np.testing.assert_allclose(y.data, wanted.data, 2e-6, 1e-12)


@pytest.mark.parametrize("shape", [(2, 20), (2, 20, 3)], ids=str)
def test_scores_far_apart_beyond_measure_or_no_numbers(shape):
    x = scores(shape)
    x[0, 3] = 150
    x[1, 17] = np.nan
    with np.errstate(all="ignore"):
        for far in (30.0, 87.0, 95.0, 103.0, 180.0, 1e30, -np.inf):
            values, found, wanted = Blob(shape), Blob(shape), Blob(shape)
            x[0, 5] = 150 - far
            values.data = x
            made("tile", shape, 1).forward(values, found)
            made("reference", shape, 1).forward(values, wanted)
            np.testing.assert_allclose(found.data, wanted.data, 3e-6, 2e-38)
        x[0, 3] = np.inf
        values.data = x
        made("tile", shape, 1).forward(values, found)
        assert np.isnan(found.data[0]).any()


def loss_layer(shape, labels, text, tile_engine, seed=0, kind=None, laid=None):
    param = LayerParameter(name="loss", type="SoftmaxWithLoss", phase=0)
    param.loss_param.normalization = {"FULL": 0, "VALID": 1, "BATCH_SIZE": 2, "NONE": 3}[text]
    param.loss_param.ignore_label = 255
    param.softmax_param.engine = 0 if tile_engine else 1
    layer = layer_class("SoftmaxWithLoss")(param, Context(phase=0))
    bottom, top = [Blob(shape), Blob(labels.shape)], [Blob()]
    if kind and tile_engine:
        bottom[0] = laid(scores(shape, seed), kind)
    else:
        bottom[0].data = scores(shape, seed)
    bottom[1].data = labels
    layer.setup(bottom, top)
    layer.reshape(bottom, top)
    assert (layer.softmax.engine == "tile") == tile_engine
    return layer, bottom, top


@pytest.mark.usefixtures("each_thread_count")
@pytest.mark.parametrize("mode", ["FULL", "VALID", "BATCH_SIZE", "NONE"])
@pytest.mark.parametrize("shape", [(1, 3), (50, 10), (3, 21, 70, 90), (2, 5, 3)], ids=str)
@pytest.mark.parametrize("kind", [None, Features], ids=["plain", "turned"])
def test_the_loss_and_its_gradient(shape, mode, kind, laid):
    labels = np.random.default_rng(0).integers(0, shape[1], (shape[0], *shape[2:])).astype(np.float32)
    labels.ravel()[1::3] = 255
    kind = kind if len(shape) == 2 else None
    results = []
    for engine in (True, False):
        layer, bottom, top = loss_layer(shape, labels, mode, engine, 0, kind, laid)
        layer.forward(bottom, top)
        top[0].diff = 0.7
        layer.backward(top, [True, False], bottom)
        if kind and engine:
            assert current(bottom[0].diff_memory) is not None
        results.append((float(top[0].data), bottom[0].diff.copy()))
    (loss, slope), (wanted, wanted_slope) = results
    assert loss == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(slope, wanted_slope, 1e-5, 1e-7 * np.abs(wanted_slope).max())


def test_where_all_labels_are_ignored_there_is_no_loss():
    layer, bottom, top = loss_layer((4, 6), np.full(4, 255), "VALID", True)
    layer.forward(bottom, top)
    top[0].diff = 1
    layer.backward(top, [True, False], bottom)
    assert float(top[0].data) == 0 and not bottom[0].diff.any()


@pytest.mark.parametrize("wrong", [-1, 6, 1e9, np.nan])
def test_a_label_that_is_no_class_is_named_forward_and_backward(wrong):
    layer, bottom, top = loss_layer((4, 6), np.zeros(4), "VALID", True)
    layer.forward(bottom, top)
    top[0].diff = 1
    bottom[1].data[2] = wrong
    with np.errstate(all="ignore"):
        with pytest.raises(DefinitionError, match="with 6 classes labels go from 0 to 5"):
            layer.forward(bottom, top)
        with pytest.raises(DefinitionError, match="with 6 classes labels go from 0 to 5"):
            layer.backward(top, [True, False], bottom)


def test_no_loss_of_one_label_exceeds_caffes_largest():
    layer, bottom, top = loss_layer((1, 3), np.array([1.0]), "VALID", True)
    bottom[0].data = [[1000.0, 0.0, 0.0]]
    layer.forward(bottom, top)
    assert float(top[0].data) == pytest.approx(87.3365, abs=1e-4)
