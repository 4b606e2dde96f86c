"""Inner products by tile kernels, over turned rows; at inference over plain ones where those leave many lanes empty."""

from __future__ import annotations

from math import ceil
from typing import Any

from ...blob import Blob
from ...context import Context
from ...memory import HOST, READ, WRITE, Memory
from ...threads import threads
from .. import implements
from ._op import TileOp, adding, host_address, ready, table
from .convolution import Packed
from .layout import Features, laid_out, touch
from .target import lanes, registers

FEWEST = 3  # rows from which on turning them pays; fewer go back through the reference
STREAMS = 16  # rows of weights read side by side: about as many as a processor can fetch ahead
FAR_ROWS = 256  # of weights read a few numbers each: their lines must still be in the cache for the next few
MOST_PACKED = 1 << 24  # bytes of weights of which there may be a second, packed copy
WORTH = 0.97  # of the vectors' work that must be left for it
PANEL = 1 << 19  # bytes of the turned rows that stay in a core's second cache while the weights pass


def tile_rows(columns: int, side_by_side: bool = False) -> int:
    """How many rows a tile of so many vectors may have; more if A's numbers for them lie side by side."""
    if columns == 1 and side_by_side:
        return registers() - 4
    return {1: 14, 2: 12, 3: 9, 4: 7}[columns] if registers() >= 32 else {1: 8, 2: 6, 3: 4, 4: 3}[columns]


