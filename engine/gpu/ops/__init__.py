"""The ops on the GPU: those of engine "cuda" are made of kernels and matrix products, those of "cudnn" are cuDNN's."""

from . import convolution, cudnn, elementwise, inner_product, lrn, pooling, recurrent, softmax, update

__all__ = ["convolution", "cudnn", "elementwise", "inner_product", "lrn", "pooling", "recurrent", "softmax", "update"]
