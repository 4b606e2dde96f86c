"""Random sequences of edits, asked for as the page asks: text and drawing agree, and undo gives the first bytes."""

import random

import pytest

import brewbench
from brewbench.engine import TEST, TRAIN, check
from brewbench.proto import Document, ParseError
from brewbench.widgets.editor import NetEditor, build_graph
from brewbench.widgets.intents import rules_of
from brewbench.widgets.text import one_line_end

BRANCHES = """\
# Two branches, joined.
name: "branches"
layer { name: "in" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } shape { dim: 2 } } }

layer {
  name: "block/a"  # the first
  type: "Convolution" bottom: "data" top: "block/a"
  param { name: "w" lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } }
}
layer { name: "block/relu" type: "ReLU" bottom: "block/a" top: "block/a" }
layer { name: "block/b" type: "Convolution" bottom: "data" top: "block/b"
\tparam { name: "w" } convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "join" type: "Concat" bottom: "block/a" bottom: "block/b" top: "join" }
layer { name: "drop" type: "Dropout" bottom: "join" top: "join" include { phase: TRAIN } }
layer { name: "fc" type: "InnerProduct" bottom: "join" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" } # the end
"""
TWINS = (
    'name: "twins"\r\n'
    'layer { name: "d" type: "DummyData" top: "data" top: "label" include { phase: TRAIN }\r\n'
    "  dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }\r\n"
    'layer { name: "d" type: "DummyData" top: "data" top: "label" exclude { phase: TRAIN }\r\n'
    "  dummy_data_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }\r\n"
    'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }\r\n'
    'layer { name: "sig" type: "Sigmoid" bottom: "ip" top: "ip" }\r\n'
    'layer { name: "again" type: "Power" bottom: "ip" top: "ip" power_param { scale: 2 } }\r\n'
    'layer { name: "odd" type: "Unheard" bottom: "ip" top: "odd" some_param { x: 1 } }\r\n'
    'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
)
OLD = """\
input: "data" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 1 inner_product_param { num_output: 3 } }
layers { name: "relu" type: RELU bottom: "ip" top: "ip" }
layers { name: "prob" type: SOFTMAX bottom: "ip" top: "prob" }
"""
EMPTY = 'name: "net"\n'
NETS = {"branches": BRANCHES, "twins": TWINS, "old": OLD, "empty": EMPTY}
KINDS = ("Convolution", "ReLU", "InnerProduct", "Pooling", "Concat", "Eltwise", "Softmax", "Dropout", "Input")
MODULES = (("fire", ["2", "2", "2"]), ("conv-bn-scale-relu", ["3", "3"]), ("residual", ["4"]))


