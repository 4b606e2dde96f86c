"""Data, HDF5Data, ImageData and MemoryData against what Caffe computed, and what makes runs repeatable."""

import shutil
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image

from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.data.database import write_lmdb
from brewbench.engine.data.datum import to_datum
from brewbench.engine.data.interpolation import resize_by
from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import layer_class
from brewbench.proto.messages import LayerParameter, NetParameter

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = GOLDEN / "files"

MNIST = 'type: "Data" top: "data" top: "label" data_param { source: "mnist_like_lmdb" batch_size: 8 backend: LMDB } '
HDF5 = 'type: "HDF5Data" top: "data" top: "label" hdf5_data_param { source: "h5data_list.txt" batch_size: 4 } '
IMAGES = 'type: "ImageData" top: "data" top: "label" image_data_param { source: "images_same.txt" batch_size: 4 } '
SHUFFLED_IMAGES = IMAGES.replace("batch_size", "shuffle: true batch_size")
SHUFFLED = HDF5.replace("batch_size", "shuffle: true batch_size")
MEMORY = 'type: "MemoryData" top: "d" top: "l" memory_data_param { channels: 1 height: 2 width: 3 batch_size: 2 } '
RANDOM = "transform_param { crop_size: 20 mirror: true } "


class Source:
    """A data layer with its tops, as a net has it."""

    def __init__(self, text: str, phase: int = 0, root: Path = FILES, number: int = 0, **context):
        param = text_format.Parse(f'name: "source" {text}', LayerParameter())
        self.context = Context(phase=phase, root=root, seed=3, **context)
        self.layer = layer_class(param.type)(param, self.context)
        self.layer.number = number
        self.tops = [Blob((), self.context.dtype) for _ in param.top]
        self.layer.setup([], self.tops)
        self.layer.reshape([], self.tops)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.layer.close()

    def forward(self) -> list[np.ndarray]:
        self.layer.forward([], self.tops)
        return [blob.data.copy() for blob in self.tops]

    def batches(self, count: int) -> list[list[np.ndarray]]:
        return [self.forward() for _ in range(count)]


def same(one: list[list[np.ndarray]], other: list[list[np.ndarray]]) -> bool:
    pairs = [pair for batches in zip(one, other, strict=True) for pair in zip(*batches, strict=True)]
    return all(np.array_equal(left, right) for left, right in pairs)


def cases() -> list:
    found = []
    for type in ("Data", "HDF5Data", "ImageData", "MemoryData"):
        with np.load(GOLDEN / "layers" / f"{type}.npz") as stored:
            names = sorted({key.partition("/")[0] for key in stored.files})
            for name in names:
                record = {key[len(name) + 1 :]: stored[key] for key in stored.files if key.startswith(f"{name}/")}
                found.append(pytest.param(record, id=f"{type}-{name}"))
    return found


@pytest.mark.parametrize("record", cases())
def test_forward_gives_what_caffe_gives(record):
    param = text_format.Parse(str(record["prototxt"]), NetParameter()).layer[0]
    param.ClearField("name")
    with Source(text_format.MessageToString(param), {"TRAIN": 0, "TEST": 1}[str(record["phase"])]) as source:
        if "set_input_arrays/0" in record:
            source.layer.reset(record["set_input_arrays/0"], record["set_input_arrays/1"])
        passes = 0
        while f"{(key := f'fwd{passes + 1}_' if passes else '')}top/0" in record:
            for index, found in enumerate(source.forward()):
                np.testing.assert_array_equal(found, record[f"{key}top/{index}"])
            passes += 1
        assert passes > 0


# Data and HDF5Data: position, repetition, processes


@pytest.mark.parametrize("text", [MNIST, RANDOM + MNIST, HDF5, SHUFFLED, IMAGES, SHUFFLED_IMAGES])
def test_a_run_goes_on_from_any_position(text):
    with Source(text) as whole, Source(text) as again:
        batches = whole.batches(9)
        assert whole.layer.position == 9 * len(batches[0][1])
        again.layer.seek(4 * len(batches[0][1]))
        assert same(again.batches(5), batches[4:])
        again.layer.seek(0)
        assert same(again.batches(9), batches)


