"""What the recurrent layers have in common: sequences in, states kept from one pass to the next."""

from __future__ import annotations

from math import prod

from ...errors import DefinitionError
from ...layer import Layer, at_least


class Recurrent(Layer):
    """A layer over sequences: subclasses name their op, and make their parameters in `make_params`.

    Bottoms are x (T, N, ...), marks (T, N), optionally a static input (N, ...), and with `expose_hidden` the states
    to begin with; tops are y (T, N, H), and with `expose_hidden` the states at the end.
    """

    bottoms = at_least(2)
    tops = at_least(1)
    no_gradient = (1,)
    op_name: str
    states: int  # how many blobs of shape (1, N, H) are kept

    def make_params(self, inputs, static):
        """Add the parameters; `static` is None or the length of the static input."""
        raise NotImplementedError

    def setup(self, bottom, top):
        settings = self.settings
        if settings.num_output < 1:
            raise DefinitionError(f"num_output must be at least 1; got {settings.num_output}.", "num_output")
        shown = self.states if settings.expose_hidden else 0
        if len(bottom) not in (2 + shown, 3 + shown):
            raise DefinitionError(f"takes {2 + shown} or {3 + shown} bottoms here; got {len(bottom)}.", "bottom")
        if len(top) != 1 + shown:
            raise DefinitionError(f"makes {1 + shown} tops here; got {len(top)}.", "top")
        self.has_static = len(bottom) == 3 + shown
        given = range(2 + self.has_static, len(bottom))
        self.no_gradient = (1, *given)
        if bottom[0].num_axes < 3:
            raise DefinitionError(f"needs x of at least 3 axes (T, N, ...); got {bottom[0].shape}.", "bottom")
        if self.has_static and bottom[2].num_axes < 2:
            raise DefinitionError(f"needs a static input of at least 2 axes (N, ...); got {bottom[2].shape}.", "bottom")
        self.steps, self.inputs = bottom[0].shape[0], prod(bottom[0].shape[2:])
        self.make_params(self.inputs, prod(bottom[2].shape[1:]) if self.has_static else None)
        self.kept = [self.make_blob() for _ in range(self.states)]

    def reshape(self, bottom, top):
        shape, outputs = bottom[0].shape, self.settings.num_output
        if shape[0] != self.steps or prod(shape[2:]) != self.inputs:
            raise DefinitionError(f"was set up for {self.steps} steps of {self.inputs} inputs; got {shape}.", "bottom")
        streams = shape[1]
        if bottom[1].shape != shape[:2]:
            raise DefinitionError(f"needs marks of shape {shape[:2]}; got {bottom[1].shape}.", "bottom")
        if self.has_static and bottom[2].shape[0] != streams:
            raise DefinitionError(f"needs a static input of {streams} items; got {bottom[2].shape}.", "bottom")
        state = (1, streams, outputs)
        for blob in self.shown(bottom):
            if blob.shape != state:
                raise DefinitionError(f"needs states of shape {state}; got {blob.shape}.", "bottom")
        top[0].reshape(self.steps, streams, outputs)
        for blob in top[1:]:
            blob.reshape(*state)
        for blob in self.kept:  # of fewer streams, as many numbers as they need stay
            blob.reshape(*state)
        self.sequences = self.op(
            self.op_name, steps=self.steps, streams=streams, outputs=outputs, static=self.has_static
        )

    def shown(self, bottom):
        """The bottoms that hold states to begin with."""
        return bottom[2 + self.has_static :]

    def forward(self, bottom, top):
        before, after = self.shown(bottom) or self.kept, top[1:] or self.kept
        static = bottom[2] if self.has_static else None
        self.sequences.forward(bottom[0], bottom[1], static, self.blobs, before, after, top[:1])

    def backward(self, top, propagate_down, bottom):
        if propagate_down[1]:
            raise DefinitionError(f"marks have no gradient to give to bottom {self.param.bottom[1]!r}.", "bottom")
        static = bottom[2] if self.has_static else None
        wanted = True, self.has_static  # asked for or not: Caffe's unrolled net runs all the way back
        everything = [True] * len(self.blobs)
        self.sequences.backward(bottom[0], bottom[1], static, self.blobs, top[:1], wanted, everything)
