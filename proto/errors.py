"""Errors that name a place in a text file."""

from .printable import printable


class OneLine:
    """An error whose message says it all: a notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class MissingFile(OneLine, FileNotFoundError):
    """There is no file of that name."""


class FolderNotFile(OneLine, IsADirectoryError):
    """What should be a file is a folder."""


class ParseError(OneLine, ValueError):
    """The text is not prototxt, so there is no tree to work on.

    `path` is the file (None for text that came from elsewhere), `line` and `column` count from 1, `message` says
    what was expected and what was found. As a string: `net.prototxt:12:5: expected ...`.
    """

    def __init__(self, message: str, line: int, column: int, path: str | None = None):
        super().__init__(message, line, column, path)
        self.message = message
        self.line = line
        self.column = column
        self.path = path

    def __str__(self) -> str:
        return printable(f"{self.path or '<text>'}:{self.line}:{self.column}: {self.message}")
