"""A net as a file to hand on."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from brewbench import Document, check
from brewbench.widgets.editor import build_graph
from brewbench.widgets.export import export

NET = """name: "a & <b>"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "<script>alert(1)</script>" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 5 } }  # </pre>
"""


def exported(kind):
    document = Document.parse(NET, "net", "some/net.prototxt")
    report = check(document)
    return export(kind, document, report, build_graph(report))


def test_the_drawing_is_sound_xml():
    file = exported("svg")
    assert (file.name, file.mime) == ("net.svg", "image/svg+xml")
    assert ElementTree.fromstring(file.text).tag.endswith("svg")


def test_the_text_is_as_it_is():
    assert exported("prototxt").text == NET


def test_a_page_has_drawing_layers_and_text_and_no_markup_of_the_net_s():
    file = exported("html")
    assert file.name == "net.html"
    assert "<script" not in file.text and "src=" not in file.text and "href=" not in file.text
    assert "<title>a &amp; &lt;b&gt;</title>" in file.text and "# &lt;/pre&gt;" in file.text
    assert '<td class="number">965</td><td class="number">960</td>' in file.text
    assert file.text.count("<svg") == 1


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="svg, html or prototxt; got 'docx'"):
        exported("docx")
