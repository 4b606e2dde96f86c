"""Rows of a database to images in one compiled pass: bit for bit what `from_datum` and `apply` make of them."""

import subprocess
import sys
import warnings
from itertools import permutations

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from brewbench.engine import files
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.data import transform
from brewbench.engine.data.database import open_database, write_database
from brewbench.engine.data.datum import from_datum, to_datum
from brewbench.engine.data.transform import Transformer
from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import layer_class
from brewbench.engine.wire import header, varint
from brewbench.proto import Document
from brewbench.proto.messages import Datum, TransformationParameter

DRAW = np.random.default_rng(4)
IMAGES = DRAW.integers(0, 256, (70, 3, 9, 8), np.uint8)


def transformer(training=True, seed=5, root=None, **settings) -> Transformer:
    context = Context(phase=0 if training else 1, seed=seed, root=root)
    return Transformer(TransformationParameter(**settings), context, training, "data")


def serialised(images) -> list[bytes]:
    return [to_datum(image, 7 * k).SerializeToString() for k, image in enumerate(images)]


def plainly(made: Transformer, rows, first=0) -> tuple[np.ndarray, np.ndarray]:
    datums = [Datum.FromString(row) for row in rows]
    images = [from_datum(datum) for datum in datums]
    out = np.empty((len(rows), *made.shape(images[0].shape)), np.float32)
    made.apply(images, range(first, first + len(rows)), out)
    return out, np.array([datum.label for datum in datums], np.float32)


def quickly(made: Transformer, rows, shape, first=0) -> tuple[np.ndarray, np.ndarray] | None:
    """None where a row is not plain."""
    out, labels = np.full((len(rows), *shape), np.nan, np.float32), np.full(len(rows), np.nan, np.float32)
    done = made.apply_to_rows([memoryview(row) for row in rows], range(first, first + len(rows)), out, labels)
    return (out, labels) if done else None


def same(made: Transformer, rows, first=0) -> None:
    expected = plainly(made, rows, first)
    found = quickly(made, rows, expected[0].shape[1:], first)
    assert found is not None
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("crop", [0, 5, 8])
@pytest.mark.parametrize("mean", ["none", "value", "values", "file"])
@pytest.mark.parametrize("scale", [1.0, 0.00390625, -1.7])
def test_every_setting(tmp_path, training, mirror, crop, mean, scale):
    settings: dict = {"mirror": mirror, "crop_size": crop, "scale": scale}
    if mean == "file":
        files.write_blob(tmp_path / "mean", DRAW.normal(100, 30, (1, 3, 9, 8)).astype(np.float32))
        settings["mean_file"] = "mean"
    elif mean != "none":
        settings["mean_value"] = [104.3, 117.1, 123.7][: 1 if mean == "value" else 3]
    made = transformer(training, root=tmp_path, **settings)
    same(made, serialised(IMAGES))
    same(made, serialised(IMAGES[:3]), first=1022)  # over the border of rows drawn together


def test_large_rows_are_read_where_they_lie():
    images = DRAW.integers(0, 256, (5, 3, 70, 60), np.uint8)
    same(transformer(mirror=True, crop_size=51, mean_value=[3]), serialised(images))
    same(transformer(False), serialised(images))


def test_rows_of_any_size_meet_in_a_crop():
    rows = serialised([IMAGES[0], IMAGES[1][:, :6, :7], np.ascontiguousarray(IMAGES[2][:, 1:])])
    same(transformer(crop_size=5), rows)
    assert quickly(transformer(crop_size=7), rows, (3, 7, 7)) is None


def test_what_does_not_become_the_batch_s_shape_is_left_alone(tmp_path):
    rows = serialised(IMAGES[:2])
    assert quickly(transformer(), rows, (3, 9, 8)) is not None
    assert quickly(transformer(), rows, (3, 8, 9)) is None
    assert quickly(transformer(), rows, (1, 9, 8)) is None
    assert quickly(transformer(mean_value=[1, 2]), rows, (3, 9, 8)) is None
    files.write_blob(tmp_path / "mean", np.zeros((1, 3, 8, 9), np.float32))
    made = transformer(root=tmp_path, mean_file="mean", crop_size=2)
    assert quickly(made, rows, (3, 2, 2)) is None
    out, labels = np.empty((2, 3, 9, 8)), np.empty(2)
    assert not transformer().apply_to_rows(rows, range(2), out, labels)  # of float64


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return header(number, len(value)) + value
    return varint(number << 3) + varint(value)


PIXELS = bytes(range(6))
PARTS = [field(1, 1), field(2, 2), field(3, 3), field(4, PIXELS), field(5, 300)]
WHOLE = b"".join(PARTS)


