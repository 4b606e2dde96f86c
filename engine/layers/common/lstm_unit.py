"""LSTMUnit. One step of an LSTM, without its weights."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer
from ...ops.recurrent import lstm_cell, lstm_cell_backward


@layer("LSTMUnit")
class LSTMUnit(Layer):
    r"""Turns a cell and what its gates are given into the next cell and what it shows.

    $$ c_t = m \, \sigma(f) \, c_{t-1} + \sigma(i) \tanh(g), \quad h_t = \sigma(o) \tanh c_t $$

    Bottom: c (1, N, H); what the gates are given (1, N, 4 H), in the order i, f, o, g; marks m (1, N).
    Top: the next c and h, (1, N, H) each.
    Reference: Hochreiter and Schmidhuber, Neural Computation 1997.
    Caffe quirk: the slope of the forget gate is f (1 - f) with f already multiplied by the mark.
    """

    bottoms = 3
    tops = 2
    no_gradient = (2,)

    def reshape(self, bottom, top):
        cell, given, marks = (blob.shape for blob in bottom)
        fits = len(cell) == len(given) == 3 and cell[0] == 1 and given == (*cell[:2], 4 * cell[2])
        if not fits or marks != cell[:2]:
            raise DefinitionError(
                f"needs bottoms of shapes (1, N, H), (1, N, 4 H) and (1, N); got {cell}, {given} and {marks}.", "bottom"
            )
        for blob in top:
            blob.reshape(*cell)

    def forward(self, bottom, top):
        before, given, marks = (blob.read()[0] for blob in bottom)
        cell, hidden, self.gates = lstm_cell(self.xp, before, given, marks[:, None])
        top[0].write()[0] = cell
        top[1].write()[0] = hidden

    def backward(self, top, propagate_down, bottom):
        if propagate_down[2]:
            raise DefinitionError(f"marks have no gradient to give to bottom {self.param.bottom[2]!r}.", "bottom")
        diffs = lstm_cell_backward(
            self.xp, bottom[0].read()[0], self.gates, top[0].read()[0], top[0].read_diff()[0], top[1].read_diff()[0]
        )
        for blob, diff, wanted in zip(bottom, diffs, propagate_down, strict=False):
            if wanted:
                blob.write_diff()[0] = diff
