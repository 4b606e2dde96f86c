"""The explainer: its pictures, the messages it answers, and its page in a browser."""

import threading
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from brewbench import explain
from brewbench.engine import Net
from brewbench.proto import Document
from brewbench.widgets import heat
from brewbench.widgets.explainer import METHODS, Explainer

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 12 dim: 10 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "msra" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


@pytest.fixture
def net():
    net = Net(Document.parse(NET), seed=1)
    net.blobs["data"].data[...] = np.random.RandomState(0).randn(1, 3, 12, 10)
    return net


class Heard(Explainer):
    """Keeps what it sends; `wait(kind)` waits for a message of a kind."""

    def __init__(self, *arguments, **settings):
        self.sent, self.came = [], threading.Condition()
        super().__init__(*arguments, **settings)

    def send(self, content, buffers=None):
        with self.came:
            self.sent.append((content, buffers))
            self.came.notify_all()

    def tell(self, **content):
        self._receive(self, content, [])

    def wait(self, kind, wanted=lambda content: True):
        def found():
            return [one for one in self.sent if one[0]["type"] == kind and wanted(one[0])]

        with self.came:
            assert self.came.wait_for(found, 60), [one for one, _ in self.sent]
            return found()[-1]

    def forget(self):
        with self.came:
            self.sent.clear()


def pixels(picture):
    return np.asarray(Image.open(BytesIO(picture.png)))


def test_it_greets_with_the_likeliest_unit_and_grad_cam(net):
    pane = Heard(net, names=["a", "b", "c", "d", "e"])
    pane.tell(type="hello", view="v")
    net.forward()
    scores = net.blobs["ip"].data[0]
    chosen = pane.wait("choices")[0]["chosen"]
    assert chosen == {"method": "grad_cam", "blob": "ip", "unit": int(scores.argmax()), "layer": "conv"}
    units = pane.wait("units")[0]["units"]
    assert [one for one, *_ in units] == np.argsort(-scores).tolist()
    assert units[0][1] == "abcde"[scores.argmax()] and units[0][2] == f"{scores.max():.4g}"
    shown, buffers = pane.wait("result")
    assert [one["kind"] for one in shown["pictures"]] == ["photo", "heat"] and len(buffers) == 2
    most = explain.grad_cam(net, "conv", int(scores.argmax())).max()
    assert shown["pictures"][1]["high"] == f"{most:.3g}"
    pane.close()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("blob", ["ip", "conv"])
def test_every_method_shows_a_picture(net, method, blob):
    pane = Heard(net)
    pane.refresh()
    pane.tell(type="choose", method=method, blob=blob, unit=1, layer="conv")
    pane.explain()
    title = METHODS[method].title
    shown, buffers = pane.wait("result", lambda one: one["pictures"][1]["title"].startswith(f"{title}: {blob}"))
    assert len(buffers) == 2 and all(Image.open(BytesIO(one)).size[0] > 100 for one in buffers)
    assert not [one for one, _ in pane.sent if one["type"] == "say" and one["kind"] == "error"]
    pane.close()


def test_walking_to_another_blob_takes_its_strongest_unit(net):
    pane = Heard(net)
    pane.refresh()
    pane.tell(type="choose", method="activation", blob="conv", unit=0, layer="conv")
    net.forward()
    assert pane.choice.unit == net.blobs["conv"].data[0].max((1, 2)).argmax()
    pane.tell(type="choose", method="activation", blob="conv", unit=7, layer="conv")
    assert pane.choice.unit == 3, "beyond the last unit comes the first"
    pane.tell(type="choose", method="nonsense", blob="nonsense", unit=0, layer="nonsense")
    assert (pane.choice.method, pane.choice.blob, pane.choice.layer) == ("activation", "conv", "conv")
    pane.close()


def test_what_is_long_waits_to_be_asked_for_and_can_be_stopped(net, monkeypatch):
    pane, going = Heard(net), threading.Event()
    pane.refresh()
    pane.wait("result")
    pane.forget()

    def endless(_net, _choice, how):
        how["progress"](1, 10)
        going.set()
        while not how["stop"].wait(0.01):
            pass
        raise explain.Stopped("stopped after 1 of 10 steps")

    monkeypatch.setitem(METHODS, "occlusion", METHODS["occlusion"].__class__("Occlusion", "signed", True, endless))
    pane.tell(type="choose", method="occlusion", blob="ip", unit=0, layer="conv")
    pane.wait("say", lambda one: "press Explain" in one["text"])
    assert not going.is_set()
    pane.tell(type="explain")
    assert going.wait(60)
    pane.wait("progress", lambda one: one["done"] < one["total"])
    pane.tell(type="stop")
    pane.wait("say", lambda one: one["text"] == "stopped after 1 of 10 steps.")
    pane.wait("progress", lambda one: one["done"] == one["total"])
    assert not [one for one, _ in pane.sent if one["type"] == "result"]
    pane.close()