def test_fields_in_any_order_the_last_of_each_counting():
    for parts in permutations(PARTS):
        same(transformer(), [b"".join(parts)])
    same(transformer(), [field(5, 3) + field(4, b"other") + field(1, 9) + WHOLE + field(7, 0)])
    same(transformer(), [b"".join(PARTS[:4])])  # without a label
    same(transformer(), [b"".join(PARTS[:3]) + b"\x22\x86\x80\x00" + PIXELS])  # a number longer than it must be


UNKNOWN = {
    "a number": field(9, 4),
    "a long number": b"\x48" + b"\xff" * 8 + b"\x7f",
    "a high number": field((1 << 29) - 1, 1 << 62),
    "bytes": field(1000, b"abc"),
    "no bytes": field(8, b""),
    "eight bytes": b"\x49" + bytes(8),
    "four bytes": b"\x4d" + bytes(4),
    "channels as bytes": field(1, b"\2"),
    "height as eight bytes": b"\x11" + bytes(8),
    "data as a number": field(4, 7),
    "label as four bytes": b"\x2d" + bytes(4),
    "encoded as bytes": field(7, b"\1"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_fields_are_skipped(name):
    same(transformer(), [UNKNOWN[name] + WHOLE, WHOLE + UNKNOWN[name], WHOLE[:6] + UNKNOWN[name] + WHOLE[6:]])
    for cut in range(1, len(UNKNOWN[name])):
        row = WHOLE + UNKNOWN[name][:cut]
        try:
            Datum.FromString(row)
        except DecodeError:
            assert quickly(transformer(), [row], (1, 2, 3)) is None


ODD = {
    "float_data": to_datum(IMAGES[0][:, :2, :1].astype(np.float32)).SerializeToString(),
    "encoded": WHOLE + field(7, 1),
    "too few values": b"".join(PARTS[:3]) + field(4, PIXELS[:5]),
    "too many values": b"".join(PARTS[:3]) + field(4, PIXELS + b"x"),
    "no values": b"".join(PARTS[:3]),
    "data taken back": WHOLE + field(4, b""),
    "no height": PARTS[0] + b"".join(PARTS[2:]),
    "field 0": WHOLE + b"\0\0",
    "a field of more than 29 bits": WHOLE + varint(1 << 33) + b"\0",
    "height of another wire type": PARTS[0] + field(2, b"\2") + b"".join(PARTS[2:]),
    "an end of a group": WHOLE + b"\x4c",
    "a group": WHOLE + b"\x4b\x4c",
    "a wire type that is none": WHOLE + b"\x4e",
    "an unknown field that is cut": WHOLE + header(1000, 4) + b"abc",
    "an unknown number that is cut": WHOLE + b"\x48\x80",
    "an unknown number of more than 63 bits": WHOLE + b"\x48" + b"\xff" * 9 + b"\1",
    "negative label": WHOLE + b"\x28" + b"\xff" * 9 + b"\x01",
    "a label of more than 32 bits": WHOLE + field(5, 1 << 33 | 5),
    "a height of more than 32 bits": WHOLE + field(2, 1 << 32 | 2),
    "dimensions that overflow": field(1, 1) + field(2, 1 << 30) + field(3, 1 << 30) + field(4, PIXELS),
    "a number without end": WHOLE + b"\x28" + b"\xff" * 12,
    "nothing": b"",
}
SOUND = len(b"".join(PARTS[:4]))  # what is cut there only lacks the label
ODD |= {f"cut at {length}": WHOLE[:length] for length in range(1, len(WHOLE)) if length != SOUND}


@pytest.mark.parametrize("name", ODD)
def test_a_row_that_is_not_plain_is_left_to_the_others(name):
    row = ODD[name]
    assert quickly(transformer(), [row], (1, 2, 3)) is None
    assert quickly(transformer(), [WHOLE, row, WHOLE], (1, 2, 3)) is None
    assert quickly(transformer(), [WHOLE, WHOLE], (1, 2, 3)) is not None


def test_whatever_is_accepted_is_what_the_others_make_of_it():
    """Rows with bytes changed, left out, put in and repeated at random."""
    made = transformer(crop_size=2, mirror=True, scale=0.5)
    accepted = 0
    for _ in range(4000):
        row = bytearray(b"".join(PARTS[k] for k in DRAW.permutation(5)))
        for _ in range(DRAW.integers(1, 4)):
            at = int(DRAW.integers(len(row)))
            match DRAW.integers(4):
                case 0:
                    row[at] = int(DRAW.integers(256))
                case 1:
                    del row[at]
                case 2:
                    row.insert(at, int(DRAW.choice([0, 1, 2, 3, 8, 16, 24, 34, 40, 56, 128, 255])))
                case 3:
                    row += row[at : at + 4]
        found = quickly(made, [bytes(row)], (1, 2, 2))
        if found is not None:
            accepted += 1
            for mine, theirs in zip(found, plainly(made, [bytes(row)]), strict=True):
                assert mine.tobytes() == theirs.tobytes(), bytes(row)
    assert accepted > 100


# In the layer

TEXT = """layer {{ name: "data" type: "Data" top: "data" top: "label" transform_param {{ {settings} }}
  data_param {{ source: "{source}" batch_size: {batch} backend: {backend} }} }}"""


def batches(folder, count=6, settings="", batch=4, backend="LMDB", rank=(0, 1)) -> list[tuple[bytes, bytes]]:
    text = TEXT.format(settings=settings, source=folder, batch=batch, backend=backend)
    param = Document.parse(text, "net").message.layer[0]
    layer = layer_class("Data")(param, Context(phase=0, seed=3, rank=rank[0], ranks=rank[1]))
    tops = [Blob(()), Blob(())]
    layer.setup([], tops)
    layer.reshape([], tops)
    try:
        found = []
        for _ in range(count):
            layer.forward([], tops)
            found.append((tops[0].data.tobytes(), tops[1].data.tobytes()))
        return found
    finally:
        layer.close()


@pytest.fixture
def without(monkeypatch):
    """A function that takes away what is compiled."""

    def take_away():
        monkeypatch.setattr(transform, "_compiled", lambda: None)

    return take_away


@pytest.mark.parametrize("backend", ["LMDB", "LEVELDB"])
@pytest.mark.parametrize("rank", [(0, 1), (1, 3)])
def test_a_layer_gives_the_same_with_and_without(tmp_path, without, backend, rank):
    if backend == "LEVELDB":
        pytest.importorskip("plyvel")
    rows = serialised(IMAGES[:11])
    rows[5] = to_datum(IMAGES[5].astype(np.float32) / 3, 5).SerializeToString()
    folder = tmp_path / "rows"
    write_database(folder, [(b"%05d" % k, row) for k, row in enumerate(rows)], backend.lower())
    settings = "crop_size: 6 mirror: true mean_value: 4 scale: 0.1"
    quick = batches(folder, settings=settings, backend=backend, rank=rank)
    without()
    assert batches(folder, settings=settings, backend=backend, rank=rank) == quick


@pytest.mark.parametrize("name", ["too few values", "no values", "a number without end", "cut at 9", "nothing"])
def test_what_is_wrong_with_a_row_is_told_as_without(tmp_path, without, name):
    rows = [WHOLE] * 5 + [ODD[name]] + [WHOLE] * 3
    write_database(tmp_path / "rows", [(b"%05d" % k, row) for k, row in enumerate(rows)])
    told = []
    for _ in range(2):
        with pytest.raises(DefinitionError, match="row 5 of the database is not a sound Datum") as caught:
            batches(tmp_path / "rows")
        told.append((str(caught.value), caught.value.field))
        without()
    assert told[0] == told[1]


def test_rows_are_taken_in_any_stride_and_over_the_end(tmp_path):
    rows = [b"%d" % k for k in range(7)]
    write_database(tmp_path / "rows", [(b"%05d" % k, row) for k, row in enumerate(rows)])
    with open_database(tmp_path / "rows") as database:
        for asked in (range(0, 3), range(3, 7), range(7, 9), range(9, 30), range(2, 3), range(1, 20, 3), range(20, 21)):
            indices, values = database.take(asked)
            assert indices == [row % 7 for row in asked]
            assert [bytes(value) for value in values] == [rows[index] for index in indices]
            assert database.position == (indices[-1] + 1) % 7


# Without numba


def test_where_numba_is_missing_numpy_does_it_and_a_warning_tells(monkeypatch, tmp_path):
    rows = serialised(IMAGES[:8])
    made = transformer(mirror=True)
    assert quickly(made, rows, (3, 9, 8)) is not None
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "brewbench.engine.data.fast")
    monkeypatch.delattr("brewbench.engine.data.fast", raising=False)
    transform._compiled.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="by plain NumPy, which is slower .*numba"):
            assert quickly(made, rows, (3, 9, 8)) is None
        with warnings.catch_warnings(record=True) as seen:  # once is enough
            assert quickly(made, rows, (3, 9, 8)) is None
        assert not seen
        write_database(tmp_path / "rows", [(b"%05d" % k, row) for k, row in enumerate(rows)])
        assert len(batches(tmp_path / "rows")) == 6
    finally:
        transform._compiled.cache_clear()


def test_numba_is_not_imported_before_there_are_rows():
    code = (
        "import sys, brewbench, brewbench.engine.data.transform, brewbench.engine.layers.data.data\n"
        "brewbench.Net, brewbench.get_solver\n"
        "assert 'numba' not in sys.modules and 'llvmlite' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
