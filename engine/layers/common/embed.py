"""Embed. A row of a table for each index."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, first_beyond, integers, layer
from ...memory import HOST


@layer("Embed", param="embed_param")
class Embed(Layer):
    r"""Looks up a learned vector for each integer, and adds an offset.

    $$ y_i = W_{x_i} + b $$

    Bottom: x, integers from 0 to `input_dim` - 1, of any shape; it has no gradient.
    Top: y, of the shape of x with `num_output` behind.
    Parameters: W (input_dim, num_output) and b (num_output).
    Reference: Bengio, Ducharme, Vincent and Jauvin, JMLR 2003.
    """

    no_gradient = forced = (0,)

    def setup(self, bottom, top):
        settings = self.settings
        for field in ("num_output", "input_dim"):
            if getattr(settings, field) < 1:
                raise DefinitionError(f"{field} must be at least 1; got {getattr(settings, field)}.", field)
        self.add_param((settings.input_dim, settings.num_output), settings.weight_filler, "weight_filler")
        if settings.bias_term:
            self.add_param((settings.num_output,), settings.bias_filler, "bias_filler")

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape, self.settings.num_output)

    def indices(self, blob):
        """The integers. Raises DefinitionError for one that has no row (on the host, where looking is free)."""
        values, rows = blob.read(), self.settings.input_dim
        found = integers(values, self.xp)
        wrong = first_beyond(values, found, rows) if self.context.place is HOST else None
        if wrong is not None:
            message = f"got the index {wrong} of bottom {self.bottom_name(0)}; input_dim {rows} allows 0 to "
            raise DefinitionError(f"{message}{rows - 1}.", "bottom")
        return found

    def forward(self, bottom, top):
        y = top[0].write()
        y[...] = self.blobs[0].read()[self.indices(bottom[0])]
        if self.settings.bias_term:
            y += self.blobs[1].read()

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            raise DefinitionError(f"an index has no gradient to give to bottom {self.param.bottom[0]!r}.", "bottom")
        gradient = top[0].read_diff().reshape(-1, self.settings.num_output)
        if self.param_propagate_down[0]:
            self.xp.add.at(self.blobs[0].modify_diff(), self.indices(bottom[0]).reshape(-1), gradient)
        if self.settings.bias_term and self.param_propagate_down[1]:
            self.blobs[1].modify_diff()[...] += gradient.sum(axis=0)
