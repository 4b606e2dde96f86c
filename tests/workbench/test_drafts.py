"""Unsaved texts are kept beside their files until somebody saves them or throws them away."""

import json
import os
import subprocess
import sys

import pytest

from brewbench.proto import Document, ParseError
from brewbench.workbench import drafts

NET = 'name: "small"\nlayer { name: "a" type: "Input" top: "a" }\n'


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return path


@pytest.fixture
def kept(file):
    document = Document.open(file)
    keeper = drafts.DraftKeeper([document])
    yield document, keeper
    keeper.close()


def test_an_edit_is_kept_and_goes_when_it_is_saved(file, kept):
    document, keeper = kept
    assert drafts.find(file) is None
    document.set(("name",), "other")
    found = drafts.find(file)
    assert found is not None and found.text == document.text and not found.overtaken and found.lines == 1
    assert file.read_text() == NET, "the file itself is left alone"
    document.save()
    keeper.note(document)
    assert drafts.find(file) is None and not drafts.place_of(file).exists()


def test_taking_every_edit_back_leaves_no_draft(file, kept):
    document, _ = kept
    document.set(("name",), "other")
    drafts.settle_all()
    assert drafts.place_of(file).exists()
    document.undo()
    drafts.settle_all()
    assert not drafts.place_of(file).exists()


def test_what_was_typed_and_is_no_prototxt_is_kept_too(file, kept):
    document, keeper = kept
    typed = NET.replace("layer {", "layer")
    with pytest.raises(ParseError):
        document.replace(typed)
    keeper.note(document, typed)
    found = drafts.find(file)
    assert found is not None and found.text == typed


def test_a_file_that_changed_meanwhile_is_told(file, kept):
    document, _ = kept
    document.set(("name",), "other")
    drafts.settle_all()
    file.write_text(NET.replace("small", "third"))
    found = drafts.find(file)
    assert found is not None and found.overtaken


def test_bytes_that_are_no_utf8_survive(tmp_path):
    path = tmp_path / "latin.prototxt"
    path.write_bytes(b'name: "x"  # caf\xe9\n')
    document = Document.open(path)
    keeper = drafts.DraftKeeper([document])
    document.set(("name",), "y")
    found = drafts.find(path)
    keeper.close()
    assert found is not None and found.text.encode("utf-8", "surrogateescape") == b'name: "y"  # caf\xe9\n'


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"text": 3, "when": 1, "origin": ""}', b"\xff\xfe"])
def test_a_damaged_draft_is_none(file, content):
    drafts.place_of(file).write_bytes(content)
    assert drafts.find(file) is None


def test_where_nothing_can_be_written_the_draft_lies_in_the_cache(file, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(drafts.store, "folder", lambda: tmp_path / "cache")
    drafts.keep(file, "name: 'x'", NET)
    assert drafts.place_of(file).is_relative_to(tmp_path / "cache")
    found = drafts.find(file)
    assert found is not None and found.text == "name: 'x'"


def test_drafts_that_cannot_be_written_are_told_once(file, monkeypatch):
    told = []

    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(drafts, "keep", fail)
    document = Document.open(file)
    keeper = drafts.DraftKeeper([document], told.append)
    for name in ("b", "c"):
        document.set(("name",), name)
        keeper.settle()
    keeper.close()
    assert told == ["Unsaved edits cannot be kept: the disk is full"]


def test_a_killed_process_leaves_its_draft(file):
    code = f"""
import os, signal
from brewbench.proto import Document
from brewbench.workbench import drafts
document = Document.open({str(file)!r})
keeper = drafts.DraftKeeper([document])
document.set(("name",), "killed")
drafts.settle_all()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    found = drafts.find(file)
    assert found is not None and 'name: "killed"' in found.text
    assert json.loads(drafts.place_of(file).read_text())["text"] == found.text
