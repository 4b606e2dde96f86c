"""`brewbench install_tools`: Caffe's programs by Caffe's names, for shell scripts that call them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import say
from .flags import Parser

_TOOLS = (
    "compute_image_mean", "convert_imageset", "device_query", "extract_features", "upgrade_net_proto_binary",
    "upgrade_net_proto_text", "upgrade_solver_proto_text",
)  # fmt: skip
# Where Caffe's build has a program, less its ending .bin, and the command that it is here.
PROGRAMS = {
    "tools/caffe": (),
    **{f"tools/{name}": (name,) for name in _TOOLS},
    "examples/mnist/convert_mnist_data": ("convert_mnist",),
    "examples/cifar10/convert_cifar_data": ("convert_cifar_data",),
    "examples/siamese/convert_mnist_siamese_data": ("convert_mnist_siamese_data",),
}
_EPILOG = """
Writes small programs that run Brewbench's commands: FOLDER/build/tools/caffe, convert_imageset and so on, and
FOLDER/build/examples/mnist/convert_mnist_data and its like, each with and without .bin, so that the scripts of Caffe's
examples run unchanged in FOLDER. A program that is not Brewbench's is never written over.
"""


def run(words: Sequence[str]) -> None:
    """Write the programs, or remove them. Raises UsageError, FileExistsError, OSError."""
    parser = Parser("install_tools", _EPILOG)
    parser.add_argument("folder", metavar="FOLDER", help="a checkout of Caffe, or the folder of scripts made for it")
    parser.switch("remove", help="remove the programs that were written here")
    args = parser.parse(words)

    from ..programs import is_ours, refuse_others, write_program

    folder = Path(args.folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: there is no such folder")
    build = folder / "build"
    programs = {build / f"{name}{end}": command for name, command in PROGRAMS.items() for end in ("", ".bin")}
    if args.remove:
        ours = [path for path in programs if is_ours(path)]
        for path in ours:
            path.unlink()
        for place in sorted({parent for path in ours for parent in path.parents}, reverse=True):
            if place.is_relative_to(build) and not any(place.iterdir()):
                place.rmdir()
        say(f"Removed {len(ours)} programs from {build}")
        return
    refuse_others(programs)
    for path, command in programs.items():
        write_program(path, *command)
    say(f"Wrote {len(programs)} programs into {build}")
