"""Slice. One blob cut into several."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, at_least, layer


@layer("Slice", param="slice_param")
class Slice(Layer):
    r"""Cuts a blob along an axis, at the `slice_point`s or into equal parts.

    $$ [y_1; y_2; \dots; y_K] = x $$

    Bottom: x, of any shape.
    Top: y_1 ... y_K, of the shape of x but for the length along `axis`.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    steady = True
    tops = at_least(1)

    def setup(self, bottom, top):
        if self.settings.HasField("axis") and self.settings.HasField("slice_dim"):
            raise DefinitionError("give either axis or slice_dim, not both.", "slice_dim")

    def reshape(self, bottom, top):
        field = "slice_dim" if self.settings.HasField("slice_dim") else "axis"
        axis = self.axis_of(bottom[0], getattr(self.settings, field), field)
        shape = bottom[0].shape
        edges = [0, *self.cuts(shape[axis], len(top)), shape[axis]]
        lengths = [stop - start for start, stop in zip(edges, edges[1:], strict=False)]
        for blob, length in zip(top, lengths, strict=True):
            blob.reshape(*shape[:axis], length, *shape[axis + 1 :])
        self.pieces = self.op("concat", shape=shape, axis=axis, lengths=lengths)

    def cuts(self, length, tops):
        """Where the second and later tops begin."""
        points = list(self.settings.slice_point)
        if not points:
            if length % tops:
                raise DefinitionError(f"a length of {length} cannot be cut into {tops} equal parts.", "top")
            return [length // tops * k for k in range(1, tops)]
        if len(points) != tops - 1:
            raise DefinitionError(f"{tops} tops need {tops - 1} slice_points; got {len(points)}.", "slice_point")
        if any(a >= b for a, b in zip([0, *points], [*points, length], strict=True)):
            raise DefinitionError(f"slice_points must rise between 0 and {length}; got {points}.", "slice_point")
        return points

    def forward(self, bottom, top):
        self.pieces.cut(bottom[0], top)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            self.pieces.join_diff(top, bottom[0])
