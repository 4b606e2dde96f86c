"""Fixes: what a lint or a check finds is gone after one edit, which one undo takes back; nothing else changes."""

import pytest

from brewbench import Document
from brewbench.engine import TRAIN, check
from brewbench.workbench.fixes import diff_of, fix_of
from brewbench.workbench.lint import linted

DATA = """layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 2 } } }
"""
FILLED = 'weight_filler { type: "xavier" }'
SCORES = f"""layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: 4 {FILLED} }} }}
"""
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }\n'
POOL = 'layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { kernel_size: %d stride: %d } }\n'
NORM = 'layer { name: "bn1" type: "BatchNorm" bottom: "ip" top: "ip" %s}\n'
RELU = 'layer { name: "r" type: "ReLU" bottom: "ip" top: "ip" }\n'
SCALE = 'layer { name: "sc" type: "Scale" bottom: "ip" top: "ip" }\n'
SOFTMAX = 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }\n'


def findings(document):
    report = linted(check(document, TRAIN), document)
    return [(one, fix_of(one, document, report)) for one in report.diagnostics]


CASES = {
    "a missing filler": (DATA + SCORES.replace(FILLED, "") + LOSS, "add weight_filler xavier"),
    "a filler of zeros": (DATA + SCORES.replace('"xavier"', '"constant"') + LOSS, "make weight_filler xavier"),
    "probabilities": (
        DATA + SCORES + SOFTMAX + LOSS.replace('"ip"', '"prob"'), "remove Softmax before SoftmaxWithLoss"
    ),
    "probabilities in place": (
        DATA + SCORES + SOFTMAX.replace('top: "prob"', 'top: "ip"') + LOSS, "remove Softmax before SoftmaxWithLoss"
    ),
    "probabilities that others read": (
        DATA + SCORES + SOFTMAX + LOSS.replace('"ip"', '"prob"')
        + 'layer { name: "s" type: "Silence" bottom: "prob" }', "connect ip"
    ),
    "a repeated name": (DATA + SCORES + LOSS + SCORES.replace('top: "ip"', 'top: "ip2"')
                        + 'layer { name: "s" type: "Silence" bottom: "ip2" }', "rename to ip_1"),
    "a missing name": (DATA + SCORES + RELU.replace('name: "r"', "") + LOSS, "name it relu1"),
    "a top that nobody reads": (DATA + SCORES + LOSS + SOFTMAX, "put a Silence behind"),
    "a gradient that needs what is overwritten": (
        DATA + SCORES + 'layer { name: "s" type: "Sigmoid" bottom: "ip" top: "ip" }\n' + RELU + LOSS,
        "give it the top r_1"
    ),
    "a norm without a scale": (DATA + SCORES + NORM % "" + RELU + LOSS, "put a Scale behind"),
    "statistics that would be learned": (
        DATA + SCORES + NORM % "param { lr_mult: 1 decay_mult: 0 } " + SCALE + LOSS,
        "give BatchNorm's statistics lr_mult 0"
    ),
    "a stride beyond the kernel": (DATA + POOL % (2, 3) + SCORES.replace('"data"', '"p"') + LOSS, "make stride 2"),
    "a kernel beyond the input": (
        DATA + POOL % (9, 1) + SCORES.replace('"data"', '"p"') + LOSS, "make kernel_size 8"
    ),
    "a kernel that reaches into the padding": (
        DATA + 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 2 '
        f"kernel_size: 9 pad: 4 {FILLED} }} }}\n" + SCORES.replace('"data"', '"c"') + LOSS, "make kernel_size 8"
    ),
    "a loss without its labels": (DATA + SCORES + LOSS.replace('bottom: "label"', ""), "connect label"),
    "a type with a slip": (DATA + SCORES.replace("InnerProduct", "Innerproduct") + LOSS, "make it InnerProduct"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_fix_mends_the_finding_in_one_step(case):
    text, label = CASES[case]
    document = Document.parse(text, "net")
    fixes = [fix for _, fix in findings(document) if fix is not None]
    assert label in [fix.label for fix in fixes]
    fix = next(one for one in fixes if one.label == label)
    assert fix.diff(document) and document.text == text, "a diff changes nothing"
    fix.carry_out(document)
    assert [str(one) for one, _ in findings(document)] == [], document.text
    assert document.undo() and document.text == text and not document.can_undo


def test_the_old_form_is_upgraded_after_its_diff_was_seen():
    text = 'input: "d" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4\n'
    text += 'layers { name: "r" type: RELU bottom: "d" top: "d" }'
    document = Document.parse(text, "net")
    ((_, fix),) = findings(document)
    assert fix.is_large and '+  type: "ReLU"' in fix.diff(document)
    fix.carry_out(document)
    assert findings(document) == [] and 'type: "ReLU"' in document.text
    assert document.undo() and document.text == text


def test_later_readers_follow_a_top_of_its_own_up_to_one_that_makes_the_blob_anew():
    text = (
        DATA + SCORES + 'layer { name: "s" type: "Sigmoid" bottom: "ip" top: "ip" }\n' + RELU
        + 'layer { name: "d" type: "Dropout" bottom: "ip" top: "ip" }\n' + LOSS
        + 'layer { name: "last" type: "Power" bottom: "data" top: "ip" }\n'
        + 'layer { name: "end" type: "Silence" bottom: "ip" }'
    )  # fmt: skip
    document = Document.parse(text, "net")
    fix = next(fix for one, fix in findings(document) if one.rule == "overwritten")
    fix.carry_out(document)
    ends = {record.name: (list(record.bottom), list(record.top)) for record in document.layers}
    assert ends["r"] == (["ip"], ["r_1"]) and ends["d"] == (["r_1"], ["r_1"])
    assert ends["loss"][0] == ["r_1", "label"] and ends["last"][1] == ends["end"][0] == ["ip"]


def test_what_has_no_sure_fix_has_none():
    text = DATA + SCORES + LOSS + 'layer { name: "odd" type: "Power" bottom: "label" top: "odd" }'
    found = {one.rule: fix for one, fix in findings(Document.parse(text, "net"))}
    assert found["labels"] is None
    wrong = Document.parse(DATA + SCORES.replace("num_output: 4", "num_output: 0") + LOSS, "net")
    assert all(fix is None for _, fix in findings(wrong))


def test_a_diff_is_empty_where_nothing_changes():
    assert diff_of("a\nb", "a\nb") == ""
    assert diff_of("a\nb\n", "a\nc\n").splitlines()[-2:] == ["-b", "+c"]
