"""Layer definitions with one field set to a value at or past its limits, and what checking and building them does.

    python tests/fuzz/definitions.py                      # every field of every layer type: about an hour
    python tests/fuzz/definitions.py --types Pooling LRN    # these types alone
    python tests/fuzz/definitions.py --share 0.02 --seed 7  # one definition in fifty, drawn by that seed

Each definition is checked, built and run forward in a process that may have 5 GB of address space. A finding is an
exception other than a DefinitionError or MemoryError that names the layer, any exception of a check, more than 60 MB
that a check takes, or more than 5 s of CPU. Exits with 1 where there is one.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import random
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from time import process_time
from typing import Any

LAYERS = Path(__file__).resolve().parents[1] / "engine" / "layers"
ADDRESS_SPACE = 5_000_000_000  # bytes
CHECK_MEMORY = 60  # MB that a check may take
CPU_TIME = 5.0  # seconds that a check, or building and one pass, may take
HANG = 60.0  # seconds of wall time after which the process ends itself
INTEGERS = ("0", "-1", "2147483647", "4294967295", "-2147483648", "65537", "9223372036854775807", "40000")
NUMBERS = ("0", "-1", "1e39", "nan", "inf", "-inf", "1e-45", "1e38")
STRINGS = ('""', '"\\n"', '"a/../b"', '"' + "n" * 300 + '"', '"\\000"', '"\\377"')
REPEATS = (1, 2, 33, 20_000)  # how often a repeated field is given
COUNTS = (2**31 - 1, 2**28, 0)  # values in the largest input
SHARED = {"transform_param", "loss_param", "param"}  # messages that many types read
NOT_SET = {"blobs", "blobs_old", "include", "exclude"}
FORWARD = 2**22  # values in the largest top up to which a net is built and run
BOOLEANS = {"true": True, "false": False}
MARK = 7654321  # stands for the value until the text is written: protobuf would refuse most values

DATA = {
    "Data": 'layer { name: "l" type: "Data" top: "d" top: "k" data_param { source: "db" backend: LMDB '
    "batch_size: 2 } }",
    "ImageData": 'layer { name: "l" type: "ImageData" top: "d" top: "k" '
    'image_data_param { source: "images.txt" batch_size: 2 } }',
    "WindowData": 'layer { name: "l" type: "WindowData" top: "d" top: "k" transform_param { crop_size: 8 } '
    'window_data_param { source: "windows.txt" batch_size: 2 } }',
    "HDF5Data": 'layer { name: "l" type: "HDF5Data" top: "a" top: "b" hdf5_data_param { source: "h5.txt" '
    "batch_size: 2 } }",
    "HDF5Output": 'layer { name: "i" type: "Input" top: "a" top: "b" input_param { shape { dim: 2 dim: 3 } } } '
    'layer { name: "l" type: "HDF5Output" bottom: "a" bottom: "b" hdf5_output_param { file_name: "out.h5" } }',
    "MemoryData": 'layer { name: "l" type: "MemoryData" top: "a" top: "b" '
    "memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 } }",
}


Drawn = Callable[[object], bool]  # whether the next definition is one of those that are tried


@dataclass(frozen=True)
class Definition:
    """The text of a net whose last layer of `type` has `field` (a path with dots) set to `value`, `repeats` times."""

    type: str
    field: str
    value: str
    repeats: int
    text: str

    def __str__(self) -> str:
        return f"{self.type}, {self.field}: {self.value}" + (f" x {self.repeats}" if self.repeats > 1 else "")


def make_data(folder: Path) -> None:
    """Write the small data sets that the definitions of data layers name."""
    import h5py
    import numpy as np
    from PIL import Image

    from brewbench.engine.data.database import write_database
    from brewbench.engine.data.datum import to_datum

    Image.new("RGB", (50, 40)).save(folder / "i.png")
    (folder / "images.txt").write_text("i.png 0\n")
    (folder / "windows.txt").write_text("# 0\ni.png\n3\n40\n50\n2\n1 0.9 2 2 20 20\n0 0.1 5 5 30 30\n")
    (folder / "h5.txt").write_text("d.h5\n")
    with h5py.File(folder / "d.h5", "w") as file:
        file["a"], file["b"] = np.zeros((10, 3)), np.zeros(10)
    row = to_datum(np.zeros((3, 8, 8), np.uint8), 1).SerializeToString()
    write_database(str(folder / "db"), [(b"%08d" % index, row) for index in range(5)])


@cache
def examples() -> dict[str, list[str]]:
    """Nets that have a layer of each type and are right, by type."""
    import numpy as np

    found: dict[str, list[str]] = {}
    for path in sorted((LAYERS / "cases").glob("*.npz")):
        with np.load(path) as cases:
            found[path.stem] = [str(cases[key]) for key in cases.files if key.partition("/")[2] == "prototxt"]
    for kind, _, record in runpy.run_path(str(LAYERS / "fork_cases.py"))["records"]():
        found.setdefault(kind, []).append(record["prototxt"])
    for kind, text in DATA.items():
        found[kind] = [text]
    return found


def fields_of(description: Any, path: tuple = (), depth: int = 0) -> Iterator[tuple]:
    """The paths from a message down to its fields that are no messages."""
    for field in description.fields:
        if field.message_type is None:
            yield (*path, field)
        elif depth < 3 and field.name not in NOT_SET:
            yield from fields_of(field.message_type, (*path, field), depth + 1)


def texts_of(net: Any, message: Any, field: Any, drawn: Drawn) -> Iterator[tuple[str, int, str]]:
    """Each value drawn, how often it is given, and the text of the net, of which `message` is a part, with it."""
    from google.protobuf import text_format

    repeats = REPEATS if field.is_repeated else (1,)
    if field.enum_type is not None or field.cpp_type == field.CPPTYPE_BOOL:
        names = {value.name: value.number for value in field.enum_type.values} if field.enum_type else BOOLEANS
        for name, value in names.items():
            for count in filter(drawn, repeats):
                message.ClearField(field.name)
                if field.is_repeated:
                    getattr(message, field.name).extend([value] * count)
                else:
                    setattr(message, field.name, value)
                yield name, count, text_format.MessageToString(net)
        return
    values, mark = INTEGERS, MARK
    if field.cpp_type == field.CPPTYPE_STRING:
        values, mark = STRINGS, str(MARK)
    elif field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        values = NUMBERS
    if field.is_repeated:
        getattr(message, field.name).append(mark)
    else:
        setattr(message, field.name, mark)
    shown = text_format.MessageToString(net)
    lines = (line.strip() for line in shown.splitlines())
    marked = next(line for line in lines if line.startswith(f"{field.name}: ") and str(MARK) in line)
    for value in values:
        for count in filter(drawn, repeats):
            yield value, count, shown.replace(marked, " ".join([f"{field.name}: {value}"] * count))


def variants(kind: str, text: str, drawn: Drawn) -> Iterator[Definition]:
    """The net with each field of its last layer of this type set to each value."""
    from google.protobuf import text_format

    from brewbench.engine import LAYERS as TYPES
    from brewbench.proto.messages import LayerParameter, NetParameter

    net = text_format.Parse(text, NetParameter())
    index = max((k for k, layer in enumerate(net.layer) if layer.type == kind), default=len(net.layer) - 1)
    read = SHARED | {TYPES[kind].param_field}
    for path in fields_of(LayerParameter.DESCRIPTOR):
        if path[0].message_type is not None and path[0].name not in read:
            continue
        changed = NetParameter()
        changed.CopyFrom(net)
        message = changed.layer[index]
        for field in path[:-1]:
            held = getattr(message, field.name)
            if field.is_repeated:
                message = held[0] if len(held) else held.add()
            else:
                message = held
                message.SetInParent()
        message.ClearField(path[-1].name)
        name = ".".join(field.name for field in path)
        for value, count, written in texts_of(changed, message, path[-1], drawn):
            yield Definition(kind, name, value, count, written)


def sizes(kind: str, text: str, drawn: Drawn) -> Iterator[Definition]:
    """The net with its inputs grown along one axis, or two, until the largest holds about 2^31 - 1 values, or none."""
    from google.protobuf import text_format

    from brewbench.proto.messages import NetParameter

    net = text_format.Parse(text, NetParameter())
    most = max((len(shape.dim) for layer in net.layer for shape in layer.input_param.shape), default=0)
    for axes in [*((axis,) for axis in range(most)), *((a, a + 1) for a in range(0, most - 1, 2))]:
        for target in filter(drawn, COUNTS):
            changed = NetParameter()
            changed.CopyFrom(net)
            shapes = [shape for layer in changed.layer for shape in layer.input_param.shape]
            factor = int((target / max(max(prod(shape.dim), 1) for shape in shapes)) ** (1 / len(axes)))
            for shape in shapes:
                for axis in axes:
                    if axis < len(shape.dim):
                        shape.dim[axis] *= factor
            name = f"dim of the inputs, axes {axes}"
            yield Definition(kind, name, str(target), 1, text_format.MessageToString(changed))


def definitions(types: Iterable[str] = (), share: float = 1.0, seed: int = 0, nets: int = 2) -> Iterator[Definition]:
    """Those of the types named, or of all; `share` of them, drawn by the seed; `nets` examples of each type."""
    from brewbench.engine import load_layers

    load_layers()
    draw, wanted = random.Random(seed), set(types)

    def drawn(_: object) -> bool:
        return draw.random() < share

    for kind, texts in sorted(examples().items()):
        if wanted and kind not in wanted:
            continue
        for text in texts[:nets]:
            yield from variants(kind, text, drawn)
            yield from sizes(kind, text, drawn)


def memory() -> int:
    """The most MB of memory that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def findings(definition: Definition) -> Iterator[str]:
    """What is wrong with how a definition is checked, built and run: one line each."""
    import brewbench
    from brewbench.engine import DefinitionError, Net

    document = brewbench.Document.parse(definition.text)
    held, began = memory(), process_time()
    try:
        report = brewbench.check(document, 0)
    except BaseException as error:
        yield f"check raises {place_of(error)}"
        return
    if memory() - held > CHECK_MEMORY:
        yield f"check takes {memory() - held} MB"
    if process_time() - began > CPU_TIME:
        yield f"check takes {process_time() - began:.1f} s"
    if any(prod(shape) > FORWARD for layer in report.layers for shape in layer.top_shapes if shape is not None):
        return
    began = process_time()
    try:
        net = Net(document, 0)
        try:
            net.forward()
        finally:
            net.close()
    except DefinitionError as error:
        if error.layer is None:
            yield f"an error that names no layer: {error}"
    except BaseException as error:
        if not (isinstance(error, MemoryError) and "layer '" in str(error)):
            yield f"building raises {place_of(error)}"
    if process_time() - began > CPU_TIME:
        yield f"building and a pass take {process_time() - began:.1f} s"


