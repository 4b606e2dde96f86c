"""What git holds is not what a user made of the working copy."""

import subprocess

import pytest

from . import held


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two files, one of them edited since, and one that git does not know."""
    held.skip_without_git()
    root = tmp_path / "project"
    (root / "notebooks").mkdir(parents=True)
    (root / "notebooks" / "one.ipynb").write_text("as committed")
    (root / "read.md").write_text("text")
    monkeypatch.setattr(held, "ROOT", root)
    forget = held.why_not.cache_clear
    forget()
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    (root / "notebooks" / "one.ipynb").write_text("run and saved")
    (root / "notebooks" / "Untitled.ipynb").touch()
    yield root
    forget()


def test_a_notebook_that_was_run_is_seen_as_it_was_committed(project, tmp_path):
    assert [str(path) for path in held.files("notebooks/*.ipynb")] == ["notebooks/one.ipynb"]
    assert held.content("notebooks/one.ipynb") == b"as committed"
    assert {str(path): content for path, content in held.contents()} == {
        "notebooks/one.ipynb": b"as committed", "read.md": b"text"
    }  # fmt: skip
    copied = held.copy("notebooks", tmp_path / "copy")
    assert [path.name for path in copied.iterdir()] == ["one.ipynb"]
    assert (copied / "one.ipynb").read_text() == "as committed"


def test_without_git_the_files_on_disk_count(project, monkeypatch):
    monkeypatch.setattr(held, "why_not", lambda: "git does not hold this folder")
    (project / ".hidden.ipynb").touch()
    assert [path.name for path in held.files("notebooks/*.ipynb")] == ["Untitled.ipynb", "one.ipynb"]
    assert held.content("notebooks/one.ipynb") == b"run and saved"
    with pytest.raises(pytest.skip.Exception):
        held.skip_without_git()