@pytest.mark.parametrize("text", [RANDOM + MNIST, SHUFFLED, SHUFFLED_IMAGES])
def test_a_seed_that_is_restored_is_seen_after_seek(text):
    with Source(text) as whole, Source(text) as again:
        batches = whole.batches(9)
        again.context.seed = 4
        again.layer.seek(0)
        assert not same(again.batches(9), batches)
        again.context.seed = 3
        again.layer.seek(0)
        assert same(again.batches(9), batches)


@pytest.mark.parametrize("text", [RANDOM + MNIST, SHUFFLED, SHUFFLED_IMAGES])
def test_the_second_layer_of_a_name_draws_numbers_of_its_own(text):
    with Source(text) as first, Source(text, number=1) as second, Source(text, number=2) as third:
        found = [source.batches(9) for source in (first, second, third)]
    assert not any(same(found[one], found[other]) for one, other in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("text", [RANDOM + MNIST, SHUFFLED, SHUFFLED_IMAGES])
def test_epochs_differ_where_there_is_chance(text):
    with Source(text) as source:
        epoch = source.batches(20)
        assert not same(epoch, source.batches(20))


@pytest.mark.parametrize("text", [RANDOM + MNIST, SHUFFLED, SHUFFLED_IMAGES])
def test_processes_share_the_rows_as_one_would_see_them(text):
    with Source(text) as alone:
        rows = [row for batch in alone.batches(15) for row in zip(*batch, strict=True)]
    for rank in range(3):
        with Source(text, rank=rank, ranks=3) as one:
            mine = [row for batch in one.batches(5) for row in zip(*batch, strict=True)]
            assert one.layer.position == len(rows)
        for row, expected in zip(mine, rows[rank::3], strict=True):
            for found, wanted in zip(row, expected, strict=True):
                np.testing.assert_array_equal(found, wanted)
    with Source(MNIST, phase=1, rank=1, ranks=3) as test, Source(MNIST, phase=1) as alone:
        assert same(test.batches(3), alone.batches(3))


@pytest.mark.parametrize(("text", "rows"), [(MNIST, 20), (IMAGES, 16), (MEMORY, None)])
def test_a_layer_tells_how_many_rows_make_an_epoch(text, rows):
    with Source(text) as source:
        assert source.layer.rows == rows
        if rows:
            first = [batch[0] for batch in source.batches(2 * rows)]
            size = len(first[0])
            stream = np.concatenate(first)
            np.testing.assert_array_equal(stream[:rows], stream[rows : 2 * rows])
            assert source.layer.position == 2 * rows * size and source.layer.rows == rows


def test_shuffling_takes_every_row_once_an_epoch():
    with h5py.File(FILES / "h5data_0.h5") as first, h5py.File(FILES / "h5data_1.h5") as second:
        expected = np.concatenate([first["data"][()], second["data"][()]]).astype(np.float32)
    with Source(SHUFFLED.replace("batch_size: 4", "batch_size: 1")) as source:
        for _ in range(3):
            found = np.concatenate([batch[0] for batch in source.batches(len(expected))])
            assert not np.array_equal(found, expected)
            np.testing.assert_array_equal(np.sort(found, 0), np.sort(expected, 0))


# Data: the thread


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "prefetch source"]


def test_the_thread_starts_with_the_first_forward_and_ends_with_close():
    source = Source(MNIST)
    assert not threads()
    first = source.forward()
    assert threads()
    source.layer.close()
    assert not threads()
    second = source.forward()  # opens again, and goes on
    assert source.layer.position == 16
    source.layer.close()
    with Source(MNIST) as other:
        assert same(other.batches(2), [first, second])


def test_the_thread_ends_with_its_layer():
    source = Source(MNIST)
    source.forward()
    del source
    assert not threads()


def test_setup_keeps_nothing_open_and_touches_no_memory():
    source = Source(MNIST, dry=True)
    assert [blob.shape for blob in source.tops] == [(8, 1, 28, 28), (8,)]
    assert not any(blob.data_memory.allocated for blob in source.tops)
    assert not threads()


