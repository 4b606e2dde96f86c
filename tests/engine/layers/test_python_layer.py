"""Layers that users write: Caffe's results, everything they find in themselves, and errors that come through."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from brewbench import caffe
from brewbench.engine import TEST, TRAIN, DefinitionError, Net, check
from brewbench.proto import Document

GOLDEN = Path(__file__).parents[2] / "golden"

USER = """
import json
from brewbench import caffe

class ScaleBy(caffe.Layer):
    def setup(self, bottom, top):
        self.k = json.loads(self.param_str)["k"]
        self.reshapes = 0
    def reshape(self, bottom, top):
        self.reshapes += 1
        for blob in top:
            blob.reshape(*bottom[0].shape)
    def forward(self, bottom, top):
        for blob in top:
            blob.data[...] = self.k * bottom[0].data
    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = self.k * sum(blob.diff for blob in top)

class Phase(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape()
    def forward(self, bottom, top):
        top[0].data[()] = self.phase

class Grows(caffe.Layer):
    def setup(self, bottom, top):
        self.rows = 0
    def reshape(self, bottom, top):
        self.rows += 1
        top[0].reshape(self.rows, 2)
    def forward(self, bottom, top):
        top[0].data[...] = self.rows

class Own(caffe.Layer):
    '''Uses as its own all names that it can.'''
    def __init__(self, param):
        super().__init__(param)
        self.made_with = param.name
    def setup(self, bottom, top):
        self.name = self.settings = self.position = self.context = self.param = self.training = self.tops = "mine"
    def reshape(self, bottom, top):
        top[0].reshape(1)
    def forward(self, bottom, top):
        assert self.settings == self.position == self.training == "mine"
        top[0].data[0] = 7

class Fails(caffe.Layer):
    def setup(self, bottom, top):
        if self.param_str == "setup":
            raise KeyError("no such thing")
    def reshape(self, bottom, top):
        top[0].reshape(1)
    def forward(self, bottom, top):
        raise ValueError("the data is gone")

class NoReshape(caffe.Layer):
    pass

class Foreign:
    pass
"""

X = 'force_backward: true layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n'


def python(layer: str, extra: str = 'bottom: "x" top: "y"', module: str = "user_layers", param_str: str = "") -> str:
    settings = f'module: "{module}" layer: "{layer}" param_str: {json.dumps(param_str)}'
    return X + f'layer {{ name: "l" type: "Python" {extra} python_param {{ {settings} }} }}'


@pytest.fixture(autouse=True)
def modules():
    """Forget afterwards the modules that a test had imported."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if "layers" in name and not name.startswith("brewbench"):
            del sys.modules[name]


@pytest.fixture
def net_of(tmp_path):
    """Builds a net from a file beside which the users' layers lie."""
    (tmp_path / "user_layers.py").write_text(USER)
    (tmp_path / "broken_layers.py").write_text("import nothing_of_the_kind\n")
    (tmp_path / "old_layers.py").write_text("import caffe\n")

    def build(text: str, phase: int = TEST) -> Net:
        path = tmp_path / "net.prototxt"
        path.write_text(text)
        return Net(path, phase)

    return build


@pytest.mark.parametrize("name", ["twice", "euclid_loss", "with_params"])
def test_users_layers_give_what_caffe_gives(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "caffe", caffe)
    monkeypatch.chdir(GOLDEN / "files" / "pylayers")
    with np.load(GOLDEN / "layers" / "Python.npz") as stored:
        case = {key.removeprefix(f"{name}/"): stored[key] for key in stored.files if key.startswith(f"{name}/")}
    names = json.loads(str(case["names"]))
    net = Net(Document.parse(str(case["prototxt"]), "net"), TEST)
    for index, blob in enumerate(names["inputs"]):
        net.blobs[blob].data = case[f"bottom/{index}"]
    for index, blob in enumerate(net.params.get("l", [])):
        assert blob.shape == case[f"param/{index}"].shape
        blob.data = case[f"param/{index}"]
    loss = net.forward()
    np.testing.assert_allclose(net.blobs["out0"].data, case["top/0"], 1e-6)
    assert loss == pytest.approx(float(case["loss"]), rel=1e-6)
    if name == "euclid_loss":  # the weight of the loss is there already
        np.testing.assert_array_equal(net.blobs["out0"].diff, case["top_diff/0"])
    net.blobs["out0"].diff = case["top_diff/0"]
    net.clear_param_diffs()
    net.backward()
    for index, blob in enumerate(names["bottoms"]):
        np.testing.assert_allclose(net.blobs[blob].diff, case[f"bottom_diff/{index}"], 1e-6)
    for index, blob in enumerate(net.params.get("l", [])):
        np.testing.assert_allclose(blob.diff, case[f"param_diff/{index}"], 1e-6)


def test_several_tops_and_a_parameter_string(net_of):
    net = net_of(python("ScaleBy", 'bottom: "x" top: "y" top: "z"', param_str='{"k": 2.5}'))
    net.blobs["x"].data = 2
    net.forward()
    assert (net.blobs["y"].data == 5).all() and (net.blobs["z"].data == 5).all()
    net.blobs["y"].diff, net.blobs["z"].diff = 1, 3
    net.backward()
    assert (net.blobs["x"].diff == 10).all()


def test_reshape_comes_before_every_forward(net_of):
    net = net_of(python("Grows", 'top: "y"') + 'layer { name: "p" type: "Power" bottom: "y" top: "z" }')
    for rows in (2, 3, 4):
        net.forward()
        assert net.blobs["z"].shape == (rows, 2) and (net.blobs["z"].data == rows).all()


def test_the_phase_is_that_of_the_net(net_of):
    for phase in (TRAIN, TEST):
        net = net_of(python("Phase", 'top: "y"'), phase)
        net.forward()
        assert net.blobs["y"].data == phase


def test_users_may_call_what_is_theirs_as_they_like(net_of):
    net = net_of(python("Own", 'top: "y"'))
    net.forward()
    assert net.blobs["y"].data == [7]
    user = caffe.Net(net).layers[net.index_of("l")]
    assert user.made_with == "l" and user.name == "mine" and user.type == "Python"
    assert caffe.Net(net).layer_dict["l"] is user


def test_parameters_are_learned_shared_and_saved(net_of, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "caffe", caffe)
    monkeypatch.chdir(GOLDEN / "files" / "pylayers")
    text = python("AddParam", 'bottom: "x" top: "y" param { name: "w" }', "golden_pylayers")
    net = net_of(text + text.removeprefix(X).replace('"y"', '"z"').replace('"l"', '"m"'))
    assert len(net.learnable) == 1 and net.params["l"][0].data_memory is net.params["m"][0].data_memory
    net.params["l"][0].data = [1, 2, 3]
    net.save(tmp_path / "w.caffemodel")
    other = net_of(text)
    other.copy_from(tmp_path / "w.caffemodel")
    np.testing.assert_array_equal(other.params["l"][0].data, [1, 2, 3])


def test_the_module_may_lie_in_the_working_directory_or_be_the_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user_layers.py").write_text(USER)
    path = list(sys.path)
    Net(Document.parse(python("Phase", 'top: "y"'), "net"))
    assert sys.path == path

    class Here(caffe.Layer):
        def reshape(self, bottom, top):
            top[0].reshape(5)

    monkeypatch.setattr(sys.modules["__main__"], "Here", Here, raising=False)
    net = Net(Document.parse(python("Here", 'top: "y"', "__main__"), "net"))
    assert net.blobs["y"].shape == (5,)


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (python("Phase", 'top: "y"', "no_layers_x"), "module", "there is no module 'no_layers_x'; looked in "),
        (python("Phase", 'top: "y"', "user_layers.deep"), "module", "there is no module 'user_layers.deep'"),
        (python("Phase", 'top: "y"', "no_layers.deep"), "module", "there is no module 'no_layers.deep'"),
        (python("Phase", 'top: "y"', ".relative"), "module", "there is no module '.relative'"),
        (python("Phase", 'top: "y"', ""), "module", "module must name a Python module"),
        (python("", 'top: "y"'), "layer", "layer must name a Python class"),
        (python("ScaledBy", 'top: "y"'), "layer", "has no class 'ScaledBy'; did you mean 'ScaleBy'?"),
        (python("Foreign", 'top: "y"'), "layer", "does not derive from Brewbench's caffe.Layer"),
        (python("json", 'top: "y"'), "layer", "does not derive from Brewbench's caffe.Layer"),
    ],
)
def test_what_is_not_there_is_an_error_on_its_field(net_of, tmp_path, text, field, message):
    with pytest.raises(DefinitionError) as caught:
        net_of(text)
    assert message in caught.value.message and caught.value.field == f"python_param.{field}"
    assert caught.value.line == 2 and caught.value.layer == "l"
    report = check(tmp_path / "net.prototxt")
    assert [found.field for found in report.diagnostics] == [f"python_param.{field}"]


def test_errors_of_the_users_code_come_through_with_the_layers_name(net_of):
    def fails(text: str, kind: type[Exception]) -> BaseException:
        with pytest.raises(kind) as caught:
            net_of(text).forward()
        assert type(caught.value) is kind
        return caught.value

    error = fails(python("Fails", 'top: "y"', param_str="setup"), KeyError)
    assert error.__notes__ == ["in setup of layer 'l' (user_layers.Fails)"]
    error = fails(python("Fails", 'top: "y"'), ValueError)
    assert str(error) == "the data is gone"
    assert error.__notes__ == ["in forward of layer 'l' (user_layers.Fails)"]
    error = fails(python("NoReshape", 'top: "y"'), NotImplementedError)
    assert str(error) == "NoReshape has no method reshape(self, bottom, top)"
    error = fails(python("X", 'top: "y"', "broken_layers"), ModuleNotFoundError)
    assert error.__notes__ == ["in the import of layer 'l' (broken_layers.X)"]


def test_caffe_not_found_is_met_with_how_to_find_it(net_of):
    with pytest.raises(ModuleNotFoundError) as caught:
        net_of(python("X", 'top: "y"', "old_layers"))
    assert "brewbench.caffe.install()" in caught.value.__notes__[0]
