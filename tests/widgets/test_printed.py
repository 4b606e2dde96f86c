"""Static pictures of a bench: curves as SVG, arrays as PNG, both in the picture that a saved notebook holds."""

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

import brewbench
from brewbench.widgets.arrays import ArrayView
from brewbench.widgets.curves import Curves
from brewbench.widgets.printed import PNG_LIMIT, array_png, composed, curves_svg

SVG = "{http://www.w3.org/2000/svg}"


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def frame_of(array, kind="activations", **settings):
    view = ArrayView()
    view.show("it", lambda part: array, kind)
    view._settings |= settings
    return view.frame()


def test_curves_keep_their_peaks_and_break_at_gaps():
    curves = Curves()
    ys = np.sin(np.arange(100_000) / 50)
    ys[54_321] = 9.0
    ys[70_000:70_300] = np.nan
    curves.append("loss <b>", range(len(ys)), ys, noisy=False)
    curves.append("test accuracy", [0, 50_000], [0.1, 0.9], axis="right", noisy=False)
    svg = curves_svg(curves.series)
    assert len(svg) < 60_000
    root = ElementTree.fromstring(svg)
    points = [line.get("points").split() for line in root.iter(f"{SVG}polyline")]
    lines = [[tuple(map(float, point.split(","))) for point in line] for line in points]
    assert len(lines) == 3, "the gap parts the loss in two"
    assert min(y for line in lines[:2] for _, y in line) == 26, "the peak is at the top"
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "loss <b>" in texts and "test accuracy" in texts and "iteration" in texts
    assert curves_svg([]) == "" and curves_svg(Curves().series) == ""


def test_a_curve_of_one_point_or_of_none_that_is_finite_is_drawn():
    for ys in ([2.0], [np.nan, np.nan], [np.inf, 1.0]):
        curves = Curves()
        curves.append("loss", range(len(ys)), ys)
        ElementTree.fromstring(curves_svg(curves.series))


def test_maps_are_tiles_in_the_colours_of_the_view():
    maps = np.zeros((1, 4, 8, 8), np.float32)
    maps[0, 0], maps[0, 1], maps[0, 2] = 1, -1, np.nan
    found = pixels(array_png(*frame_of(maps)))
    colours = {tuple(colour) for colour in found.reshape(-1, 3)}
    assert {(103, 0, 31), (5, 48, 97), (255, 0, 255), (247, 247, 247)} <= colours
    grey = pixels(array_png(*frame_of(maps, map="grey")))
    assert (np.ptp(grey.astype(int), axis=2)[(grey != (255, 0, 255)).any(2)] == 0).all()


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.random.default_rng(1).normal(size=(64, 512, 28, 28)).astype(np.float32), "activations"),
        (np.random.default_rng(1).normal(size=(1000, 2048)).astype(np.float32), "parameters"),
        (np.random.default_rng(1).normal(size=(16, 3, 224, 224)).astype(np.float32), "activations"),
        (np.random.default_rng(1).normal(size=(2, 1000)).astype(np.float32), "activations"),
        (np.float32(3).reshape(()), "activations"),
    ],
    ids=["maps", "matrix", "image", "bars", "scalar"],
)
def test_any_array_is_a_small_png(array, kind):
    png = array_png(*frame_of(array, kind))
    assert 0 < len(png) <= PNG_LIMIT
    assert min(pixels(png).shape[:2]) >= 1


def test_bars_and_histograms_stand_on_zero():
    found = pixels(array_png(*frame_of(np.float32([[1, -1, 0]]))))
    blue = (found == (34, 131, 199)).all(2)
    height, width = blue.shape
    assert blue[: height // 2 - 1, : width // 3].all() and not blue[height // 2 + 2 :, : width // 3].any()
    assert blue[height // 2 + 2 :, width // 3 : 2 * width // 3].all()
    assert blue[:, 2 * width // 3 + 1 :].sum() <= width, "zero is a line at the most"
    counts = pixels(array_png(*frame_of(np.float32([[1, 1, 1, 5]]), mode="histogram")))
    assert (counts == (34, 131, 199)).all(2).any()


def test_nothing_to_look_at_is_no_picture():
    assert array_png(*frame_of(None)) == b""
    assert composed("", "", b"", "") .startswith("<svg")
    net = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20"></svg>'
    assert composed(net, "", b"", "") == net


def test_the_picture_of_a_bench_holds_net_curves_and_array(tmp_path):
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param { shape { dim: 4 dim: 6 } '
        'shape { dim: 4 } data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }\n'
        'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 '
        'weight_filler { type: "xavier" } } }\n'
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }'
    )
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 9')
    bench = brewbench.open(tmp_path / "solver.prototxt")
    before = bench.picture()
    assert "polyline" not in before and "<image" not in before
    bench.select("ip")
    bench.session.step(3)
    bench.session.wait()
    shown = bench.array._settings.copy(), bench.array._shown
    root = ElementTree.fromstring(bench._repr_mimebundle_()["image/svg+xml"])
    assert (bench.array._settings, bench.array._shown) == shown, "looking changes nothing of the view"
    assert list(root.iter(f"{SVG}polyline")) and len(list(root.iter(f"{SVG}image"))) == 1
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"ip", "loss", "iteration"} <= texts
    bench.close()
