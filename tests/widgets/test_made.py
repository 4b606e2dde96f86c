"""The nets made of the one on the bench: shown as text, saved to a file, never over one that is there at once."""

import pytest

import brewbench
from brewbench.engine import check

NET = """\
layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "none" batch_size: 4 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "ip_train_test.prototxt").write_text(NET)
    made = brewbench.open(tmp_path / "ip_train_test.prototxt", stand_in="4x1x6x6")
    yield made
    made.close()


def ask(bench, **content):
    bench.editor._receive(bench.editor, content, [])


def test_the_deploy_net_is_shown_and_saved_beside_its_training_net(bench, tmp_path):
    assert bench.made.layout.display == "none"
    ask(bench, type="make", net="deploy")
    made, path = bench.made, tmp_path / "ip_deploy.prototxt"
    assert made.layout.display is None and made.path.value == str(path)
    assert "dim: 6" in made.pane.text and 'type: "Softmax"' in made.pane.text, "with the shape of the stand-in data"
    made.save.click()
    assert check(path).ok and made.said.value == f"Wrote {path}."
    assert bench.document.text == NET and not bench.document.dirty
    path.write_text("mine")
    made.save.click()
    assert path.read_text() == "mine" and "exists: press Save as again to replace it" in made.said.value
    made.save.click()
    assert path.read_text() == made.pane.text
    made.close_button.click()
    assert made.layout.display == "none"


def test_a_training_net_is_made_with_the_data_and_loss_that_are_chosen(tmp_path):
    text = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 4 } } }' + NET.splitlines()[1]
    (tmp_path / "small.prototxt").write_text(text.replace('bottom: "data"', 'bottom: "x"'))
    small = brewbench.open(tmp_path / "small.prototxt")
    ask(small, type="make", net="training")
    made = small.made
    assert made.path.value.endswith("small_train_test.prototxt") and made._choices.layout.display is None
    made.data.value, made.loss.value = "DummyData", "EuclideanLoss"
    assert "DummyData" in made.pane.text and "EuclideanLoss" in made.pane.text
    made.solver.value = True
    made.save.click()
    assert (tmp_path / "small_train_test_solver.prototxt").exists()
    again = brewbench.open(tmp_path / "small_train_test_solver.prototxt")
    assert again.live.ready, again.live.status
    again.close()
    small.close()


def test_what_cannot_be_made_is_said_in_the_drawing(bench):
    said = []
    bench.editor.say = lambda text, kind="info": said.append(text)
    ask(bench, type="make", net="training")
    assert said == ["This net has no Input layer, in whose place data could come."]
    assert bench.made.layout.display == "none"
    ask(bench, type="make", net="deploy")
    bench.made.path.value = "/nowhere/at/all.prototxt"
    bench.made.save.click()
    assert "/nowhere/at" in bench.made.said.value
