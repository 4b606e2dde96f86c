"""The bench asks, in JupyterLab in Chromium, before it runs the code of a net's Python layers."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

NET = """
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "p" type: "Python" bottom: "x" top: "y" python_param { module: "stranger_y" layer: "L" } }
layer { name: "i" type: "InnerProduct" bottom: "y" top: "i" inner_product_param { num_output: 5 } }
"""
STRANGER = """
from brewbench import caffe
class L(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(3, 4)
    def forward(self, bottom, top):
        top[0].data[...] = 1
"""
OPEN = """
import sys, brewbench
bench = brewbench.open("downloaded/net.prototxt")
bench
"""


def test_a_click_on_the_button_runs_the_code_and_brings_the_net_to_life(notebook, lab, python):
    folder = lab.notebooks / "downloaded"
    folder.mkdir(exist_ok=True)
    (folder / "net.prototxt").write_text(NET)
    (folder / "stranger_y.py").write_text(STRANGER)
    page = notebook([OPEN])
    page.wait_for_selector(".bb-editor[data-ready]")
    bar = page.locator(".bb-trust")
    expect(bar).to_contain_text(str(folder / "stranger_y.py"))
    assert json.loads(python(page, "print(int('stranger_y' in sys.modules))")) == 0
    page.get_by_role("button", name="Run code from stranger_y.py").click()
    expect(page.locator(".bb-editor")).to_contain_text("3x4")
    expect(bar).to_be_hidden()
    assert python(page, "print(bench.net.blobs['i'].shape)") == "(3, 5)"
