"""The switch of a layer's phases: what it shows of the rules, and what it makes of them; views of a net."""

import pytest
from google.protobuf import text_format

import brewbench
from brewbench.engine import TEST, TRAIN, check
from brewbench.proto import Document
from brewbench.proto.messages import LayerParameter
from brewbench.widgets.editor import build_graph
from brewbench.widgets.intents import carry_out
from brewbench.widgets.intents.rules import rule_of

CASES = [
    # rules, what is shown, and what remains once the layer is in TRAIN only, and in all phases
    ("", "", "include { phase: TRAIN }", ""),
    ("include { phase: TRAIN }", "TRAIN", "include { phase: TRAIN }", ""),
    ("include { phase: TEST }", "TEST", "include { phase: TRAIN }", ""),
    ("include { phase: TEST } include { phase: TRAIN }", "", "include { phase: TRAIN }", ""),
    ("exclude { phase: TEST }", "TRAIN", "include { phase: TRAIN }", ""),
    ("exclude { phase: TRAIN } exclude { phase: TEST }", "not TRAIN, not TEST", "include { phase: TRAIN }", ""),
    (
        'include { phase: TEST stage: "fast" }', "TEST fast",
        'include { phase: TRAIN stage: "fast" }', 'include { stage: "fast" }',
    ),
    (
        'include { not_stage: "fast" } include { min_level: 2 max_level: 3 }', "not fast or level >= 2 level <= 3",
        'include { phase: TRAIN not_stage: "fast" } include { phase: TRAIN min_level: 2 max_level: 3 }',
        'include { not_stage: "fast" } include { min_level: 2 max_level: 3 }',
    ),
    ('exclude { stage: "deploy" }', "not deploy", None, 'exclude { stage: "deploy" }'),
    ('exclude { phase: TEST stage: "deploy" }', "not TEST deploy", None, None),
]  # fmt: skip


def layer_of(rules):
    return text_format.Parse(f'name: "a" type: "ReLU" bottom: "x" top: "a" {rules}', LayerParameter())


def document_of(rules):
    return Document.parse(f'layer {{ name: "a" type: "ReLU" bottom: "x" top: "a" {rules} }}\n', "net")


def ask(document, phase, *ids):
    report = check(document)
    return carry_out(document, report, build_graph(report), {"type": "rule", "ids": list(ids or ["a"]), "phase": phase})


@pytest.mark.parametrize(("rules", "shown"), [case[:2] for case in CASES])
def test_rules_are_shown_in_a_few_words(rules, shown):
    assert rule_of(layer_of(rules)) == shown


@pytest.mark.parametrize("phase", ["TRAIN", ""])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0] or "none")
def test_the_switch_changes_the_phase_and_nothing_else(case, phase):
    rules, _, train, both = case
    wanted, document = train if phase else both, document_of(rules)
    before = document.text
    if wanted is None:
        with pytest.raises(ValueError, match="a excludes .*deploy: change its rules in the form"):
            ask(document, phase)
        assert document.text == before and not document.can_undo
        return
    ask(document, phase)
    assert document.message.layer[0] == layer_of(wanted)
    assert document.can_undo == (document.text != before)
    if document.can_undo:
        ask(document, "TEST")
        while document.undo():
            pass
        assert document.text == before


def test_several_layers_are_switched_in_one_step():
    document = Document.parse("".join(document_of("").text.replace('"a"', f'"{name}"') for name in "abc"), "net")
    ask(document, "TEST", "a", "c")
    assert [[rule.phase for rule in layer.include] for layer in document.message.layer] == [[TEST], [], [TEST]]
    assert document.undo() and not document.can_undo
    with pytest.raises(ValueError, match="Select the layers first"):
        ask(document, "TEST", "nobody")
    with pytest.raises(ValueError, match="must be TRAIN, TEST or empty; got 'DEPLOY'"):
        ask(document, "DEPLOY")


NET = """
layer { name: "in" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 6 } shape { dim: 4 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" include { phase: TRAIN } }
layer { name: "aux" type: "InnerProduct" bottom: "ip" top: "aux" inner_product_param { num_output: 4 } }
layer { name: "auxloss" type: "SoftmaxWithLoss" bottom: "aux" bottom: "label" top: "auxloss" loss_weight: 0.1 }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" exclude { phase: TEST } }
"""
OLD = """
layers { name: "in" type: DUMMY_DATA top: "data" top: "label"
  dummy_data_param { num: 4 channels: 6 height: 1 width: 1 num: 4 channels: 1 height: 1 width: 1 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
layers { name: "accuracy" type: ACCURACY bottom: "ip" bottom: "label" top: "accuracy" include: { phase: TEST } }
"""


def dimmed(bench):
    faces = [face for node in bench.editor.graph["nodes"] for face in (node, *node["folded"])]
    return {face["name"] for face in faces if face["dimmed"]}


def ask_bench(bench, **content):
    bench.editor._receive(bench.editor, content, [])


def test_layers_that_are_not_part_of_the_view_are_dim():
    bench = brewbench.open(Document.parse(NET, "net"), phase=TRAIN)
    assert bench.editor.graph["views"] == ["TRAIN", "TEST", "deploy"] and bench.editor.graph["view"] == "TRAIN"
    assert dimmed(bench) == {"accuracy"}
    ask_bench(bench, type="view", name="TEST")
    assert dimmed(bench) == {"drop", "loss"} and bench.editor.graph["view"] == "TEST"
    ask_bench(bench, type="view", name="deploy")
    assert dimmed(bench) == {"drop", "aux", "auxloss", "accuracy"} and bench.editor.graph["view"] == "deploy"
    ask_bench(bench, type="select", ids=["loss"], edges=[])
    ask_bench(bench, type="rule", ids=["aux"], phase="TRAIN")
    assert bench.document.message.layer[3].include[0].phase == TRAIN and bench.state.selected == [6]
    bench.run.look_at("TRAIN")
    assert dimmed(bench) == {"accuracy"} and bench.editor.graph["view"] == "TRAIN"
    rules = {face["name"]: face["rule"] for node in bench.editor.graph["nodes"] for face in (node, *node["folded"])}
    assert rules == {"in": "", "ip": "", "drop": "TRAIN", "aux": "TRAIN", "auxloss": "", "accuracy": "TEST",
                     "loss": "TRAIN"}  # fmt: skip
    bench.close()


def test_the_views_of_an_old_net():
    bench = brewbench.open(Document.parse(OLD, "net"))
    ask_bench(bench, type="view", name="deploy")
    assert dimmed(bench) == {"accuracy"}
    ask_bench(bench, type="rule", ids=["accuracy"], phase="")
    assert not bench.document.message.layers[2].include
    bench.close()
