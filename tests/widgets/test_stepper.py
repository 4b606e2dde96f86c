"""The stepper: what is told to the page and how often, and what its buttons and keys ask for."""

import threading
import time

import pytest
from playwright.sync_api import expect

from brewbench.widgets.pane import Throttle, describe
from brewbench.widgets.stepper import COMMANDS, Pace, Stepper


@pytest.fixture
def messages(monkeypatch):
    sent = []
    monkeypatch.setattr(Stepper, "send", lambda self, content, buffers=None: sent.append(content))
    return sent


def wait_until(condition, timeout=5):
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


class TestThrottle:
    def test_merges_what_comes_too_fast_and_loses_nothing(self):
        calls = []
        throttle = Throttle(calls.append, hz=20)
        for i in range(100):
            throttle(iteration=i, **({"state": "running"} if i == 50 else {}))
        wait_until(lambda: calls and calls[-1].get("iteration") == 99)
        assert calls[0] == {"iteration": 0} and len(calls) < 10
        assert any(call.get("state") == "running" for call in calls)

    def test_flush_does_not_wait(self):
        calls = []
        throttle = Throttle(calls.append, hz=0.1)
        throttle(a=1)
        throttle(a=2, b=3)
        throttle.flush()
        assert calls == [{"a": 1}, {"a": 2, "b": 3}]

    def test_many_threads(self):
        calls = []
        throttle = Throttle(calls.append, hz=100)
        threads = [
            threading.Thread(target=lambda n=n: [throttle(**{f"t{n}": i}) for i in range(200)]) for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        throttle.flush()
        last = {}
        for call in calls:
            last |= call
        assert last == {f"t{n}": 199 for n in range(4)}


class TestPace:
    def test_measures_iterations_per_second(self):
        pace = Pace()
        assert pace.update(0, 0.0) is None
        assert pace.update(10, 0.5) == 20
        assert pace.update(10, 0.6) == 20
        assert pace.update(30, 1.5) == pytest.approx(20)
        assert 20 < pace.update(70, 2.5) < 40

    def test_starts_again_after_a_rewind(self):
        pace = Pace()
        pace.update(100, 0.0)
        pace.update(200, 1.0)
        assert pace.update(0, 2.0) is None


class TestStepper:
    def test_a_view_that_opens_gets_everything(self, messages):
        stepper = Stepper({"play": print, "pause": print}, fields={"base_lr": 0.01})
        stepper.update(state="paused", iteration=7)
        messages.clear()
        stepper._receive(stepper, {"type": "hello", "view": "a"}, [])
        (message,) = messages
        assert message["commands"] == ["play", "pause"] and message["to"] == "a"
        assert message["status"] | {"rate": None} == message["status"]
        assert (message["status"]["state"], message["status"]["iteration"]) == ("paused", 7)
        assert message["status"]["fields"] == {"base_lr": 0.01}

    def test_a_change_of_state_is_sent_at_once(self, messages):
        stepper = Stepper()
        stepper.update(iteration=1)
        stepper.update(iteration=2)
        stepper.update(state="failed", error="no")
        assert messages[-1]["status"]["state"] == "failed" and messages[-1]["status"]["iteration"] == 2

    def test_an_unknown_name_is_refused(self):
        with pytest.raises(TypeError, match="shows no colour"):
            Stepper().update(colour="red")
        with pytest.raises(ValueError, match="has no fly"):
            Stepper({"fly": print})

    def test_commands_reach_their_callbacks(self, messages):
        heard = []
        stepper = Stepper({name: lambda *a, name=name: heard.append((name, *a)) for name in COMMANDS})
        stepper._receive(stepper, {"type": "command", "name": "step", "arguments": [100]}, [])
        stepper._receive(stepper, {"type": "command", "name": "set", "arguments": ["base_lr", 0.1]}, [])
        stepper._receive(stepper, {"type": "command", "name": "nothing"}, [])
        assert heard == [("step", 100), ("set", "base_lr", 0.1)]

    def test_the_next_command_takes_a_notice_away(self, messages):
        stepper = Stepper({"play": print})
        stepper.update(notice="the forward pass is missing")
        stepper._receive(stepper, {"type": "command", "name": "play"}, [])
        assert stepper._status["notice"] == ""

    def test_what_a_callback_raises_is_shown(self, messages):
        stepper = Stepper({"play": lambda: 1 / 0})
        stepper._receive(stepper, {"type": "command", "name": "play"}, [])
        assert messages == [{"type": "say", "text": "division by zero", "kind": "error"}]
        assert describe(KeyError()) == "KeyError"


@pytest.mark.browser
class TestPage:
    @staticmethod
    def commands(pane):
        return [(m["name"], *m["arguments"]) for m in pane.sent("command")]

    def test_buttons(self, demo):
        pane = demo("stepper")
        names = ("reset", "backward", "forward", "backward_pass", "forward_pass", "update", "once", "many", "epoch")
        for name in (*names, "play", "stop"):
            pane.page.locator(f"[data-command={name}]").click()
        pane.page.get_by_role("button", name="TEST").click()
        assert self.commands(pane) == [
            ("reset",), ("backward",), ("forward",), ("backward_pass",), ("forward_pass",), ("update",), ("step", 1),
            ("step", 100), ("epoch",), ("play",), ("stop",), ("phase", "TEST"),
        ]  # fmt: skip

    def test_the_text_of_until_is_sent_by_enter_while_nothing_runs(self, demo):
        pane = demo("stepper")
        until = pane.page.locator("[data-until]")
        until.fill(" loss < 0.1 ")
        until.press("Enter")
        pane.receive({"type": "status", "status": {"state": "running"}})
        until.press("Enter")
        assert self.commands(pane) == [("until", "loss < 0.1")]

    def test_what_comes_next_is_said_unless_it_runs(self, demo):
        pane = demo("stepper")
        coming = pane.page.locator(".bb-next")
        expect(coming).to_be_hidden()
        pane.receive({"type": "status", "status": {"state": "paused", "next": "<i>conv2</i>, backward"}})
        expect(coming).to_have_text("next: <i>conv2</i>, backward")
        pane.receive({"type": "status", "status": {"state": "running"}})
        expect(coming).to_be_hidden()

    def test_the_timeline_goes_back_to_the_state_that_is_dragged_to(self, demo):
        pane = demo("stepper")
        line = pane.page.locator("[data-timeline]")
        expect(line).to_be_hidden()
        pane.receive({"type": "status", "status": {"kept": [0, 40, 85, 130], "iteration": 90, "state": "paused"}})
        expect(line).to_have_value("2")
        expect(pane.page.locator(".bb-timeline")).to_contain_text("90 (3 of 4 kept)")
        line.fill("1")
        expect(pane.page.locator(".bb-timeline")).to_contain_text("40 (2 of 4 kept)")
        pane.page.wait_for_function("() => window.sent.some(one => one.name === 'go_back')")
        assert self.commands(pane) == [("go_back", 40)]

    def test_a_run_that_met_a_nan_offers_the_way_back(self, demo):
        pane = demo("stepper")
        back = pane.page.locator("[data-command=go_back_to_finite]")
        expect(back).to_be_hidden()
        pane.receive({"type": "status", "status": {"notice": "NaN at iteration 3", "spoiled": True}})
        back.click()
        assert self.commands(pane) == [("go_back_to_finite",)]
        pane.receive({"type": "status", "status": {"notice": "", "spoiled": False}})
        expect(back).to_be_hidden()

    def test_the_selected_layer_is_frozen_and_the_watch_switched(self, demo):
        pane = demo("stepper")
        freeze = pane.page.locator("[data-command=freeze]")
        expect(freeze).to_be_hidden()
        pane.receive({"type": "status", "status": {"freezable": {"layer": "<b>conv1</b>", "frozen": False}}})
        expect(freeze).to_have_text("freeze <b>conv1</b>")
        freeze.click()
        pane.receive({"type": "status", "status": {"freezable": {"layer": "conv1", "frozen": True}}})
        expect(freeze).to_have_text("unfreeze conv1")
        pane.page.locator("[data-watch]").uncheck()
        assert self.commands(pane) == [("freeze", "<b>conv1</b>", True), ("watch", False)]

    def test_a_notice_shows_until_it_is_gone_and_an_error_comes_first(self, demo):
        pane = demo("stepper")
        said = pane.page.locator(".bb-status output")
        pane.receive({"type": "status", "status": {"notice": "the forward pass is missing"}})
        expect(said).to_have_text("the forward pass is missing")
        expect(said).to_have_class("bb-info")
        pane.receive({"type": "status", "status": {"error": "broken"}})
        expect(said).to_have_text("broken")
        pane.receive({"type": "status", "status": {"error": "", "notice": ""}})
        expect(said).to_be_hidden()

    def test_keys(self, demo):
        pane = demo("stepper")
        pane.page.locator("[data-command=once]").focus()
        for key in ("n", "ArrowRight", "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowLeft", "u", "Space"):
            pane.page.keyboard.press(key)
        assert self.commands(pane) == [
            ("step", 1), ("forward",), ("backward",), ("forward_pass",), ("backward_pass",), ("update",), ("play",)
        ]  # fmt: skip

    def test_keys_typed_into_a_field_are_no_commands(self, demo):
        pane = demo("stepper")
        field = pane.page.locator("[data-field=base_lr]")
        field.focus()
        pane.page.keyboard.press("n")
        pane.page.keyboard.press("Space")
        assert pane.sent("command") == []
        field.fill("0.5x")
        field.press("Enter")
        assert pane.sent("command") == [] and field.get_attribute("aria-invalid") == "true"
        field.fill("5e-1")
        field.press("Enter")
        pane.page.keyboard.press("Tab")
        assert self.commands(pane) == [("set", "base_lr", 0.5)]

    def test_a_run_shows_and_can_only_be_paused(self, demo):
        pane = demo("stepper")
        pane.page.locator("[data-command=once]").focus()
        pane.receive({"type": "status", "status": {
            "state": "running", "iteration": 12345, "rate": 57.3, "layer": "<i>conv1</i>", "direction": "backward",
            "done": 34, "total": 100,
        }})  # fmt: skip
        text = pane.page.locator(".bb-stepper-now").inner_text()
        for part in ("running", "12,345", "57 it/s", "<i>conv1</i>", "backward", "34 of 100"):
            assert part in text
        pane.page.keyboard.press("n")
        assert pane.sent("command") == []
        pane.page.keyboard.press("Space")
        assert self.commands(pane) == [("pause",)]

    def test_the_device_is_chosen_where_there_is_one_and_nothing_runs(self, demo):
        pane = demo("stepper")
        cpu, gpu = (pane.page.locator(f"[data-device={name}]") for name in ("cpu", "gpu"))
        pane.receive({"type": "status", "status": {"device": "cpu", "no_gpu": "there is no GPU"}})
        gpu.click(force=True)
        assert pane.sent("command") == [] and gpu.get_attribute("title") == "there is no GPU"
        assert (gpu.get_attribute("aria-disabled"), cpu.get_attribute("aria-pressed")) == ("true", "true")
        pane.receive({"type": "status", "status": {"no_gpu": ""}})
        gpu.click()
        assert self.commands(pane) == [("device", "gpu")] and cpu.get_attribute("aria-pressed") == "true"
        pane.receive({"type": "status", "status": {"device": "gpu", "state": "running"}})
        cpu.click(force=True)
        assert len(pane.sent("command")) == 1 and "Pause" in (cpu.get_attribute("title") or "")
        assert gpu.get_attribute("aria-pressed") == "true"

    def test_an_error_shows_until_it_is_gone(self, demo):
        pane = demo("stepper")
        pane.receive({"type": "status", "status": {"state": "failed", "error": "conv1: <b>nan</b>"}})
        pane.page.locator(".bb-status", has_text="conv1: <b>nan</b>").wait_for()
        pane.receive({"type": "status", "status": {"state": "paused", "error": ""}})
        pane.page.locator(".bb-status").wait_for(state="hidden")

    def test_what_a_run_waits_for_shows_until_a_moment_after_it_came(self, demo):
        pane = demo("stepper")
        waiting = pane.page.locator(".bb-waiting")
        for text in ("kernels: conv1", "", "kernels: pool1", ""):
            pane.receive({"type": "status", "status": {"waiting": text}})
        expect(waiting).to_have_text("kernels: pool1")
        pane.receive({"type": "status", "status": {"iteration": 3}})
        expect(waiting).to_have_text("kernels: pool1")
        expect(waiting).to_have_text("")

    def test_controls_without_a_callback_do_not_show(self, demo):
        pane = demo("stepper")
        pane.receive({"type": "status", "status": {}, "commands": ["play", "pause"]})
        assert pane.page.locator("[data-command=play]").is_visible()
        for name in ("reset", "once", "forward"):
            assert not pane.page.locator(f"[data-command={name}]").is_visible()

    def test_a_pressed_or_playing_button_stays_legible_under_the_pointer(self, demo):
        pane = demo("stepper")
        for name in ("[data-command=play]", "[data-phase=TRAIN]"):
            button = pane.page.locator(name)
            pane.page.mouse.move(0, 0)
            before = button.evaluate("one => getComputedStyle(one).backgroundColor")
            button.hover()
            assert button.evaluate("one => getComputedStyle(one).backgroundColor") == before

    def test_only_a_solver_has_iterations(self, demo):
        pane = demo("stepper")
        pane.receive({"type": "status", "status": {}, "commands": ["forward"]})
        expect(pane.page.locator(".bb-iteration")).to_be_hidden()
        pane.receive({"type": "status", "status": {}, "commands": ["forward", "step"]})
        expect(pane.page.locator(".bb-iteration")).to_be_visible()

    def test_the_loss_shows_and_one_that_is_no_number_stands_out(self, demo):
        pane = demo("stepper")
        loss = pane.page.locator(".bb-loss")
        expect(loss).to_be_hidden()
        for text, bad in (("0.3164", 0), ("nan", 1), ("1e+05", 0), ("inf", 1)):
            pane.receive({"type": "status", "status": {"loss": text}})
            expect(loss).to_have_text(f"loss {text}")
            assert loss.locator(".bb-bad").count() == bad
