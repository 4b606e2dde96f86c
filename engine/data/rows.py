"""Rows. What all databases have in common: values in the order of their keys, over and over."""

from __future__ import annotations


class Rows:
    """The rows of a database in the order of their keys, read one after the other and from the start again.

    Each object has a position of its own; one thread at a time may use it. A kind of database supplies `_first`,
    `_step` and `_value`.
    """

    _position = 0
    _count: int | None = None  # not known before the end was seen, in some kinds of database

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __len__(self) -> int:
        """The number of rows. Where the database does not know it, all keys are read the first time."""
        if self._count is None:
            here = self._position
            while self._count is None:
                self._advance()
            self.seek(here)
        return self._count

    @property
    def position(self) -> int:
        """Index of the row that `next` returns next."""
        return self._position

    def seek(self, position: int) -> None:
        """Go to a row by its index; a row beyond the end counts from the start again."""
        if self._count is not None:
            position %= self._count
        if position < self._position:
            self._position = 0
            self._first()
        while self._position < position:
            self._advance()
            if self._position == 0 and self._count is not None:  # the end was met for the first time
                position %= self._count

    def next(self) -> bytes | memoryview:
        """The value of the current row, then step to the following one. Good until `close`."""
        value = self._value()
        self._advance()
        return value

    def take(self, rows: range) -> tuple[list[int], list[bytes | memoryview]]:
        """The rows at these positions, as `seek` has them: index and value of each. Good until `close`."""
        indices, values = [], []
        for row in rows:
            self.seek(row)
            indices.append(self._position)
            values.append(self.next())
        return indices, values

    def close(self) -> None:
        """Give back what is open; the object cannot be used any more."""
        raise NotImplementedError

    def _advance(self) -> None:
        self._position += 1
        if not self._step():
            self._count = self._position
            self._position = 0
            self._first()

    def _first(self) -> None:
        """Go to the first row."""
        raise NotImplementedError

    def _step(self) -> bool:
        """Go to the following row; false when there is none."""
        raise NotImplementedError

    def _value(self) -> bytes | memoryview:
        """The value of the current row."""
        raise NotImplementedError
