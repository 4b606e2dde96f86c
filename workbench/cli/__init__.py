"""The command line: `brewbench train`, `test`, `time` and the rest, one module each, imported when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TextIO

COMMANDS = {
    "train": "train or fine-tune a net",
    "test": "score a net",
    "time": "measure a net, layer by layer",
    "convert_mnist": "make a database of MNIST's files",
    "convert_mnist_siamese_data": "make a database of pairs of MNIST's images",
    "convert_cifar_data": "make databases of CIFAR-10's binary files",
    "convert_imageset": "make a database of image files",
    "compute_image_mean": "average the images of a database",
    "extract_features": "write blobs of a net into databases",
    "classify": "score image files with a net",
    "detect": "score windows of image files with a net",
    "check": "find all that is wrong with nets and solvers",
    "summarize": "print a net's layers as a table",
    "draw_net": "draw a net as a picture",
    "diff": "tell what differs between two nets, or two files of weights",
    "deploy": "write the deploy net of a training net",
    "trainable": "write the training net of a deploy net",
    "parse_log": "make tables of a training log",
    "plot_training_log": "draw curves of training logs",
    "run": "run a Python script that imports caffe",
    "to_onnx": "write a net as an ONNX model",
    "from_onnx": "write an ONNX model as a net",
    "upgrade_net_proto_text": "write an old net's text in the present form",
    "upgrade_net_proto_binary": "write an old net's binary file in the present form",
    "upgrade_solver_proto_text": "write an old solver's text in the present form",
    "install_tools": "write Caffe's programs by Caffe's names",
    "install_caffe_alias": "let `import caffe` find this one",
    "device_query": "print what there is to compute on",
    "lab": "open JupyterLab on the bench",
}
INTERRUPTED = 130  # what a shell reports for a program that SIGINT ended
BROKEN_PIPE = 141  # and for SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, that of the process unless one is given; returns the exit status.

    What goes wrong is told in one message on stderr, with status 1. The flag -debug, or BREWBENCH_DEBUG=1 in the
    environment, lets the exception through.
    """
    if argv is None:  # a process of our own, in which Python layers may say `import caffe`
        from ..alias import add_alias

        add_alias()
    words = _command_first(list(sys.argv[1:] if argv is None else argv))
    debug = bool({"-debug", "--debug"} & set(words)) or os.environ.get("BREWBENCH_DEBUG", "0") not in ("", "0")
    try:
        status = _run(words)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return BROKEN_PIPE
    except Exception as error:
        if debug:
            raise
        command = f" {words[0]}" if words and words[0] in COMMANDS else ""
        say(f"brewbench{command}: {_message(error)}", file=sys.stderr)
        return 1


def say(text: object = "", file: TextIO | None = None) -> None:
    """Print lines; control characters in them are spelled out, since names in a net may hold any."""
    shown = str(text)
    if not (shown.isascii() and "".join(shown.split()).isprintable()):  # else the import is not worth its time
        from ...proto.printable import printable

        shown = printable(shown, keep="\n\t")
    print(shown, file=file)


def usage() -> str:
    lines = [f"  {name:<26} {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: brewbench <command> <flags>",
            "",
            "commands:",
            *lines,
            "",
            "brewbench <command> -help tells a command's flags; brewbench -version the version.",
            "Flags are spelled as in Caffe: -flag value, --flag=value, -switch, -noswitch, -flagfile=FILE.",
        ]
    )


def _command_first(words: list[str]) -> list[str]:
    """The command brought to the front: gflags takes it behind its flags, too."""
    if not words or not words[0].startswith("-") or words[0].lstrip("-") in ("help", "h", "version"):
        return words
    place = next((index for index, word in enumerate(words) if word in COMMANDS), 0)
    return [words[place], *words[:place], *words[place + 1 :]]


def _run(words: list[str]) -> int:
    name = words[0] if words else "help"
    if name.startswith("-"):
        name = "-" + name.lstrip("-")
    if name in COMMANDS:
        try:
            return import_module(f".{name}", __name__).run(words[1:]) or 0
        except SystemExit as end:  # by -help, once it is printed, and by a parser that was given nothing
            return int(end.code or 0)
    if name == "help" and words[1:2] and words[1] in COMMANDS:
        return _run([words[1], "-help"])
    if name in ("help", "-help", "-h"):
        print(usage())
        return 0
    if name in ("version", "-version"):
        from ... import __version__

        print(f"brewbench version {__version__}")
        return 0
    from .flags import UsageError, nearest

    raise UsageError(f"unknown command {name!r};{nearest(name, COMMANDS)} known: {', '.join(COMMANDS)}")


def _message(error: Exception) -> str:
    """What a user should read of an exception."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fspath(error.filename)}: {error.strerror}"
    if isinstance(error, ValueError | OSError):  # those that Brewbench raises, DefinitionError and ParseError with them
        return str(error)
    return f"{type(error).__name__}: {error} (an error in Brewbench; -debug shows where)"


def _forget_output() -> None:
    """Nobody reads any more: let what is still buffered go nowhere, rather than fail once more at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