def test_a_hidden_pane_runs_nothing(net):
    pane = Heard(net, in_sight=False)
    pane.tell(type="hello", view="v")
    assert pane.sent == []
    pane.bring(True)
    pane.wait("result")
    pane.close()


def test_without_a_net_it_says_so():
    pane = Heard(None)
    pane.refresh()
    assert pane.wait("say")[0]["text"] == "There is no net yet."
    pane.close()


def test_colours_of_a_map():
    """Full red at the largest absolute value, full blue at its negative, the grey image where the map is 0."""
    image = np.zeros((1, 4, 4))
    signed = heat.over("map", image, np.repeat(np.repeat([[2.0, 0], [0, -2.0]], 2, 0), 2, 1), True)
    assert (signed.low, signed.high, signed.kind) == ("-2", "2", "signed")
    found = pixels(signed)
    assert found.shape == (160, 160, 3)
    assert found[0, 0].tolist() == heat.FOR.tolist() and found[-1, -1].tolist() == heat.AGAINST.tolist()
    assert found[0, -1].tolist() == found[-1, 0].tolist() == [90, 90, 90]
    flat = heat.over("map", image, np.zeros((2, 2)), False)
    assert (flat.low, flat.high) == ("0", "0") and np.unique(pixels(flat)).tolist() == [90]


def test_images_as_nets_have_them():
    blue = np.zeros((3, 2, 2)) - np.reshape(heat.MEAN, (3, 1, 1))
    blue[0] += 255
    np.testing.assert_array_equal(heat.shown(blue), np.broadcast_to([0, 0, 255], (2, 2, 3)))
    digit = np.array([[[0.0, 0.5], [1.0, 0.25]]])
    np.testing.assert_array_equal(heat.shown(digit)[..., 0], [[0, 127], [255, 63]])
    signal = pixels(heat.coloured("signal", np.array([[[1.0, 0], [0, -1.0]]])))
    assert (signal[0, 0, 0], signal[0, -1, 0], signal[-1, -1, 0]) == (255, 127, 0)


def test_the_page(demo):
    page = demo("explainer")
    page.receive({
        "type": "choices", "methods": [["gradient", "Gradient", False], ["occlusion", "Occlusion", True]],
        "blobs": [["conv", 4], ["ip", 3]], "layers": ["conv"],
        "chosen": {"method": "gradient", "blob": "ip", "unit": 2, "layer": "conv"},
    })  # fmt: skip
    page.receive({"type": "units", "units": [[2, "cat", "0.9"], [0, "", "0.1"]], "name": "cat", "value": "0.9"})
    assert page.js("document.querySelector('.bb-explainer').innerText").count("2 cat: 0.9") == 1
    page.page.focus(".bb-explainer")
    page.page.keyboard.press("ArrowRight")
    assert page.wait_sent("choose")["unit"] == 0, "the first comes after the last"
    page.page.keyboard.press("ArrowUp")
    assert page.wait_sent("choose", 2)["blob"] == "conv"
    page.page.keyboard.press("Enter")
    page.wait_sent("explain")
    page.receive({"type": "progress", "done": 2, "total": 8})
    page.page.click("text=Stop")
    page.wait_sent("stop")
    page.receive({"type": "progress", "done": 8, "total": 8})
    assert page.js("document.querySelector('progress').hidden") is True
    picture = heat.over("<map>", np.zeros((1, 4, 4)), np.ones((4, 4)), True)
    told = {"title": picture.title, "kind": "signed", "low": "-1", "high": "1", "width": 160, "height": 160}
    page.receive({"type": "result", "pictures": [told]}, np.frombuffer(picture.png, np.uint8))
    page.page.wait_for_function("document.querySelector('.bb-explainer img')?.naturalWidth === 160")
    assert page.js("document.querySelector('figcaption').innerText") == "<map>\n-1\n1"
