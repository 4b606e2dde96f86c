"""The bench opens a stranger's net without running it, and asks before it does."""

import sys

import pytest

import brewbench
from brewbench.engine.trust import UserCode
from brewbench.widgets.trust import TrustBar

NET = """
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "p" type: "Python" bottom: "x" top: "y" python_param { module: "stranger_x" layer: "L" } }
layer { name: "i" type: "InnerProduct" bottom: "y" top: "i" inner_product_param { num_output: 5 } }
"""
STRANGER = """
from brewbench import caffe
class L(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(3, 4)
    def forward(self, bottom, top):
        top[0].data[...] = 1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("BREWBENCH_TRUST", raising=False)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "stranger_x.py").write_text(STRANGER)
    yield tmp_path
    sys.modules.pop("stranger_x", None)


def labels(bench):
    return {edge["blob"]: edge["label"] for edge in bench.editor.graph["edges"]}


def test_a_strangers_net_is_drawn_and_asked_for(folder):
    bench = brewbench.open(folder / "net.prototxt")
    try:
        assert "stranger_x" not in sys.modules and labels(bench) == {"x": "1x2", "y": ""}
        assert bench.trust.layout.display is None
        assert bench.trust.button.description == "Run code from stranger_x.py"
        assert str(folder / "stranger_x.py") in bench.trust._text.value
        with pytest.raises(RuntimeError, match="stranger_x.py"):
            _ = bench.net
        bench.session.forward()
        assert bench.session.state == "failed" and "stranger_x" not in sys.modules
        bench.trust.button.click()
        assert bench.trust.layout.display == "none" and bench.net.blobs["i"].shape == (3, 5)
        assert labels(bench) == {"x": "1x2", "y": "3x4"}
        bench.session.forward()
        assert bench.session.error is None and (bench.net.blobs["y"].data == 1).all()
    finally:
        bench.close()


def test_a_trusted_one_is_not(folder):
    bench = brewbench.open(folder / "net.prototxt", trust=folder)
    assert bench.trust.layout.display == "none" and bench.net.blobs["y"].shape == (3, 4)
    bench.close()


def test_shapes_can_be_stated(folder):
    bench = brewbench.open(folder / "net.prototxt", shapes={"y": (8, 4)})
    assert labels(bench)["y"] == "8x4" and "stranger_x" not in sys.modules
    bench.close()


def test_what_fails_when_it_is_imported_is_said(folder):
    (folder / "stranger_x.py").write_text("raise OSError('no such device')")
    bench = brewbench.open(folder / "net.prototxt")
    bench.trust.button.click()
    assert "no such device" in bench.stepper._status["error"] and bench.live.net is None
    bench.close()


def test_the_bar_names_files_escaped_and_not_too_many():
    bar = TrustBar(lambda: None)
    bar.ask([UserCode(f"m{index}", (f"/at/<{index}>.py",)) for index in range(9)])
    assert "&lt;4&gt;.py" in bar._text.value and "<5>" not in bar._text.value and "and 4 more" in bar._text.value
    assert bar.button.description == "Run code from 9 files"
