"""The text pane: what Python keeps, and what the page does with keys, marks and late texts."""

import pytest
from playwright.sync_api import expect

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
        assert messages[1]["marks"] == [{"line": 2, "severity": "warning", "message": "old"}]
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

    def test_nonsense_from_the_page_is_ignored(self, messages):
        pane = TextPane("a")
        for content in ({}, None, {"type": "no such"}, {"type": 3}):
            pane._receive(pane, content, [])
        assert messages == []


@pytest.mark.browser
class TestPage:
    def test_tokens_cover_the_line_and_know_their_kind(self, demo):
        pane = demo("text")
        line = r'  weight_filler { type: "xa\"v" std: -1.5e-3 on: true } # why "not"'
        tokens = pane.js(f"script.tokenize({line!r})")
        assert "".join(text for _, text in tokens) == line
        kinds = {text: kind for kind, text in tokens if kind}
        assert kinds["weight_filler"] == kinds["type"] == "field"
        assert kinds[r'"xa\"v"'] == "string" and kinds["-1.5e-3"] == "number" and kinds["true"] == "enum"
        assert kinds["{"] == "brace" and kinds['# why "not"'] == "comment"

    def test_comments_toggle(self, demo):
        pane = demo("text")
        assert pane.js('script.toggleComments(["  a", "", "    b"])') == ["  # a", "", "  #   b"]
        assert pane.js('script.toggleComments(["  # a", "", "  #   b"])') == ["  a", "", "    b"]

    def test_typing_is_sent_once_it_settles(self, demo):
        pane = demo("text")
        area = pane.page.locator("textarea")
        area.focus()
        pane.page.keyboard.press("Control+End")
        pane.page.keyboard.type("name: 1")
        edit = pane.wait_sent("edit")
        assert edit["text"].endswith("}\nname: 1") and edit["sequence"] == len(pane.sent("edit"))
        assert len(pane.sent("edit")) < 7

    def test_the_cursor_is_told(self, demo):
        pane = demo("text")
        pane.page.locator("textarea").focus()
        pane.page.keyboard.press("Control+Home")
        pane.page.keyboard.press("ArrowDown")
        pane.page.keyboard.press("ArrowRight")
        pane.page.wait_for_function("() => window.sent.at(-1)?.type === 'cursor' && window.sent.at(-1).line === 2")
        assert pane.sent("cursor")[-1] == {"type": "cursor", "line": 2, "column": 2}

    def test_a_late_text_does_not_overwrite_typing_and_an_answer_does(self, demo):
        pane = demo("text")
        area = pane.page.locator("textarea")
        area.focus()
        pane.page.keyboard.press("Control+End")
        pane.page.keyboard.type("x")
        pane.receive({"type": "text", "text": "late", "seen": {"demo": 0}})
        assert area.input_value().endswith("x")
        pane.wait_sent("edit")
        pane.receive({"type": "text", "text": "late", "seen": {"demo": 0}})
        assert area.input_value().endswith("x")
        pane.receive({"type": "text", "text": "answer", "seen": {"demo": 1}})
        assert area.input_value() == "answer"

    def test_a_text_from_python_keeps_cursor_and_scroll(self, demo):
        pane = demo("text")
        text = "\n".join(f"line_{i}: {i}" for i in range(500))
        pane.receive({"type": "text", "text": text, "seen": {}})
        at = text.index("line_300")
        pane.page.evaluate(f"() => {{ const a = document.querySelector('textarea'); a.focus();"
                           f" a.setSelectionRange({at}, {at}); a.scrollTop = 5000; }}")  # fmt: skip
        pane.receive({"type": "text", "text": text.replace("line_10: 10", "line_10: 1000"), "seen": {}})
        state = pane.page.evaluate(
            "() => { const a = document.querySelector('textarea'); return [a.selectionStart, a.scrollTop]; }"
        )
        assert state == [at + 2, 5000]

    def test_undo_belongs_to_the_document(self, demo):
        pane = demo("text")
        area = pane.page.locator("textarea")
        area.focus()
        pane.page.keyboard.type("abc")
        pane.page.keyboard.press("Control+z")
        assert "abc" in area.input_value()
        assert [m["type"] for m in pane.sent() if m["type"] != "cursor"] == ["edit", "undo"]
        pane.page.keyboard.press("Control+y")
        pane.page.keyboard.press("Control+Shift+z")
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
        pane.page.locator("textarea").focus()
        pane.page.keyboard.type("abc")
        pane.page.keyboard.press("Control+s")
        assert [m["type"] for m in pane.sent() if m["type"] != "cursor"] == ["edit", "save"]

    def test_nothing_can_be_typed_before_there_is_a_text(self, demo):
        pane = demo("text")
        pane.page.evaluate("""() => {
            const element = document.createElement('div');
            document.body.append(element);
            window.fresh = window.script.mount(element, { view: 'fresh', send: () => {} });
        }""")
        area = pane.page.locator("textarea").last
        area.focus()
        pane.page.keyboard.type("lost")
        assert area.input_value() == ""
        pane.page.evaluate("() => window.fresh.receive({ type: 'text', text: '', seen: {} })")
        pane.page.keyboard.type("kept")
        assert area.input_value() == "kept"

    def test_keys_that_edit_lines(self, demo):
        pane = demo("text")
        area = pane.page.locator("textarea")
        pane.receive({"type": "text", "text": "a {", "seen": {}})
        area.focus()
        pane.page.keyboard.press("Control+End")
        pane.page.keyboard.press("Enter")
        pane.page.keyboard.type("b: 1")
        pane.page.keyboard.press("Enter")
        pane.page.keyboard.type("}")
        assert area.input_value() == "a {\n  b: 1\n}"
        pane.page.keyboard.press("Control+a")
        pane.page.keyboard.press("Tab")
        assert area.input_value() == "  a {\n    b: 1\n  }"
        pane.page.keyboard.press("Shift+Tab")
        pane.page.keyboard.press("Control+/")
        assert area.input_value() == "# a {\n#   b: 1\n# }"

    def test_escape_then_tab_leaves_the_text(self, demo):
        pane = demo("text")
        pane.page.locator("textarea").focus()
        pane.page.keyboard.press("Escape")
        pane.page.keyboard.press("Tab")
        assert pane.js("document.activeElement.id") == "after"

    def test_marks_show_in_the_margin_and_are_read_out(self, demo):
        pane = demo("text")
        pane.receive({"type": "marks", "marks": [{"line": 3, "severity": "error", "message": "no <b>such</b> type"}]})
        mark = pane.page.locator(".bb-text-gutter .bb-error")
        mark.wait_for()
        assert mark.get_attribute("title") == "no <b>such</b> type"
        pane.page.locator("textarea").focus()
        pane.page.keyboard.press("F8")
        pane.page.locator(".bb-status output.bb-error", has_text="no <b>such</b> type").wait_for()
        assert pane.wait_sent("cursor")["line"] == 3

    def test_reveal_scrolls_to_the_lines_and_highlights_them(self, demo):
        pane = demo("text")
        pane.receive({"type": "text", "text": "\n".join(f"l: {i}" for i in range(1000)), "seen": {}})
        pane.receive({"type": "reveal", "range": [500, 502]})
        pane.page.locator(".bb-text-under .bb-chosen", has_text="l: 500").wait_for()
        assert pane.page.locator(".bb-text-under .bb-chosen").count() == 3

    def test_find_goes_through_the_hits(self, demo):
        pane = demo("text")
        pane.page.locator("textarea").focus()
        pane.page.keyboard.press("Control+f")
        pane.page.keyboard.type("layer")
        pane.page.locator(".bb-text-find output", has_text="1 of 2").wait_for()
        pane.page.keyboard.press("Enter")
        pane.page.locator(".bb-text-find output", has_text="2 of 2").wait_for()
        pane.page.keyboard.press("Escape")
        assert pane.js("document.activeElement.tagName") == "TEXTAREA"

    def test_seven_thousand_lines_draw_only_what_is_visible(self, demo):
        pane = demo("text")
        pane.receive({"type": "text", "text": 'param { name: "a" lr_mult: 1 }\n' * 7000, "seen": {}})
        pane.receive({"type": "reveal", "range": [6000, 6000]})
        pane.page.locator("[data-line='6000']").wait_for()
        assert pane.page.locator(".bb-text-under .bb-row").count() < 60
        pane.page.locator("textarea").focus()
        spent = pane.page.evaluate("""() => {
            const area = document.querySelector('textarea'), start = performance.now();
            for (let i = 0; i < 10; i++) area.dispatchEvent(new Event('input'));
            return (performance.now() - start) / 10;
        }""")
        assert spent < 20, f"{spent} ms for each key"  # 1 ms on an idle machine
