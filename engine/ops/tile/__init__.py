"""The fast CPU engine: vector kernels written at run time, over private layouts that flow from layer to layer."""

from . import batch_norm, concat, convolution, depthwise, elementwise, inner_product, lrn, pooling, update  # noqa: F401
