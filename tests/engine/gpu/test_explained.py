"""Explanations of nets on a device, beside those of the same nets on the host."""

import numpy as np
import pytest

from brewbench import explain
from brewbench.engine import TEST, TRAIN, Net
from brewbench.proto import Document

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 11 dim: 9 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "msra" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
"""


@pytest.mark.parametrize("phase", [TRAIN, TEST])
def test_as_on_the_host(gpu, phase):
    nets = [Net(Document.parse(NET), phase, seed=1, backend=backend) for backend in ("cpu", "gpu")]
    for net in nets:
        net.blobs["data"].data[...] = np.random.RandomState(0).randn(2, 3, 11, 9)
    for call in (
        lambda net: explain.gradient(net, 2),
        lambda net: explain.guided_backprop(net, 2),
        lambda net: explain.deconvolution(net, 2),
        lambda net: explain.grad_cam(net, "conv", 2),
        lambda net: explain.occlusion(net, 2, 4, 3),
    ):
        host, device = map(call, nets)
        np.testing.assert_allclose(device, host, rtol=1e-3, atol=1e-4 * np.abs(host).max())
