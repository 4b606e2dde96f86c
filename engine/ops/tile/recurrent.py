"""Recurrent nets by tile kernels: a whole pass is a few calls of drivers."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod
from typing import Any

import numpy as np

from ...blob import Blob
from ...context import Context
from ...threads import threads
from .. import implements
from ._op import TileOp, host_address, own_floats, ready, table
from .convolution import Packed
from .inner_product import tile_rows
from .target import lanes, registers

BLOCK = 16  # columns of packed weights side by side; the drivers know it too
PANEL = 8192  # floats of the vectors' side of a product that stay in the first cache
SECOND = 1 << 17  # floats of either side that stay in the second
APART = 432  # floats between two steps: powers of two would put all steps into the same lines of the cache
ALONE = 1 << 16  # multiplications of a step below which more threads only wait for each other


class Table:
    """Weights (rows, inputs) and the products with them: forward, back, and their gradient; all over turned steps."""

    def __init__(self, streams: int, rows: int, inputs: int, steps: int):
        v = lanes()
        self.streams, self.rows, self.inputs, self.steps = streams, rows, inputs, steps
        self.row = ceil(streams / v) * v
        self.blocks = ceil(inputs / BLOCK)
        self.step = rows * self.row + APART
        vectors = self.row // v
        self.columns = vectors if vectors <= 3 else 3 if vectors % 3 == 0 else 2
        self.groups, self.rest = divmod(vectors, self.columns)
        self.packed = Packed(self.blocks * rows * BLOCK)
        self.a_at = table(np.arange(self.blocks) * rows * BLOCK)
        self.b_at = table(np.arange(self.blocks) * BLOCK * self.row)
        self.zeros = table([0])
        self._records: dict[str, Any] = {}

    @property
    def high(self) -> int:
        """Inputs, filled up to whole blocks."""
        return self.blocks * BLOCK

    def pack(self, weight: Blob) -> None:
        """Have the weights in blocks, if they are not yet."""
        from .drive import Record
        from .sequences import PACK, pack

        if self.packed.stale(weight.data_memory):
            plain = host_address(weight.read())
            fields = dict(plain=plain, packed=self.packed.address, rows=self.rows, columns=self.inputs)
            pack.run(Record(PACK, **fields), ceil(self.rows / BLOCK))

    def at_once(self, rows: int) -> int:
        """Rows of a tile, about equal for all."""
        return ceil(rows / ceil(rows / tile_rows(self.columns)))

    def kernels(self, rows: int) -> dict[str, int]:
        """The kernels for tiles of so many `rows` in all."""
        from .tiles import Tile, address_of

        at_once = self.at_once(rows)
        last = rows % at_once

        def kernel(m: int, n: int) -> int:
            return address_of(Tile(m, n, a_row=BLOCK, a_step=1, unroll=4)) if m and n else 0

        return dict(
            kernel=kernel(at_once, self.columns), last_rows=kernel(last, self.columns),
            last_columns=kernel(at_once, self.rest), corner=kernel(last, self.rest), rows_at_once=at_once,
            a_at=self.a_at[1], b_at=self.b_at[1], runs=self.blocks, **self.common(),
        )  # fmt: skip

    def together(self, columns: int) -> int:
        """How many items of so many numbers stay in the second cache."""
        return max(1, SECOND // columns)

    def back_kernels(self) -> dict[str, int]:
        """Those for products with the transpose: a part of a block has their rows."""
        from .tiles import Tile, address_of

        wide = registers() >= 32
        height = {True: 16 if wide else 8, False: 8 if wide else 4}[self.columns == 1]
        unroll = 4 if self.rows % 4 == 0 else 1

        def kernel(n: int) -> int:
            return address_of(Tile(height, n, a_row=1, a_step=BLOCK, unroll=unroll)) if n else 0

        return dict(
            kernel=kernel(self.columns), last_columns=kernel(self.rest), parts=BLOCK // height,
            chunk=max(64, PANEL // self.row // 4 * 4), **self.common(),
        )  # fmt: skip

    def common(self) -> dict[str, int]:
        return dict(
            packed=self.packed.address, rows=self.rows, row=self.row, groups=self.groups, columns=self.columns,
            zeros=self.zeros[1],
        )  # fmt: skip

    def record(self, name: str, layout: str, **fields: int) -> Any:
        """A record of that name, made when first asked for."""
        from . import sequences
        from .drive import Record

        if name not in self._records:
            self._records[name] = Record(getattr(sequences, layout))
        return self._records[name].set(**fields)

    def forward(self, b: int, c: int, add: bool = False) -> None:
        """c[t] (rows, row) = or += W b[t], where b[t] is (high, row)."""
        from .sequences import project

        if "forward" not in self._records:
            self.record("forward", "PROJECT", steps=self.steps, b_step=self.high * self.row,
                        c_step=self.step, together=self.together(self.at_once(self.rows) * self.high),
                        **self.kernels(self.rows))  # fmt: skip
        record = self.record("forward", "PROJECT", b=b, c=c, start=int(add))
        project.run(record, ceil(self.rows / self.at_once(self.rows)))

    def back(self, b: int, c: int) -> None:
        """c[t] (high, row) = W^T b[t], where b[t] is (rows, row)."""
        from .sequences import project_back

        if "back" not in self._records:
            self.record("back", "PROJECT", steps=self.steps, b_step=self.step,
                        c_step=self.high * self.row, together=self.together(self.rows * BLOCK),
                        **self.back_kernels())  # fmt: skip
        record = self.record("back", "PROJECT", b=b, c=c)
        project_back.run(record, self.blocks * int(record.values["parts"][0]))

    def gather(self, a: int, b: int, weight: Blob | None, bias: Blob | None, sums: int, b_row: int = 0) -> None:
        """weight.diff += sum of a[t] b[t], a turned (rows, row) and b plain (streams, b_row); bias.diff, a's sums.

        `sums` is where the sums of a over the steps go, (rows, row); 0 where neither they nor the bias are wanted.
        """
        from .sequences import gather
        from .tiles import Tile, address_of

        if "gather" not in self._records:
            v = lanes()
            columns = max(1, min(2, self.inputs // v))
            at_once = ceil(self.rows / ceil(self.rows / tile_rows(columns)))
            last = self.rows % at_once
            unroll = 4 if self.streams % 4 == 0 else 1
            b_row = b_row or self.inputs
            self.runs = table(np.arange(self.steps) * self.step)
            self.rows_of_b = table(np.arange(self.steps) * self.streams * b_row)

            def kernel(m: int, n: int) -> int:
                return address_of(Tile(m, n, a_row=self.row, a_step=1, unroll=unroll)) if m else 0

            self.record(
                "gather", "GATHER", kernel=kernel(at_once, columns), last_rows=kernel(last, columns),
                last_columns=kernel(at_once, 1), corner=kernel(last, 1), a_at=self.runs[1], a_row=self.row,
                a_step=self.step, rows=self.rows, rows_at_once=at_once, b_at=self.rows_of_b[1], b_row=b_row,
                runs=self.steps, chunk=max(1, SECOND // (self.streams * b_row)), length=self.streams,
                inputs=self.inputs, columns=columns,
            )  # fmt: skip
        record = self.record(
            "gather", "GATHER", a=a, b=b, c=host_address(weight.modify_diff()) if weight is not None else 0,
            bias=host_address(bias.modify_diff()) if bias is not None else 0, sums=sums,
        )  # fmt: skip
        gather.run(record, ceil(self.rows / int(record.values["rows_at_once"][0])))


class Room:
    """Zeroed memory of an op's own, made when first used. What nobody writes stays zero."""

    def __init__(self) -> None:
        self._arrays: dict[str, tuple[np.ndarray, int]] = {}

    def floats(self, name: str, *shape: int) -> tuple[np.ndarray, int]:
        """The array of that name, and its address."""
        if name not in self._arrays:
            count = prod(shape)
            whole, address = own_floats(count)
            first = (address - host_address(whole)) // 4
            self._arrays[name] = whole[first : first + count].reshape(shape), address
        return self._arrays[name]