def test_a_bad_row_is_told_when_its_turn_comes(tmp_path):
    good = to_datum(np.zeros((1, 2, 2), np.uint8)).SerializeToString()
    rows = [good, good, good, b"\x22\xff not a Datum"]
    write_lmdb(tmp_path / "db", ((b"%08d" % index, row) for index, row in enumerate(rows)))
    text = 'type: "Data" top: "data" data_param { source: "db" batch_size: 2 backend: LMDB }'
    with Source(text, root=tmp_path) as source:
        source.forward()
        for _ in range(2):
            with pytest.raises(DefinitionError, match="row 3 of the database is not a sound Datum") as caught:
                source.forward()
        assert caught.value.field == "source" and caught.value.__cause__ is not None
        assert source.layer.position == 2
        source.layer.seek(0)
        source.forward()


def test_a_database_that_vanishes_is_told(tmp_path):
    shutil.copytree(FILES / "mnist_like_lmdb", tmp_path / "mnist_like_lmdb")
    with Source(MNIST, root=tmp_path) as source:
        shutil.rmtree(tmp_path / "mnist_like_lmdb")
        with pytest.raises(DefinitionError, match="there is no database"):
            source.forward()


# Data: shapes


def test_rows_of_different_sizes_come_one_at_a_time(tmp_path):
    images = [np.full((3, 4 + index, 5), index, np.uint8) for index in range(3)]
    rows = ((b"%08d" % index, to_datum(image, index).SerializeToString()) for index, image in enumerate(images))
    write_lmdb(tmp_path / "db", rows)
    text = 'type: "Data" top: "data" top: "label" data_param { source: "db" batch_size: 1 backend: LMDB }'
    with Source(text, root=tmp_path) as source:
        for index in (0, 1, 2, 0):
            data, label = source.forward()
            np.testing.assert_array_equal(data, images[index][np.newaxis])
            assert label == [index]
    with Source(text.replace("batch_size: 1", "batch_size: 2"), root=tmp_path) as source:
        with pytest.raises(DefinitionError, match="need batch_size 1"):
            source.forward()
    cropped = "transform_param { crop_size: 3 } " + text.replace("batch_size: 1", "batch_size: 3")
    with Source(cropped, root=tmp_path) as source:
        assert source.forward()[0].shape == (3, 3, 3, 3)


def test_rand_skip_begins_somewhere_before_it():
    text = MNIST.replace("batch_size", "rand_skip: 11 batch_size")
    with Source(text) as source, Source(MNIST) as straight:
        assert 0 < source.layer.position < 11
        straight.layer.seek(source.layer.position)
        assert same(source.batches(3), straight.batches(3))


def test_float64_nets_get_float64():
    with Source(MNIST + "transform_param { scale: 0.1 }", dtype=np.float64) as source:
        data, label = source.forward()
        assert data.dtype == label.dtype == np.float64
        pixels = np.load(FILES / "db_contents.npz")["mnist_like_lmdb/data"][:8]
        np.testing.assert_array_equal(data, pixels * np.float64(np.float32(0.1)))


def test_a_leveldb_gives_what_the_lmdb_gives():
    pytest.importorskip("plyvel", reason="LevelDB needs plyvel")
    text = RANDOM + MNIST
    leveldb = text.replace("mnist_like_lmdb", "mnist_like_leveldb").replace("backend: LMDB", "")
    with Source(text) as one, Source(leveldb) as other:
        assert other.layer.rows == one.layer.rows == 20
        batches = one.batches(7)
        assert same(other.batches(7), batches)
        other.layer.seek(4 * 8)
        assert same(other.batches(3), batches[4:])


# ImageData


def test_shuffled_images_keep_their_labels_and_come_once_an_epoch():
    with Source(IMAGES) as straight, Source(SHUFFLED_IMAGES) as shuffled:
        expected = [row for batch in straight.batches(4) for row in zip(*batch, strict=True)]
        for _ in range(2):
            found = [row for batch in shuffled.batches(4) for row in zip(*batch, strict=True)]
            places = [
                next(i for i, row in enumerate(expected) if same([list(row)], [list(one)])) for one in found
            ]
            assert sorted(places) == list(range(16)) and places != list(range(16))


