"""`brewbench draw_net` and `plot_training_log`."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from brewbench.workbench.cli.chart import Chart, Curve
from brewbench.workbench.cli.plot_training_log import CHARTS

from ... import held

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
LENET = held.folder("notebooks/models") / "lenet" / "lenet_train_test.prototxt"
LOG = GOLDEN / "logs" / "train_old_glog.log"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [[], ["--rankdir", "TB"]])
def test_a_net_is_drawn_as_pycaffe_draws_it(here, call, words):
    assert call("draw_net", LENET, "net.raw", *words) == (0, "Drawing net to net.raw\n", "")
    wanted = f"draw_lenet_train_test_{'TB' if words else 'LR'}.dot"
    assert (here / "net.raw").read_text() == (GOLDEN / "pycaffe" / wanted).read_text()


def test_a_picture_is_made_by_its_ending(here, call):
    for ending in ("png", "jpg", "svg"):
        assert call("draw_net", LENET, f"net.{ending}", "-rankdir=tb")[0] == 0
    for ending, format in (("png", "PNG"), ("jpg", "JPEG")):
        with Image.open(f"net.{ending}") as image:
            assert image.format == format and image.height > image.width
    assert "ip1" in "".join(ElementTree.parse("net.svg").getroot().itertext())


def test_a_phase_and_rates_can_be_shown(here, call):
    texts = {}
    for phase in ("TRAIN", "TEST", "ALL"):
        assert call("draw_net", LENET, f"{phase}.raw", f"--phase={phase}")[0] == 0
        texts[phase] = (here / f"{phase}.raw").read_text()
    assert "accuracy" in texts["TEST"] and "accuracy" not in texts["TRAIN"] and "accuracy" in texts["ALL"]
    assert call("draw_net", LENET, "rates.raw", "--display_lrm")[0] == 0
    assert "lr mult: 1.0, 2.0" in (here / "rates.raw").read_text()
    assert "lr mult" not in texts["ALL"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no.prototxt", "net.png"], "no.prototxt: there is no such file"),
        ([LOG, "net.png"], f"{LOG}:1:"),
        ([LENET.with_name("lenet_solver.prototxt"), "net.png"], "is not a net, or has no layers"),
        ([LENET, "net.nothing"], "Graphviz cannot draw this as 'nothing'"),
        ([LENET, "no/net.png"], "there is no folder"),
        ([LENET, "net.png", "--phase=BOTH"], "argument -phase: can be TRAIN, TEST or ALL; got 'BOTH'"),
        ([LENET, "net.png", "--rankdir=UP"], "argument -rankdir: can be LR, TB, RL or BT; got 'UP'"),
    ],
)
def test_what_cannot_be_drawn_is_told_and_nothing_is_written(here, call, words, message):
    status, _, err = call("draw_net", *words)
    assert status == 1 and err.count("\n") == 1 and message in err
    assert not list(here.iterdir())


def test_the_charts_have_caffes_numbers(call):
    assert CHARTS == [
        "Test accuracy vs. Iters",
        "Test accuracy vs. Seconds",
        "Test loss vs. Iters",
        "Test loss vs. Seconds",
        "Train learning rate vs. Iters",
        "Train learning rate vs. Seconds",
        "Train loss vs. Iters",
        "Train loss vs. Seconds",
    ]
    status, out, _ = call("plot_training_log")
    assert status == 1 and all(f"    {number}  {name}\n" in out for number, name in enumerate(CHARTS))


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn: charts, in place of being written."""
    charts = []
    monkeypatch.setattr(Chart, "write", lambda chart, path: charts.append((chart, path)))
    return charts


def column(kind, name):
    """A column of a table that Caffe's parse_log.py made of the log."""
    head, *lines = [line.split(",") for line in Path(f"{LOG}.{kind}").read_text().splitlines()]
    return [float(line[head.index(name)]) for line in lines]


@pytest.mark.parametrize("number", range(8))
def test_a_chart_shows_what_the_log_says(drawn, call, number):
    assert call("plot_training_log", number, "out.png", LOG)[0] == 0
    ((chart, path),) = drawn
    (curve,) = chart.curves
    assert (path, chart.title, curve.label) == ("out.png", CHARTS[number], "train_old_glog")
    x, y = zip(*curve.points, strict=True)
    right = "Seconds" if number % 2 else "NumIters"
    if number < 4:
        assert list(x) == column("test", right)
        assert list(y) == column("test", "accuracy" if number < 2 else "loss")
        return
    text = LOG.read_text()
    told = re.findall(r"lr = (\S+)" if number < 6 else r"Iteration \d+[^\n]*, loss = (\S+)", text)
    assert list(y) == [float(value) for value in told]
    if number % 2 == 0:
        asked = r"Iteration (\d+), lr" if number < 6 else r"Iteration (\d+)[^\n]*, loss"
        assert list(x) == [float(value) for value in re.findall(asked, text)]
    else:
        assert list(x) == sorted(x) and 0 < x[-1] < 60


