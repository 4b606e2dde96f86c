"""Rows of an LMDB read and transformed by compiled code: what `take`, `from_datum` and `apply` make of them."""

import ctypes
import shutil
from io import BytesIO
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.data import fast, transform
from brewbench.engine.data.database import open_database, write_lmdb
from brewbench.engine.data.datum import from_datum, to_datum
from brewbench.engine.data.lmdb_file import LMDB
from brewbench.engine.data.rows import Rows
from brewbench.engine.data.transform import Transformer, walk
from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import layer_class
from brewbench.proto import Document
from brewbench.proto.messages import Datum, TransformationParameter

FILES = Path(__file__).parents[2] / "golden" / "files"
SETTINGS = {"crop_size": 2, "mirror": True, "mean_value": [7], "scale": 0.3}
SHAPE = (1, 2, 2)


def transformer(**settings) -> Transformer:
    return Transformer(TransformationParameter(**(settings or SETTINGS)), Context(phase=0, seed=5), True, "data")


def of(made: Transformer, source, rows: range, shape=SHAPE) -> tuple[bytes, bytes] | None:
    """Images and labels of rows, compiled; None where that cannot be."""
    out, labels = np.full((len(rows), *shape), np.nan, np.float32), np.full(len(rows), np.nan, np.float32)
    return (out.tobytes(), labels.tobytes()) if made.apply_to_rows(source, rows, out, labels) else None


def plainly(made: Transformer, database: Rows, rows: range, shape=SHAPE) -> tuple[bytes, bytes]:
    """The same through Python."""
    datums = [Datum.FromString(bytes(value)) for value in database.take(rows)[1]]
    out = np.empty((len(rows), *shape), np.float32)
    made.apply([from_datum(datum) for datum in datums], rows, out)
    return out.tobytes(), np.array([datum.label for datum in datums], np.float32).tobytes()


def image(draw: np.random.Generator, longest: int = 60) -> np.ndarray:
    return draw.integers(0, 256, (1, *draw.integers(2, longest, 2)), np.uint8)


def write_rows(folder: Path, count: int, draw: np.random.Generator, longest: int = 60) -> None:
    rows = (to_datum(image(draw, longest), label).SerializeToString() for label in range(count))
    write_lmdb(folder, [(b"%05d" % k, row) for k, row in enumerate(rows)])


