"""What PyTorch and Captum say of a small net: `python tests/workbench/explain/reference.py` writes reference.npz.

It needs torch, captum and NumPy, and not Brewbench. The net has a convolution with padding and stride, rectifiers in
place, pooling that rounds up, two branches and a sum, and an inner product; weights and image are drawn by NumPy.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("reference.npz")
UNIT, WINDOW, STRIDE, STEPS = 4, 5, 3, 20

NET = """
name: "two branches"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 20 dim: 17 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "left" type: "Convolution" bottom: "pool1" top: "left"
  convolution_param { num_output: 5 kernel_size: 1 } }
layer { name: "relu_left" type: "ReLU" bottom: "left" top: "left" }
layer { name: "right" type: "Convolution" bottom: "pool1" top: "right"
  convolution_param { num_output: 5 kernel_size: 3 pad: 1 } }
layer { name: "relu_right" type: "ReLU" bottom: "right" top: "right" }
layer { name: "sum" type: "Eltwise" bottom: "left" bottom: "right" top: "sum" }
layer { name: "conv2" type: "Convolution" bottom: "sum" top: "conv2"
  convolution_param { num_output: 8 kernel_size: 3 stride: 2 } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "relu2" }
layer { name: "drop2" type: "Dropout" bottom: "relu2" top: "relu2" }
layer { name: "ip" type: "InnerProduct" bottom: "relu2" top: "ip" inner_product_param { num_output: 7 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""

SHAPES = {
    "conv1": (6, 3, 3, 3), "left": (5, 6, 1, 1), "right": (5, 6, 3, 3), "conv2": (8, 5, 3, 3), "ip": (7, 8 * 4 * 3)
}  # fmt: skip


def weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of each layer, float32, of a size that keeps values near 1."""
    random = np.random.RandomState(7)
    return {
        name: (
            (random.randn(*shape) / np.sqrt(np.prod(shape[1:]) / 2)).astype(np.float32),
            (0.1 * random.randn(shape[0])).astype(np.float32),
        )
        for name, shape in SHAPES.items()
    }


def image() -> np.ndarray:
    """(3, 20, 17), float32."""
    return np.random.RandomState(8).randn(3, 20, 17).astype(np.float32)


def compute() -> dict[str, np.ndarray]:
    """The attributions by their names."""
    import torch
    from captum import attr
    from torch import nn

    def convolution(name: str, **settings: int) -> nn.Conv2d:
        outputs, inputs, size, _ = SHAPES[name]
        return nn.Conv2d(inputs, outputs, size, **settings)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.left = convolution("conv1", padding=1), convolution("left")
            self.right, self.conv2 = convolution("right", padding=1), convolution("conv2", stride=2)
            self.ip = nn.Linear(8 * 4 * 3, 7)
            self.relu1, self.relu_left, self.relu_right, self.relu2 = (nn.ReLU() for _ in range(4))
            self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.pool1(self.relu1(self.conv1(x)))
            x = self.relu_left(self.left(x)) + self.relu_right(self.right(x))
            return self.ip(self.relu2(self.conv2(x)).flatten(1))

    model = Model().eval()
    for name, (weight, bias) in weights().items():
        getattr(model, name).load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
    x = torch.tensor(image())[None]
    shape, strides = (3, WINDOW, WINDOW), (3, STRIDE, STRIDE)

    def occluded() -> torch.Tensor:
        """Captum's windows one by one, since it lays the sum of all of them over the pixels."""
        ablation = attr.FeatureAblation(model)
        found = []
        for y in range(0, x.shape[2] - WINDOW + 1, STRIDE):
            for left in range(0, x.shape[3] - WINDOW + 1, STRIDE):
                mask = torch.zeros(x.shape, dtype=torch.int64)
                mask[:, :, y : y + WINDOW, left : left + WINDOW] = 1
                found.append(ablation.attribute(x, baselines=0.25, target=UNIT, feature_mask=mask)[0, 0, y, left])
        return torch.stack(found).reshape((x.shape[2] - WINDOW) // STRIDE + 1, -1)

    found = {
        "scores": model(x)[0],
        "gradient": attr.Saliency(model).attribute(x.clone().requires_grad_(), target=UNIT, abs=False)[0],
        "gradient_x_input": attr.InputXGradient(model).attribute(x.clone().requires_grad_(), target=UNIT)[0],
        "guided_backprop": attr.GuidedBackprop(model).attribute(x.clone().requires_grad_(), target=UNIT)[0],
        "deconvolution": attr.Deconvolution(model).attribute(x.clone().requires_grad_(), target=UNIT)[0],
        "integrated_gradients": attr.IntegratedGradients(model).attribute(
            x, 0.1 * torch.ones_like(x), target=UNIT, n_steps=STEPS, method="riemann_middle"
        )[0],
        "grad_cam_conv1": attr.LayerGradCam(model, model.relu1).attribute(x, UNIT, relu_attributions=True)[0, 0],
        "grad_cam_conv2": attr.LayerGradCam(model, model.conv2).attribute(x, UNIT, relu_attributions=True)[0, 0],
        "grad_cam_relu2": attr.LayerGradCam(model, model.relu2).attribute(x, UNIT, relu_attributions=True)[0, 0],
        "occlusion": occluded(),
        "occlusion_pixels": attr.Occlusion(model).attribute(x, shape, strides, baselines=0.25, target=UNIT)[0],
    }
    return {name: value.detach().numpy() for name, value in found.items()}


if __name__ == "__main__":
    np.savez_compressed(FILE, allow_pickle=False, **compute())
