"""InnerProduct. Every output sees every input."""

from __future__ import annotations

from math import prod

from ... import ops
from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("InnerProduct", param="inner_product_param")
class InnerProduct(Layer):
    r"""A weighted sum of all inputs for each output, plus an offset.

    $$ y = x W^\top + b $$

    Bottom: x (M..., K...), the axes from `axis` on taken as one of length K.
    Top: y (M..., num_output).
    Parameters: W (num_output, K), or (K, num_output) with `transpose`; b (num_output).
    Reference: Rosenblatt, Psychological Review 1958.
    """

    steady = True

    def setup(self, bottom, top):
        settings = self.settings
        if settings.num_output < 1:
            raise DefinitionError(f"num_output must be at least 1; got {settings.num_output}.", "num_output")
        self.axis = self.axis_of(bottom[0], settings.axis)
        self.inputs = prod(bottom[0].shape[self.axis :])
        shape = (settings.num_output, self.inputs)
        self.add_param(shape[::-1] if settings.transpose else shape, settings.weight_filler, "weight_filler")
        if settings.bias_term:
            self.add_param((settings.num_output,), settings.bias_filler, "bias_filler")

    def reshape(self, bottom, top):
        before, inputs = bottom[0].shape[: self.axis], prod(bottom[0].shape[self.axis :])
        if inputs != self.inputs:
            raise DefinitionError(f"was set up for {self.inputs} inputs; the bottom now has {inputs}.", "bottom")
        top[0].reshape(*before, self.settings.num_output)
        self.product = self.op(
            "inner_product",
            rows=prod(before),
            inputs=inputs,
            outputs=self.settings.num_output,
            transpose=self.settings.transpose,
        )

    @property
    def bias(self):
        return self.blobs[1] if self.settings.bias_term else None

    def absorber(self):
        """The op, where it can also do what follows on the top."""
        return ops.absorber(self.product)

    @staticmethod
    def run_op(op, bottom, blobs, top):
        """What `forward` does, by another op and with other blobs (see `engine/between.py`)."""
        op.forward(bottom[0], blobs[0], blobs[1] if len(blobs) > 1 else None, top)

    def forward(self, bottom, top):
        self.product.forward(bottom[0], self.blobs[0], self.bias, top[0])

    def backward(self, top, propagate_down, bottom):
        weight = self.blobs[0] if self.param_propagate_down[0] else None
        bias = self.bias if self.settings.bias_term and self.param_propagate_down[1] else None
        if weight or bias:
            self.product.backward_weights(bottom[0], top[0], weight, bias)
        if propagate_down[0]:
            self.product.backward_data(top[0], self.blobs[0], bottom[0])
