"""Gradients and what is made of them: numeric derivatives, completeness, targets, kinds of nets."""

import threading

import numpy as np
import pytest

from brewbench import explain
from brewbench.engine import TRAIN
from brewbench.proto import Document

TRAINING = """
layer {{ name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param {{ shape {{ dim: 4 dim: 3 dim: 9 dim: 8 }} shape {{ dim: 4 }}
    data_filler {{ type: "gaussian" }} data_filler {{ type: "constant" value: 1 }} }} }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 4 kernel_size: 3 weight_filler {{ type: "msra" }} }} }}
{normalise}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
layer {{ name: "drop" type: "Dropout" bottom: "conv" top: "conv" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param {{ num_output: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
layer {{ name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" }}
"""


def numeric(net, output, index, image, eps=1e-5):
    """Central differences of a blob's value by the first image of a float64 net, all by its own passes."""
    data = net.blobs["data"]
    found = np.empty_like(image)

    def value(changed):
        data.data[0] = changed
        net.forward()
        return net.blobs[output].data[(0, *index)].sum()

    for place in np.ndindex(*image.shape):
        step = np.zeros_like(image)
        step[place] = eps
        found[place] = (value(image + step) - value(image - step)) / (2 * eps)
    data.data[0] = image
    return found


@pytest.mark.parametrize(
    ("output", "unit", "index"),
    [(None, 2, (2,)), ("prob", 2, (2,)), ("conv2", 1, (1,)), ("conv2", (1, 2, 0), (1, 2, 0)), ("conv1", 4, (4,))],
)
def test_gradient_is_the_derivative(filled, output, unit, index):
    net = filled(dtype=np.float64)
    image = net.blobs["data"].data[0].copy()
    found = explain.gradient(net, unit, output)
    assert found.shape == image.shape and found.dtype == np.float64
    np.testing.assert_allclose(found, numeric(net, output or "ip", index, image), rtol=1e-5, atol=1e-8)


def test_a_branch_beside_the_output_adds_nothing(filled):
    """After passes to the whole net's end, too: the other branch's diffs of then do not come in."""
    net = filled(dtype=np.float64)
    explain.gradient(net, 0)
    left = explain.gradient(net, 1, "left")
    np.testing.assert_allclose(left, numeric(net, "left", (1,), net.blobs["data"].data[0].copy()), atol=1e-8)


def test_the_image_times_the_gradient(filled):
    net = filled()
    product = explain.gradient_x_input(net, 1)
    np.testing.assert_array_equal(product, explain.gradient(net, 1) * net.blobs["data"].data[0])


@pytest.mark.parametrize("unit", range(7))
def test_integrated_gradients_are_complete(filled, reference, unit):
    net, base = filled(), 0.3 * np.ones((3, 20, 17), np.float32)
    shares = explain.integrated_gradients(net, unit, baseline=base, steps=200)
    net.forward()
    here = float(net.blobs["ip"].data[0, unit])
    net.blobs["data"].data[0] = base
    net.forward()
    there = float(net.blobs["ip"].data[0, unit])
    assert shares.sum() == pytest.approx(here - there, rel=0.01)


def test_baselines(filled):
    net = filled()
    by_channel = explain.integrated_gradients(net, 1, baseline=[0.1, 0.2, 0.3], steps=5)
    image = np.broadcast_to(np.reshape([0.1, 0.2, 0.3], (3, 1, 1)), (3, 20, 17))
    np.testing.assert_array_equal(by_channel, explain.integrated_gradients(net, 1, baseline=image, steps=5))
    with pytest.raises(ValueError, match=r"baseline of shape \(2, 2\) does not fit"):
        explain.integrated_gradients(net, 1, baseline=np.zeros((2, 2)))


