"""The text pane: what Python keeps, and what the page does with keys, marks and late texts."""

import pytest
from playwright.sync_api import expect

from brewbench.widgets.schema import schema_of
from brewbench.widgets.text import TextPane


@pytest.fixture
def messages(monkeypatch):
    sent = []
    monkeypatch.setattr(TextPane, "send", lambda self, content, buffers=None: sent.append(content))
    return sent


def receive(pane, **content):
    pane._receive(pane, {"view": "a", **content}, [])


class TestPython:
    def test_a_view_that_opens_gets_text_marks_and_range(self, messages):
        pane = TextPane("a\nb\n")
        pane.set_marks([{"line": 2, "severity": "warning", "message": "old"}])
        pane.reveal(1, 2)
        messages.clear()
        receive(pane, type="hello")
        assert [m["type"] for m in messages] == ["text", "marks", "reveal"]
        assert all(m["to"] == "a" for m in messages)
        assert messages[0]["text"] == "a\nb\n"
        assert messages[1]["marks"] == [{"line": 2, "severity": "warning", "message": "old", "fixes": []}]
        assert messages[2]["range"] == (1, 2)

    def test_what_the_first_view_shows_travels_with_the_pane_until_a_hello_is_answered(self):
        pane = TextPane("a\nb\n")
        assert pane.get_state()["opening"][0]["text"] == "a\nb\n"
        pane.set_text("c")
        pane.reveal(1)
        assert [m["type"] for m in pane.opening] == ["text", "marks", "reveal"]
        assert pane.opening[0]["text"] == "c" and pane.opening[2]["range"] == (1, 1)
        receive(pane, type="hello")
        assert pane.opening == []
        pane.set_text("d")
        assert pane.opening == []

    def test_typing_is_told_and_not_echoed_to_the_only_view(self, messages):
        heard = []
        pane = TextPane("a", on_edit=heard.append)
        receive(pane, type="hello")
        messages.clear()
        receive(pane, type="edit", text="ab", sequence=1)
        assert heard == ["ab"] and pane.text == "ab" and pane.version == 1
        assert messages == []

    def test_typing_in_one_view_reaches_the_other(self, messages):
        pane = TextPane("a")
        receive(pane, type="hello")
        receive(pane, type="hello", view="b")
        messages.clear()
        receive(pane, type="edit", text="ab", sequence=1)
        assert messages == [{"type": "text", "text": "ab", "seen": {"a": 1, "b": 0}}]

    def test_an_answer_to_older_typing_is_dropped(self, messages):
        pane = TextPane("a")
        receive(pane, type="edit", text="ab", sequence=1)
        old = pane.version
        receive(pane, type="edit", text="abc", sequence=2)
        pane.set_text("AB", old)
        assert pane.text == "abc"
        pane.set_text("ABC", pane.version)
        assert pane.text == "ABC" and messages[-1]["text"] == "ABC" and messages[-1]["seen"] == {"a": 2}

    def test_the_same_text_again_sends_nothing(self, messages):
        pane = TextPane("a")
        pane.set_text("a")
        assert messages == []

    def test_what_a_callback_raises_is_shown(self, messages):
        def fail():
            raise ValueError("nothing to undo")

        pane = TextPane("a", on_undo=fail)
        receive(pane, type="undo")
        assert messages == [{"type": "say", "text": "nothing to undo", "kind": "error"}]

    def test_the_schema_is_given_to_who_asks(self, messages):
        pane = TextPane("a")
        receive(pane, type="schema")
        (message,) = messages
        assert message["to"] == "a" and message["schema"]["root"] == "NetParameter"
        pool = next(one for one in message["schema"]["messages"]["PoolingParameter"] if one["name"] == "pool")
        assert [name for name, _ in pool["choices"]] == ["MAX", "AVE", "STOCHASTIC"] and pool["help"]
        assert {"type": "Pooling", "category": "vision", "param": "pooling_param"}.items() <= next(
            one for one in message["schema"]["layers"] if one["type"] == "Pooling"
        ).items()
        pane.kind = "solver"
        assert messages[-1] == {"type": "schema", "schema": None}
        receive(pane, type="schema")
        assert messages[-1]["schema"]["root"] == "SolverParameter"

    def test_the_page_knows_one_line_end_and_pasted_ones_stay(self, messages):
        heard = []
        pane = TextPane("a\r\nb\r\n", on_edit=heard.append)
        assert pane.text == "a\nb\n"
        pane.set_text("a\r\nb\r\n")
        assert messages == [], "nothing new"
        receive(pane, type="edit", text="a\nx\ny\nb\n", sequence=1, crlf=True)
        assert heard == ["a\nx\r\ny\r\nb\n"] and pane.text == "a\nx\ny\nb\n"

    def test_nonsense_from_the_page_is_ignored(self, messages):
        pane = TextPane("a")
        for content in ({}, None, {"type": "no such"}, {"type": 3}):
            pane._receive(pane, content, [])
        assert messages == []


