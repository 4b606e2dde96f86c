"""Inception 3a from an empty canvas, by mouse and keyboard: the actions are counted."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

OPEN = "import brewbench\nbench = brewbench.open()\nbench\n"
SHAPES = "[list(layer.top_shapes[0]) for layer in bench.state.report.layers if 'concat' in layer.type.lower()]"
BRANCHES = ("conv 64 1, relu", "conv 96 1, relu, conv 128 3, relu", "conv 16 1, relu, conv 32 5, relu",
            "pool 3 1 1, conv 32 1, relu")  # fmt: skip


class Hand:
    """A user's hand: a click, a typed text and a key are one action each; `keys` counts every key."""

    def __init__(self, page):
        self.page, self.actions, self.keys = page, 0, 0

    def click(self, selector, **more):
        self.actions += 1
        self.page.locator(selector).first.click(**more)

    def press(self, key):
        self.actions += 1
        self.keys += key.count("+") + 1
        self.page.keyboard.press(key)

    def type(self, text):
        self.actions += 1
        self.keys += len(text)
        self.page.keyboard.type(text)

    def wait(self, layer):
        """See a layer drawn and selected (no action)."""
        expect(self.page.locator(f'[data-id="{layer}"].ne-selected')).to_be_attached()


def start(notebook):
    page = notebook([OPEN])
    expect(page.locator(".ne-empty")).to_contain_text("Press a to add a layer, or paste prototxt")
    page.locator(".ne-canvas").scroll_into_view_if_needed()
    return page, Hand(page)


def is_built(page, python):
    expect(page.locator(".bb-bench")).to_contain_text("163,696 parameters")
    expect(page.locator(".ne-canvas")).to_contain_text("1x256x28x28")  # the layer that joins adds no parameter
    assert python(page, SHAPES) == "[[1, 256, 28, 28]]"
    assert python(page, "[str(one) for one in bench.live.diagnostics]") == "[]"


def test_by_the_module(notebook, python):
    page, hand = start(notebook)
    hand.click("[data-action=add]")
    hand.type("input 1x192x28x28")
    hand.press("Enter")
    hand.wait("input1")
    hand.click("[data-action=add]")
    hand.click("[role=option][data-value=inception]")
    is_built(page, python)
    print(f"inception 3a with the module: {hand.actions} actions")
    assert hand.actions <= 12


def test_with_single_layers_by_mouse(notebook, python):
    page, hand = start(notebook)
    hand.click("[data-action=add]")
    hand.type("input 1x192x28x28")
    hand.press("Enter")
    hand.wait("input1")
    for k, line in enumerate(BRANCHES):
        boxes = page.locator(".ne-box")
        count = boxes.count() + len([one for one in line.split(", ") if one != "relu"])
        if k:
            hand.click("[data-action=fit]")
            hand.click("[data-id=input1]", position={"x": 20, "y": 8})
        hand.click("[data-action=add]")
        hand.type(line)
        hand.press("Shift+Enter" if k else "Enter")
        expect(boxes).to_have_count(count)
    hand.click("[data-action=fit]")
    for end in ("convolution1", "convolution3", "convolution5"):
        hand.click(f"[data-id={end}]", position={"x": 20, "y": 8}, modifiers=["Shift"])
    hand.click("[data-action=add]")
    hand.type("concat")
    hand.press("Enter")
    is_built(page, python)
    print(f"inception 3a with single layers by mouse: {hand.actions} actions")
    assert hand.actions <= 35


def test_by_keyboard(notebook, python):
    page, hand = start(notebook)
    page.locator(".ne-canvas").focus()
    hand.press("a")
    hand.type("in 1x192x28x28")
    hand.press("Enter")
    hand.wait("input1")
    hand.press("a")
    hand.type("inc")
    hand.press("Enter")
    is_built(page, python)
    print(f"inception 3a by keyboard: {hand.keys} keys")
    assert hand.keys <= 60