@implements("inner_product", "tile")
class InnerProduct(TileOp):
    """y = x W^T + b for x (M, K) and W (N, K). Transposed weights are left to the reference."""

    steady = True

    def __init__(self, context: Context, *, rows: int, inputs: int, outputs: int, transpose: bool):
        super().__init__(context, rows=rows, inputs=inputs, outputs=outputs, transpose=transpose)
        self.x_shape, self.y_shape = (rows, inputs), (rows, outputs)
        self.zeros = table([0])
        self._forward: Any = None
        self._rowwise: Any = None
        self._data: Any = None
        self._weights: Any = None
        filled = ceil(outputs / lanes()) * rows / (ceil(rows / lanes()) * outputs)
        small = 4 * inputs * outputs <= MOST_PACKED
        self.rowwise = not context.training and rows >= FEWEST and small and filled < WORTH

    @classmethod
    def supports(
        cls, context: Context, *, rows: int, inputs: int, outputs: int, transpose: bool, **spec: Any
    ) -> bool:
        return super().supports(context) and min(rows, inputs, outputs) > 0 and not transpose

    @property
    def absorbs(self) -> bool:
        return ready()

    def product(self, rows: int, length: int, a_row: int, a_step: int) -> Any:
        """A record of `product` and its number of items, for A (rows, length) with these steps."""
        from .drive import Record
        from .products import PRODUCT
        from .tiles import Tile, address_of

        v = lanes()
        row = -(-self.x_shape[0] // v) * v
        vectors = row // v
        columns = min(4, vectors) if vectors != 5 else 3
        groups, rest = divmod(vectors, columns)
        most = tile_rows(columns, side_by_side=a_row == 1)
        at_once = ceil(rows / ceil(rows / most))
        last = rows % at_once
        tiles = max(1, ceil(rows / at_once) // (4 * threads()))
        fixed = None if a_step != 1 else 1

        def kernel(m: int, n: int) -> int:
            return address_of(Tile(m, n, a_row=a_row, a_step=fixed, b_step=row)) if m and n else 0

        record = Record(
            PRODUCT, kernel=kernel(at_once, columns), last_rows=kernel(last, columns),
            last_columns=kernel(at_once, rest), corner=kernel(last, rest), a_row=a_row, a_step=a_step, b_step=row,
            c_row=row, rows=rows, rows_at_once=at_once, tiles=tiles, length=length,
            chunk=max(64, min(length, PANEL // (4 * v * columns), FAR_ROWS if a_step != 1 else length)), groups=groups,
            columns=columns, zeros=self.zeros[1],
        )  # fmt: skip
        return record, ceil(rows / (at_once * tiles))

    def forward(self, x: Blob, weight: Blob, bias: Blob | None, y: Blob) -> None:
        if not ready():
            return self.plain.forward(x, weight, bias, y)
        if self.x_shape[0] < FEWEST:
            return self.dots(x.data_memory, weight, bias, y.data_memory)
        if self.rowwise:
            return self.by_rows(x.data_memory, weight, bias, y.data_memory)
        from .products import product

        turned = touch(x.data_memory, laid_out(x.data_memory, Features, self.x_shape), READ)
        out = touch(y.data_memory, laid_out(y.data_memory, Features, self.y_shape), WRITE)
        if self._forward is None:
            self._forward = self.product(self.y_shape[1], self.x_shape[1], self.x_shape[1], 1)
        record, items = self._forward
        record.set(
            a=host_address(weight.read()), b=turned.address, c=out.address,
            bias=host_address(bias.read()) if bias is not None else 0, rectify=int(self.rectify),
        )  # fmt: skip
        product.run(record, items)

    def backward_data(self, y: Blob, weight: Blob, x: Blob) -> None:
        """x.diff from y.diff."""
        if not ready() or self.x_shape[0] < FEWEST:
            return self.plain.backward_data(y, weight, x)
        if self.x_shape[0] <= registers() - 4:
            return self.spread_few(y.diff_memory, weight, x.diff_memory)
        from .products import product

        gradient = touch(y.diff_memory, laid_out(y.diff_memory, Features, self.y_shape), READ)
        out = touch(x.diff_memory, laid_out(x.diff_memory, Features, self.x_shape), WRITE)
        if self._data is None:
            self._data = self.product(self.x_shape[1], self.y_shape[1], 1, self.x_shape[1])
        record, items = self._data
        product.run(record.set(a=host_address(weight.read()), b=gradient.address, c=out.address), items)

    def by_rows(self, x: Memory, weight: Blob, bias: Blob | None, y: Memory) -> None:
        """y with the outputs side by side in the vectors, all plain: the weights are packed for that, once."""
        from .products import rowwise
        from .slide import pack

        self._rowwise = self._rowwise or Rowwise(self)
        plan = self._rowwise
        if plan.packed.stale(weight.data_memory):
            pack.run(plan.pack.set(plain=host_address(weight.read())), plan.groups * plan.blocks)
        offsets = host_address(bias.read()) if bias is not None else plan.packed.bias
        rowwise.run(
            plan.record.set(
                x=host_address(x.on(HOST, READ)), y=host_address(y.on(HOST, WRITE)), bias=offsets,
                rectify=int(self.rectify),
            ),
            plan.groups,
        )  # fmt: skip

    def dots(self, x: Memory, weight: Blob, bias: Blob | None, y: Memory) -> None:
        """y for one or two rows, all plain."""
        from .drive import Record
        from .products import DOTS, dots

        (rows, inputs), outputs = self.x_shape, self.y_shape[1]
        if self._forward is None:
            self._forward = Record(DOTS, x_row=inputs, y_row=outputs, inputs=inputs, batch=rows)
        record = self._forward.set(
            w=host_address(weight.read()), x=host_address(x.on(HOST, READ)), y=host_address(y.on(HOST, WRITE)),
            bias=host_address(bias.read()) if bias is not None else 0, rectify=int(self.rectify),
        )  # fmt: skip
        dots.run(record, outputs)

    def spread_few(self, y: Memory, weight: Blob, x: Memory) -> None:
        """x = y W for few rows, all plain: then reading the weights is all there is to it."""
        from .products import few_rows

        record, items = self._data = self._data or self.few()
        values, out = host_address(y.on(HOST, READ)), host_address(x.on(HOST, WRITE))
        few_rows.run(record.set(a=values, b=host_address(weight.read()), c=out), items)

    def few(self) -> Any:
        """A record of `few_rows` and its number of items."""
        from .drive import Record
        from .products import OUTER
        from .tiles import Tile, address_of

        v = lanes()
        (rows, inputs), outputs = self.x_shape, self.y_shape[1]
        columns = max(1, min((registers() - 4) // rows, 4, inputs // v))
        wide = columns * v
        block = ceil(inputs / threads() / wide) * wide

        def kernel(n: int) -> int:
            return address_of(Tile(rows, n, a_row=outputs, a_step=1, b_step=inputs))

        record = Record(
            OUTER, kernel=kernel(columns), last_columns=kernel(1), a_row=outputs, b_row=inputs, c_row=inputs,
            rows=rows, inputs=inputs, block=block, batch=outputs, at_once=STREAMS, columns=columns,
            zeros=self.zeros[1],
        )  # fmt: skip
        return record, ceil(inputs / block)

    def backward_weights(self, x: Blob, y: Blob, weight: Blob | None, bias: Blob | None) -> None:
        """Add to weight.diff and bias.diff, where given, from x.data and y.diff."""
        if not ready() or self.x_shape[0] < FEWEST:
            return self.plain.backward_weights(x, y, weight, bias)
        from .products import outer, row_sums

        gradient = touch(y.diff_memory, laid_out(y.diff_memory, Features, self.y_shape), READ)
        record, items = self._weights = self._weights or self.outer(gradient)
        record.set(a=gradient.address)
        if bias is not None:
            row_sums.run(record.set(bias=host_address(bias.modify_diff())), self.y_shape[1])
        if weight is not None:
            rows = x.data_memory.on(HOST, READ)
            start, total = adding(weight)
            outer.run(record.set(b=host_address(rows), c=host_address(total), start=start), items)

    def outer(self, gradient: Features) -> Any:
        """A record of `outer` and its number of items."""
        from .drive import Record
        from .products import OUTER
        from .tiles import Tile, address_of

        v = lanes()
        (batch, inputs), outputs = self.x_shape, self.y_shape[1]
        columns = max(1, min(4, inputs // v))
        at_once = ceil(outputs / ceil(outputs / tile_rows(columns)))
        last = outputs % at_once
        block = ceil(inputs / (4 * threads()))
        block = max(1, min(ceil(block / (columns * v)), 1024 // (columns * v))) * columns * v

        def kernel(m: int, n: int) -> int:
            return address_of(Tile(m, n, a_row=gradient.row, a_step=1, b_step=inputs)) if m and n else 0

        record = Record(
            OUTER, kernel=kernel(at_once, columns), last_rows=kernel(last, columns), last_columns=kernel(at_once, 1),
            corner=kernel(last, 1), a_row=gradient.row, b_row=inputs, c_row=inputs, rows=outputs,
            rows_at_once=at_once, inputs=inputs, block=block, batch=batch, columns=columns, zeros=self.zeros[1],
        )  # fmt: skip
        return record, ceil(inputs / block)


class Rowwise:
    """Everything prepared for rows whose outputs lie side by side."""

    def __init__(self, op: InnerProduct):
        from .drive import Record
        from .products import ROWWISE
        from .slide import PACK
        from .tiles import FROM_BIAS, Tile, address_of

        v, columns = lanes(), 2
        (rows, inputs), outputs = op.x_shape, op.y_shape[1]
        wide = columns * v
        self.groups, self.blocks = ceil(outputs / wide), ceil(inputs / v)
        self.packed = Packed(self.groups * self.blocks * v * wide, self.groups * wide)
        self.pack = Record(
            PACK, packed=self.packed.address, group_outputs=outputs, group_inputs=inputs, taps=1, columns=columns,
            shares=self.groups, blocks=self.blocks, lanes=v,
        )  # fmt: skip
        at_once = ceil(rows / ceil(rows / ((registers() - 4) // columns)))
        last = rows % at_once

        def kernel(m: int, n: int) -> int:
            return address_of(Tile(m, n, a_row=inputs, a_step=1, b_step=wide, ahead=True)) if m else 0

        self.record = Record(
            ROWWISE, kernel=kernel(at_once, columns), last_rows=kernel(last, columns), last_columns=kernel(at_once, 1),
            corner=kernel(last, 1), x_row=inputs, w=self.packed.address, w_group=self.blocks * v * wide,
            y_row=outputs, start=FROM_BIAS, rows=rows, rows_at_once=at_once, length=inputs, outputs=outputs,
            columns=columns, zeros=op.zeros[1],
        )  # fmt: skip
