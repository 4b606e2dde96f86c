"""`brewbench convert_imageset`, `compute_image_mean` and `extract_features`: what Caffe's tools write and say."""

import io
import os
import re
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import lmdb
import numpy as np
import pytest

from brewbench.engine import TEST, Net
from brewbench.engine.data.database import open_database
from brewbench.engine.data.images import encode_image
from brewbench.proto.messages import Datum
from brewbench.workbench.cli import main
from brewbench.workbench.cli.extract_features import _Sink

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = GOLDEN / "files"
ROOT = f"{FILES}{os.sep}"


def said(text):
    """The lines of a log without their prefixes, but with their levels."""
    return re.sub(r"(?m)^([IWE])\d{4,8} \S+ +\d+ \S+\] ", r"\1 ", text).splitlines()


def golden(command):
    return said((GOLDEN / "logs" / f"{command}.stderr.txt").read_text())


def rows(folder):
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return list(transaction.cursor())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_images_become_caffes_database_with_caffes_words(here, call):
    words = ["--backend=lmdb", "--resize_height=12", "--resize_width=10", ROOT, FILES / "images_all.txt", "tmp_lmdb"]
    status, out, err = call("convert_imageset", *words)
    assert (status, out) == (0, "")
    assert said(err) == golden("convert_imageset")
    assert rows("tmp_lmdb") == rows(FILES / "imageset_lmdb")


@pytest.mark.parametrize(
    ("words", "image_list", "wanted"),
    [
        (["-gray", "-resize_height", "8", "-resize_width", "8"], "images_all.txt", "imageset_gray_lmdb"),
        (["-gray", "-nogray", "--check_size=true"], "images_same.txt", "imageset_raw16_lmdb"),
        (["-encoded", "-gray=false"], "images_same.txt", "imageset_encoded_lmdb"),
        (["-encode_type", "png"], "images_same.txt", "imageset_encoded_lmdb"),
        (["-resize_height=4", "-nocheck_size"], "images_same.txt", "imageset_raw16_lmdb"),
    ],
)
def test_its_flags_do_what_caffes_do(here, call, words, image_list, wanted):
    status, _, err = call("convert_imageset", *words, ROOT, FILES / image_list, "db")
    assert status == 0, err
    assert rows("db") == rows(FILES / wanted)
    assert ("I encode_type specified, assuming encoded=true." in said(err)) == ("-encode_type" in words)
    assert any("Images are resized only" in line for line in said(err)) == ("-resize_height=4" in words)


def test_a_leveldb_too(here, call):
    pytest.importorskip("plyvel", reason="LevelDB needs plyvel")
    words = ["-backend", "LEVELDB", "-resize_height=12", "-resize_width=10", ROOT, FILES / "images_all.txt", "db"]
    assert call("convert_imageset", *words)[0] == 0
    with open_database("db", "leveldb") as database:
        assert [database.next() for _ in range(20)] == [value for _, value in rows(FILES / "imageset_lmdb")]
    status, _, err = call("compute_image_mean", "-backend=leveldb", "db", "mean.binaryproto")
    assert status == 0 and said(err)[0] == "I Opened leveldb db"
    assert (here / "mean.binaryproto").read_bytes() == (FILES / "imageset_mean_leveldb.binaryproto").read_bytes()


def test_a_shuffled_list_keeps_its_labels(here, call):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        _, _, err = call("convert_imageset", "-shuffle", "-seed", seed, ROOT, FILES / "images_same.txt", name)
        assert said(err)[0] == "I Shuffling data"
    assert rows("a") == rows("b") != rows("c")
    wanted = {key[9:]: value for key, value in rows(FILES / "imageset_raw16_lmdb")}
    assert {key[9:]: value for key, value in rows("c")} == wanted


@pytest.fixture
def many(here):
    """A list of 2,100 images, the first of which is not there."""
    (here / "one.png").write_bytes(encode_image(np.full((3, 2, 2), 7, np.uint8), "png"))
    (here / "list").write_text("gone.png 0\n" + "one.png 1\n" * 2100)
    return here


def test_every_thousand_rows_are_told_and_what_is_left_out(many, call):
    status, _, err = call("convert_imageset", "./", "list", "db")
    lines = said(err)
    assert status == 0 and lines[0] == "I A total of 2101 images."
    assert lines[2].startswith("E gone.png is left out: ")
    assert lines[3:] == [f"I Processed {count} files." for count in (1000, 2000, 2100)]
    assert rows("db")[0][0] == b"00000001_one.png" and len(rows("db")) == 2100
    _, _, err = call("compute_image_mean", "db")
    assert said(err)[2:] == [
        "I Processed 2100 files.",
        "I Number of channels: 3",
        *(f"I mean_value channel [{channel}]: 7" for channel in range(3)),
    ]


