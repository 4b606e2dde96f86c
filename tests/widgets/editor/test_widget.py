"""The editor's Jupyter side, without a browser: messages, intents, the picture for a kernel-less page."""

import pytest

from brewbench.widgets.editor import NetEditor, build_graph


@pytest.fixture
def editor(nets, monkeypatch):
    editor = NetEditor(build_graph(nets.lenet()))
    sent = []
    monkeypatch.setattr(editor, "send", lambda content, buffers=None: sent.append(content))
    editor.sent = sent
    return editor


def test_a_view_that_opens_is_told_all(editor, nets):
    editor.selected = ["conv1"]
    editor.sent.clear()
    editor._handle_custom_msg({"type": "hello", "view": "one"}, [])
    assert {message["to"] for message in editor.sent} == {"one"}
    assert [message["type"] for message in editor.sent] == ["height", "graph", "select", "overlays", "steps"]
    assert [node["id"] for node in editor.sent[1]["graph"]["nodes"]][:3] == ["mnist", "mnist#2", "conv1"]
    assert editor.sent[2]["ids"] == ["conv1"]


def test_another_graph_is_sent(editor, nets):
    editor.graph = build_graph(nets.lenet(24))
    (message,) = editor.sent
    assert message["type"] == "graph"
    assert "64x24x24x24" in {edge["label"] for edge in message["graph"]["edges"]}


def test_the_other_views_follow_a_selection(editor):
    seen = []
    editor.on_intent(seen.append)
    editor._handle_custom_msg({"type": "select", "ids": ["conv1"], "edges": [], "view": "one"}, [])
    assert editor.selected == ["conv1"] and seen == [{"type": "select", "ids": ["conv1"], "edges": []}]
    assert editor.sent == [{"type": "select", "ids": ["conv1"], "except": "one"}]
    editor.selected = ["conv1"]
    assert len(editor.sent) == 1, "nothing to tell"


def test_intents_reach_every_callback_until_it_is_removed(editor):
    seen, also = [], []
    editor.on_intent(seen.append)
    editor.on_intent(also.append)
    editor._handle_custom_msg({"type": "undo"}, [])
    editor.on_intent(seen.append, remove=True)
    editor._handle_custom_msg({"type": "redo"}, [])
    assert also == [{"type": "undo"}, {"type": "redo"}]
    assert seen == [{"type": "undo"}]


def test_failing_callback_is_said_and_the_others_run(editor):
    def fail(intent):
        raise ValueError("no such layer")

    seen = []
    editor.on_intent(fail)
    editor.on_intent(seen.append)
    editor._handle_custom_msg({"type": "undo"}, [])
    assert editor.sent == [{"type": "say", "text": "no such layer", "kind": "error"}]
    assert seen == [{"type": "undo"}]


def test_what_is_no_intent_is_ignored(editor):
    seen = []
    editor.on_intent(seen.append)
    for content in (None, [], {"no": "type"}, {"type": 3}):
        editor._handle_custom_msg(content, [])
    assert not seen


def test_saved_notebook_has_a_picture(editor):
    bundle = editor._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["image/svg+xml"].startswith("<svg") and "conv1" in data["image/svg+xml"]
    empty = NetEditor()._repr_mimebundle_()
    assert "image/svg+xml" not in (empty[0] if isinstance(empty, tuple) else empty)