class Player:
    """Asks a bench for one thing after another, at random, and holds its views to its text."""

    def __init__(self, text, seed):
        self.rng = random.Random(seed)
        self.bench = brewbench.open(Document.parse(text, "net"), phase=self.rng.choice((TRAIN, TEST)), seed=1)
        self.copied = 'layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" }\n'
        self.done = []

    def ids(self, most=3):
        faces = [face["id"] for node in self.bench.editor.graph["nodes"] for face in (node, *node["folded"])]
        return self.rng.sample(faces, min(len(faces), self.rng.randint(1, most))) if faces else []

    def one(self):
        return (self.ids(1) or [None])[0]

    def intent(self):
        rng, edges = self.rng, [edge["id"] for edge in self.bench.editor.graph["edges"]]
        near = self.one()
        kind = rng.choice(("add", "add", "module", "row", "connect", "cut", "remove", "duplicate", "paste", "rename",
                           "rule", "share", "unshare", "undo", "redo", "group", "view", "select"))  # fmt: skip
        made = {
            "add": {"type": "add", "layer_type": rng.choice(KINDS), "near": near, "connect_from": near,
                    "branch": rng.random() < 0.3, "also": self.ids()},
            "row": {"type": "add", "layer_type": "ReLU", "near": near, "connect_from": near, "branch": False, "layers":
                    [{"type": "Convolution", "args": ["2", "1"]}, {"type": "ReLU", "args": []}]},
            "connect": {"type": "connect", "source": near, "source_port": rng.randint(0, 1), "target": self.one(),
                        "target_port": rng.choice((None, 0, 1))},
            "cut": {"type": "disconnect", "edges": rng.sample(edges, min(len(edges), 2))},
            "remove": {"type": "remove", "nodes": self.ids(), "edges": []},
            "duplicate": {"type": "duplicate", "ids": self.ids()},
            "paste": {"type": "paste", "text": self.copied, "near": near},
            "rename": {"type": "rename", "id": near, "name": rng.choice(("x", "fc", "data", "block/c", 'it"s', "ip1")),
                       "alone": rng.random() < 0.3},
            "rule": {"type": "rule", "ids": self.ids(), "phase": rng.choice(("TRAIN", "TEST", ""))},
            "share": {"type": "share", "ids": self.ids()},
            "unshare": {"type": "unshare", "ids": self.ids()},
            "undo": {"type": "undo"}, "redo": {"type": "redo"},
            "group": {"type": "toggle_group", "id": "block"},
            "view": {"type": "view", "name": rng.choice(("TRAIN", "TEST", "deploy"))},
            "select": {"type": "select", "ids": self.ids(4), "edges": []},
        }  # fmt: skip
        if near is None and kind in ("connect", "rename"):
            return made["add"]
        if kind == "module":
            name, args = rng.choice(MODULES)
            return made["add"] | {"layer_type": name, "layers": [{"type": name, "args": args}]}
        return made[kind]

    def ask(self, content):
        self.bench.editor._receive(self.bench.editor, content, [])

    def form(self):
        """An edit of what is selected by its form, or of the text by typing."""
        path, value = self.rng.choice((
            (("name",), "named"), (("type",), "TanH"), (("bottom",), ["data"]), (("param", 0, "lr_mult"), 3.0),
            (("convolution_param", "num_output"), 6), (("include", 0, "phase"), "TEST"), (("loss_weight",), [0.5]),
        ))  # fmt: skip
        self.bench.form.on_set(path, value)

    def type(self):
        text = one_line_end(self.bench.document.text)
        place = self.rng.randint(0, len(text))
        self.bench.texts._typed(text[:place] + self.rng.choice((" ", "\n", "# mine\n")) + text[place:])

    def step(self):
        act = self.rng.random()
        try:
            if act < 0.7:
                content = self.intent()
                self.done.append(content)
                self.ask(content)
            elif act < 0.9:
                self.done.append("form")
                self.form()
            else:
                self.done.append("typing")
                self.type()
                if self.bench.texts.unparsed():
                    self.bench.texts.undo()
        except (ValueError, ParseError):  # what cannot be is told in words
            pass

    def agree(self):
        """Whether what is shown is what the text says now."""
        bench = self.bench
        document = bench.document
        assert bench.text.text == one_line_end(document.text)
        assert Document.parse(document.text, "net").message == document.message
        if bench.state.deploying:
            return
        fresh = Document.parse(document.text, "net")
        report = check(fresh, bench.state.phase)
        rules = rules_of(fresh.message.layers or fresh.message.layer)
        wanted = build_graph(report, collapsed_groups=bench.drawing._collapsed, rules=rules)
        shown = bench.editor.graph
        for part in ("nodes", "edges", "groups"):
            assert [strip(one) for one in shown[part]] == [strip(one) for one in wanted[part]]
        known = {face["id"] for node in shown["nodes"] for face in (node, *node["folded"])}
        inside = [node["collapsed"] for node in shown["nodes"]]
        assert set(bench.editor.selected) <= known or any(inside)


def strip(part):
    """A part of a graph without what is not read from the text: places, and what only a lint warns of."""
    if not isinstance(part, dict):
        return part
    left_out = ("x", "y", "w", "h", "points", "warning")
    return {name: [strip(one) for one in value] if name == "folded" else value
            for name, value in part.items() if name not in left_out}  # fmt: skip


@pytest.fixture
def strict(monkeypatch):
    """What a callback raises reaches the test: a pane would show it as a line."""
    monkeypatch.setattr(NetEditor, "run_callback", lambda self, callback, *arguments: callback(*arguments))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("net", NETS)
def test_text_and_drawing_agree_and_undo_gives_the_first_bytes(strict, net, seed):
    player = Player(NETS[net], f"{net} {seed}")
    bench = player.bench
    try:
        for _ in range(40):
            player.step()
            player.agree()
        last = bench.document.text
        while bench.document.undo():
            pass
        player.agree()
        assert bench.document.text == NETS[net]
        while bench.document.redo():
            pass
        player.agree()
        if not any(one == {"type": "undo"} for one in player.done):
            assert bench.document.text == last
        while bench.document.undo():
            pass
        assert bench.document.text == NETS[net] and not bench.document.dirty
    except BaseException:
        print(*player.done, sep="\n")
        print(bench.document.text)
        raise
    finally:
        bench.close()
