"""LSTM. Long short-term memory over a sequence."""

from __future__ import annotations

from ...layer import layer
from ._recurrent import Recurrent


@layer("LSTM", param="recurrent_param")
class LSTM(Recurrent):
    r"""Carries a cell along a sequence; gates say what enters it, what it keeps and what it shows.

    $$ i, f, o = \sigma(W x_t + b + U h_{t-1}), \quad g = \tanh(W x_t + b + U h_{t-1}), \quad
       c_t = f c_{t-1} + i g, \quad h_t = o \tanh c_t $$

    Where the mark of a step is 0, a sequence begins: h and c before it count as 0. The states are kept for the next
    forward pass; the gradient goes back to the beginning of this one.

    Bottom: x (T, N, ...); marks (T, N); optionally a static input (N, ...), seen at every step; with `expose_hidden`
        h and c to begin with, (1, N, H) each.
    Top: h (T, N, H), H = `num_output`; with `expose_hidden` the last h and c, (1, N, H) each.
    Parameters: W (4 H, inputs) and b (4 H) for i, f, o, g; for the static input (4 H, its inputs); U (4 H, H).
    Reference: Hochreiter and Schmidhuber, Neural Computation 1997; Donahue et al., CVPR 2015.
    """

    steady = True
    op_name = "lstm"
    states = 2

    def make_params(self, inputs, static):
        settings, rows = self.settings, 4 * self.settings.num_output
        self.add_param((rows, inputs), settings.weight_filler, "weight_filler")
        self.add_param((rows,), settings.bias_filler, "bias_filler")
        if static is not None:
            self.add_param((rows, static), settings.weight_filler, "weight_filler")
        self.add_param((rows, settings.num_output), settings.weight_filler, "weight_filler")