class Sequences(TileOp):
    """T steps of N streams, all turned: (T, numbers of a stream, N filled up to whole vectors).

    What is read by a product is filled up to whole blocks of numbers as well.
    """

    gates: int  # numbers that a unit is given at each step
    steady = True
    waste: int  # where fewer than one in so many lanes has a stream, products of rows are faster

    def __init__(self, context: Context, *, steps: int, streams: int, outputs: int, static: bool):
        super().__init__(context, steps=steps, streams=streams, outputs=outputs, static=static)
        self.steps, self.streams, self.outputs = steps, streams, outputs
        self.row = ceil(streams / lanes()) * lanes()
        self.high = ceil(outputs / BLOCK) * BLOCK
        self.step = outputs * self.row + APART
        self.room = Room()
        self._tables: dict[str, Table] = {}
        self._records: dict[Any, Any] = {}

    @classmethod
    def supports(cls, context: Context, *, steps: int, streams: int, outputs: int, **spec: Any) -> bool:
        return super().supports(context) and min(steps, outputs) > 0 and streams * cls.waste >= lanes()

    def at(self, name: str) -> int:
        """Where the memory of that name is, of those whose shape is known from the start."""
        return self.room.floats(name, *self.shapes()[name])[1]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        steps, row, given = self.steps, self.row, self.gates * self.outputs
        return {
            "marks": (steps, row), "offset": (given, row), "sums": (given, row), "given": (steps, given * row + APART),
            "given_diff": (steps, given * row + APART), "past": (steps, self.high * row),
            "hidden": (steps, self.high * row), "hidden_diff": (self.high, row),
            "plain": (steps, self.streams, self.high), "gradient": (steps, self.step),
            "cells": (steps + 1, self.outputs, row), "cell_diff": (self.outputs, row), "shown": (steps, self.step),
            "shown_diff": (steps, self.step), "show offset": (self.step,),
            "show sums": (self.outputs, row), "behind": (steps, self.high * row),
        }  # fmt: skip

    def array(self, name: str) -> np.ndarray:
        return self.room.floats(name, *self.shapes()[name])[0]

    def table(self, name: str, weight: Blob, steps: int) -> Table:
        """The weights of that name, in blocks."""
        found = self._tables.get(name)
        if found is None:
            rows, inputs = weight.shape
            found = self._tables[name] = Table(self.streams, rows, inputs, steps)
        found.pack(weight)
        return found

    def turn(self, *values: int) -> None:
        """target[t, c, r] = source[t, r, c]; the values are those of TURN, then how many steps."""
        from .drive import Record
        from .sequences import TURN, turn

        record = self._records.get(values)
        if record is None:
            record = self._records[values] = Record(TURN, **dict(zip(TURN.names or (), values, strict=False)))
        turn.run(record, values[-1] * values[-2])

    def turn_in(self, plain: np.ndarray, target: int, target_step: int, steps: int) -> None:
        """Plain rows (steps, N, inputs) to turned ones."""
        inputs = plain.size // (steps * self.streams)
        self.turn(host_address(plain), inputs, self.streams * inputs, self.streams, inputs, target, self.row,
                  target_step, ceil(self.streams / lanes()), steps)  # fmt: skip

    def turn_out(self, source: int, source_step: int, inputs: int, target: int, target_row: int, steps: int) -> None:
        """The other way round."""
        self.turn(source, self.row, source_step, inputs, self.streams, target, target_row,
                  self.streams * target_row, ceil(inputs / lanes()), steps)  # fmt: skip

    def inputs(self, name: str, x: Blob, weight: Blob, steps: int) -> tuple[Table, int]:
        """The weights of an input, and where it is, turned."""
        table = self.table(name, weight, steps)
        turned = self.room.floats(name, steps, table.high, self.row)[1]
        self.turn_in(x.read(), turned, table.high * self.row, steps)
        return table, turned

    def project(self, x: Blob, static: Blob | None, weights: Sequence[Blob]) -> None:
        """What the inputs give to each step, in `given`; and what every step is given, in `offset`."""
        table, turned = self.inputs("x", x, weights[0], self.steps)
        table.forward(turned, self.at("given"))
        self.spread(weights[1], "offset")
        if static is not None:
            table, turned = self.inputs("static", static, weights[2], 1)
            table.forward(turned, self.at("offset"), add=True)

    def project_back(
        self, x: Blob, static: Blob | None, weights: Sequence[Blob], wanted: Sequence[bool], asked: Sequence[bool]
    ) -> None:
        """x.diff, static.diff and the diffs of the weights that `project` used, from `given_diff`."""
        due = self.at("given_diff")
        sums = self.at("sums") if asked[1] or static is not None else 0
        table = self.table("x", weights[0], self.steps)
        if asked[0] or sums:
            table.gather(due, host_address(x.read()), weights[0] if asked[0] else None,
                         weights[1] if asked[1] else None, sums)  # fmt: skip
        if wanted[0]:
            self.give_back("x", x, table, due)
        if static is not None:
            table = self.table("static", weights[2], 1)
            if asked[2]:
                table.gather(sums, host_address(static.read()), weights[2], None, 0)
            if wanted[1]:
                self.give_back("static", static, table, sums)

    def give_back(self, name: str, x: Blob, table: Table, due: int) -> None:
        """The gradient of an input."""
        turned = self.room.floats(f"{name} diff", table.steps, table.high, self.row)[1]
        table.back(due, turned)
        out = host_address(x.write_diff())
        self.turn_out(turned, table.high * self.row, table.inputs, out, table.inputs, table.steps)

    def begin(self, marks: Blob, before: Blob) -> None:
        """Take the marks, and the hidden state to begin with, where it goes on."""
        from .drive import Record
        from .sequences import MARKS, mark_state, take_marks

        record = self._records.get("marks")
        if record is None:
            fields = dict(marks=self.at("marks"), state=self.at("past"), streams=self.streams, row=self.row)
            record = self._records["marks"] = Record(MARKS, **fields)
        take_marks.run(record.set(plain=host_address(marks.read())), self.steps)
        self.turn_in(before.read(), self.at("past"), 0, 1)
        mark_state.run(record, self.high)

    def spread(self, bias: Blob, name: str) -> None:
        """Have the numbers of a bias beside every stream."""
        from .drive import Record
        from .sequences import SPREAD, spread

        record = self._records.get(name)
        if record is None:
            record = self._records[name] = Record(SPREAD, target=self.at(name), row=self.row)
        spread.run(record.set(source=host_address(bias.read())), bias.count)

    def plain_rows(self, name: str) -> None:
        """Have past or hidden states as plain rows (T, N, whole blocks of units)."""
        self.turn_out(self.at(name), self.high * self.row, self.outputs, self.at("plain"), self.high, self.steps)

    def walk(self, driver: Any, table: Table, back: bool) -> None:
        """Run all steps, one after the other; in one call where one thread does them all."""
        record = self._records.get(back)
        if record is None:
            record = self._records[back] = self.made(table, back)
        items = int(record.values["items"][0])
        alone = threads() == 1 or self.gates * self.outputs * self.outputs * self.row < ALONE
        record.set(first=0, last=self.steps, whole=int(alone))
        if alone:
            driver.run(record, 1)
            return
        for t in reversed(range(self.steps)) if back else range(self.steps):
            driver.run(record.set(first=t, last=t + 1), items)

    def made(self, table: Table, back: bool) -> Any:
        """The record of the steps forward, or back."""
        from .drive import Record
        from .sequences import STEP

        kernels = table.back_kernels() if back else table.kernels(self.outputs)
        items = table.blocks * kernels["parts"] if back else ceil(self.outputs / kernels["rows_at_once"])
        gradient = self.gradient_of_hidden
        names = ["offset", "given", "past", "hidden", "marks", "hidden_diff", "given_diff", gradient]
        names += ["cells", "cell_diff"] if self.gates == 4 else []
        addresses = {"gradient" if name == gradient else name: self.at(name) for name in names}
        kernels |= dict(rows=table.rows, units=self.outputs, steps=self.steps, gates=self.gates, items=items)
        kernels |= {f"{name}_step": self.shapes()[one][1] for name, one in
                    (("gradient", gradient), ("past", "past"), ("given", "given"))}  # fmt: skip
        return Record(STEP, **kernels, **addresses)

    gradient_of_hidden = "gradient"