def test_smooth_grad_is_a_mean_over_noise(filled):
    net = filled()
    plain = explain.gradient(net, 1)
    np.testing.assert_allclose(explain.smooth_grad(net, 1, noise=0, samples=3), plain, rtol=1e-6, atol=1e-9)
    one, same, other = (explain.smooth_grad(net, 1, samples=4, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0 and np.abs(one - plain).max() > 0
    with pytest.raises(ValueError, match="noise must be"):
        explain.smooth_grad(net, 1, noise=-1)


@pytest.mark.parametrize("normalise", ["", 'layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }'])
def test_a_training_net_is_explained_as_in_test(filled, normalise):
    """No dropout, no statistics of the batch; the first image of whatever the data layer gave last."""
    text = TRAINING.format(normalise=normalise)
    net = filled(text, TRAIN, dtype=np.float64)
    for _ in range(3):
        net.forward()
    image = net.blobs["data"].data[0].copy()
    found = explain.gradient(net, 2)
    twin = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 9 dim: 8 } } }'
    kept = text.replace("{{", "{").replace("}}", "}")
    kept = twin + kept[kept.index('layer { name: "conv"') : kept.index('layer { name: "loss"')]
    still = filled(kept, dtype=np.float64)
    still.copy_from(net)
    np.testing.assert_allclose(found, numeric(still, "ip", (2,), image), atol=1e-7)
    loss = explain.gradient(net, 0, "loss")
    assert loss.shape == image.shape and np.abs(loss).max() > 0


def test_nothing_of_the_net_changes(filled):
    """Blobs, diffs, gradients, random numbers, the position in the data: a pass later all is as without."""
    text = TRAINING.format(normalise='layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }')

    def run(explained):
        net = filled(text, TRAIN)
        for _ in range(2):
            net.forward()
            net.backward()
            if explained:
                np.random.seed(1)
                before = everything(net), net.context.passes, np.random.get_state()[1].copy()
                explain_all(net)
                after = everything(net), net.context.passes, np.random.get_state()[1]
                for one, two in zip(before[0], after[0], strict=True):
                    np.testing.assert_array_equal(one, two)
                assert before[1] == after[1] and (before[2] == after[2]).all()
        return everything(net)

    for one, two in zip(run(False), run(True), strict=True):
        np.testing.assert_array_equal(one, two)


def everything(net):
    blobs = [*net.blobs.values(), *(blob for blobs in net.params.values() for blob in blobs)]
    return [np.array(part) for blob in blobs for part in (blob.look(), blob.look("diff"))]


def explain_all(net):
    explain.gradient(net, 1)
    explain.guided_backprop(net, 1)
    explain.deconvolution(net, 1)
    explain.integrated_gradients(net, 1, steps=4)
    explain.smooth_grad(net, 1, samples=3)
    explain.grad_cam(net, "conv", 1)
    explain.occlusion(net, 1, 4, 2)
    explain.maximise(net, "conv", 1, steps=3)
    explain.deep_dream(net, "conv", octaves=2, steps=2)
    explain.top_patches(net, "conv", 1, np.zeros((2, 3, 9, 8)), 1)
    explain.receptive_field(net, "conv", 0, 0)


def test_the_weights_of_now_count(filled):
    net = filled()
    before = explain.gradient(net, 1)
    net.params["ip"][0].data[...] *= 2
    np.testing.assert_allclose(explain.gradient(net, 1), 2 * before, rtol=1e-5, atol=1e-7)
    other = filled(seed=4)
    other.params["ip"][0].data[...] *= 3
    net.share_with(other)
    np.testing.assert_allclose(explain.gradient(net, 1), 3 * before, rtol=1e-5, atol=1e-7)


def test_a_new_image_and_a_new_batch_size_count(filled):
    net = filled()
    first = explain.gradient(net, 1)
    second = net.blobs["data"].data[1].copy()
    net.blobs["data"].reshape(1, 3, 20, 17)
    net.blobs["data"].data[0] = second
    assert np.abs(explain.gradient(net, 1) - first).max() > 0
    net.blobs["data"].reshape(5, 3, 20, 17)
    net.blobs["data"].data[0] = second
    net.blobs["data"].data[1:] = 7
    again = explain.gradient(net, 1)
    net.blobs["data"].data[1:] = -7
    np.testing.assert_array_equal(explain.gradient(net, 1), again)


