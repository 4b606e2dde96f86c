"""Occlusion, fields, patches, maximisation and DeepDream."""

import numpy as np
import pytest

from brewbench import explain

HEAD = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 23 dim: 19 } } }\n'
CONV = 'layer {{ name: "{n}" type: "{t}" bottom: "{b}" top: "{n}" convolution_param {{ num_output: 4 {s} }} }}\n'
POOL = 'layer {{ name: "{n}" type: "Pooling" bottom: "{b}" top: "{n}" pooling_param {{ {s} }} }}\n'


def conv(name, bottom, settings, type="Convolution"):
    return CONV.format(n=name, t=type, b=bottom, s=settings)


NETS = {
    "a window": HEAD + conv("top", "data", "kernel_size: 5 stride: 2 pad: 1"),
    "dilated": HEAD + conv("top", "data", "kernel_h: 3 kernel_w: 2 dilation: 3"),
    "windows over windows": HEAD
    + conv("a", "data", "kernel_size: 3 pad: 2 stride: 2")
    + POOL.format(n="b", b="a", s="pool: MAX kernel_size: 3 stride: 2")
    + conv("top", "b", "kernel_size: 3 pad: 1"),
    "mean over padding": HEAD + POOL.format(n="top", b="data", s="pool: AVE kernel_size: 4 stride: 3 pad: 2"),
    "deconvolution": HEAD
    + conv("a", "data", "kernel_size: 3 stride: 2")
    + conv("top", "a", "kernel_size: 4 stride: 2 pad: 1", "Deconvolution"),
    "branches": HEAD
    + conv("a", "data", "kernel_size: 1")
    + conv("b", "data", "kernel_size: 5 pad: 2")
    + 'layer { name: "top" type: "Concat" bottom: "a" bottom: "b" top: "top" }',
    "rows joined": HEAD
    + conv("a", "data", "kernel_size: 1")
    + 'layer { name: "s" type: "Slice" bottom: "a" top: "p" top: "q" slice_param { axis: 2 slice_point: 9 } }'
    + conv("c", "q", "kernel_size: 3 pad: 1")
    + 'layer { name: "top" type: "Concat" bottom: "c" bottom: "p" top: "top" concat_param { axis: 2 } }',
    "cut": HEAD
    + conv("a", "data", "kernel_size: 3 pad: 1")
    + conv("b", "data", "kernel_size: 7")
    + 'layer { name: "top" type: "Crop" bottom: "a" bottom: "b" top: "top" crop_param { offset: 4 offset: 2 } }',
    "normalised": HEAD
    + conv("a", "data", "kernel_size: 1")
    + 'layer { type: "LRN" bottom: "a" top: "top" lrn_param { local_size: 5 norm_region: WITHIN_CHANNEL } }',
    "in place": HEAD
    + conv("top", "data", "kernel_size: 3")
    + 'layer { name: "relu" type: "ReLU" bottom: "top" top: "top" }',
    "everything": HEAD
    + 'layer { name: "top" type: "InnerProduct" bottom: "data" top: "top" inner_product_param { num_output: 2 } }',
    "the input": HEAD.replace('"data"', '"top"'),
}