def place_of(error: BaseException) -> str:
    """The type of an exception, its message, and the line that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:200]} ({Path(frame.filename).name}:{frame.lineno})"


def run(types: Iterable[str] = (), share: float = 1.0, seed: int = 0, nets: int = 2) -> tuple[int, list[str]]:
    """How many definitions were tried, and the findings, each with its definition; in a process of limited memory.

    A process that ends before its time is a finding of its own: the definition it died of is named.
    """
    words = ["--types", *types] if types else []
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", "--share", str(share)]
    command += ["--seed", str(seed), "--nets", str(nets), *words]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = [f"{line['what']} [{line['definition']}]" for line in lines if "what" in line]
    if done.returncode or not lines or "tried" not in lines[-1]:
        last = next((line["trying"] for line in reversed(lines) if "trying" in line), "the first definition")
        found.append(f"the process ended with {done.returncode} [{last}]: {done.stderr[-1500:]}")
    return sum("trying" in line for line in lines), found


def work(types: Iterable[str], share: float, seed: int, nets: int) -> None:
    """Print each definition before it is tried, each finding, and at the end how many were tried: lines of JSON."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    make_data(Path.cwd())
    tried = 0
    for definition in definitions(types, share, seed, nets):
        print(json.dumps({"trying": str(definition)}), flush=True)
        faulthandler.dump_traceback_later(HANG, exit=True)
        for what in findings(definition):
            print(json.dumps({"what": what, "definition": str(definition)}), flush=True)
        faulthandler.cancel_dump_traceback_later()
        tried += 1
    print(json.dumps({"tried": tried}), flush=True)


def main(words: list[str] | None = None) -> int:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python tests/fuzz/definitions.py", description=about)
    parser.add_argument("--types", nargs="+", default=[], metavar="TYPE")
    parser.add_argument("--share", type=float, default=1.0, help="the share of definitions that is tried")
    parser.add_argument("--seed", type=int, default=0, help="by which that share is drawn")
    parser.add_argument("--nets", type=int, default=2, help="how many example nets of each type are varied")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(words)
    if asked.worker:
        work(asked.types, asked.share, asked.seed, asked.nets)
        return 0
    tried, found = run(asked.types, asked.share, asked.seed, asked.nets)
    print(*found, f"{tried} definitions, {len(found)} findings", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