def text_of(pane):
    return pane.js("window.pane.editor.state.doc.toString()")


def focus(pane):
    pane.page.locator(".cm-content").focus()
    return pane.page.keyboard


def show(pane, text, seen=None):
    pane.receive({"type": "text", "text": text, "seen": seen or {}})


@pytest.mark.browser
class TestPage:
    def test_typing_is_sent_once_it_settles(self, demo):
        pane = demo("text")
        keys = focus(pane)
        keys.press("Control+End")
        keys.type("name: 1")
        edit = pane.wait_sent("edit")
        assert edit["text"].endswith("}\nname: 1") and edit["sequence"] == len(pane.sent("edit"))
        assert len(pane.sent("edit")) < 7

    def test_the_cursor_is_told(self, demo):
        pane = demo("text")
        keys = focus(pane)
        for key in ("Control+Home", "ArrowDown", "ArrowRight"):
            keys.press(key)
        pane.page.wait_for_function("() => window.sent.at(-1)?.type === 'cursor' && window.sent.at(-1).line === 2")
        assert pane.sent("cursor")[-1] == {"type": "cursor", "line": 2, "column": 2}

    def test_a_late_text_does_not_overwrite_typing_and_an_answer_does(self, demo):
        pane = demo("text")
        keys = focus(pane)
        keys.press("Control+End")
        keys.type("x")
        show(pane, "late", {"demo": 0})
        assert text_of(pane).endswith("x")
        pane.wait_sent("edit")
        show(pane, "late", {"demo": 0})
        assert text_of(pane).endswith("x")
        show(pane, "answer", {"demo": 1})
        assert text_of(pane) == "answer"

    def test_a_text_from_python_keeps_cursor_and_scroll(self, demo):
        pane = demo("text")
        text = "\n".join(f"line_{i}: {i}" for i in range(500))
        show(pane, text)
        at = text.index("line_300")
        focus(pane)
        pane.js(f"window.pane.editor.dispatch({{ selection: {{ anchor: {at} }}, scrollIntoView: true }})")
        pane.page.wait_for_function("() => window.pane.editor.scrollDOM.scrollTop > 4000")
        before = pane.js("window.pane.editor.scrollDOM.scrollTop")
        show(pane, text.replace("line_10: 10", "line_10: 1000"))
        assert pane.js("[window.pane.editor.state.selection.main.head, window.pane.editor.scrollDOM.scrollTop]") == [
            at + 2, before
        ]  # fmt: skip

    def test_undo_belongs_to_the_document(self, demo):
        pane = demo("text")
        keys = focus(pane)
        keys.type("abc")
        keys.press("Control+z")
        assert "abc" in text_of(pane)
        assert [m["type"] for m in pane.sent() if m["type"] in ("edit", "undo")] == ["edit", "undo"]
        keys.press("Control+y")
        keys.press("Control+Shift+Z")
        assert len(pane.sent("redo")) == 2

    def test_what_was_said_goes_when_something_else_happens(self, demo):
        pane = demo("text")
        said = pane.page.locator(".bb-status output")
        for follows in ({"type": "reveal", "range": [1, 1]}, {"type": "text", "text": "", "seen": {}}):
            pane.receive({"type": "say", "text": "There is nothing to undo.", "kind": "error"})
            expect(said).to_have_text("There is nothing to undo.")
            pane.receive({"type": "marks", "marks": []})
            expect(said).to_have_text("There is nothing to undo.")
            pane.receive(follows)
            expect(said).to_have_text("")

    def test_saving_tells_the_typing_first(self, demo):
        pane = demo("text")
        keys = focus(pane)
        keys.type("abc")
        keys.press("Control+s")
        assert [m["type"] for m in pane.sent() if m["type"] in ("edit", "save")] == ["edit", "save"]

    def test_nothing_can_be_typed_before_there_is_a_text(self, demo):
        pane = demo("text")
        pane.page.evaluate("""() => {
            const element = document.createElement('div');
            document.body.append(element);
            window.fresh = window.script.mount(element, { view: 'fresh', send: () => {} });
        }""")
        pane.page.locator(".cm-content").last.focus()
        pane.page.keyboard.type("lost")
        assert pane.js("window.fresh.editor.state.doc.length") == 0
        pane.page.evaluate("() => window.fresh.receive({ type: 'text', text: '', seen: {} })")
        pane.page.keyboard.type("kept")
        assert pane.js("window.fresh.editor.state.doc.toString()") == "kept"

    def test_keys_that_edit_lines(self, demo):
        pane = demo("text")
        show(pane, "")
        keys = focus(pane)
        keys.type("a {")
        keys.press("Enter")
        keys.type("b: 1")
        keys.press("ArrowDown")
        keys.press("End")
        assert text_of(pane) == "a {\n  b: 1\n}", "a closing brace is written, and dedented"
        keys.press("Control+a")
        keys.press("Tab")
        assert text_of(pane) == "  a {\n    b: 1\n  }"
        keys.press("Shift+Tab")
        keys.press("Control+/")
        assert text_of(pane) == "# a {\n#   b: 1\n# }"

    def test_tab_leaves_the_text(self, demo):
        pane = demo("text")
        focus(pane).press("Tab")
        assert not pane.js("document.querySelector('.cm-editor').contains(document.activeElement)")

    def test_pasted_line_ends_are_told(self, demo):
        pane = demo("text")
        show(pane, "a: 1\n")
        keys = focus(pane)
        keys.press("Control+End")
        pane.page.evaluate("""() => {
            const data = new DataTransfer();
            data.setData('text/plain', 'b: 2\\r\\nc: 3\\r\\n');
            const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
            document.querySelector('.cm-content').dispatchEvent(event);
        }""")
        edit = pane.wait_sent("edit")
        assert edit["text"] == "a: 1\nb: 2\nc: 3\n" and edit["crlf"] is True
        keys.type("d")
        assert pane.wait_sent("edit", 2)["crlf"] is False

    def test_fields_types_and_blobs_are_offered(self, demo):
        pane = demo("text")
        show(pane, 'layer { name: "in" type: "Input" top: "data" }\nlayer {\n  name: "c"\n  type: "Convolution"\n}\n')
        pane.receive({"type": "schema", "schema": schema_of("net")})
        keys = focus(pane)
        keys.press("Control+End")
        keys.press("ArrowUp")
        keys.press("ArrowUp")
        keys.press("End")
        offered = pane.page.locator(".cm-tooltip-autocomplete li")

        def complete(typed, wanted):
            keys.press("Enter")
            keys.type(typed)
            offered.filter(has_text=wanted).first.wait_for()
            pane.page.wait_for_timeout(120)  # a list that has just opened takes no key yet
            keys.press("Tab")

        complete("bot", "bottom")
        keys.type('"da')
        offered.filter(has_text="data").first.wait_for()
        pane.page.wait_for_timeout(120)
        keys.press("Tab")
        assert '  bottom: "data"\n}' in text_of(pane)
        keys.press("End")
        complete("conv", "convolution_param")
        assert "pooling_param" not in text_of(pane)
        assert "  convolution_param {" in text_of(pane)

    def test_help_is_shown_under_the_pointer(self, demo):
        pane = demo("text")
        show(pane, 'layer {\n  type: "Pooling"\n  pooling_param { pool: AVE }\n}\n')
        pane.receive({"type": "schema", "schema": schema_of("net")})
        pane.page.locator(".cm-line span", has_text="pool").last.hover()
        help = pane.page.locator(".bb-help")
        help.wait_for()
        assert help.inner_text().startswith("pool: enum, MAX unless given")

    def test_messages_fold(self, demo):
        pane = demo("text")
        pane.page.locator(".cm-foldGutter .cm-gutterElement span[title='Fold line']").first.click()
        assert pane.page.locator(".cm-foldPlaceholder").count() == 1
        assert pane.page.locator(".cm-line").count() < 4

    def test_marks_show_in_the_margin_and_are_read_out(self, demo):
        pane = demo("text")
        pane.receive({"type": "marks", "marks": [{"line": 3, "severity": "error", "message": "no <b>such</b> type"}]})
        pane.page.locator(".cm-gutter-lint .cm-lint-marker-error").wait_for()
        focus(pane).press("F8")
        pane.page.locator(".bb-status output.bb-error", has_text="no <b>such</b> type").wait_for()
        assert pane.wait_sent("cursor")["line"] == 3

    def test_reveal_scrolls_to_the_lines_and_follows_edits(self, demo):
        pane = demo("text")
        lines = [f"l: {i}" for i in range(1000)]
        show(pane, "\n".join(lines))
        pane.receive({"type": "reveal", "range": [500, 502]})
        chosen = pane.page.locator(".cm-line.bb-chosen")
        chosen.filter(has_text="l: 500").wait_for()
        assert chosen.all_inner_texts() == ["l: 499", "l: 500", "l: 501"]
        show(pane, "\n".join(["new: 1", *lines]))
        assert chosen.all_inner_texts() == ["l: 499", "l: 500", "l: 501"], "the lines moved, their marks with them"

    def test_a_selection_elsewhere_scrolls_back_to_the_left(self, demo):
        pane = demo("text")
        show(pane, "a: 1 # " + "long " * 100 + "\nb: 2\n")
        keys = focus(pane)
        keys.press("Control+Home")
        keys.press("End")
        pane.page.wait_for_function("() => window.pane.editor.scrollDOM.scrollLeft > 100")
        pane.page.locator("#after").focus()
        pane.receive({"type": "reveal", "range": [2, 2]})
        pane.page.wait_for_function("() => window.pane.editor.scrollDOM.scrollLeft < 10")

    def test_find_marks_every_hit_also_behind_tabs(self, demo):
        pane = demo("text")
        show(pane, "\tres5c: 1\n\t\tres5c: 2\n")
        keys = focus(pane)
        keys.press("Control+f")
        keys.type("res5c")
        hits = pane.page.locator(".cm-searchMatch")
        hits.nth(1).wait_for()
        assert hits.all_inner_texts() == ["res5c", "res5c"]
        keys.press("Escape")
        assert pane.js("document.querySelector('.cm-editor').contains(document.activeElement)")

    def test_ten_thousand_lines_draw_only_what_is_visible(self, demo):
        pane = demo("text")
        show(pane, 'layer { name: "a" type: "ReLU" }\n' * 10000)
        pane.receive({"type": "reveal", "range": [9000, 9000]})
        pane.page.locator(".cm-line.bb-chosen").wait_for()
        assert pane.page.locator(".cm-line").count() < 120
        keys = focus(pane)
        keys.type("x")
        spent = pane.page.evaluate("""() => {
            const { editor } = window.pane, at = editor.state.doc.length, start = performance.now();
            const typed = { changes: { from: at, insert: 'x' }, userEvent: 'input.type' };
            for (let i = 0; i < 10; i++) editor.dispatch(typed);
            return (performance.now() - start) / 10;
        }""")
        print(f"{spent:.1f} ms a key")
        assert spent < 100, f"{spent} ms for each key"  # a few on an idle machine


@pytest.mark.browser
def test_a_fix_is_offered_beside_its_mark_and_asked_for(demo):
    pane = demo("text")
    marks = [{"line": 3, "severity": "warning", "message": "odd", "fixes": ["make it even"]}]
    pane.receive({"type": "marks", "marks": marks})
    assert pane.page.locator(".bb-fix").count() == 0, "the cursor is elsewhere"
    pane.page.locator(".cm-line").nth(2).click()
    button = pane.page.get_by_role("button", name="make it even")
    button.click()
    assert {key: value for key, value in pane.wait_sent("fix").items() if key in ("line", "label")} == {
        "line": 3, "label": "make it even"
    }  # fmt: skip
    pane.receive({"type": "marks", "marks": []})
    button.wait_for(state="detached")