def test_images_of_different_sizes_need_one_at_a_time_or_a_size():
    text = IMAGES.replace("images_same.txt", "images_all.txt").replace("batch_size: 4", "batch_size: 20")
    with Source(text) as source, pytest.raises(DefinitionError, match="need batch_size 1"):
        source.forward()
    with Source(text.replace("batch_size", "new_height: 7 new_width: 8 batch_size")) as source:
        assert source.forward()[0].shape == (20, 3, 7, 8)


@pytest.mark.parametrize(
    ("size", "shape"), [((4, 6), (8, 12)), ((6, 4), (12, 8)), ((6, 7), (8, 9)), ((20, 10), (16, 8))]
)
def test_the_shorter_side_is_brought_to_a_length(tmp_path, size, shape):
    """7 * 8 / 6 is 9.33."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels[:, :, ::-1]).save(tmp_path / "one.png")
    (tmp_path / "list.txt").write_text("one.png 3\n")
    text = IMAGES.replace("images_same.txt", "list.txt").replace("batch_size: 4", "new_dim: 8 batch_size: 1")
    wide = text.replace("new_dim", "bicubic: true new_dim")
    for one, mode in ((text, "LINEAR"), (wide, "CUBIC")):
        with Source(one, root=tmp_path) as source:
            assert source.tops[0].shape == (1, 3, *shape)
            data, labels = source.forward()
        assert labels == 3
        assert np.array_equal(data[0], resize_by(mode, pixels.transpose(2, 0, 1), *shape))
    with Source(text, root=tmp_path, dry=True) as source:
        assert source.tops[0].shape == (1, 3, *shape)


def test_an_image_that_is_not_there_is_told_when_its_turn_comes(tmp_path):
    shutil.copytree(FILES / "images", tmp_path / "images")
    (tmp_path / "images_same.txt").write_text("images/im00.png 0\n\nimages/im01.png 1\nimages/gone.png 2\n")
    with Source(IMAGES.replace("batch_size: 4", "batch_size: 2"), root=tmp_path) as source:
        source.forward()
        with pytest.raises(DefinitionError, match="image 2 of the list cannot be read: .*gone.png"):
            source.forward()
    (tmp_path / "images_same.txt").write_text("\n")
    with pytest.raises(DefinitionError, match="names no image"):
        Source(IMAGES, root=tmp_path)


# HDF5Data


def test_files_of_matlab_are_hdf5(tmp_path):
    """MATLAB's version 7.3: HDF5 behind 512 bytes of its own, the axes in reverse order, numbers as doubles."""
    data, label = np.random.default_rng(0).random((5, 3, 2, 4)), np.arange(5.0)
    with h5py.File(tmp_path / "rows.mat", "w", userblock_size=512) as file:
        for name, values in (("data", data), ("label", label.reshape(5, 1))):
            file.create_dataset(name, data=values).attrs["MATLAB_class"] = np.bytes_("double")
    with open(tmp_path / "rows.mat", "rb+") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\x02IM")
    (tmp_path / "h5data_list.txt").write_text("rows.mat\n")
    with Source(HDF5, root=tmp_path) as source:
        first, second = source.batches(2)
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]])[:5], data.astype(np.float32))
    assert first[1].shape == (4, 1) and second[1].ravel().tolist() == [4, 0, 1, 2]


def test_a_line_that_is_the_name_of_a_file_is_one_file(tmp_path):
    for number, name in enumerate(("two words.h5", "c.h5", "d.h5")):
        with h5py.File(tmp_path / name, "w") as file:
            file["data"], file["label"] = np.full((4, 2), number), np.full(4, number)
    for names in ("two words.h5\nc.h5  d.h5\n", "  two words.h5 \r\n" + "c.h5 d.h5 " * 100):
        (tmp_path / "h5data_list.txt").write_text(names)
        with Source(HDF5, root=tmp_path) as source:
            assert [batch[1][0] for batch in source.batches(3)] == [0, 1, 2]
    (tmp_path / "h5data_list.txt").write_text("no words.h5\n")
    with pytest.raises(DefinitionError, match="there is no HDF5 file 'no'"):
        Source(HDF5, root=tmp_path)


# MemoryData