def test_a_terminal_sees_how_far_it_is(many, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(["convert_imageset", "./", "list", "db"]) == 0
    assert re.search(r"2000/2100 \[.* images/s\]", stderr.getvalue())


@pytest.mark.parametrize("size", [(0, 0), (0, 100), (30, 100)])
def test_a_terminal_of_any_size_sees_it(many, size):
    fcntl, pty, termios = (pytest.importorskip(name, reason="not on Windows") for name in ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    command = [sys.executable, "-m", "brewbench.workbench.cli", "convert_imageset", "./", "list", "db"]
    with subprocess.Popen(command, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        with suppress(OSError):  # the end, on Linux
            while read := os.read(ours, 1 << 16):
                text += read
    os.close(ours)
    assert process.returncode == 0
    assert re.search(rb"\r[^\n]*%\|[^\n]*/2100 \[", text) and b"] Processed 2100 files.\r\n" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-check_size", ROOT, FILES / "images_all.txt", "db"], "im16.png makes 420 bytes; those before made 360"),
        ([ROOT, "no.txt", "db"], "no.txt: No such file or directory"),
        ([ROOT, FILES / "images_all.txt", FILES / "imageset_lmdb"], "is already there"),
        ([ROOT, FILES / "images_all.txt", "no/db"], "there is no folder no"),
        ([ROOT, FILES / "images_all.txt"], "the following arguments are required: DB_NAME"),
        (["-backend", "hdf5", ROOT, FILES / "images_all.txt", "db"], "argument -backend: can be lmdb or leveldb"),
        (["-gray=maybe", ROOT, FILES / "images_all.txt", "db"], "argument -gray: can be true or false; got 'maybe'"),
        (["-encode_type=xyz", ROOT, FILES / "images_all.txt", "db"], "images cannot be encoded as 'xyz'"),
    ],
)
def test_a_conversion_that_fails_leaves_nothing(here, call, words, message):
    status, out, err = call("convert_imageset", *words)
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith("brewbench convert_imageset: ") and message in err.splitlines()[-1]
    assert not os.listdir(here)


@pytest.mark.parametrize("command", ["convert_imageset", "compute_image_mean", "extract_features", "convert_mnist"])
def test_alone_they_print_their_usage(call, command):
    status, out, err = call(command)
    assert (status, err) == (1, "")
    assert out == call(command, "-help")[1]


def test_the_mean_is_caffes_with_caffes_words(here, call):
    shutil.copytree(FILES / "imageset_lmdb", "imageset_lmdb")
    status, out, err = call("compute_image_mean", "-backend=lmdb", "imageset_lmdb", "tmp_mean.binaryproto")
    assert (status, out) == (0, "")
    assert said(err) == golden("compute_image_mean")
    assert (here / "tmp_mean.binaryproto").read_bytes() == (FILES / "imageset_mean.binaryproto").read_bytes()


def test_a_mean_of_what_has_none_is_told(here, call):
    for words, message in (
        (["nowhere", "mean"], "there is no database 'nowhere'"),
        ([FILES / "imageset_leveldb", "mean"], "is a LevelDB; say backend: LEVELDB"),
        ([FILES / "imageset_lmdb", "no/mean"], "there is no folder"),
        (["a", "b", "c"], "unrecognized arguments: c"),
    ):
        status, _, err = call("compute_image_mean", *words)
        assert status == 1 and message in err.splitlines()[-1]
    assert not os.listdir(here)


NET = f"""
layer {{ name: "rows" type: "Data" top: "data" top: "label" include {{ phase: TEST }}
  data_param {{ source: "{FILES.as_posix()}/mnist_like_lmdb" batch_size: 10 backend: LMDB }} }}
layer {{ name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param {{ num_output: 5 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "ip1" top: "ip1" }}
layer {{ name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }}
"""


@pytest.fixture
def net(here):
    """net.prototxt, of which weights.caffemodel holds the weights."""
    (here / "net.prototxt").write_text(NET)
    net = Net("net.prototxt", TEST, seed=5)
    net.save("weights.caffemodel")
    yield net
    net.close()


def test_features_are_extracted_with_caffes_words(net, call):
    status, out, err = call("extract_features", "weights.caffemodel", "net.prototxt", "ip1,ip2", "a,b", "3", "lmdb")
    assert (status, out) == (0, "")
    assert said(err) == golden("extract_features")
    wanted = {"a": [], "b": []}
    for _ in range(3):
        net.forward()
        wanted["a"] += [*net.blobs["ip1"].data.copy()]
        wanted["b"] += [*net.blobs["ip2"].data.copy()]
    for name, values in wanted.items():
        found = rows(name)
        assert [key for key, _ in found] == [b"%010d" % index for index in range(30)]
        for (_, row), features in zip(found, values, strict=True):
            datum = Datum.FromString(row)
            assert (datum.channels, datum.height, datum.width) == (len(features), 1, 1)
            assert not datum.data and not datum.HasField("label")
            np.testing.assert_array_equal(np.array(datum.float_data, np.float32), features)


def test_blobs_of_any_shape_in_a_leveldb(net, call):
    pytest.importorskip("plyvel", reason="LevelDB needs plyvel")
    words = ["weights.caffemodel", "net.prototxt", "data,loss", "a,b", "2", "leveldb", "CPU"]
    assert call("extract_features", *words)[0] == 0
    for name, count, shape in (("a", 20, (1, 28, 28)), ("b", 2, (1, 1, 1))):
        with open_database(name, "leveldb") as database:
            assert len(database) == count
            datum = Datum.FromString(bytes(database.next()))
            assert (datum.channels, datum.height, datum.width) == shape


@pytest.mark.parametrize(
    ("given", "count", "shape"),
    [
        ((5, 3, 8, 6), 5, (3, 8, 6)),
        ((5, 3, 8), 5, (3, 8, 1)),
        ((5, 4), 5, (4, 1, 1)),
        ((5,), 5, (1, 1, 1)),
        ((), 1, (1, 1, 1)),
        ((2, 3, 4, 5, 6), 2, (3, 4, 30)),
    ],
)
def test_features_keep_the_shape_of_their_blob(here, call, given, count, shape):
    """Caffe's legacy accessors: what a blob lacks is 1. It has none for a fifth axis."""
    dims = " ".join(f"dim: {one}" for one in given)
    Path("net.prototxt").write_text(
        f'''layer {{ name: "x" type: "DummyData" top: "x" dummy_data_param {{
            shape {{ {dims} }} data_filler {{ type: "gaussian" }} }} }}'''
    )
    Net("net.prototxt", TEST).save("weights.caffemodel")
    assert call("extract_features", "weights.caffemodel", "net.prototxt", "x", "a", "1", "lmdb")[0] == 0
    datums = [Datum.FromString(row) for _, row in rows("a")]
    assert len(datums) == count
    assert {(datum.channels, datum.height, datum.width) for datum in datums} == {shape}
    assert {len(datum.float_data) for datum in datums} == {shape[0] * shape[1] * shape[2]}


def test_every_thousand_rows_of_features_are_told(net, call):
    text = Path("net.prototxt").read_text()
    Path("net.prototxt").write_text(text.replace("batch_size: 10", "batch_size: 300"))
    _, _, err = call("extract_features", "weights.caffemodel", "net.prototxt", "ip2", "a", "7", "lmdb")
    told = [line.split()[4] for line in said(err) if "query images" in line]
    assert told == ["1000", "2000", "2100"]
    assert len(rows("a")) == 2100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ip1,ip3", "a,b", "3", "lmdb"], "unknown blob 'ip3' in net.prototxt; its blobs: data, label, ip1, ip2, loss"),
        (["ip1,ip2", "a", "3", "lmdb"], "give as many databases as blobs; got 1 and 2"),
        (["ip1,ip2", "a,a", "3", "lmdb"], "two blobs cannot go into one database, a"),
        (["ip1,ip2", "a,no/b", "3", "lmdb"], "there is no folder no"),
        (["ip1", "net.prototxt", "3", "lmdb"], "net.prototxt is already there"),
        (["ip1", "a", "none", "lmdb"], "argument BATCHES: must be a whole number from 1 up; got none"),
        (["ip1", "a", "3", "hdf5"], "argument TYPE: can be lmdb or leveldb; got 'hdf5'"),
        (["ip1", "a", "3", "lmdb", "GPU", "99"], "-gpu 99: "),
        (["ip1", "a", "3", "lmdb", "TPU"], "argument CPU/GPU: invalid choice: 'TPU'"),
        (["ip1", "a", "3"], "the following arguments are required: TYPE"),
    ],
)
def test_an_extraction_that_fails_leaves_nothing(net, call, words, message):
    before = sorted(os.listdir())
    status, _, err = call("extract_features", "weights.caffemodel", "net.prototxt", *words)
    assert status == 1
    last = err.splitlines()[-1]
    assert last.startswith("brewbench extract_features: ") and message in last
    assert sorted(os.listdir()) == before


