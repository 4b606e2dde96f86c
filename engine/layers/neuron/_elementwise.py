"""What the layers that work element by element have in common."""

from __future__ import annotations

from ...layer import Layer


class Elementwise(Layer):
    """A layer with one bottom and one top of the same shape, which may be the same blob."""

    in_place = True

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)