def test_several_logs_and_outputs_have_names_of_their_own(here, drawn, call):
    text = LOG.read_text()
    (here / "one.log").write_text(text)
    (here / "two.txt").write_text(text.replace("#0: accuracy = ", "#0: top-1_accuracy = ").replace("#1: loss", "#1: a"))
    assert call("plot_training_log", 0, "out.svg", "one.log", "two.txt")[0] == 0
    assert [curve.label for curve in drawn[0][0].curves] == ["one", "two.txt"]
    (here / "three.log").write_text(re.sub(r"(.*Test net output )#0: accuracy", r"\g<0> = 0.5\n\1#2: accuracy5", text))
    assert call("plot_training_log", 0, "out.svg", "three.log")[0] == 0
    assert [curve.label for curve in drawn[1][0].curves] == ["three: accuracy", "three: accuracy5"]
    status, _, err = call("plot_training_log", 2, "out.svg", "two.txt")
    assert status == 1 and "two.txt: shows no test loss; its outputs: top-1_accuracy, a" in err


CHART = Chart("A <title>", "Iters", "loss", [Curve("a & b", [(0, 2.5), (50, 1), (100, 0.5)]), Curve("c", [(20, 1.0)])])


def test_an_svg_shows_lines_names_and_round_numbers():
    root = ElementTree.fromstring(CHART.svg())
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:3] == ["A <title>", "Iters", "loss"] and texts[-2:] == ["a & b", "c"]
    assert texts[3:9] == ["0", "20", "40", "60", "80", "100"]
    (line,) = [
        line.get("points")
        for line in root.iter("{http://www.w3.org/2000/svg}polyline")
        if line.get("stroke") == "#1f77b4" and line.get("stroke-width") == "1.5"
    ]
    points = np.array([[float(value) for value in point.split(",")] for point in line.split()])
    np.testing.assert_allclose(points[:, 0], [80, 430, 780], atol=0.1)  # left edge, middle, right edge
    assert points[0, 1] < points[1, 1] < points[2, 1]


def test_a_png_is_a_picture_with_the_curves_colours(here):
    CHART.write("chart.png")
    with Image.open("chart.png") as image:
        pixels = np.asarray(image, int)
    assert pixels.shape == (500, 800, 3)
    for color in ((0x1F, 0x77, 0xB4), (0xD6, 0x27, 0x28)):
        assert (abs(pixels - color).max(axis=2) < 40).sum() > 20


def test_a_page_needs_no_network(here):
    CHART.write("chart.html")
    text = (here / "chart.html").read_text()
    assert "Bokeh" in text and not re.search(r"<(script|link)[^>]+(src|href)=", text)


def test_a_line_is_broken_where_a_value_is_not_finite():
    curve = Curve("a", [(0, 1.0), (1, float("nan")), (2, 3.0), (3, 4.0), (4, float("inf"))])
    assert list(curve.pieces()) == [[(0, 1.0)], [(2, 3.0), (3, 4.0)]]
    Chart("t", "x", "y", [curve]).png()
    with pytest.raises(ValueError, match="nothing to draw"):
        Chart("t", "x", "y", [Curve("a", [(0, float("nan"))])]).write("chart.png")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["8", "a.png", LOG], "argument CHART: must be a number from 0 to 7; got 8"),
        (["loss", "a.png", LOG], "argument CHART: must be a number from 0 to 7; got loss"),
        (["0", "a.pdf", LOG], "argument FILE: must end in .html, .svg, .png; got a.pdf"),
        (["0", "a.png", "no.log"], "no.log: No such file or directory"),
        (["0", "a.png", __file__], "test_pictures.py: no training begins in this log"),
        (["0", "no/a.png", LOG], "there is no folder"),
        (["0", "a.png"], "the following arguments are required: LOG"),
    ],
)
def test_what_cannot_be_plotted_is_told(here, call, words, message):
    status, _, err = call("plot_training_log", *words)
    assert status == 1 and err.count("\n") == 1 and message in err
    assert not list(here.iterdir())
