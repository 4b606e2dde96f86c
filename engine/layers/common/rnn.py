"""RNN. The plain recurrent network over a sequence."""

from __future__ import annotations

from ...layer import layer
from ._recurrent import Recurrent


@layer("RNN", param="recurrent_param")
class RNN(Recurrent):
    r"""Carries a hidden state along a sequence.

    $$ h_t = \tanh(W x_t + b + U h_{t-1}), \quad y_t = \tanh(V h_t + a) $$

    Where the mark of a step is 0, a sequence begins: h before it counts as 0. The state is kept for the next forward
    pass; the gradient goes back to the beginning of this one.

    Bottom: x (T, N, ...); marks (T, N); optionally a static input (N, ...), seen at every step; with `expose_hidden`
        h to begin with, (1, N, H).
    Top: y (T, N, H), H = `num_output`; with `expose_hidden` the last h, (1, N, H).
    Parameters: W (H, inputs), b (H); for the static input (H, its inputs); U (H, H), V (H, H), a (H).
    Reference: Elman, Cognitive Science 1990.
    """

    steady = True
    op_name = "rnn"
    states = 1

    def make_params(self, inputs, static):
        settings, outputs = self.settings, self.settings.num_output
        self.add_param((outputs, inputs), settings.weight_filler, "weight_filler")
        self.add_param((outputs,), settings.bias_filler, "bias_filler")
        if static is not None:
            self.add_param((outputs, static), settings.weight_filler, "weight_filler")
        self.add_param((outputs, outputs), settings.weight_filler, "weight_filler")
        self.add_param((outputs, outputs), settings.weight_filler, "weight_filler")
        self.add_param((outputs,), settings.bias_filler, "bias_filler")
