"""The fast CPU engine: vector kernels written at run time, over private layouts that flow from layer to layer."""

from . import (  # noqa: F401
    accuracy,
    batch_norm,
    concat,
    convolution,
    depthwise,
    dropout,
    elementwise,
    eltwise,
    inner_product,
    lrn,
    pooling,
    prelu,
    recurrent,
    scale,
    sigmoid_loss,
    softmax,
    update,
)