@implements("lstm", "tile")
class LSTM(Sequences):
    """Long short-term memory; the states are hidden and cell, both (1, N, H)."""

    gates, waste = 4, 4

    def forward(self, x, marks, static, weights, before, after, tops) -> None:
        """Fill tops[0] and the states `after`, beginning with the states `before`."""
        if not ready():
            return self.plain.forward(x, marks, static, weights, before, after, tops)
        from .sequences import advance

        steps, outputs, cells = self.steps, self.outputs, self.at("cells")
        self.project(x, static, weights)
        self.begin(marks, before[0])
        self.turn_in(before[1].read(), cells, 0, 1)
        self.walk(advance, self.table("past", weights[-1], steps), back=False)
        out = tops[0].write()
        self.turn_out(self.at("hidden"), self.high * self.row, outputs, host_address(out), outputs, steps)
        last = self.at("hidden") + 4 * (steps - 1) * self.high * self.row
        self.turn_out(last, 0, outputs, host_address(after[0].write()), outputs, 1)
        last = cells + 4 * steps * outputs * self.row
        self.turn_out(last, 0, outputs, host_address(after[1].write()), outputs, 1)

    def backward(self, x, marks, static, weights, tops, wanted, wanted_weights) -> None:
        """The diffs of x and static, where `wanted`, and of the weights, from tops[0].diff."""
        if not ready():
            return self.plain.backward(x, marks, static, weights, tops, wanted, wanted_weights)
        from .sequences import retreat

        self.turn_in(tops[0].read_diff(), self.at("gradient"), self.step, self.steps)
        table = self.table("past", weights[-1], self.steps)
        self.walk(retreat, table, back=True)
        if wanted_weights[-1]:
            plain = self.at("plain")
            self.plain_rows("past")
            table.gather(self.at("given_diff"), plain, weights[-1], None, 0, self.high)
        self.project_back(x, static, weights, wanted, wanted_weights)


