"""Documents on what people wrote: over 600 foreign prototxt files, where that collection is at hand."""

import csv
import random
import re
from pathlib import Path

import pytest
from google.protobuf import text_format

from brewbench.proto.document import Document
from brewbench.proto.errors import ParseError
from brewbench.proto.messages import NetParameter, SolverParameter

CLASSES = {"net": NetParameter, "solver": SolverParameter}


@pytest.fixture(scope="module")
def zoo(shared_zoo):
    """What the manifest says of each file, with its bytes and its document (None where it is no prototxt)."""
    with open(shared_zoo / "MANIFEST.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        path = shared_zoo.parent / row["file"]
        row["bytes"] = path.read_bytes()
        try:
            row["document"] = Document.open(path)
        except ParseError as error:
            row["document"], row["error"] = None, error
    return rows


def parses_with_caffe(row):
    return row["parses_with_BVLC_caffe.proto"] == "ok"


def test_open_and_save_keep_every_byte(zoo, tmp_path):
    trees = [row for row in zoo if row["document"]]
    assert len(trees) >= 625
    for row in trees:
        row["document"].save(tmp_path / "saved.prototxt")
        assert (tmp_path / "saved.prototxt").read_bytes() == row["bytes"], row["file"]


def test_what_is_no_tree_is_a_parse_error_with_a_place(zoo):
    for row in zoo:
        if row["document"] is None:
            assert not parses_with_caffe(row), row["file"]
            assert str(row["error"]).count(":") >= 3


def test_messages_are_those_that_protobuf_reads(zoo):
    count = 0
    for row in filter(parses_with_caffe, zoo):
        document = row["document"]
        expected = text_format.Parse(row["bytes"], CLASSES[row["kind"]]())
        assert document.kind == row["kind"], row["file"]
        assert document.problems == [], row["file"]
        assert document.message == expected, row["file"]
        count += 1
    assert count >= 344


def test_problems_begin_where_caffe_stops_or_behind_what_forks_have(zoo):
    with (Path(__file__).parent / "data" / "forks.tsv").open(newline="") as file:
        forks = {row["field"] for row in csv.DictReader(file, delimiter="\t")}
    stopped, read = 0, 0
    for row in zoo:
        if not row["document"] or row["kind"] not in CLASSES or parses_with_caffe(row):
            continue
        caffes = int(row["parses_with_BVLC_caffe.proto"].split(":")[0])
        first = min((problem.line for problem in row["document"].problems), default=None)
        if first == caffes:
            stopped += 1
            continue
        line = row["bytes"].decode("utf-8", "replace").splitlines()[caffes - 1]
        assert forks & set(re.findall(r"\w+", line)), row["file"]
        assert first is None or first > caffes, row["file"]
        if first is None:
            assert row["document"].message == text_format.Parse(row["bytes"], CLASSES[row["kind"]]()), row["file"]
            read += 1
    assert stopped >= 100
    assert read >= 80


def test_edits_read_only_what_changed_and_undo_gives_back_the_bytes(zoo):
    random_ = random.Random(3)
    documents = [row["document"] for row in zoo if row["document"] and row["document"].layers]
    for document in random_.sample(documents, 60):
        original = document.text
        layers = list(document.layers)
        document.rename_layer(random_.randrange(len(layers)), "renamed")
        document.remove_layer(random_.randrange(len(layers)))
        document.insert_layer(random_.randrange(len(layers)), "layer { name: 'new' }")
        if tops := document.layers[0].top:
            document.rename_blob(tops[0], "renamed blob")
        fresh = Document.parse(document.text, document.kind)
        assert document.message.SerializePartialToString() == fresh.message.SerializePartialToString()
        assert document.problems == fresh.problems
        assert list(document.layers) == list(fresh.layers)
        while document.undo():
            pass
        assert document.text == original
        assert not document.dirty
