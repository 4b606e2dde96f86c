"""Flags as gflags reads them, and those that several commands share."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from . import COMMANDS, say

# Caffe's program has one set of flags for all its commands, each of which takes what it needs.
CAFFE = (
    "solver", "model", "weights", "snapshot", "iterations", "gpu", "phase", "level", "stage", "sigint_effect",
    "sighup_effect",
)  # fmt: skip
# Flags of glog that mean nothing here: the log always goes to stderr, unbuffered and without colours.
_GLOG_SWITCHES = ("logtostderr", "alsologtostderr", "colorlogtostderr", "log_prefix")
_GLOG_VALUES = ("stderrthreshold", "v", "vmodule", "logbuflevel", "logbufsecs", "max_log_size")
_TRUE, _FALSE = ("1", "t", "true", "y", "yes"), ("0", "f", "false", "n", "no")


class UsageError(ValueError):
    """A command line that asks for what cannot be done."""


class Parser(argparse.ArgumentParser):
    """Reads the flags of one command: ``-flag value``, ``--flag value``, ``-flag=value`` and ``--flag=value``.

    A switch is set by ``-flag`` and ``-flag=true``, unset by ``-noflag`` and ``-flag=false``; an empty value counts as
    not given where there is no default; the last of several holds; ``-flagfile=FILE`` reads more flags, one a line.
    What is wrong raises UsageError. -help prints the flags and ends the program; so does a command line without a
    word, with status 1, where the command needs some.
    """

    def __init__(self, command: str, epilog: str | None = None):
        super().__init__(
            prog=f"brewbench {command}",
            description=COMMANDS[command],
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        self._flags = ["help", "flagfile"]
        self._switches: list[str] = []
        self._unused: list[str] = []
        self.switch("debug", help="show where in Brewbench an error comes from")

    def flag(self, name: str, **settings: Any) -> None:
        """Add a flag with a value; `settings` are those of `add_argument`."""
        self._flags.append(name)
        self.add_argument(f"--{name}", **settings)

    def switch(self, name: str, help: str) -> None:
        """Add a flag that is true or false; false if it is not given."""
        self._flags += [name, f"no{name}"]
        self._switches.append(name)
        self.add_argument(f"--{name}", action="store_true", help=help)
        self.add_argument(f"--no{name}", dest=name, action="store_false", help=argparse.SUPPRESS)

    def add_caffes_other_flags(self) -> None:
        """Take those of `CAFFE` that this command has no use for; `unused` of the arguments names the ones given."""
        for name in CAFFE:
            if name not in self._flags:
                self._unused.append(name)
                self.flag(name, help=argparse.SUPPRESS)

    def add_log(self) -> None:
        """The flags of `log.logging_as`, and those of glog's that need nothing to be done."""
        self.flag("log", metavar="FILE", help="append the log to a file, too")
        self.flag("log_dir", metavar="DIR", help="write the log to a new file in this folder, too, as glog does")
        self.flag("minloglevel", type=int, metavar="N", help="log from this level: 0 all, 1 warnings, 2 errors")
        for name in _GLOG_SWITCHES:
            self.switch(name, help=argparse.SUPPRESS)
        for name in _GLOG_VALUES:
            self.flag(name, help=argparse.SUPPRESS)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The values of all flags. Raises UsageError, and OSError for a file of flags that cannot be read."""
        if not words and any(action.required for action in self._actions if not action.option_strings):
            self.print_help()
            raise SystemExit(1)
        args = self.parse_args(list(self._spelled(words)))
        for action in self._actions:
            if action.option_strings and action.default is None and getattr(args, action.dest, None) == "":
                if action.required:
                    self.error(f"the following arguments are required: {action.option_strings[0]}")
                setattr(args, action.dest, None)
        args.unused = [name for name in self._unused if getattr(args, name)]
        return args

    def _spelled(self, words: Iterable[str]) -> Iterator[str]:
        """The words in argparse's spelling. Raises UsageError for flags that are not there."""
        words = iter(words)
        for word in words:
            if word == "--":
                yield word
                yield from words
                return
            found = re.fullmatch(r"--?([A-Za-z_][\w-]*)(?:=(.*))?", word, re.DOTALL)
            if not found or word == "-h":
                yield word
                continue
            name, value = found.groups()
            if name not in self._flags:
                raise UsageError(f"unknown flag -{name};{nearest(name, self._flags)} -help tells all")
            if name == "flagfile":
                path = next(words, "") if value is None else value
                yield from self._spelled(_flags_in(path))
            elif name in self._switches and value is not None:
                if value.lower() not in (*_TRUE, *_FALSE):
                    raise UsageError(f"argument -{name}: can be true or false; got {value!r}")
                yield f"--{name}" if value.lower() in _TRUE else f"--no{name}"
            else:
                yield f"--{name}" if value is None else f"--{name}={value}"

    def error(self, message: str) -> NoReturn:
        raise UsageError(_one_dash(message))

    def format_help(self) -> str:
        return _one_dash(super().format_help())


