"""Flags as gflags reads them, and those that several commands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from difflib import get_close_matches
from typing import Any, NoReturn

from . import COMMANDS


class UsageError(ValueError):
    """A command line that asks for what cannot be done."""


class Parser(argparse.ArgumentParser):
    """Reads the flags of one command: ``-flag value``, ``--flag value``, ``-flag=value`` and ``--flag=value``.

    What is wrong raises UsageError. -help prints the flags and ends the program.
    """

    def __init__(self, command: str, epilog: str | None = None):
        super().__init__(
            prog=f"brewbench {command}", description=COMMANDS[command], epilog=epilog, allow_abbrev=False
        )
        self._flags = ["help"]
        self.flag("debug", action="store_true", help="show where in Brewbench an error comes from")

    def flag(self, name: str, **settings: Any) -> None:
        """Add a flag; `settings` are those of `add_argument`."""
        self._flags.append(name)
        self.add_argument(f"--{name}", **settings)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The values of all flags. Raises UsageError."""
        words = [re.sub(r"^-(?=[A-Za-z_]{2})", "--", word) for word in words]
        for word in words:
            name = word.removeprefix("--").partition("=")[0]
            if word.startswith("--") and name not in self._flags:
                raise UsageError(f"unknown flag -{name};{nearest(name, self._flags)} -help tells all")
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        raise UsageError(_one_dash(message))

    def format_help(self) -> str:
        return _one_dash(super().format_help())


def _one_dash(text: str) -> str:
    return re.sub(r"(?<![\w-])--(?=\w)", "-", text)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the known word that is spelled most like this one; empty where none is like it."""
    near = get_close_matches(word, list(known), 1)
    return f" did you mean {near[0]!r}?" if near else ""


def add_net_state(parser: Parser) -> None:
    """-level and -stage: which layers of a net take part, besides its phase."""
    parser.flag("level", type=int, metavar="N", help="level of the net; its own or 0 if not given")
    parser.flag("stage", type=names, default=[], metavar="A,B", help="stages of the net")


def add_machine(parser: Parser) -> None:
    """-threads and -gpu: what computes."""
    parser.flag(
        "threads",
        type=positive,
        metavar="N",
        help="threads that compute; if not given, one per core, or what OPENBLAS_NUM_THREADS says",
    )
    parser.flag("gpu", metavar="ID", help="compute on a GPU; not possible yet")


def machine(args: argparse.Namespace) -> AbstractContextManager[Any]:
    """Within it, what -threads and -gpu ask for holds. Raises UsageError when it cannot be had."""
    import numpy  # noqa: F401 - threads are limited in the libraries that are loaded
    from threadpoolctl import threadpool_limits

    if args.gpu is not None:
        raise UsageError(f"-gpu {args.gpu}: this version computes on the CPU only; leave -gpu out")
    return threadpool_limits(args.threads)


def names(text: str) -> list[str]:
    """What stands between commas."""
    return [name for name in text.split(",") if name]


def positive(text: str) -> int:
    """A whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 up; got {text}")
    return int(text)
