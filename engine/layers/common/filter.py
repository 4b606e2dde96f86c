"""Filter. Lets some items of a batch through."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, at_least, layer


@layer("Filter")
class Filter(Layer):
    r"""Keeps the items whose selector is not zero.

    $$ y = \{ x_n : s_n \ne 0 \} $$

    Bottom: one or more blobs (N, ...), and last the selector s (N), which has no gradient.
    Top: each blob but the selector, with the items that were kept.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    Caffe quirk: before the first forward pass the tops have room for the whole batch.
    """

    bottoms = at_least(2)
    tops = at_least(1)

    def setup(self, bottom, top):
        if len(top) != len(bottom) - 1:
            raise DefinitionError(f"{len(bottom)} bottoms, the last a selector, need as many tops less 1.", "top")
        self.no_gradient = self.forced = (len(bottom) - 1,)

    def reshape(self, bottom, top):
        *blobs, selector = bottom
        if any(length != 1 for length in selector.shape[1:]):
            raise DefinitionError(f"needs one selector for each item; their shape is {selector.shape}.", "bottom")
        for blob, out in zip(blobs, top, strict=True):
            if blob.shape[:1] != selector.shape[:1]:
                raise DefinitionError(
                    f"needs as many items as selectors; got {blob.shape} and {selector.shape}.", "bottom"
                )
            out.reshape(*blob.shape)

    def forward(self, bottom, top):
        *blobs, selector = bottom
        self.kept = self.xp.nonzero(selector.read().reshape(-1))[0]
        for blob, out in zip(blobs, top, strict=True):
            out.reshape(len(self.kept), *blob.shape[1:])
            out.write()[...] = blob.read()[self.kept]

    def backward(self, top, propagate_down, bottom):
        if propagate_down[-1]:
            raise DefinitionError(f"a selector has no gradient to give to bottom {self.param.bottom[-1]!r}.", "bottom")
        for blob, out, wanted in zip(bottom, top, propagate_down, strict=False):
            if wanted:
                gradient = blob.write_diff()
                gradient[...] = 0
                gradient[self.kept] = out.read_diff()
