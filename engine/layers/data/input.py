"""Input. Blobs that somebody else fills."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, at_least, layer


@layer("Input", param="input_param")
class Input(Layer):
    r"""Gives its tops a shape and leaves their values alone.

    $$ y = \text{whatever was last written into it} $$

    Bottom: none.
    Top: one or more blobs, each of its own `shape`, all of one, or empty where none is given.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    steady = True
    bottoms = 0
    tops = at_least(1)
    is_source = True

    def setup(self, bottom, top):
        shapes = self.settings.shape
        if len(shapes) not in (0, 1, len(top)):
            raise DefinitionError(
                f"shape must be given once, once for each of the {len(top)} tops, or not at all; got {len(shapes)}.",
                "shape",
            )
        for index, blob in enumerate(top):
            if shapes:
                blob.reshape(*shape_of(shapes[index if len(shapes) > 1 else 0]))
            else:
                blob.reshape(0)

    def reshape(self, bottom, top):
        """Nothing: whoever fills a top may have given it another shape."""

    def forward(self, bottom, top):
        """Nothing: the tops are filled from outside."""

    def backward(self, top, propagate_down, bottom):
        """Nothing lies below."""


def shape_of(shape, field="shape"):
    """A BlobShape message as a tuple. Raises DefinitionError on what no blob can have."""
    if len(shape.dim) > 32:
        raise DefinitionError(f"a blob has at most 32 axes; got {len(shape.dim)}.", field)
    if any(length < 0 for length in shape.dim):
        raise DefinitionError(f"a length cannot be negative; got {tuple(shape.dim)}.", field)
    return tuple(shape.dim)