class _Formatter(argparse.HelpFormatter):
    """Argparse's, which keeps paragraphs apart, and the lines of those that are indented."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        blocks = text.strip("\n").split("\n\n")
        return "\n\n".join(block if block.startswith("  ") else fill(block, width, indent) for block in blocks)


def _one_dash(text: str) -> str:
    return re.sub(r"(?<![\w-])--(?=\w)", "-", text)


def _flags_in(path: str) -> Iterator[str]:
    """The flags in a file, one a line; others are remarks."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("-"):
            yield line.strip()


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the known word that is spelled most like this one; empty where none is like it."""
    near = get_close_matches(word, list(known), 1)
    return f" did you mean {near[0]!r}?" if near else ""


def add_net_state(parser: Parser, otherwise: str = "its own or 0") -> None:
    """-level and -stage: which layers of a net take part, besides its phase."""
    parser.flag("level", type=int, metavar="N", help=f"level of the net; {otherwise} if not given")
    parser.flag("stage", type=names, default=[], metavar="A,B", help="stages of the net")


def add_stand_in(parser: Parser) -> None:
    """-stand_in: shapes for data layers whose databases are not there."""
    parser.flag(
        "stand_in",
        type=_stand_in,
        metavar="SHAPE",
        help="made-up data of a shape, as in 32x3x224x224, for data layers whose database or list is not there; "
        "true for the shapes that their settings tell; data=32x3x224x224 for a layer by its name; with the word "
        "constant behind it, not random",
    )


def _stand_in(text: str) -> Any:
    from ...engine.stand_in import parse_stand_in

    try:
        return parse_stand_in(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_machine(parser: Parser, gpu: bool = True) -> None:
    """-threads and, unless told otherwise, -gpu: what computes."""
    parser.flag(
        "threads",
        type=positive,
        metavar="N",
        help="threads that compute; if not given, one per core, or what OPENBLAS_NUM_THREADS says",
    )
    if gpu:
        parser.flag("gpu", metavar="ID", help="compute on the GPU of this number; the CPU if not given")


@contextmanager
def machine(args: argparse.Namespace) -> Iterator[list[int]]:
    """Within it, what -threads and -gpu ask for holds; gives the numbers of the GPUs named, the first being in use.

    Raises UsageError when it cannot be had.
    """
    import numpy  # noqa: F401 - threads are limited in the libraries that are loaded

    from ...engine import backend
    from ...engine.threads import using

    gpus = gpu_numbers(args.gpu)
    before = backend.backend_of(None)
    with using(getattr(args, "threads", None)):
        try:
            if gpus:
                chosen = backend.or_cpu(backend.Backend("gpu", gpus[0]), _warn)
                backend.choose(chosen)
                if chosen == backend.CPU:
                    gpus = []
            if gpus and args.gpu == "all":
                gpus = list(range(gpu_count()))
        except RuntimeError as error:
            raise UsageError(f"-gpu {args.gpu}: {error}") from error
        try:
            yield gpus
        finally:
            backend.choose(before)


def _warn(message: str) -> None:
    """Into the log where the command has one, else to stderr."""
    from .log import LOG

    if LOG.handlers:
        LOG.warning("%s", message)
    else:
        say(f"warning: {message}", file=sys.stderr)


def gpu_count() -> int:
    """How many GPUs there are. Raises RuntimeError where there is none, or none can be used."""
    return _runtime().getDeviceCount()


def gpu_properties(number: int) -> dict[str, Any]:
    """What CUDA tells of a GPU, by CUDA's names. Raises RuntimeError where there is none, or none can be used."""
    if number >= gpu_count():
        raise RuntimeError(f"there is no GPU number {number}; this machine has {gpu_count()}, counted from 0")
    return _runtime().getDeviceProperties(number)


def _runtime() -> Any:
    """CUDA's runtime, in CuPy."""
    from ...engine.backend import Backend

    place: Any = Backend("gpu").place
    return place.xp.cuda.runtime


def gpu_numbers(text: str | None) -> list[int]:
    """The GPUs that -gpu names; the first for "all". Raises UsageError."""
    if text is None or text == "all":
        return [] if text is None else [0]
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise UsageError(f"argument -gpu: must be numbers, with commas between them, or all; got {text!r}")
    return [int(number) for number in text.split(",")]


def names(text: str) -> list[str]:
    """What stands between commas."""
    return [name for name in text.split(",") if name]


def positive(text: str) -> int:
    """A whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 up; got {text}")
    return int(text)


def add_backend(parser: Parser) -> None:
    """-backend: a kind of database."""
    parser.flag("backend", type=backend, default="lmdb", metavar="NAME", help="lmdb (if not given) or leveldb")


def backend(text: str) -> str:
    """A kind of database, in small letters."""
    if text.lower() not in ("lmdb", "leveldb"):
        raise argparse.ArgumentTypeError(f"can be lmdb or leveldb; got {text!r}")
    return text.lower()


def require(backend: str) -> None:
    """Refuse at once a kind of database that cannot be written here. Raises MissingPackage, which names the extra."""
    if backend != "lmdb":
        from ...engine.data.database import require_backend

        require_backend(backend)
