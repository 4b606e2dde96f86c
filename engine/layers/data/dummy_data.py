"""DummyData. Blobs filled by fillers."""

from __future__ import annotations

from ....proto.messages import FillerParameter
from ... import fillers
from ...errors import DefinitionError
from ...layer import Layer, at_least, layer
from .input import shape_of


@layer("DummyData", param="dummy_data_param")
class DummyData(Layer):
    r"""Makes up data: a constant once, anything random anew for each forward pass.

    $$ y \sim \mathtt{data\_filler} $$

    Bottom: none.
    Top: one or more blobs; shapes and fillers are given once for all, or once for each.
    Reference: Jia et al., "Caffe", ACM Multimedia 2014.
    """

    bottoms = 0
    tops = at_least(1)
    is_source = True

    def setup(self, bottom, top):
        settings, tops = self.settings, len(top)
        given = settings.data_filler
        if len(given) not in (0, 1, tops):
            raise DefinitionError(
                f"data_filler must be given once, or once for each of the {tops} tops; got {len(given)}.", "data_filler"
            )
        self.fillers = [given[i if len(given) > 1 else 0] if given else FillerParameter() for i in range(tops)]
        for index, (blob, shape) in enumerate(zip(top, self.shapes(tops), strict=True)):
            blob.reshape(*shape)
            self.refill(index, blob)

    @property
    def draws(self):
        return any(filler.type != "constant" for filler in self.fillers)

    def refill(self, index, blob):
        """Let the filler make the values when somebody first looks."""
        key = self.random_key(index, self.context.passes)
        try:
            fill = fillers.make_fill(self.fillers[index], blob.shape, key)
        except DefinitionError as error:
            raise DefinitionError(error.message, f"data_filler.{error.field}") from None
        blob.data_memory.fill_with(fill)

    def shapes(self, tops):
        """The shape of each top, from `shape` or from the four legacy fields."""
        settings = self.settings
        legacy = {name: list(getattr(settings, name)) for name in ("num", "channels", "height", "width")}
        if settings.shape:
            if any(legacy.values()):
                raise DefinitionError("give either shape or num, channels, height and width, not both.", "shape")
            if len(settings.shape) not in (1, tops):
                raise DefinitionError(
                    f"shape must be given once, or once for each of the {tops} tops; got {len(settings.shape)}.",
                    "shape",
                )
            return [shape_of(settings.shape[i if len(settings.shape) > 1 else 0]) for i in range(tops)]
        for name, lengths in legacy.items():
            if len(lengths) not in (1, tops):
                raise DefinitionError(
                    f"{name} must be given once, or once for each of the {tops} tops; got {len(lengths)}.", name
                )
        return [tuple(part[i if len(part) > 1 else 0] for part in legacy.values()) for i in range(tops)]

    def reshape(self, bottom, top):
        """The shapes are fixed."""

    def forward(self, bottom, top):
        for index, blob in enumerate(top):
            if self.fillers[index].type != "constant":
                self.refill(index, blob)

    def backward(self, top, propagate_down, bottom):
        """Nothing lies below."""
