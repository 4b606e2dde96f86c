"""The ops on the GPU: those of engine "cuda" are made of kernels and matrix products, those of "cudnn" are cuDNN's."""

from . import (
    activation,
    batch_norm,
    convolution,
    cudnn,
    elementwise,
    inner_product,
    lrn,
    pooling,
    recurrent,
    scale,
    several,
    softmax,
    surprise,
    update,
)

__all__ = [
    "activation",
    "batch_norm",
    "convolution",
    "cudnn",
    "elementwise",
    "inner_product",
    "lrn",
    "pooling",
    "recurrent",
    "scale",
    "several",
    "softmax",
    "surprise",
    "update",
]
