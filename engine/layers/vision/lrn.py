"""LRN. Local response normalisation."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer

WITHIN_CHANNEL = 1


@layer("LRN", param="lrn_param")
class LRN(Layer):
    r"""Dampens a value by the energy of its neighbours, across channels or within one.

    $$ y = x \Bigl( k + \frac{\alpha}{n} \sum_{i \in \text{window}} x_i^2 \Bigr)^{-\beta} $$

    The window has n = `local_size` channels, or n = `local_size` squared pixels; outside, x is zero.

    Bottom: x (N, C, H, W).
    Top: y, of the shape of x.
    Reference: Krizhevsky, Sutskever and Hinton, NIPS 2012, section 3.3.
    Caffe quirk: within a channel k is always 1.
    """

    steady = True

    def setup(self, bottom, top):
        if self.settings.local_size % 2 == 0:
            raise DefinitionError(f"local_size must be odd; got {self.settings.local_size}.", "local_size")

    def reshape(self, bottom, top):
        shape, settings = bottom[0].shape, self.settings
        if len(shape) != 4:
            raise DefinitionError(f"needs a bottom of 4 axes (N, C, H, W); its shape is {shape}.", "bottom")
        top[0].reshape(*shape)
        within = settings.norm_region == WITHIN_CHANNEL
        self.lrn = self.op(
            "lrn",
            shape=shape,
            axes=(2, 3) if within else (1,),
            size=settings.local_size,
            alpha=settings.alpha,
            beta=settings.beta,
            k=1.0 if within else settings.k,
        )

    def forward(self, bottom, top):
        self.lrn.forward(bottom[0], top[0])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.lrn.backward(top[0], bottom[0])