def test_a_damaged_hdf5_file_is_told_and_a_huge_one_not_read(tmp_path):
    draw = np.random.default_rng(0)
    (tmp_path / "list.txt").write_text("rows.h5\n")
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"], file["label"] = np.ones((6, 3), np.float32), np.arange(6.0)
    text = HDF5.replace("h5data_list.txt", "list.txt")
    content = np.frombuffer((tmp_path / "rows.h5").read_bytes(), np.uint8)
    told = 0
    for _ in range(150):
        damaged = content.copy()
        damaged[draw.integers(0, min(len(content), 3000), 3)] = draw.integers(0, 256, 3)
        (tmp_path / "rows.h5").write_bytes(damaged.tobytes())
        try:
            with Source(text, root=tmp_path) as source:
                source.batches(2)
        except DefinitionError as error:
            assert error.field in ("source", "top.0", "top.1") and "rows.h5" in error.message
            told += 1
    assert told > 10
    for chunks in (None, (1 << 20, 3)):
        with h5py.File(tmp_path / "rows.h5", "w") as file:
            file.create_dataset("data", (1 << 38, 3), "f4", chunks=chunks)
            file["label"] = np.arange(6.0)
        with pytest.raises(DefinitionError, match="says it has 3,298,534,883,328 bytes, more than the file holds"):
            Source(text, root=tmp_path)


def test_memory_is_seen_as_it_is_and_batches_begin_again():
    source = Source(MEMORY)
    data, labels = np.arange(24.0).reshape(4, 1, 2, 3), np.arange(4)
    source.layer.reset(data, labels)
    first = source.forward()
    np.testing.assert_array_equal(first[0], data[:2])
    data[2] = -1
    assert (source.forward()[0][0] == -1).all()
    assert same([source.forward()], [first])


def test_added_images_are_transformed_and_seen_before_the_next():
    source = Source("transform_param { scale: 0.5 mean_value: 1 } " + MEMORY, phase=1)
    images = np.arange(24, dtype=np.uint8).reshape(4, 1, 2, 3)
    source.layer.add([to_datum(image, index) for index, image in enumerate(images)])
    found = np.concatenate([source.forward()[0]])
    with pytest.raises(ValueError, match="images that no forward has seen"):
        source.layer.add(list(images), [0] * 4)
    found = np.concatenate([found, source.forward()[0]])
    np.testing.assert_array_equal(found, (images - np.float32(1)) * np.float32(0.5))
    source.layer.add(list(images[:2]), [5, 6])
    assert source.forward()[1].ravel().tolist() == [5, 6]


