"""Recurrent networks on the GPU: a matrix product and a kernel or two for each step."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...blob import Blob
from ...context import Context
from ...ops import implements
from ._op import DeviceOp


class Sequences(DeviceOp):
    """T steps of N streams at once: x (T, N, I), marks (T, N) that say where a sequence goes on, hidden (T, N, H).

    `static`, where there is one, is (N, S) and seen at every step. The gradient ends where the pass began.
    """

    def __init__(self, context: Context, *, steps: int, streams: int, outputs: int, static: bool):
        super().__init__(context)
        self.steps, self.streams, self.outputs, self.static = steps, streams, outputs, static
        self.count = streams * outputs  # values of one state
        self.kept: dict[str, Any] = {}  # what backward needs, made when first written

    def keep(self, name: str, *shape: int) -> Any:
        """Memory of this op's own."""
        if name not in self.kept:
            self.kept[name] = self.device.allocate(prod(shape), self.context.dtype).reshape(shape)
        return self.kept[name]

    def state(self, blob: Blob) -> Any:
        return blob.read().reshape(self.streams, self.outputs)

    def marks_of(self, marks: Blob) -> Any:
        return marks.read().reshape(self.steps, self.streams)

    def mark(self, values: Any, marks: Any, out: Any) -> None:
        """out = the values of each stream, or zero where its sequence begins."""
        self.launch("mark_rows", self.count, values, marks, out, self.outputs)

    def add_bias(self, values: Any, bias: Any, columns: int) -> None:
        """values += the bias, in each row of so many columns."""
        self.launch("scale", values.size, values, None, bias, values, None, columns, 1, False)

    def project(self, x: Blob, static: Blob | None, weights: Sequence[Blob]) -> Any:
        """What the inputs give to each step: (T, N, rows of the first weight)."""
        table, count = weights[0].read(), self.steps * self.streams
        rows = len(table)
        given = self.scratch("given", (count, rows))
        self.gemm(x.read().reshape(count, -1), table, given, (False, True))
        self.add_bias(given, weights[1].read(), rows)
        if static is not None:
            once = self.scratch("once", (self.streams, rows))
            self.gemm(static.read().reshape(self.streams, -1), weights[2].read(), once, (False, True))
            self.add_bias(given, once, once.size)
        return given.reshape(self.steps, self.streams, rows)

    def project_backward(
        self,
        x: Blob,
        static: Blob | None,
        weights: Sequence[Blob],
        given_diff: Any,
        wanted: Sequence[bool],
        wanted_weights: Sequence[bool],
    ) -> None:
        """x.diff, static.diff and the diffs of the weights that `project` used. `wanted` is for x and static."""
        count, rows = self.steps * self.streams, given_diff.shape[-1]
        flat = given_diff.reshape(count, rows)
        if wanted_weights[0]:
            self.gemm(flat, x.read().reshape(count, -1), weights[0].modify_diff(), (True, False), beta=1.0)
        if wanted_weights[1]:
            self.add_sums(flat, count, rows, 1, weights[1].modify_diff())
        if wanted[0]:
            self.gemm(flat, weights[0].read(), x.write_diff().reshape(count, -1))
        if static is not None:
            once = self.scratch("once", (self.streams, rows))
            self.launch("column_sums", once.size, flat, once, self.steps, once.size, 1, False)
            if wanted_weights[2]:
                values = static.read().reshape(self.streams, -1)
                self.gemm(once, values, weights[2].modify_diff(), (True, False), beta=1.0)
            if wanted[1]:
                self.gemm(once, weights[2].read(), static.write_diff().reshape(self.streams, -1))


