"""Lint: what a valid net most likely gets wrong is said, with a remedy; what is right is left alone."""

from pathlib import Path

import pytest

from brewbench import Document
from brewbench.engine import TEST, TRAIN, check
from brewbench.workbench import LiveNet
from brewbench.workbench.lint import lint, linted

MODELS = Path(__file__).parents[2] / "notebooks" / "models"
DATA = """layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 2 } } }
"""
FILLED = 'weight_filler { type: "xavier" }'
SCORES = f"""layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: 4 {FILLED} }} }}
"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'


def found(text, phase=TRAIN):
    document = Document.parse(text)
    report = check(document, phase)
    assert report.ok, [str(one) for one in report.diagnostics]
    return {(one.layer, one.field): one.message for one in lint(report, document.message)}


@pytest.mark.parametrize("phase", [TRAIN, TEST])
@pytest.mark.parametrize("name", ["lenet_train_test", "lenet"])
def test_a_published_net_is_left_alone(name, phase):
    document = Document.open(MODELS / "lenet" / f"{name}.prototxt")
    assert lint(check(document, phase), document.message) == []
    assert found(DATA + SCORES + LOSS) == {}


def test_weights_that_begin_at_zero():
    bare = DATA + SCORES.replace(FILLED, "") + LOSS
    ((place, message),) = found(bare).items()
    assert place == ("ip", "inner_product_param.weight_filler") and "xavier" in message
    frozen = SCORES.replace(FILLED, "").replace('top: "ip"', 'top: "ip" param { lr_mult: 0 }')
    assert found(DATA + frozen + LOSS) == {}, "nothing learns there"
    assert found(DATA + SCORES.replace(FILLED, "")) == {}, "a net without a loss takes its weights from a file"


def test_a_softmax_before_a_loss_that_takes_its_own():
    text = DATA + SCORES + 'layer { name: "p" type: "Softmax" bottom: "ip" top: "p" }' + LOSS.replace('"ip"', '"p"')
    assert list(found(text)) == [("loss", "bottom.0")]


def test_labels_taken_for_data():
    text = DATA + SCORES + LOSS + 'layer { name: "odd" type: "Power" bottom: "label" top: "odd" }'
    assert ("odd", "bottom.0") in found(text)
    counted = DATA + SCORES + LOSS + 'layer { name: "a" type: "Accuracy" bottom: "ip" bottom: "label" top: "a" }'
    assert found(counted) == {}


def test_a_branch_that_leads_nowhere():
    text = DATA + SCORES + LOSS + 'layer { name: "more" type: "ReLU" bottom: "ip" top: "more" }'
    assert list(found(text)) == [("more", "top.0")]
    assert found(text, TEST) == {}, "in a test it may be looked at"


def test_a_gradient_that_needs_what_is_overwritten():
    sigmoid = 'layer { name: "s" type: "Sigmoid" bottom: "ip" top: "s" }'
    relu = 'layer { name: "r" type: "ReLU" bottom: "s" top: "s" }'
    text = DATA + SCORES + sigmoid + relu + LOSS.replace('bottom: "ip"', 'bottom: "s"')
    ((place, message),) = found(text).items()
    assert place == ("r", "top.0") and "'s' (Sigmoid)" in message


def test_a_batch_norm_without_a_scale():
    norm = 'layer { name: "bn" type: "BatchNorm" bottom: "ip" top: "ip" }'
    relu = 'layer { name: "r" type: "ReLU" bottom: "ip" top: "ip" }'
    scale = 'layer { name: "sc" type: "Scale" bottom: "ip" top: "ip" scale_param { bias_term: true } }'
    assert list(found(DATA + SCORES + norm + relu + LOSS)) == [("bn", None)]
    assert found(DATA + SCORES + norm + scale + relu + LOSS) == {}


def test_strides_that_leave_pixels_out():
    pool = 'layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { kernel_size: %d stride: %d } }'
    assert list(found(DATA + pool % (2, 3), TEST)) == [("p", "pooling_param.stride")]
    assert found(DATA + pool % (3, 2), TEST) == {}
    assert found(DATA + pool % (1, 2), TEST) == {}, "a shortcut of a residual net"


def test_the_old_form_is_told_once():
    old = Document.parse('input: "d" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4\n'
                         'layers { name: "r" type: RELU bottom: "d" top: "d" }')  # fmt: skip
    (one,) = lint(check(old, TEST), old.message)
    assert "upgrade_net_proto_text" in one.message


def test_findings_have_their_lines_and_leave_the_net_alive():
    document = Document.parse(DATA + SCORES.replace(FILLED, "") + "\n" + LOSS)
    report = linted(check(document, TRAIN), document)
    (one,) = report.diagnostics
    assert one.severity == "warning" and one.line == 4 and report.ok
    live = LiveNet(document, TRAIN, seed=1)
    assert [str(each) for each in live.diagnostics] == [str(one)]
    live.build()
    live.close()