def test_memory_that_does_not_fit_is_refused():
    source = Source(MEMORY)
    with pytest.raises(DefinitionError, match="there is no data yet"):
        source.forward()
    for data, labels, message in (
        (np.zeros((2, 1, 3, 2)), np.zeros(2), r"takes data of shape \(rows, 1, 2, 3\); got \(2, 1, 3, 2\)"),
        (np.zeros((2, 1, 2, 3)), np.zeros(3), "2 rows of data need as many labels"),
        (np.zeros((3, 1, 2, 3)), np.zeros(3), "multiple of batch_size 2; got 3"),
        (np.zeros((0, 1, 2, 3)), np.zeros(0), "multiple of batch_size 2; got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            source.layer.reset(data, labels)


# Definitions that cannot be


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (MNIST.replace("batch_size: 8", "batch_size: 0"), "batch_size", "at least 1; got 0"),
        (MNIST.replace("batch_size", "prefetch: 0 batch_size"), "data_param.prefetch", "from 1 to 10,000: .*; got 0"),
        (MNIST.replace("batch_size", "prefetch: 4294967295 batch_size"), "data_param.prefetch", "got 4,294,967,295"),
        (MNIST.replace("mnist_like_lmdb", "nowhere"), "source", "there is no database 'nowhere'"),
        (MNIST.replace('source: "mnist_like_lmdb"', ""), "source", "source must name a database"),
        (MNIST.replace("mnist_like_lmdb", "h5data_0.h5"), "source", "an LMDB is a folder"),
        (MNIST.replace("backend: LMDB", ""), "backend", "say backend: LMDB"),
        (MNIST + "transform_param { crop_size: 29 }", "transform_param.crop_size", "29 is larger than the image"),
        (IMAGES.replace("batch_size: 4", "batch_size: 0"), "batch_size", "at least 1; got 0"),
        (IMAGES + "data_param { prefetch: 0 }", "data_param.prefetch", "from 1 to 10,000: .*; got 0"),
        (IMAGES.replace("batch_size", "new_height: 5 batch_size"), "new_width", "both, or neither"),
        (IMAGES.replace("batch_size", "new_height: 5 new_width: 5 new_dim: 5 batch_size"), "new_dim", "not both"),
        (IMAGES.replace("batch_size", "rand_skip: 4000000000 batch_size"), "rand_skip", "leaves out the first"),
        (IMAGES.replace("images_same.txt", "nowhere"), "source", "there is no list of images 'nowhere'"),
        (IMAGES.replace("images_same.txt", "h5data_list.txt"), "source", "h5data_list.txt:1: expected an image's name"),
        (IMAGES.replace("images_same.txt", "images_noroot.txt"), "source", "there is no image 'im00.png'"),
        (IMAGES + "transform_param { crop_size: 11 }", "transform_param.crop_size", "11 is larger than the image"),
        (HDF5.replace("batch_size: 4", ""), "batch_size", "at least 1; got 0"),
        (HDF5 + "transform_param { scale: 2 }", "transform_param", "transforms nothing"),
        (HDF5.replace('top: "data"', 'top: "date"'), "top.0", "has no dataset 'date'; it has 'data', "),
        (HDF5.replace("h5data_list.txt", "nowhere"), "source", "there is no list of HDF5 files 'nowhere'"),
        (HDF5.replace("h5data_list.txt", "mini-labels-idx1-ubyte"), "source", "is a binary file; source names a text"),
        (HDF5.replace("h5data_list.txt", "h5data_0.h5"), "source", "'h5data_0.h5' is an HDF5 file; source names a"),
        (HDF5.replace("h5data_list.txt", "mnist_like_lmdb"), "source", "is a folder that holds a database; source"),
        (MNIST + 'transform_param { mean_file: "mnist_like_lmdb" }', "transform_param.mean_file", "mnist_like_lmdb"),
        (MEMORY.replace("width: 3", ""), "width", "width must be at least 1; got 0"),
        (MEMORY + 'transform_param { mean_file: "x" mean_value: 3 }', "transform_param.mean_value", "not both"),
    ],
)
def test_definitions_that_cannot_be_are_errors_on_their_field(text, field, message):
    with pytest.raises(DefinitionError, match=message) as caught:
        Source(text)
    assert caught.value.field == field


def test_hdf5_files_that_do_not_belong_together_are_told(tmp_path):
    def write(name: str, **datasets) -> None:
        with h5py.File(tmp_path / name, "w") as file:
            for key, values in datasets.items():
                file[key] = values

    def error(names: str) -> DefinitionError:
        (tmp_path / "h5data_list.txt").write_text(names)
        with pytest.raises(DefinitionError) as caught:
            Source(HDF5, root=tmp_path).forward()
        return caught.value

    write("good.h5", data=np.zeros((3, 2)), label=np.zeros(3))
    write("uneven.h5", data=np.zeros((3, 2)), label=np.zeros(4))
    write("wider.h5", data=np.zeros((3, 5)), label=np.zeros(3))
    write("empty.h5", data=np.zeros((0, 2)), label=np.zeros(0))
    write("scalar.h5", data=1.0, label=np.zeros(3))
    write("text.h5", data=["a", "b"], label=np.zeros(2))
    (tmp_path / "broken.h5").write_bytes((tmp_path / "good.h5").read_bytes()[:500])
    assert "differ in their number of rows: 'data' 3, 'label' 4" in error("uneven.h5").message
    assert "differ in shape from those of the first file" in error("good.h5 wider.h5").message
    assert "hold no rows" in error("empty.h5").message
    assert "has no axis for rows" in error("scalar.h5").message
    assert "does not hold numbers" in error("text.h5").message
    assert "cannot be read as HDF5" in error("broken.h5").message
    assert "names no file" in error(" \n").message