def test_a_layer_that_insists_on_the_batch(filled):
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 3 dim: 2 dim: 4 dim: 4 } } }
    layer { name: "flat" type: "Reshape" bottom: "data" top: "flat" reshape_param { shape { dim: 3 dim: 32 } } }
    layer { name: "ip" type: "InnerProduct" bottom: "flat" top: "ip"
      inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
    """
    net = filled(text)
    np.testing.assert_array_equal(explain.gradient(net, 1).ravel(), net.params["ip"][0].data[1])
    assert explain.occlusion(net, 1, 2, 2).shape == (2, 2)


def test_two_inputs(filled):
    text = """
    layer { name: "mask" type: "Input" top: "mask" input_param { shape { dim: 2 dim: 3 } } }
    layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
    layer { name: "b" type: "Input" top: "b" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
    layer { name: "scaled" type: "Scale" bottom: "a" bottom: "mask" top: "scaled" scale_param { axis: 0 } }
    layer { name: "sum" type: "Eltwise" bottom: "scaled" bottom: "b" top: "sum" eltwise_param { coeff: 1 coeff: 5 } }
    """
    net = filled(text)
    net.blobs["mask"].data[...] = [[2, 3, 4], [9, 9, 9]]
    np.testing.assert_array_equal(explain.gradient(net, 1, "sum")[:, 0, 0], [0, 3, 0])
    np.testing.assert_array_equal(explain.gradient(net, 1, "sum", input="b")[:, 0, 0], [0, 5, 0])
    net.blobs["a"].data[...] = 1
    np.testing.assert_array_equal(explain.grad_cam(net, "scaled", 1, "sum"), 3 * np.ones((4, 4)))
    with pytest.raises(ValueError, match="layer 'scaled' has no gradient by 'b'; name the right `input`"):
        explain.grad_cam(net, "scaled", 1, "sum", input="b")
    with pytest.raises(ValueError, match="'scaled' is no input or data blob.*'mask', 'a', 'b'"):
        explain.gradient(net, 1, "sum", input="scaled")


def test_nothing_flows_to_indices_or_labels(filled):
    text = """
    layer { name: "word" type: "Input" top: "word" input_param { shape { dim: 2 dim: 3 } } }
    layer { name: "image" type: "Input" top: "image" input_param { shape { dim: 2 dim: 4 } } }
    layer { name: "embed" type: "Embed" bottom: "word" top: "embed" embed_param { input_dim: 5 num_output: 2
      weight_filler { type: "xavier" } } }
    layer { name: "words" type: "Flatten" bottom: "embed" top: "words" }
    layer { name: "all" type: "Concat" bottom: "words" bottom: "image" top: "all" }
    layer { name: "ip" type: "InnerProduct" bottom: "all" top: "ip"
      inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
    """
    net = filled(text)
    np.testing.assert_array_equal(explain.gradient(net, 1), net.params["ip"][0].data[1, 6:])
    with pytest.raises(ValueError, match="blob 'ip' has no gradient by 'word'"):
        explain.gradient(net, 1, input="word")


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ('layer { name: "l" type: "EuclideanLoss" bottom: "s" bottom: "t" top: "l" }', "s"),
        ('layer { name: "p" type: "Softmax" bottom: "s" top: "p" } layer { type: "Power" bottom: "p" top: "q" }', "s"),
        ('layer { name: "q" type: "Power" bottom: "s" top: "q" }', "q"),
        ('layer { name: "q" type: "ReLU" bottom: "s" top: "s" }', "s"),
    ],
)  # fmt: skip
def test_the_output_that_is_explained_by_itself(filled, layers, name):
    head = """
    layer { name: "x" type: "Input" top: "x" top: "t" input_param { shape { dim: 1 dim: 3 dim: 2 dim: 2 }
      shape { dim: 1 dim: 4 } } }
    layer { name: "s" type: "InnerProduct" bottom: "x" top: "s"
      inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
    """
    net = filled(head + layers)
    net.blobs["x"].data[...] = 1
    np.testing.assert_array_equal(explain.gradient(net, 2), explain.gradient(net, 2, name))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: explain.gradient(net, 7), r"unit 7 is beyond blob 'ip', of whose items each is \(7,\)"),
        (lambda net: explain.gradient(net, -1), "unit -1 is beyond"),
        (lambda net: explain.gradient(net, (1, 2)), "unit .* needs 1 number: an item"),
        (lambda net: explain.gradient(net, 1.5), "unit must be a whole number"),
        (lambda net: explain.gradient(net, 1, "conv3"), "no blob or layer 'conv3'; did you mean"),
        (lambda net: explain.grad_cam(net, "ip", 1), r"layer 'ip' has no maps"),
        (lambda net: explain.grad_cam(net, "conv2", 1, "left"), "blob 'left' does not depend on layer 'conv2'"),
        (lambda net: explain.occlusion(net, 1, 21, 1), "a window of 21 x 21 is larger than the image, 20 x 17"),
        (lambda net: explain.occlusion(net, 1, 2, 0), "stride must be a whole number from 1 up"),
        (lambda net: explain.integrated_gradients(net, 1, steps=0), "steps must be a whole number from 1 up"),
        (lambda net: explain.receptive_field(net, "conv2", 4, 0), "y 4 is beyond blob 'conv2', which has 4 x 3"),
        (lambda net: explain.top_patches(net, "conv1", 1, [np.zeros((3, 4, 4))], 1), "image 0 is .3, 4, 4."),
    ],
)
def test_what_cannot_be_explained(filled, call, message):
    with pytest.raises(ValueError, match=message):
        call(filled())


def test_what_is_no_net():
    with pytest.raises(TypeError, match="got str"):
        explain.gradient("lenet.prototxt", 1)


def test_progress_and_stop(filled):
    net, told, stop = filled(), [], threading.Event()

    def progress(done, total):
        told.append((done, total))
        if done == 3:
            stop.set()

    with pytest.raises(explain.Stopped, match="after 3 of 10"):
        explain.integrated_gradients(net, 1, steps=10, progress=progress, stop=stop)
    assert told == [(1, 10), (2, 10), (3, 10)]
    for call in (
        lambda **how: explain.smooth_grad(net, 1, **how),
        lambda **how: explain.occlusion(net, 1, 4, 4, **how),
        lambda **how: explain.top_patches(net, "conv1", 1, np.zeros((2, 3, 20, 17)), 1, **how),
    ):
        with pytest.raises(explain.Stopped):
            call(stop=lambda: True)
    assert explain.maximise(net, "conv1", 1, stop=stop).shape == (3, 20, 17)
    np.testing.assert_array_equal(explain.deep_dream(net, "conv1", stop=stop), net.blobs["data"].data[0])
    with pytest.raises(TypeError, match="stop is a callable or an event"):
        explain.smooth_grad(net, 1, stop=3)


def test_beside_a_solver_that_trains(filled, tmp_path):
    """From another thread, while it steps: the run's numbers are those of a run alone."""
    from brewbench import get_solver

    (tmp_path / "net.prototxt").write_text(TRAINING.format(normalise=""))
    solver_text = 'net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 30 random_seed: 5 type: "SGD"'
    (tmp_path / "solver.prototxt").write_text(solver_text)
    Document.parse(solver_text, "solver")

    def trained(beside):
        solver = get_solver(str(tmp_path / "solver.prototxt"))
        done = threading.Event()
        failed = []

        def look():
            try:
                while not done.is_set():
                    beside(solver)
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            solver.step(30)
        finally:
            done.set()
            thread.join()
        assert not failed
        return [blob.data.copy() for blobs in solver.net.params.values() for blob in blobs]

    alone = trained(lambda solver: done_nothing())
    for one, two in zip(alone, trained(lambda solver: explain.gradient(solver, 1)), strict=True):
        np.testing.assert_array_equal(one, two)


def done_nothing():
    threading.Event().wait(0.001)
