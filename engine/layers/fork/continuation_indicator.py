"""ContinuationIndicator. Marks where sequences begin."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("ContinuationIndicator", param="continuation_indicator_param")
class ContinuationIndicator(Layer):
    r"""The marks that an LSTM or RNN layer reads, for sequences that all begin at the first step and fill the batch.

    $$ m_{t,n} = [t > 0] $$

    Bottom: none.
    Top: m (T, N), `time_step` by `batch_size`.
    Reference: Shi, Bai and Yao, "An end-to-end trainable neural network for image-based sequence recognition", 2017.
    Fork: xmfbit/warpctc-caffe.
    """

    bottoms = 0

    def setup(self, bottom, top):
        for field in ("time_step", "batch_size"):
            if getattr(self.settings, field) < 1:
                raise DefinitionError(f"{field} must be at least 1; got {getattr(self.settings, field)}.", field)

    def reshape(self, bottom, top):
        top[0].reshape(self.settings.time_step, self.settings.batch_size)

    def forward(self, bottom, top):
        marks = top[0].write()
        marks[0] = 0
        marks[1:] = 1

    def backward(self, top, propagate_down, bottom):
        """Nothing lies below."""