@implements("rnn", "tile")
class RNN(Sequences):
    """The plain recurrent network: tanh of the input and the past, and tanh of that; the state is hidden, (1, N, H)."""

    gates, waste = 1, 1
    gradient_of_hidden = "behind"

    def forward(self, x, marks, static, weights, before, after, tops) -> None:
        """Fill tops[0] and the state `after`, beginning with the state `before`."""
        if not ready():
            return self.plain.forward(x, marks, static, weights, before, after, tops)
        from .sequences import advance, show

        steps, outputs, hidden, shown = self.steps, self.outputs, self.at("hidden"), self.at("shown")
        self.project(x, static, weights)
        self.begin(marks, before[0])
        self.walk(advance, self.table("past", weights[-3], steps), back=False)
        self.table("show", weights[-2], steps).forward(hidden, shown)
        self.spread(weights[-1], "show offset")
        show.run(self.show_record(), steps)
        self.turn_out(shown, self.step, outputs, host_address(tops[0].write()), outputs, steps)
        last = hidden + 4 * (steps - 1) * self.high * self.row
        self.turn_out(last, 0, outputs, host_address(after[0].write()), outputs, 1)

    def show_record(self) -> Any:
        from .drive import Record
        from .sequences import SHOW

        if "show" not in self._records:
            names = {"values": "shown", "offset": "show offset", "gradient": "gradient", "out": "shown_diff"}
            addresses = {name: self.at(one) for name, one in names.items()}
            self._records["show"] = Record(SHOW, size=self.step, **addresses)
        return self._records["show"]

    def backward(self, x, marks, static, weights, tops, wanted, wanted_weights) -> None:
        """The diffs of x and static, where `wanted`, and of the weights, from tops[0].data and tops[0].diff."""
        if not ready():
            return self.plain.backward(x, marks, static, weights, tops, wanted, wanted_weights)
        from .sequences import retreat, show_back

        steps, plain, gradient = self.steps, self.at("plain"), self.at("shown_diff")
        self.turn_in(tops[0].read_diff(), self.at("gradient"), self.step, steps)
        show_back.run(self.show_record(), steps)
        table = self.table("show", weights[-2], steps)
        if wanted_weights[-2] or wanted_weights[-1]:
            self.plain_rows("hidden")
            table.gather(gradient, plain, weights[-2] if wanted_weights[-2] else None,
                         weights[-1] if wanted_weights[-1] else None, self.at("show sums"), self.high)  # fmt: skip
        table.back(gradient, self.at("behind"))
        table = self.table("past", weights[-3], steps)
        self.walk(retreat, table, back=True)
        if wanted_weights[-3]:
            self.plain_rows("past")
            table.gather(self.at("given_diff"), plain, weights[-3], None, 0, self.high)
        self.project_back(x, static, weights, wanted, wanted_weights)