def test_databases_are_given_up_together(net, call, monkeypatch):
    send = _Sink.put
    before = sorted(os.listdir())

    def fail(self, values, first):
        if first >= 20:
            raise OSError("no space left")
        send(self, values, first)

    monkeypatch.setattr(_Sink, "put", fail)
    status, _, err = call("extract_features", "weights.caffemodel", "net.prototxt", "ip1,ip2", "a,b", "3", "lmdb")
    assert status == 1 and err.endswith("no space left\n")
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        ["extract_features", "no.caffemodel", "net.prototxt", "ip", "out", "2", "leveldb"],
        ["convert_mnist", "images-idx3-ubyte", "labels-idx1-ubyte.gz", "out", "-backend=leveldb"],
        ["convert_mnist_siamese_data", "images-idx3-ubyte", "labels-idx1-ubyte.gz", "out"],
        ["convert_cifar_data", ".", ".", "leveldb"],
        ["convert_imageset", "./", "list.txt", "out", "-backend=LEVELDB"],
    ],
    ids=lambda words: words[0],
)
def test_a_leveldb_without_its_package_is_refused_at_once(bench, call, monkeypatch, words):
    monkeypatch.setitem(sys.modules, "plyvel", None)
    before = sorted(os.listdir())
    message = "Writing a LevelDB needs the package plyvel: pip install 'brewbench[leveldb]'"
    assert call(*words) == (1, "", f"brewbench {words[0]}: {message}\n")
    assert sorted(os.listdir()) == before