def test_a_new_layer_asks_for_its_value_in_the_form(notebook, python):
    page, hand = start(notebook)
    page.locator(".ne-canvas").focus()
    hand.press("a")
    hand.type("input")
    hand.press("Enter")
    field = page.locator(".bb-field-input_param-shape input")
    expect(field).to_be_focused()
    expect(field).to_have_value("1x3x224x224")
    hand.type("1x8x5x5")
    hand.press("Enter")
    expect(page.locator(".ne-canvas")).to_contain_text("1x8x5x5")
    hand.press("Escape")
    expect(page.locator("[data-id=input1]").first).to_be_focused()
    hand.press("a")
    hand.type("conv")
    hand.press("Enter")
    field = page.locator(".bb-field-convolution_param-num_output input")
    expect(field).to_be_focused()
    hand.press("Escape")
    expect(page.locator("[data-id=convolution1]").first).to_be_focused()
    hand.press("Enter")
    expect(field).to_be_focused()
    hand.press("Escape")
    hand.press("?")
    expect(page.locator(".ne-sheet")).to_be_visible()
    hand.press("Escape")
    expect(page.locator(".ne-sheet")).to_be_hidden()
    assert python(page, "[str(one) for one in bench.live.diagnostics]") == "[]"


def test_layers_go_through_the_clipboard_as_prototxt(notebook, python):
    page, hand = start(notebook)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".ne-canvas").focus()
    hand.press("a")
    hand.type("in 1x3x8x8, conv 4 3")
    hand.press("Enter")
    hand.wait("convolution1")
    expect(page.locator("[data-id=convolution1]").first).to_be_focused()
    hand.press("Control+c")
    expect(page.locator(".ne-status").first).to_have_text("Copied as prototxt.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("layer {")
    hand.press("Control+v")
    hand.wait("convolution2")
    hand.press("Control+x")
    expect(page.locator("[data-id=convolution2]")).to_have_count(0)
    assert python(page, "[str(one) for one in bench.live.diagnostics]") == "[]"


NET = """import brewbench
from brewbench.proto import Document
bench = brewbench.open(Document.parse('''
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 dim: 8 dim: 8 } } }
layer { name: "one" type: "Convolution" bottom: "data" top: "one"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "two" type: "Convolution" bottom: "one" top: "two" convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "three" type: "Convolution" bottom: "two" top: "three"
  convolution_param { num_output: 4 kernel_size: 1 } }
''', "net"))
bench
"""


def test_several_layers_are_edited_named_and_shared_at_once(notebook, python):
    page = notebook([NET])
    page.locator(".ne-canvas").scroll_into_view_if_needed()
    hand = Hand(page)
    hand.click("[data-id=two]", position={"x": 20, "y": 8})
    hand.click("[data-id=three]", position={"x": 20, "y": 8}, modifiers=["Shift"])
    expect(page.locator(".bb-form-title")).to_contain_text("2 layers: two, three (Convolution)")
    hand.press("m")
    hand.type("share")
    hand.press("Enter")
    expect(page.locator(".ne-shares path")).to_have_count(1)
    expect(page.locator(".ne-shares text")).to_have_text("two_w, two_b")
    kernel = page.locator(".bb-field-convolution_param-kernel_size input")
    kernel.fill("3")
    kernel.press("Enter")
    expect(page.locator("[data-id=three]").first).to_contain_text("3x3")
    assert python(page, "[list(one.data.shape) for one in bench.net.params['three']]") == "[[4, 4, 3, 3], [4]]"
    assert python(page, "[layer.convolution_param.kernel_size[0] for layer in bench.document.message.layer[1:]]") == (
        "[3, 3, 3]"
    )
    kernel.press("Escape")
    page.locator("[data-id=one]").first.click(position={"x": 20, "y": 8})
    hand.press("F2")
    page.get_by_label("Name of the layer").fill("first")
    hand.press("Enter")
    expect(page.locator("[data-id=first]").first).to_be_focused()
    assert python(page, "[list(layer.bottom) for layer in bench.document.layers][2]") == "['first']"
    hand.press("p")
    expect(page.locator("[data-id=first] .ne-chip")).to_contain_text("TRAIN")
