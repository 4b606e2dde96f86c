"""Recurrent networks over a sequence: LSTM and the plain kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..blob import Blob
from ..context import Context
from . import Op, implements


def sigmoid(xp: Any, x: Any) -> Any:
    """The logistic function, in the form that is exact also for gates that are nearly shut; far below zero it is 0."""
    return 1 / (1 + xp.exp(-x))


def lstm_cell(xp: Any, before: Any, given: Any, goes_on: Any) -> tuple[Any, Any, Any]:
    """One step of an LSTM: the new cell and hidden state, and the four gates, for `lstm_cell_backward`.

    `before` is the cell (N, H), `given` what the gates are given (N, 4 H) in the order input, forget, output,
    candidate; `goes_on` (N, 1) is 0 where a sequence begins, so that the past is forgotten.
    As in Caffe's LSTMUnit the forget gate is then 0 whatever it is given, even what is no number.
    """
    gates = given.reshape(given.shape[0], 4, -1)
    opened = sigmoid(xp, gates[:, :3])
    opened[:, 1] = xp.where(goes_on == 0, goes_on, goes_on * opened[:, 1])
    candidate = xp.tanh(gates[:, 3])
    cell = opened[:, 1] * before + opened[:, 0] * candidate
    hidden = opened[:, 2] * xp.tanh(cell)
    return cell, hidden, xp.concatenate((opened, candidate[:, None]), axis=1)


def lstm_cell_backward(
    xp: Any, before: Any, gates: Any, cell: Any, cell_diff: Any, hidden_diff: Any
) -> tuple[Any, Any]:
    """The gradients of `before` and of `given`, from those of the new cell and hidden state.

    As in Caffe the forget gate's slope is f (1 - f) with f already multiplied by `goes_on`.
    """
    entered, kept, shown, candidate = (gates[:, k] for k in range(4))
    seen = xp.tanh(cell)
    total = cell_diff + hidden_diff * shown * (1 - seen * seen)
    given_diff = xp.stack(
        (
            total * candidate * entered * (1 - entered),
            total * before * kept * (1 - kept),
            hidden_diff * seen * shown * (1 - shown),
            total * entered * (1 - candidate * candidate),
        ),
        axis=1,
    )
    return total * kept, given_diff.reshape(len(given_diff), -1)


class Sequences(Op):
    """T steps of N streams at once: x (T, N, I), marks (T, N) that say where a sequence goes on, hidden (T, N, H).

    `static`, where there is one, is (N, S) and seen at every step. The gradient ends where the pass began.
    """

    def __init__(self, context: Context, *, steps: int, streams: int, outputs: int, static: bool):
        super().__init__(context)
        self.steps, self.streams, self.outputs, self.static = steps, streams, outputs, static

    def project(self, x: Blob, static: Blob | None, weights: Sequence[Blob]) -> np.ndarray:
        """What the inputs give to each step: (T, N, rows of the first weight)."""
        table = weights[0].read()
        given = x.read().reshape(self.steps * self.streams, -1) @ table.T
        given += weights[1].read()
        given = given.reshape(self.steps, self.streams, len(table))
        if static is not None:
            given += static.read().reshape(self.streams, -1) @ weights[2].read().T
        return given

    def project_backward(
        self,
        x: Blob,
        static: Blob | None,
        weights: Sequence[Blob],
        given_diff: np.ndarray,
        wanted: Sequence[bool],
        wanted_weights: Sequence[bool],
    ) -> None:
        """x.diff, static.diff and the diffs of the weights that `project` used. `wanted` is for x and static."""
        flat = given_diff.reshape(self.steps * self.streams, -1)
        if wanted_weights[0]:
            weights[0].modify_diff()[...] += flat.T @ x.read().reshape(len(flat), -1)
        if wanted_weights[1]:
            weights[1].modify_diff()[...] += flat.sum(axis=0)
        if wanted[0]:
            np.matmul(flat, weights[0].read(), out=x.write_diff().reshape(len(flat), -1))
        if static is not None:
            once = given_diff.sum(axis=0)
            if wanted_weights[2]:
                weights[2].modify_diff()[...] += once.T @ static.read().reshape(self.streams, -1)
            if wanted[1]:
                np.matmul(once, weights[2].read(), out=static.write_diff().reshape(self.streams, -1))


@implements("lstm")
class LSTM(Sequences):
    """Long short-term memory; the states are hidden and cell, both (1, N, H)."""

    def forward(self, x, marks, static, weights, before, after, tops) -> None:
        """Fill tops[0] and the states `after`, beginning with the states `before`."""
        given = self.project(x, static, weights)
        back = weights[-1].read()
        goes_on = marks.read().reshape(self.steps, self.streams, 1)
        hidden, cell = (blob.read().reshape(self.streams, -1) for blob in before)
        out = tops[0].write().reshape(self.steps, self.streams, -1)
        self.past = np.empty_like(out)
        self.cells = np.empty((self.steps + 1, *out.shape[1:]), out.dtype)
        self.gates = np.empty((self.steps, self.streams, 4, self.outputs), out.dtype)
        self.cells[0] = cell
        for t in range(self.steps):
            np.multiply(hidden, goes_on[t], out=self.past[t])
            given[t] += self.past[t] @ back.T
            cell, hidden, self.gates[t] = lstm_cell(np, cell, given[t], goes_on[t])
            self.cells[t + 1], out[t] = cell, hidden
        for blob, state in zip(after, (hidden, cell), strict=True):
            blob.write().reshape(self.streams, -1)[...] = state

    def backward(self, x, marks, static, weights, tops, wanted, wanted_weights) -> None:
        """The diffs of x and static, where `wanted`, and of the weights, from tops[0].diff."""
        gradient = tops[0].read_diff().reshape(self.steps, self.streams, -1)
        goes_on = marks.read().reshape(self.steps, self.streams, 1)
        back = weights[-1].read()
        given_diff = np.empty((self.steps, self.streams, 4 * self.outputs), gradient.dtype)
        hidden_diff = cell_diff = np.zeros_like(gradient[0])
        for t in reversed(range(self.steps)):
            cell_diff, given_diff[t] = lstm_cell_backward(
                np, self.cells[t], self.gates[t], self.cells[t + 1], cell_diff, gradient[t] + hidden_diff
            )
            hidden_diff = (given_diff[t] @ back) * goes_on[t]
        if wanted_weights[-1]:
            count = self.steps * self.streams
            weights[-1].modify_diff()[...] += given_diff.reshape(count, -1).T @ self.past.reshape(count, -1)
        self.project_backward(x, static, weights, given_diff, wanted, wanted_weights)


@implements("rnn")
class RNN(Sequences):
    """The plain recurrent network: tanh of the input and the past, and tanh of that; the state is hidden, (1, N, H)."""

    def forward(self, x, marks, static, weights, before, after, tops) -> None:
        """Fill tops[0] and the state `after`, beginning with the state `before`."""
        given = self.project(x, static, weights)
        back, show, offset = (blob.read() for blob in weights[-3:])
        goes_on = marks.read().reshape(self.steps, self.streams, 1)
        hidden = before[0].read().reshape(self.streams, -1)
        self.past = np.empty((self.steps, *hidden.shape), hidden.dtype)
        self.hidden = np.empty_like(self.past)
        for t in range(self.steps):
            np.multiply(hidden, goes_on[t], out=self.past[t])
            hidden = np.tanh(given[t] + self.past[t] @ back.T)
            self.hidden[t] = hidden
        out = tops[0].write().reshape(self.steps * self.streams, -1)
        np.matmul(self.hidden.reshape(len(out), -1), show.T, out=out)
        out += offset
        np.tanh(out, out=out)
        after[0].write().reshape(self.streams, -1)[...] = hidden

    def backward(self, x, marks, static, weights, tops, wanted, wanted_weights) -> None:
        """The diffs of x and static, where `wanted`, and of the weights, from tops[0].data and tops[0].diff."""
        count = self.steps * self.streams
        back, show, _ = (blob.read() for blob in weights[-3:])
        goes_on = marks.read().reshape(self.steps, self.streams, 1)
        out = tops[0].read().reshape(count, -1)
        shown = tops[0].read_diff().reshape(count, -1) * (1 - out * out)
        hidden = self.hidden.reshape(count, -1)
        if wanted_weights[-2]:
            weights[-2].modify_diff()[...] += shown.T @ hidden
        if wanted_weights[-1]:
            weights[-1].modify_diff()[...] += shown.sum(axis=0)
        gradient = (shown @ show).reshape(self.hidden.shape)
        given_diff = np.empty_like(self.hidden)
        hidden_diff = np.zeros_like(gradient[0])
        for t in reversed(range(self.steps)):
            given_diff[t] = (gradient[t] + hidden_diff) * (1 - self.hidden[t] * self.hidden[t])
            hidden_diff = (given_diff[t] @ back) * goes_on[t]
        if wanted_weights[-3]:
            weights[-3].modify_diff()[...] += given_diff.reshape(count, -1).T @ self.past.reshape(count, -1)
        self.project_backward(x, static, weights, given_diff, wanted, wanted_weights)
