"""Living nets with Python layers: opened without running them, built where they are trusted, set up once."""

import sys

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN
from brewbench.engine.trust import UntrustedCode
from brewbench.proto import Document
from brewbench.workbench import LiveNet, Session

COUNTED = """
from brewbench import caffe
setups = reshapes = 0

class Double(caffe.Layer):
    def setup(self, bottom, top):
        global setups
        setups += 1
        if self.param_str == "weighted":
            self.blobs.add_blob(3)
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)
    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data
    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].diff[...] = 2 * top[0].diff
"""
DATA = 'layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 2 dim: 3 } } }\n'
PYTHON = 'layer { name: "p" type: "Python" bottom: "d" top: "p" python_param { module: "counted_x" layer: "Double" }}\n'
REST = """layer { name: "i" type: "InnerProduct" bottom: "p" top: "i"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "i" bottom: "i" top: "loss" }
"""
SOLVER = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 9 random_seed: 1'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of a net and of the module that it names."""
    monkeypatch.delenv("BREWBENCH_TRUST", raising=False)
    (tmp_path / "counted_x.py").write_text(COUNTED)
    (tmp_path / "net.prototxt").write_text(DATA + PYTHON + REST)
    yield tmp_path
    sys.modules.pop("counted_x", None)


def opened(folder, **settings):
    return LiveNet(Document.open(folder / "net.prototxt"), seed=1, **settings)


def setups():
    return sys.modules["counted_x"].setups


def test_opening_and_editing_run_nothing(folder):
    live = opened(folder)
    live.document.set(("layer", 2, "inner_product_param", "num_output"), 5)
    assert "counted_x" not in sys.modules
    assert live.sound and live.report().blobs["i"] is None and live.net is None
    assert [code.file for code in live.untrusted] == [str(folder / "counted_x.py")]
    assert live.status.state == "unbuilt" and str(folder / "counted_x.py") in live.status.message
    with pytest.raises(UntrustedCode):
        live.build()
    assert "counted_x" not in sys.modules and live.net is None


@pytest.mark.parametrize("how", ["True", "folder", "variable", "imported", "agreed"])
def test_it_is_built_where_it_is_trusted(folder, how, monkeypatch):
    if how == "variable":
        monkeypatch.setenv("BREWBENCH_TRUST", str(folder))
    if how == "imported":
        monkeypatch.syspath_prepend(folder)
        __import__("counted_x")
    live = opened(folder, trust={"True": True, "folder": folder}.get(how, False))
    if how == "agreed":
        live.trust_code()
    assert not live.untrusted
    live.build()
    assert setups() == 1 and live.status.state == "alive"
    assert live.report().blobs["i"] == (2, 4) and not live.diagnostics


def test_what_was_agreed_to_is_not_asked_again_for_that_document(folder):
    opened(folder).trust_code()
    assert not opened(folder).untrusted and "counted_x" not in sys.modules
    (folder / "other.prototxt").write_text((folder / "net.prototxt").read_text())
    assert LiveNet(Document.open(folder / "other.prototxt")).untrusted


def test_an_edit_of_another_layer_sets_it_up_once(folder):
    live = opened(folder, trust=True)
    live.build()
    live.net.forward()
    for count, outputs in enumerate((5, 6, 7), start=2):
        live.document.set(("layer", 2, "inner_product_param", "num_output"), outputs)
        assert setups() == count and live.report().blobs["i"] == (2, outputs)
        assert live.net.blobs["i"].shape == (2, outputs) and not live.diagnostics


def test_what_it_depends_on_makes_its_shapes_unknown_until_the_net_is_built(folder):
    live = opened(folder, trust=True, hold=True)
    live.build()
    live.document.set(("layer", 0, "dummy_data_param", "shape", 0, "dim", 0), 7)
    assert live.report().blobs["d"] == (7, 3) and live.report().blobs["p"] is None
    assert live.status.state == "waiting" and live.preview().entries == ()
    live.apply()
    assert live.report().blobs["i"] == (7, 4) and live.status.state == "alive"


def test_parameters_of_its_own_are_carried_and_foreseen(folder):
    live = opened(folder, trust=True, hold=True)
    live.document.set(("layer", 1, "python_param", "param_str"), "weighted")
    live.build()
    live.net.params["p"][0].data = [1, 2, 3]
    assert live.report().layers[1].param_shapes == ((3,),) and live.report().param_count == 3 + 4 * 3 + 4
    live.document.set(("layer", 2, "inner_product_param", "num_output"), 5)
    assert [(one.layer, one.action) for one in live.preview().entries] == [
        ("p", "kept"), ("i", "resized"), ("i", "resized")
    ]  # fmt: skip
    live.apply()
    np.testing.assert_array_equal(live.net.params["p"][0].data, [1, 2, 3])


def test_an_edit_that_brings_in_a_stranger_waits(folder):
    (folder / "net.prototxt").write_text(DATA + REST.replace('bottom: "p"', 'bottom: "d"'))
    live = opened(folder)
    net = live.build()
    live.try_text(DATA + PYTHON + REST)
    assert live.net is net and "counted_x" not in sys.modules
    assert live.status.state == "waiting" and "counted_x.py" in live.status.message and not live.pending
    told = []
    live.changed.subscribe(told.append)
    live.trust_code()
    assert live.status.state == "alive" and live.net is not net and setups() == 1 and told
    assert live.report().blobs["i"] == (2, 4)


def test_only_the_nets_that_would_be_built_are_asked_for(folder):
    test_only = PYTHON.replace("python_param", "include { phase: TEST } python_param").replace('top: "p"', 'top: "q"')
    (folder / "net.prototxt").write_text(DATA + test_only + REST.replace('bottom: "p"', 'bottom: "d"'))
    assert not opened(folder, phase=TRAIN).untrusted and opened(folder, phase=TEST).untrusted
    assert not opened(folder, solver_document=Document.parse(SOLVER, "solver")).untrusted
    solver = Document.parse(SOLVER + " test_iter: 1 test_interval: 5", "solver")
    assert opened(folder, solver_document=solver).untrusted


def test_shapes_can_be_stated(folder):
    live = opened(folder, shapes={"p": (2, 3)})
    assert live.report().blobs["i"] == (2, 4) and not live.diagnostics and live.untrusted
    assert "counted_x" not in sys.modules


def test_a_session_says_in_one_line_what_it_may_not_run(folder):
    with Session(opened(folder, solver_document=Document.parse(SOLVER, "solver"))) as session:
        session.step(1)
        session.wait()
        assert session.state == "failed" and "counted_x" not in sys.modules
        assert "counted_x.py" in (session.error or "").strip().splitlines()[-1]
        session.live.trust_code()
        session.step(2)
        session.wait()
        assert session.iteration == 2 and session.state == "paused"
        before = setups()
        session.rewind()
        session.wait()
        assert setups() == before + 1