@pytest.mark.parametrize("seed", range(4))
def test_trees_of_any_shape(tmp_path, seed):
    """Long and short keys, rows longer than a page and than what is read at once, pages in any order."""
    draw = np.random.default_rng(seed)
    with lmdb.open(str(tmp_path / "db"), map_size=1 << 28, sync=False) as environment:
        keys = []
        for _ in range(4):
            with environment.begin(write=True) as transaction:
                for size in draw.choice([1, 8, 20, 500], draw.choice([10, 300, 900])):
                    keys.append(draw.bytes(int(size)))
                    made = image(draw, int(draw.choice([6, 60, 200, 1000], p=[0.8, 0.1, 0.09, 0.01])))
                    transaction.put(keys[-1], to_datum(made, len(keys)).SerializeToString())
                for index in draw.permutation(len(keys))[: len(keys) // 4]:
                    transaction.delete(keys[index])
        with environment.begin() as transaction:
            assert transaction.stat()["depth"] > 2
    made = transformer()
    with open_database(tmp_path / "db") as database:
        count, way = len(database), walk(database)
        for rows in (range(0, count), range(count, 2 * count, 1), range(5, 3 * count, 7), range(3, 4)):
            assert of(made, way, rows) == plainly(made, database, rows)
        for start in draw.integers(0, 3 * count, 20):
            rows = range(start, start + 40 * (step := int(draw.integers(1, 4))), step)
            assert of(made, way, rows) == plainly(made, database, rows)


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("longest", [5, 90])
def test_few_rows_over_and_over(tmp_path, count, longest):
    write_rows(tmp_path / "db", count, np.random.default_rng(count), longest)
    made = transformer()
    with open_database(tmp_path / "db") as database:
        way = walk(database)
        for first in range(0, 40, 4):
            assert of(made, way, range(first, first + 4)) == plainly(made, database, range(first, first + 4))
        for rows in (range(50), range(3, 40, 11), range(2, 3), range(1 << 50, (1 << 50) + 9)):
            assert of(made, way, rows) == plainly(made, database, rows)


def test_a_row_longer_than_what_is_read_at_once(tmp_path):
    draw = np.random.default_rng(0)
    images = [draw.integers(0, 256, (3, side, side), np.uint8) for side in (20, 400, 30, 500, 310, 20)]
    write_lmdb(tmp_path / "db", [(b"%d" % k, to_datum(x, k).SerializeToString()) for k, x in enumerate(images)])
    made = transformer(crop_size=17, mirror=True)
    with open_database(tmp_path / "db") as database:
        way = walk(database)
        for rows in (range(9), range(9, 13), range(2, 30, 5)):
            assert of(made, way, rows, (3, 17, 17)) == plainly(made, database, rows, (3, 17, 17))


def test_rows_that_are_not_plain_are_left_and_those_behind_them_found(tmp_path):
    rows = [to_datum(np.full((1, 2, 2), k, np.uint8), k).SerializeToString() for k in range(40)]
    rows[13] = to_datum(np.ones((1, 2, 2), np.float32), 13).SerializeToString()
    rows[25] = b""
    write_lmdb(tmp_path / "db", [(b"%05d" % k, row) for k, row in enumerate(rows)])
    made = transformer()
    with open_database(tmp_path / "db") as database:
        way = walk(database)
        for first in range(0, 160, 4):
            rows = range(first, first + 4)
            if first % 40 in (12, 24):
                assert of(made, way, rows) is None
            else:
                assert of(made, way, rows) == plainly(made, database, rows)


@pytest.mark.parametrize("kind", ["mnist", "tree"])
def test_what_is_accepted_of_a_damaged_file_is_what_python_reads(tmp_path, kind):
    draw = np.random.default_rng(1)
    if kind == "mnist":
        shutil.copytree(FILES / "mnist_like_lmdb", tmp_path / "db")
    else:
        write_rows(tmp_path / "db", 300, draw, 100)
    path = tmp_path / "db" / "data.mdb"
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    heads = np.arange(0, len(whole), 4096)
    made = transformer()
    told, accepted = set(), 0
    for _ in range(300):
        damaged = whole.copy()
        hurt = draw.choice(heads, min(len(heads), int(draw.choice([1, 3, 8, 100]))), replace=False)
        for start in hurt:  # what pages say about themselves and their nodes, and what there may be else
            places = start + draw.integers(0, int(draw.choice([16, 60, 160, 4096])), draw.choice([1, 2, 4]))
            places = places[places < len(damaged)]
            damaged[places] = draw.choice([draw.integers(0, 256), draw.integers(0, 4), 255], len(places))
        path.write_bytes(damaged[: draw.integers(len(damaged))] if draw.random() < 0.1 else damaged)
        try:
            with open_database(tmp_path / "db") as database, open_database(tmp_path / "db") as other:
                way = walk(database)
                for first in range(0, 320, 16):
                    rows = range(first, first + 16)
                    found = of(made, way, rows)
                    if found is not None:
                        assert found == plainly(made, other, rows)
                        accepted += 1
                        continue
                    try:
                        values = other.take(rows)[1]
                    except DefinitionError as error:
                        assert error.field == "source" and "db" in error.message
                        told.add(error.message.split(":")[-1].split()[0])
                        break
                    assert of(made, values, rows) is None  # a row is not plain
        except DefinitionError as error:
            assert error.field == "source" and "db" in error.message
    assert len(told) >= 3 and accepted > 300


class Page:
    """A page of a file, to be damaged."""

    def __init__(self, file: bytearray, number: int):
        self.file, self.number = file, number

    def get(self, at: int, size: int = 2) -> int:
        at += self.number * 4096
        return int.from_bytes(self.file[at : at + size], "little")

    def put(self, at: int, value: int, size: int = 2) -> None:
        at += self.number * 4096
        self.file[at : at + size] = value.to_bytes(size, "little")

    @property
    def first(self) -> int:
        """Where the first node is."""
        return self.get(16)

    @property
    def last(self) -> int:
        return self.get(self.end - 2)

    @property
    def end(self) -> int:
        """Where the list of nodes ends."""
        return self.get(12)

    def copied(self) -> int:
        """The number of a copy behind the last page that the file has room for by its own account."""
        number = len(self.file) // 4096 - 8
        self.file[number * 4096 : (number + 1) * 4096] = self.file[self.number * 4096 : (self.number + 1) * 4096]
        return number


def number_beyond(page: Page) -> None:
    page.put(page.last + 6, 4092 - 8 - page.last)
    page.put(page.last + 4, 1)


def row_in_the_list(page: Page) -> None:
    page.put(12, 20)
    page.put(18, 18)
    page.put(20, 0, 8)


def child_behind(page: Page) -> None:
    child = Page(page.file, page.get(page.first, 6))
    number = child.copied()
    Page(page.file, number).put(0, number, 8)
    page.put(page.first, number, 6)


def row_behind(page: Page) -> None:
    at = page.first + 8 + page.get(page.first + 6)
    page.put(at, Page(page.file, page.get(at, 8)).copied(), 8)


# What is changed of the first page of a kind, such that what is asked for would be sound none the less
BRANCH, LEAF, LONG = 1, 2, 4
HARM = {
    "kind of a branch": (BRANCH, lambda page: page.put(10, 2)),
    "kind of a leaf": (LEAF, lambda page: page.put(10, 1)),
    "kind of a long row": (LONG, lambda page: page.put(10, 2)),
    "another kind of a long row": (LONG, lambda page: page.put(10, 0x14)),
    "number of a branch": (BRANCH, lambda page: page.put(0, 1, 8)),
    "number of a leaf": (LEAF, lambda page: page.put(0, 1 << 63, 8)),
    "too few pages for a long row": (LONG, lambda page: page.put(12, 2, 4)),
    "an odd list": (LEAF, lambda page: page.put(12, page.end + 1)),
    "no list": (LEAF, lambda page: page.put(12, 16)),
    "a list longer than it may be": (LEAF, lambda page: page.put(14, page.end - 2)),
    "room that ends outside": (LEAF, lambda page: page.put(14, 4097)),
    "a row in the list": (LEAF, row_in_the_list),
    "a row outside": (LEAF, lambda page: page.put(page.end - 2, 4089)),
    "a row that goes beyond": (LEAF, lambda page: page.put(page.last, 4096, 4)),
    "the number of a page that goes beyond": (LEAF, number_beyond),
    "a database in a row": (LEAF, lambda page: page.put(page.last + 4, 2)),
    "several values": (LEAF, lambda page: page.put(page.last + 4, 4)),
    "a child in front": (BRANCH, lambda page: page.put(page.first, 1, 6)),
    "a child that is not there": (BRANCH, lambda page: page.put(page.first, 1 << 40, 6)),
    "a child behind the last page": (BRANCH, child_behind),
    "a child beyond the page": (BRANCH, lambda page: page.put(page.end - 2, 4095)),
    "a row behind the last page": (LEAF, row_behind),
}


@pytest.mark.parametrize("harm", HARM)
def test_each_damage_to_a_page_is_seen_that_python_sees(tmp_path, harm):
    draw = np.random.default_rng(0)
    sides = [60, *[3] * 6, 100, *[3] * 400]  # row 0 lies on a page of its own, row 7 on three
    images = [draw.integers(0, 256, (1, side, side), np.uint8) for side in sides]
    write_lmdb(tmp_path / "db", [(b"%04d" % k, to_datum(x, k).SerializeToString()) for k, x in enumerate(images)])
    path, made = tmp_path / "db" / "data.mdb", transformer()
    file = bytearray(path.read_bytes()) + bytes(8 * 4096)  # with pages that are not in use
    path.write_bytes(file)
    kind, change = HARM[harm]
    rows = range(8 if kind == LONG else 1)
    with open_database(tmp_path / "db") as database, open_database(tmp_path / "db") as other:
        assert of(made, walk(other), rows) == plainly(made, other, rows)
        pages = [Page(file, k) for k in range(2, len(file) // 4096)]
        change(next(page for page in pages if page.get(10) == kind and (kind != LONG or page.get(12, 4) == 3)))
        path.write_bytes(file)
        assert of(made, walk(database), rows) is None  # it was opened before
    with pytest.raises(DefinitionError, match="is damaged"), open_database(tmp_path / "db") as database:
        database.take(rows)


def test_damage_anywhere_is_told_as_python_tells_it(tmp_path):
    write_rows(tmp_path / "db", 60, np.random.default_rng(2), 90)
    path = tmp_path / "db" / "data.mdb"
    whole = path.read_bytes()
    text = TEXT.format(source=tmp_path / "db", settings="crop_size: 2", batch=4, backend="LMDB", more="")
    told = set()
    for page in range(2, len(whole) // 4096):
        path.write_bytes(whole)
        with Source(text) as quick, Source(text) as plain:
            path.write_bytes(whole[: page * 4096] + bytes(16) + whole[page * 4096 + 16 :])
            messages = []
            for source, compiled in ((quick, True), (plain, False)):
                with pytest.MonkeyPatch.context() as patch:
                    if not compiled:
                        patch.setattr(transform, "_compiled", lambda: None)
                    batches = []
                    try:
                        for _ in range(15):
                            batches.append(source.batch())
                        messages.append((batches, None))
                    except DefinitionError as error:
                        messages.append((batches, str(error)))
                        told.add(str(error).split(":")[-1])
            assert messages[0] == messages[1]
    assert len(told) > 10


def test_a_file_that_becomes_shorter_is_told(tmp_path):
    rows = [to_datum(np.full((1, 30, 30), k % 256, np.uint8), k).SerializeToString() for k in range(2000)]
    write_lmdb(tmp_path / "db", [(b"%08d" % k, row) for k, row in enumerate(rows)])
    text = TEXT.format(source=tmp_path / "db", settings="", batch=8, backend="LMDB", more="prefetch: 1")
    with Source(text) as source:
        source.batch()
        with open(tmp_path / "db" / "data.mdb", "rb+") as file:
            file.truncate(1 << 20)
        with pytest.raises(DefinitionError, match="is cut short: data.mdb has"):
            for _ in range(250):
                source.batch()


def test_a_walk_ends_with_its_database():
    database = open_database(FILES / "mnist_like_lmdb")
    way = walk(database)
    made, shape = transformer(scale=0.5), (1, 28, 28)
    assert of(made, way, range(3), shape) == plainly(made, database, range(3), shape)
    database.close()
    with pytest.raises(ValueError, match="closed"):
        of(made, way, range(3), shape)


# In the layer

TEXT = """layer {{ name: "data" type: "Data" top: "data" top: "label" transform_param {{ {settings} }}
  data_param {{ source: "{source}" batch_size: {batch} backend: {backend} {more} }} }}"""


class Source:
    def __init__(self, text: str, rank: int = 0, ranks: int = 1):
        param = Document.parse(text, "net").message.layer[0]
        self.layer = layer_class("Data")(param, Context(phase=0, seed=3, rank=rank, ranks=ranks))
        self.tops = [Blob(()), Blob(())]
        self.layer.setup([], self.tops)
        self.layer.reshape([], self.tops)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.layer.close()

    def batch(self) -> tuple[bytes, bytes]:
        self.layer.forward([], self.tops)
        return self.tops[0].data.tobytes(), self.tops[1].data.tobytes()


def batches(text: str, count: int = 12, first: int | None = None, **rank) -> list[tuple[bytes, bytes]]:
    with Source(text, **rank) as source:
        if first is not None:
            source.layer.seek(first)
        return [source.batch() for _ in range(count)]


def encoded(values: np.ndarray, label: int) -> bytes:
    file = BytesIO()
    Image.fromarray(values[::-1].transpose(1, 2, 0)).save(file, "JPEG" if label % 2 else "PNG")
    return Datum(data=file.getvalue(), encoded=True, label=label).SerializeToString()


@pytest.mark.parametrize("kinds", ["plain", "floats", "encoded", "all"])
@pytest.mark.parametrize("rank", [{}, {"rank": 1, "ranks": 3}])
@pytest.mark.parametrize("more", ["", "rand_skip: 100", "prefetch: 1"])
def test_a_layer_gives_the_same_with_and_without(tmp_path, monkeypatch, kinds, rank, more):
    draw = np.random.default_rng(0)
    rows = []
    for label in range(31):
        values = draw.integers(0, 256, (3, 40, 36), np.uint8)
        if kinds in ("floats", "all") and label in (5, 6, 20):
            rows.append(to_datum(values.astype(np.float32) / 3, label).SerializeToString())
        elif kinds in ("encoded", "all") and label in (7, 18, 30):
            rows.append(encoded(values, label))
        else:
            rows.append(to_datum(values, label).SerializeToString())
    write_lmdb(tmp_path / "db", [(b"%05d" % k, row) for k, row in enumerate(rows)])
    settings = "crop_size: 30 mirror: true mean_value: 4 scale: 0.1"
    text = TEXT.format(source=tmp_path / "db", settings=settings, batch=4, backend="LMDB", more=more)
    quick = batches(text, **rank), batches(text, first=50, **rank)
    monkeypatch.setattr(transform, "_compiled", lambda: None)
    assert (batches(text, **rank), batches(text, first=50, **rank)) == quick


def test_a_layer_takes_no_row_into_python(monkeypatch):
    text = TEXT.format(source=FILES / "mnist_like_lmdb", settings="", batch=8, backend="LMDB", more="")
    expected = batches(text)
    taken = []
    monkeypatch.setattr(LMDB, "take", lambda self, rows: taken.append(rows))
    assert batches(text) == expected
    assert not taken


def test_where_there_is_no_pread_python_reads(monkeypatch):
    text = TEXT.format(source=FILES / "mnist_like_lmdb", settings="", batch=8, backend="LMDB", more="")
    expected = batches(text)

    def nothing(name):
        raise OSError("there is no library")

    monkeypatch.setattr(ctypes, "CDLL", nothing)
    with open_database(FILES / "mnist_like_lmdb") as database:
        assert walk(database) is None
        with pytest.raises(ValueError, match="there is no pread"):
            fast.Walk(database)
    assert batches(text) == expected


def test_a_leveldb_has_no_walk():
    pytest.importorskip("plyvel")
    with open_database(FILES / "mnist_like_leveldb", "LEVELDB") as database:
        assert walk(database) is None
