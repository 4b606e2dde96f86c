"""Concat. Several blobs end to end."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, at_least, layer


@layer("Concat", param="concat_param")
class Concat(Layer):
    r"""Puts the bottoms one after the other along an axis.

    $$ y = [x_1; x_2; \dots; x_K] $$

    Bottom: x_1 ... x_K, of one shape but for the length along `axis`.
    Top: y, whose length along `axis` is the sum.
    Reference: Szegedy et al., CVPR 2015 (inception modules).
    """

    steady = True
    bottoms = at_least(1)
    inside = ()  # which bottoms may lie within the top (see `engine/fusion.py`)

    def setup(self, bottom, top):
        if self.settings.HasField("axis") and self.settings.HasField("concat_dim"):
            raise DefinitionError("give either axis or concat_dim, not both.", "concat_dim")

    def reshape(self, bottom, top):
        field = "concat_dim" if self.settings.HasField("concat_dim") else "axis"
        axis = self.axis_of(bottom[0], getattr(self.settings, field), field)
        first = bottom[0].shape
        for blob in bottom[1:]:
            other = blob.shape
            if len(other) != len(first) or (other[:axis], other[axis + 1 :]) != (first[:axis], first[axis + 1 :]):
                raise DefinitionError(f"bottoms may differ along axis {axis} only; got {first} and {other}.", "bottom")
        total = sum(blob.shape[axis] for blob in bottom)
        top[0].reshape(*first[:axis], total, *first[axis + 1 :])
        lengths = [blob.shape[axis] for blob in bottom]
        self.pieces = self.op("concat", shape=top[0].shape, axis=axis, lengths=lengths)

    def forward(self, bottom, top):
        self.pieces.inside = self.inside
        self.pieces.join(bottom, top[0])

    def backward(self, top, propagate_down, bottom):
        wanted = [blob if down else None for blob, down in zip(bottom, propagate_down, strict=True)]
        self.pieces.cut_diff(top[0], wanted)
