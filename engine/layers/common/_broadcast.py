"""A small blob against a part of a large one's axes: what Bias and Scale have in common."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, between


class Broadcast(Layer):
    """A layer whose second operand, a parameter or a second bottom, spans axes of the first from `axis` on."""

    bottoms = between(1, 2)
    in_place = True

    def axis_for(self, bottom):
        """Where the second operand begins: always 0 for a single number that is a bottom."""
        if len(bottom) > 1 and bottom[1].num_axes == 0:
            return 0
        return self.axis_of(bottom[0], self.settings.axis)

    def operand_shape(self, bottom):
        """The shape of the second operand where it is a parameter."""
        axis, count = self.axis_for(bottom), self.settings.num_axes
        if count < -1:
            raise DefinitionError(f"num_axes must be at least 0, or -1 for all that follow; got {count}.", "num_axes")
        if count == -1:
            return bottom[0].shape[axis:]
        if axis + count > bottom[0].num_axes:
            raise DefinitionError(
                f"num_axes {count} from axis {axis} on is more than a bottom of shape {bottom[0].shape} has.",
                "num_axes",
            )
        return bottom[0].shape[axis : axis + count]

    def match(self, bottom, operand):
        """Set `spread`, the operand's shape beside the first bottom's. Raises DefinitionError if it does not fit."""
        axis, shape = self.axis_for(bottom), bottom[0].shape
        if shape[axis : axis + operand.num_axes] != operand.shape:
            raise DefinitionError(
                f"a blob of shape {operand.shape} does not fit into one of shape {shape} from axis {axis} on.", "bottom"
            )
        self.spread = (*(1,) * axis, *operand.shape, *(1,) * (len(shape) - axis - operand.num_axes))
