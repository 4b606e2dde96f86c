"""Explanations against PyTorch and Captum over the same weights: committed values, and afresh where torch is."""

import numpy as np
import pytest

from brewbench import explain


def ours(net, reference):
    """What the functions give, by the names that the reference has."""
    unit, corner = reference.UNIT, (reference.WINDOW, reference.STRIDE)
    path = {"baseline": 0.1, "steps": reference.STEPS, "refine": False}
    return {
        "gradient": explain.gradient(net, unit),
        "gradient_x_input": explain.gradient_x_input(net, unit),
        "guided_backprop": explain.guided_backprop(net, unit),
        "deconvolution": explain.deconvolution(net, unit),
        "integrated_gradients": explain.integrated_gradients(net, unit, **path),
        "grad_cam_conv1": explain.grad_cam(net, "conv1", unit),  # with its ReLU, which runs in place
        "grad_cam_conv2": explain.grad_cam(net, "conv2", unit),  # before its ReLU, which does not
        "grad_cam_relu2": explain.grad_cam(net, "relu2", unit),
        "occlusion": explain.occlusion(net, unit, *corner, value=0.25),
    }


def assert_close(found, wanted):
    for name, values in found.items():
        size = float(np.abs(wanted[name]).max())
        assert size > 0, name
        np.testing.assert_allclose(values, wanted[name], rtol=1e-4, atol=2e-5 * size, err_msg=name)


def test_committed_values(filled, reference):
    with np.load(reference.FILE) as wanted:
        net = filled()
        assert_close(ours(net, reference), wanted)
        net.forward()
        np.testing.assert_allclose(net.blobs["ip"].data[0], wanted["scores"], rtol=1e-5, atol=1e-6)


def test_captums_occlusion_has_the_same_windows(filled, reference):
    """Captum lays windows over the pixels; the first rows and columns lie in one window alone."""
    with np.load(reference.FILE) as wanted:
        lost = explain.occlusion(filled(), reference.UNIT, reference.WINDOW, reference.STRIDE, value=0.25)
        corner = wanted["occlusion_pixels"][:, : reference.STRIDE, : reference.STRIDE]
        np.testing.assert_allclose(corner, np.full(corner.shape, lost[0, 0]), rtol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_torch_and_captum_where_they_are(filled, reference):
    pytest.importorskip("torch")
    pytest.importorskip("captum")
    computed = reference.compute()
    assert_close(ours(filled(), reference), computed)
    with np.load(reference.FILE) as committed:
        for name, values in computed.items():
            np.testing.assert_allclose(values, committed[name], rtol=1e-4, atol=1e-6, err_msg=name)