@implements("lstm", "cuda")
class LSTM(Sequences):
    """Long short-term memory; the states are hidden and cell, both (1, N, H)."""

    def forward(self, x, marks, static, weights, before, after, tops) -> None:
        """Fill tops[0] and the states `after`, beginning with the states `before`."""
        state = self.steps, self.streams, self.outputs
        given, back, goes_on = self.project(x, static, weights), weights[-1].read(), self.marks_of(marks)
        hidden, cell = (self.state(blob) for blob in before)
        out = tops[0].write().reshape(state)
        past, gates = self.keep("past", *state), self.keep("gates", *state[:2], 4 * self.outputs)
        cells = self.keep("cells", self.steps + 1, *state[1:])
        cells[0] = cell
        for t in range(self.steps):
            self.mark(hidden, goes_on[t], past[t])
            self.gemm(past[t], back, given[t], (False, True), beta=1.0)
            arrays = given[t], goes_on[t], cells[t], gates[t], cells[t + 1], out[t]
            self.launch("lstm_forward", self.count, *arrays, self.outputs)
            hidden = out[t]
        for blob, values in zip(after, (hidden, cells[self.steps]), strict=True):
            blob.write().reshape(self.streams, self.outputs)[...] = values

    def backward(self, x, marks, static, weights, tops, wanted, wanted_weights) -> None:
        """The diffs of x and static, where `wanted`, and of the weights, from tops[0].diff."""
        count, rows = self.steps * self.streams, 4 * self.outputs
        gradient = tops[0].read_diff().reshape(self.steps, self.streams, self.outputs)
        goes_on, back = self.marks_of(marks), weights[-1].read()
        given_diff = self.scratch("given", (self.steps, self.streams, rows))
        cell_diff, later = self.scratch("cell", gradient.shape[1:]), self.scratch("later", gradient.shape[1:])
        cells, gates, past = (self.kept[name] for name in ("cells", "gates", "past"))
        for t in reversed(range(self.steps)):
            after = None if t == self.steps - 1 else later
            arrays = cells[t], gates[t], cells[t + 1], gradient[t], after, cell_diff, given_diff[t]
            self.launch("lstm_backward", self.count, *arrays, self.outputs)
            self.gemm(given_diff[t], back, later)
            self.mark(later, goes_on[t], later)
        if wanted_weights[-1]:
            flat = given_diff.reshape(count, rows), past.reshape(count, self.outputs)
            self.gemm(*flat, weights[-1].modify_diff(), (True, False), beta=1.0)
        self.project_backward(x, static, weights, given_diff, wanted, wanted_weights)


@implements("rnn", "cuda")
class RNN(Sequences):
    """The plain recurrent network: tanh of the input and the past, and tanh of that; the state is hidden, (1, N, H)."""

    def forward(self, x, marks, static, weights, before, after, tops) -> None:
        """Fill tops[0] and the state `after`, beginning with the state `before`."""
        state, count = (self.steps, self.streams, self.outputs), self.steps * self.streams
        given, goes_on = self.project(x, static, weights), self.marks_of(marks)
        back, show, offset = (blob.read() for blob in weights[-3:])
        past, values, hidden = self.keep("past", *state), self.keep("hidden", *state), self.state(before[0])
        for t in range(self.steps):
            self.mark(hidden, goes_on[t], past[t])
            self.gemm(past[t], back, given[t], (False, True), beta=1.0)
            self.launch("tanh_forward", self.count, given[t], values[t])
            hidden = values[t]
        out = tops[0].write().reshape(count, self.outputs)
        self.gemm(values.reshape(count, self.outputs), show, out, (False, True))
        self.add_bias(out, offset, self.outputs)
        self.launch("tanh_forward", out.size, out, out)
        after[0].write().reshape(self.streams, self.outputs)[...] = hidden

    def backward(self, x, marks, static, weights, tops, wanted, wanted_weights) -> None:
        """The diffs of x and static, where `wanted`, and of the weights, from tops[0].data and tops[0].diff."""
        state, flat = (self.steps, self.streams, self.outputs), (self.steps * self.streams, self.outputs)
        back, show, _ = (blob.read() for blob in weights[-3:])
        goes_on, values, past = self.marks_of(marks), self.kept["hidden"], self.kept["past"]
        shown = self.scratch("shown", flat)
        self.launch("tanh_backward", shown.size, tops[0].read(), tops[0].read_diff(), None, shown)
        if wanted_weights[-2]:
            self.gemm(shown, values.reshape(flat), weights[-2].modify_diff(), (True, False), beta=1.0)
        if wanted_weights[-1]:
            self.add_sums(shown, *flat, 1, weights[-1].modify_diff())
        gradient, given_diff = self.scratch("gradient", flat), self.scratch("given", state)
        self.gemm(shown, show, gradient)
        gradient, later = gradient.reshape(state), self.scratch("later", state[1:])
        for t in reversed(range(self.steps)):
            after = None if t == self.steps - 1 else later
            self.launch("tanh_backward", self.count, values[t], gradient[t], after, given_diff[t])
            self.gemm(given_diff[t], back, later)
            self.mark(later, goes_on[t], later)
        if wanted_weights[-3]:
            self.gemm(given_diff.reshape(flat), past.reshape(flat), weights[-3].modify_diff(), (True, False), beta=1.0)
        self.project_backward(x, static, weights, given_diff, wanted, wanted_weights)
