"""`brewbench run`: somebody's Python script, to which `import caffe` means Brewbench's."""

from __future__ import annotations

import os
import runpy
import sys
import tokenize
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from . import INTERRUPTED
from .flags import UsageError

HELP = """\
usage: brewbench run SCRIPT [ARGUMENTS]
       brewbench run -m MODULE [ARGUMENTS]
       brewbench run -c CODE [ARGUMENTS]

runs a Python script with pycaffe's names: `import caffe` finds Brewbench's, before any other caffe

As with python, the script is __main__, sys.argv holds its name and ARGUMENTS, modules are looked for in its folder
first, and its exit status is the command's. SCRIPT may be a folder or an archive with a __main__.py, or -, which is
stdin. Programs that the script starts find caffe along PYTHONPATH."""
ON_PATH = str(Path(__file__).parents[1] / "on_path")
_NOT_THE_USERS = (__file__, runpy.__file__, "<frozen runpy>")


def run(words: Sequence[str]) -> int:
    """Run a script; returns its exit status. Raises UsageError, OSError for a script that cannot be read.

    The process becomes the script's: its `__main__`, `sys.argv` and `sys.path` stay as the script leaves them, for
    the threads and exit handlers that outlive it.
    """
    if not words or words[0] in ("-help", "--help", "-h"):
        print(HELP)
        return int(not words)
    name, *arguments = words
    if name in ("-m", "-c"):
        if not arguments:
            raise UsageError(f"{name} needs a {'module' if name == '-m' else 'program'}")
        what = arguments.pop(0)
        text = what
    elif name.startswith("-") and name != "-":
        raise UsageError(f"unknown flag {name}; the script comes first, then its own arguments")
    else:
        what, text = name, _text_of(name)
    _let_caffe_be_found()
    sys.argv[:], before = [name, *arguments], sys.argv[0]
    if name == "-m":
        _look_first_in(os.getcwd(), before)
        return _status_of(lambda: _run_module(what))
    if text is None:
        return _status_of(lambda: _run_archive(what))
    _look_first_in("" if name in ("-c", "-") else os.path.dirname(os.path.realpath(what)), before)
    file = {"-c": "<string>", "-": "<stdin>"}.get(name) or os.path.abspath(what)
    return _status_of(lambda: _run_text(text, file))


def _text_of(path: str) -> str | None:
    """The text of a script, in the encoding that it declares; None for a folder or an archive."""
    if path == "-":
        return sys.stdin.read()
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        return None
    with tokenize.open(path) as file:
        return file.read()


def _let_caffe_be_found() -> None:
    """Here by a finder, before every other caffe; in programs started from here along the path."""
    from ..alias import add_alias

    add_alias()
    before = os.environ.get("PYTHONPATH")
    if ON_PATH not in (before or "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join((ON_PATH, before)) if before else ON_PATH
    if ON_PATH not in sys.path:
        sys.path.append(ON_PATH)


def _look_first_in(folder: str, program: str) -> None:
    """Put a folder where Python put that of the `program` that was started."""
    if sys.path and sys.path[0] in ("", os.getcwd(), os.path.dirname(os.path.realpath(program))):
        sys.path[0] = folder
    else:
        sys.path.insert(0, folder)


def _run_text(text: str, file: str) -> None:
    main = ModuleType("__main__")
    main.__dict__.update(__file__=file, __builtins__=__builtins__)
    if file.startswith("<"):
        del main.__file__
    sys.modules["__main__"] = main
    exec(compile(text, file, "exec", dont_inherit=True), main.__dict__)


def _run_module(name: str) -> None:
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_archive(path: str) -> None:
    runpy.run_path(path, run_name="__main__")


def _status_of(script: Callable[[], None]) -> int:
    """Run it; returns what the shell gets to see. An exception is shown as Python shows it, less our own frames."""
    try:
        script()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename in _NOT_THE_USERS:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0