@pytest.mark.parametrize("name", NETS)
def test_the_field_is_where_the_gradient_is(filled, name):
    """With positive weights and values the gradient is zero outside alone; of a maximum, windows count as a mean."""
    field_net = filled(NETS[name], dtype=np.float64)
    net = filled(NETS[name].replace("MAX", "AVE"), dtype=np.float64)
    for blobs in net.params.values():
        blobs[0].data[...] = np.random.RandomState(0).rand(*blobs[0].shape) + 0.1
    net.blobs[net.inputs[0]].data[...] = 0.5 + np.random.RandomState(1).rand(1, 2, 23, 19)
    top = net.blobs["top"]
    rows, columns = top.shape[2:] if top.num_axes == 4 else (1, 1)
    channels = range(top.shape[1]) if top.num_axes == 4 else [0]
    for y in sorted({0, 1, rows // 2, rows - 1} & set(range(rows))):
        for x in sorted({0, columns // 2, columns - 1}):
            units = [(c, y, x) if top.num_axes == 4 else c for c in channels]
            slopes = sum(np.abs(explain.gradient(net, unit, "top")) for unit in units)
            where = np.argwhere(slopes.sum(0) != 0)
            seen = (*where.min(0), *where.max(0) + 1)
            y0, y1, x0, x1 = explain.receptive_field(field_net, "top", y, x)
            assert (y0, x0, y1, x1) == tuple(int(one) for one in seen), (y, x)


def test_occlusion_covers_windows_that_lie_inside(filled):
    """Of a sum over all values, a window's loss is the sum of what it covers."""
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 7 dim: 6 } } }
    layer { name: "sum" type: "InnerProduct" bottom: "data" top: "sum"
      inner_product_param { num_output: 1 weight_filler { type: "constant" value: 1 } } }
    """
    net = filled(text, dtype=np.float64)
    image = np.random.RandomState(0).rand(2, 7, 6)
    net.blobs["data"].data[0] = image
    lost = explain.occlusion(net, 0, (3, 2), (2, 3), value=0.25)
    wanted = [[(image[:, y : y + 3, x : x + 2] - 0.25).sum() for x in (0, 3)] for y in (0, 2, 4)]
    np.testing.assert_allclose(lost, wanted)
    mean = image.mean((1, 2))
    np.testing.assert_allclose(explain.occlusion(net, 0, 6, 1, value=mean), [
        [(image[:, y : y + 6, 0:6] - mean[:, None, None]).sum()] for y in (0, 1)
    ])  # fmt: skip


def test_top_patches_are_the_strongest_images(filled):
    net = filled()
    images = np.random.RandomState(3).randn(12, 3, 20, 17).astype(np.float32)
    maps = []
    for image in images:
        net.blobs["data"].data[0] = image
        net.forward()
        maps.append(net.blobs["conv1"].data[0, 2].copy())
    found = explain.top_patches(net, "conv1", 2, images, 4)
    order = np.argsort([-one.max() for one in maps], kind="stable")[:4]
    np.testing.assert_array_equal(found.images, order)
    np.testing.assert_allclose(found.values, [maps[i].max() for i in order], rtol=1e-6)
    for i, (y, x), patch, (y0, y1, x0, x1) in zip(order, found.positions, found.patches, found.boxes, strict=True):
        assert maps[i][y, x] == maps[i].max()
        assert (y0, y1, x0, x1) == explain.receptive_field(net, "conv1", y, x)
        np.testing.assert_array_equal(patch, images[i][:, y0:y1, x0:x1])
    whole = explain.top_patches(net, "ip", 1, iter(images), 20)
    assert len(whole.values) == 12 and whole.patches[0].shape == (3, 20, 17)
    assert (np.diff(whole.values) <= 0).all()


@pytest.mark.parametrize(("layer", "unit"), [("conv2", 3), ("conv1", (2, 5, 5)), ("ip", 4), ("relu_left", 1)])
def test_maximise_raises_the_unit(filled, layer, unit):
    net = filled()
    image = explain.maximise(net, layer, unit, steps=120, seed=2)
    assert image.shape == (3, 20, 17) and image.dtype == np.float32
    np.testing.assert_array_equal(image, explain.maximise(net, layer, unit, steps=120, seed=2))
    assert np.abs(image - explain.maximise(net, layer, unit, steps=40, seed=3)).max() > 0
    noise = np.random.RandomState(0).randn(*image.shape) * image.std()
    blob = {"relu_left": "left"}.get(layer, layer)
    index = (0, *(unit if isinstance(unit, tuple) else (unit,)))
    values = []
    for one in (noise, image):
        net.blobs["data"].data[0] = one
        net.forward()
        values.append(float(net.blobs[blob].data[index].sum()))
    assert values[1] > values[0] + 1


def test_a_silent_unit_can_be_maximised(filled):
    net = filled()
    net.params["conv1"][1].data[...] = -0.5  # so that noise leaves it silent
    image = explain.maximise(net, "conv1", 1, steps=60)
    net.blobs["data"].data[0] = image
    net.forward()
    assert net.blobs["conv1"].data[0, 1].max() > 0


def test_regularisers_make_images_smaller_and_smoother(filled):
    net = filled()
    plain = explain.maximise(net, "conv2", 3, steps=30, decay=0, blur=0, jitter=0)
    decayed = explain.maximise(net, "conv2", 3, steps=30, decay=0.2, blur=0, jitter=0)
    blurred = explain.maximise(net, "conv2", 3, steps=30, decay=0, blur=1, jitter=0)

    def roughness(image):
        return np.abs(np.diff(image)).mean() / image.std()

    assert np.square(decayed).mean() < np.square(plain).mean()
    assert roughness(blurred) < roughness(plain)
    for settings in ({"decay": 1}, {"blur": -1}, {"rate": -1}, {"jitter": -1}, {"steps": 0}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            explain.maximise(net, "conv2", 3, **settings)


def test_deep_dream_grows_what_a_layer_sees(filled, reference):
    net = filled()
    large = np.random.RandomState(4).randn(3, 31, 27).astype(np.float32)
    for image in (None, large):
        dream = explain.deep_dream(net, "pool1", image, octaves=2, steps=5)
        original = reference.image() if image is None else image
        assert dream.shape == original.shape and dream.dtype == np.float32
        strength = []
        for one in (original, dream):
            net.blobs["data"].reshape(1, *one.shape)
            net.blobs["data"].data[0] = one
            net.forward(0, net.index_of("pool1"))
            strength.append(float(np.square(net.blobs["pool1"].data).sum()))
        assert strength[1] > 1.1 * strength[0]
        net.blobs["data"].reshape(1, 3, 20, 17)
        net.blobs["data"].data[0] = reference.image()
    assert explain.deep_dream(net, "ip", octaves=1, steps=2, unit=1).shape == (3, 20, 17)
    with pytest.raises(ValueError, match="image must be"):
        explain.deep_dream(net, "pool1", np.zeros((1, 20, 20)))
    with pytest.raises(ValueError, match="ip"):
        explain.deep_dream(net, "ip", octaves=2, steps=1)
