"""`brewbench deploy` and `brewbench trainable`: nets for use from nets for training, and back."""

import pytest

from brewbench.engine import check
from brewbench.proto import Document
from brewbench.workbench.cli import main

NET = """\
layer { name: "rows" type: "Data" top: "data" top: "label" data_param { source: "none" batch_size: 4 } }
# the only one that learns
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path


def test_a_net_is_deployed_and_made_trainable_again(folder, capsys):
    assert main(["deploy", "net.prototxt", "deploy.prototxt", "-shape", "2x1x6x6"]) == 0
    deployed = Document.open("deploy.prototxt")
    assert [layer.type for layer in deployed.layers] == ["Input", "InnerProduct", "Softmax"]
    assert "# the only one that learns" in deployed.text and check(deployed).ok
    words = ["-data", "DummyData", "-batch", "8,4", "-solver", "solver.prototxt"]
    assert main(["trainable", "deploy.prototxt", "train.prototxt", *words]) == 0
    assert main(["train", "-solver", "solver.prototxt", "-iterations", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Wrote deploy.prototxt: 3 layers.\nWrote train.prototxt: 5 layers.\nWrote solver")


def test_shapes_are_stated_by_name_or_for_all():
    assert main(["deploy", "net.prototxt", "a.prototxt", "-shape", "data=1x1x2x2", "-batch", "9"]) == 0
    assert list(Document.open("a.prototxt").message.layer[0].input_param.shape[0].dim) == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["deploy", "net.prototxt", "x"], "The shape of 'data' is not known"),
        (["deploy", "net.prototxt", "x", "-shape", "1x"], "expected a shape such as 1x3x224x224; found '1x'"),
        (["deploy", "nowhere", "x"], "nowhere: there is no such file"),
        (["trainable", "net.prototxt", "x"], "no Input layer"),
        (["trainable", "net.prototxt", "x", "-batch", "3"], "expected two numbers, as in 64,100; found '3'"),
        (["trainable", "net.prototxt", "x", "-data", "Base"], "data must be one of"),
    ],
)
def test_what_cannot_be_is_one_line(words, complaint, folder, capsys):
    assert main(words) == 1
    err = capsys.readouterr().err
    assert complaint in err and err.count("\n") == 1
    assert not (folder / "x").exists()
