"""The overlay in Chromium: boxes and strips in the colours of their figures, with a colour bar, as long as it is on."""

import pytest

from brewbench.widgets.editor import build_graph, default_collapsed

pytestmark = pytest.mark.browser

OVERLAY = {"name": "p", "title": "parameters", "unit": "", "gather": "sum", "values": {}}
COLOURS = """id => {
    const box = document.querySelector(`[data-id="${id}"]`), style = (one) => getComputedStyle(one).fill;
    return [style(box.querySelector("rect")), ...[...box.querySelectorAll("text")].map(style)]; }"""


def show(page, graph, **overlay):
    page.evaluate(
        """([graph, overlay]) => { demo.editor.update({nodes: [], edges: []}); demo.editor.update(graph);
            demo.sent = []; demo.editor.overlay.show(overlay); }""",
        [graph, OVERLAY | overlay],
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_has_a_figure_is_coloured_and_nothing_else(open_demo, nets, theme):
    page = open_demo(theme=theme)
    graph = build_graph(nets.lenet())
    index = {node["name"]: node["index"] for node in graph["nodes"]}
    plain = page.evaluate(COLOURS, "pool1")
    show(page, graph, values={str(index["conv1"]): 1, str(index["conv2"]): 1000})
    assert page.evaluate(COLOURS, "conv1") == ["rgb(0, 32, 76)", *["rgb(255, 255, 255)"] * 3]
    assert page.evaluate(COLOURS, "conv2") == ["rgb(255, 233, 69)", *["rgb(0, 0, 0)"] * 3]
    assert page.evaluate(COLOURS, "pool1")[1:] == plain[1:]
    assert page.locator("[data-id=conv2] .ne-figure").text_content() == "1\u00a0k"
    assert page.locator(".ne-scale").get_attribute("aria-label") == "parameters, from 1 to 1\u00a0k"
    page.evaluate("demo.editor.overlay.show(null)")
    assert page.evaluate(COLOURS, "pool1") == plain and page.locator(".ne-scale").is_hidden()
    assert page.locator(".ne-tinted").count() == 0


def test_a_folded_group_shows_the_sum_of_what_is_inside(open_demo, nets):
    page = open_demo()
    report = nets.googlenet()
    graph = build_graph(report, collapsed_groups=default_collapsed(report))
    group = next(node for node in graph["nodes"] if node["collapsed"])
    values = {str(layer.index): 2 for layer in report.layers}
    show(page, graph, values=values)
    figure = page.locator(".ne-node", has_text=group["name"]).first.locator(".ne-box .ne-figure")
    assert int(figure.text_content()) == 2 * group["collapsed"] == 2 * len(group["members"])
    show(page, graph, values=values, gather="max")
    assert figure.text_content() == "2"


def test_a_live_overlay_that_is_in_sight_is_answered_once_it_is_drawn(open_demo, nets):
    page = open_demo()
    asked = "() => demo.sent.filter(each => each.type === 'overlay' && each.ask === 'drawn').length"
    show(page, build_graph(nets.lenet()), live=True)
    page.wait_for_function(f"() => ({asked})() === 1")
    page.evaluate("document.querySelector('#editor').style.display = 'none'")
    page.wait_for_function("() => !demo.editor.overlay.seen")
    page.evaluate("overlay => demo.editor.overlay.show(overlay)", OVERLAY | {"live": True})
    page.evaluate("() => new Promise(resolve => setTimeout(resolve, 300))")
    assert page.evaluate(asked) == 1, "nobody sees it"
    page.evaluate("document.querySelector('#editor').style.display = ''")
    page.wait_for_function(f"() => ({asked})() === 2")


def test_an_overlay_is_chosen_in_the_toolbar(open_demo, nets):
    page = open_demo()
    assert page.locator(".ne-colour").is_hidden(), "none are on offer"
    page.evaluate("demo.editor.overlay.offer([{name: 'p', title: 'parameters', help: 'how many'}])")
    page.get_by_label("Colour the drawing by").select_option("p")
    asked = page.evaluate("demo.sent.filter(each => each.type === 'overlay')")
    assert [(each["ask"], each["name"]) for each in asked] == [("choose", "p")]
