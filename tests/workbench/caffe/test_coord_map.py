"""Coordinate maps against those that pycaffe computed, and their algebra."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.caffe import NetSpec, to_proto
from brewbench.caffe import layers as L
from brewbench.caffe import params as P
from brewbench.caffe.coord_map import (
    AxisMismatchException,
    CoordMapError,
    Map,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)
from brewbench.proto.messages import LayerParameter

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "pycaffe" / "coord_map.json").read_text())


def chain(ck=3, cp=0, cs=1, pk=2, ps=2, pp=0, dk=4, ds=2, dp=0):
    """Data, convolution, pooling, deconvolution."""
    n = NetSpec()
    n.data = L.Input(shape=dict(dim=[2, 1, 100, 100]))
    n.c = L.Convolution(n.data, num_output=10, kernel_size=ck, stride=cs, pad=cp)
    n.p = L.Pooling(n.c, pool=P.Pooling.MAX, kernel_size=pk, stride=ps, pad=pp)
    n.d = L.Deconvolution(n.p, convolution_param=dict(num_output=10, kernel_size=dk, stride=ds, pad=dp))
    return n


@pytest.mark.parametrize("case", GOLDEN)
def test_chains_are_mapped_and_cropped_as_by_pycaffe(case):
    golden = GOLDEN[case]
    n = chain(**golden["chain"])
    for key, found in {
        "d_from_data": coord_map_from_to(n.d, n.data),
        "d_from_c": coord_map_from_to(n.d, n.c),
        "p_from_data": coord_map_from_to(n.p, n.data),
    }.items():
        axis, scale, shift = golden[key]
        assert found.axis == axis
        np.testing.assert_allclose(found.scale, scale)
        np.testing.assert_allclose(found.shift, shift)
    if "crop_error" in golden:
        with pytest.raises(AssertionError) as caught:
            crop(n.d, n.data)
        assert str(caught.value) == golden["crop_error"]
    else:
        n.cr = crop(n.d, n.data)
        wanted = text_format.Parse(golden["crop_layer"], LayerParameter())
        assert n.to_proto().layer[-1] == wanted


def test_pointwise_layers_keep_coordinates():
    n = chain()
    n.r = L.ReLU(n.d)
    n.one = L.Convolution(n.r, num_output=1, kernel_size=1)
    np.testing.assert_array_equal(
        np.array(coord_map_from_to(n.one, n.data)[1:]), np.array(coord_map_from_to(n.d, n.data)[1:])
    )
    assert coord_map(n.r.fn) == (None, 1, 0)
    with pytest.raises(CoordMapError, match="nothing to crop"):
        crop(n.r, n.d)


def test_axes_may_differ():
    n = NetSpec()
    n.data = L.Input(shape=dict(dim=[2, 3, 50, 50, 50]))
    n.c = L.Convolution(
        n.data, num_output=2, kernel_size=[3, 5, 3], stride=[1, 2, 1], pad=[0, 1, 2], dilation=[1, 1, 3]
    )
    found = coord_map_from_to(n.c, n.data)
    np.testing.assert_array_equal(found.scale, [1, 2, 1])
    np.testing.assert_array_equal(found.shift, [1, 1, 1])  # top pixel 0 looks at the data around these pixels


def test_a_crop_adds_its_offset_and_only_its_first_bottom_is_followed():
    n = chain()
    before = coord_map_from_to(n.d, n.data)
    n.cut = L.Crop(n.d, n.data, axis=2, offset=7)
    after = coord_map_from_to(n.cut, n.data)
    np.testing.assert_array_equal(after.shift, before.shift + 7)


def test_maps_compose_and_invert():
    once = Map(1, np.array([2.0]), np.array([3.0]))
    again = Map(None, 5, 1)
    both = compose(once, again)  # 2 (5 i + 1) + 3
    assert both.axis == 1 and both.scale == 10 and both.shift == 5
    back = compose(inverse(both), both)
    assert back.scale == 1 and back.shift == 0
    with pytest.raises(AxisMismatchException, match="axis 1.*axis 2"):
        compose(once, Map(2, 1, 0))


def test_what_has_no_map_is_refused():
    n = chain()
    n.ip = L.InnerProduct(n.d, num_output=10)
    with pytest.raises(UndefinedMapException, match="InnerProduct"):
        coord_map(n.ip.fn)
    with pytest.raises(RuntimeError, match="no spatial layers connect"):
        coord_map_from_to(n.ip, n.data)
    with pytest.raises(CoordMapError, match="kernel_h, kernel_w has no"):
        coord_map(L.Pooling(n.d, kernel_h=3, kernel_w=2).fn)
    with pytest.raises(CoordMapError, match="without a kernel_size"):
        coord_map(L.Pooling(n.d, global_pooling=True).fn)
    n = chain(pk=3, ps=3)
    with pytest.raises(CoordMapError, match="scale mismatch"):
        crop(n.d, n.data)


def test_a_crop_stands_in_a_net():
    n = chain(cp=10)
    net = to_proto(crop(n.d, n.data))
    assert net.layer[-1].type == "Crop" and list(net.layer[-1].crop_param.offset) == [10]
