"""Labels of photographs, by a net with its real weights; the arithmetic of labels and windows by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brewbench import classify
from brewbench.engine import Net
from brewbench.proto import Document
from brewbench.workbench.classify.pictures import stretched

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
MODEL, PHOTOGRAPHS = NOTEBOOKS / "models" / "squeezenet", NOTEBOOKS / "data" / "photographs"
# Computed by OpenCV 4.14 (cv2.dnn) over the same weights, with the preprocessing that `prepared` has.
OPENCV = {
    "chelsea.png": {285: 0.74853, 281: 0.12804, 282: 0.10231, 287: 0.01446, 293: 0.0022},
    "coffee.png": {967: 0.98765, 809: 0.00587, 960: 0.00161, 659: 0.0009, 968: 0.00084},
}


@pytest.fixture(scope="module")
def squeezenet():
    return Net(MODEL / "deploy.prototxt", weights=MODEL / "squeezenet_v1.0.caffemodel.h5")


@pytest.fixture
def tree():
    """Animals: cats (tabby, siamese), a dog; things: a cup. `mug` stands for the same class as `cup`."""
    words = {key: [key] for key in ("all", "animal", "cat", "tabby", "siamese", "dog", "thing", "mug", "cup")}
    parents = {
        "all": [], "animal": ["all"], "cat": ["animal"], "tabby": ["cat"], "siamese": ["cat"], "dog": ["animal"],
        "thing": ["all"], "mug": ["thing"], "cup": ["mug", "thing"],
    }  # fmt: skip
    return classify.Hierarchy(words, parents, ["tabby", "siamese", "dog", "cup"])


@pytest.mark.parametrize("name", OPENCV)
def test_squeezenets_five_best(squeezenet, name):
    found = classify.scores(squeezenet, PHOTOGRAPHS / name)
    assert found.sum() == pytest.approx(1)
    assert np.argsort(-found)[:5].tolist() == list(OPENCV[name])
    np.testing.assert_allclose(found[list(OPENCV[name])], list(OPENCV[name].values()), atol=2e-3)


def test_labels_of_the_photographs(squeezenet):
    coffee = classify.scores(squeezenet, PHOTOGRAPHS / "coffee.png")
    words = [label.word for label in classify.accurate(coffee)]
    assert words == ["espresso", "coffee", "beverage", "liquid", "fluid"]
    assert [label.word for label in classify.specific(coffee, 2)] == ["espresso", "soup bowl"]
    cat = classify.scores(squeezenet, PHOTOGRAPHS / "chelsea.png")
    assert classify.accurate(cat, 1)[0].word == "domestic cat"
    assert [classify.hedged(cat, target).word for target in (0.7, 0.9, 0.99)] == ["Egyptian cat", "domestic cat", "cat"]


def test_a_hedge_is_the_most_that_is_sure(tree):
    likely = [0.5, 0.3, 0.15, 0.05]
    for target, word, probability, gain in (
        (0.5, "tabby", 0.5, 2), (0.6, "cat", 0.8, 1), (0.9, "animal", 0.95, np.log2(4 / 3)), (0.99, "all", 1, 0)
    ):  # fmt: skip
        found = classify.hedged(likely, target, tree)
        assert (found.word, found.key) == (word, word)
        assert (found.probability, found.gain) == (pytest.approx(probability), pytest.approx(gain))
    assert classify.hedged([0, 0, 0, 1], 1, tree).word == "cup", "of the same classes the most specific"
    assert classify.hedged([0.1, 0.1, 0.1, 0.1], 0.9, tree).word == "all", "where nothing is that likely"


def test_accurate_labels_are_sorted_by_expected_gain(tree):
    found = classify.accurate([0.5, 0.3, 0.15, 0.05], 3, tree)
    assert [(one.word, pytest.approx(one.score)) for one in found] == [
        ("tabby", 1.0), ("cat", 0.8), ("siamese", 0.6)
    ]  # fmt: skip
    assert [one.word for one in classify.accurate([0, 0, 0, 1], 3, tree)] == ["cup", "mug", "thing"]
    assert [one.word for one in classify.specific([0.1, 0.2, 0.6, 0.1], 3, tree)] == ["dog", "siamese", "tabby"]


def test_ilsvrc12_is_whole():
    tree = classify.ilsvrc12()
    assert len(tree.classes) == len(set(tree.classes)) == 1000
    assert tree.words[tree.classes[0]][0] == "tench" and tree.words[tree.classes[999]][0] == "toilet tissue"
    assert tree.membership.sum(1).min() >= 1 and tree.membership.sum(1).max() == 1000
    assert set().union(*tree.parents.values()) <= set(tree.words)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tree: classify.hedged([1, 2], 0.9, tree), "a probability for each of 4 classes; got 2"),
        (lambda tree: classify.hedged([0.25] * 4, 90, tree), "accuracy must be from 0 to 1"),
        (lambda tree: classify.Hierarchy({"a": ["a"]}, {"a": []}, ["b"]), "class 'b' is no node"),
        (lambda tree: classify.prepared(np.zeros((4, 4)), (2, 2)), r"got an array of \(4, 4\)"),
        (lambda tree: classify.windows((9, 9), [0]), "a window's size must be a whole number from 1 up"),
        (lambda tree: classify.windows((9, 9), [3], 0), "stride must be a number above 0"),
    ],
)
def test_what_cannot_be(tree, call, message):
    with pytest.raises(ValueError, match=message):
        call(tree)


def test_pictures_of_every_form(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, (40, 30, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "one.png")
    found = [classify.prepared(one, (8, 6)) for one in (pixels, Image.fromarray(pixels), tmp_path / "one.png")]
    assert found[0].shape == (3, 8, 6) and found[0].dtype == np.float32
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    whole = classify.prepared(pixels, (40, 30), mean=(1, 2, 3), size=None)
    np.testing.assert_array_equal(whole, pixels[..., ::-1].transpose(2, 0, 1) - np.reshape([1, 2, 3], (3, 1, 1)))
    doubled = stretched(np.array([[[0.0], [100.0]]]), (1, 4))
    np.testing.assert_array_equal(doubled[0, :, 0], [0, 25, 75, 100])  # pixel area on pixel area


def test_windows_lie_inside_and_reach_the_edges():
    assert classify.windows((5, 8), [4], 0.5) == [(y, x, y + 4, x + 4) for y in (0, 1) for x in (0, 2, 4)]
    assert classify.windows((5, 8), [(5, 3), 6], 1) == [(0, x, 5, x + 3) for x in (0, 3, 5)]


def test_suppression_keeps_the_best_of_those_that_overlap():
    boxes = [(0, 0, 10, 10), (0, 1, 10, 11), (0, 5, 10, 15), (20, 20, 30, 30)]
    assert classify.suppressed(boxes, [0.8, 0.9, 0.7, 0.1]) == [1, 3]  # intersection over union with 1: 9/11, 6/14
    assert classify.suppressed(boxes, [0.8, 0.9, 0.7, 0.1], 0.5) == [1, 2, 3]
    assert classify.suppressed(boxes[:2] * 2, [1, 1, 1, 1]) == [0]
    assert classify.suppressed([], []) == []


def test_objects_are_found_where_they_are():
    """A net that scores the mean of each colour finds a blue and a green square."""
    text = """
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } } }
    layer { name: "mean" type: "Pooling" bottom: "data" top: "mean" pooling_param { pool: AVE global_pooling: true } }
    layer { name: "prob" type: "Softmax" bottom: "mean" top: "prob" }
    """
    pixels = np.zeros((12, 16, 3), np.uint8)
    pixels[0:4, 8:12, 2] = pixels[8:12, 0:4, 1] = 6
    net = Net(Document.parse(text))
    boxes = classify.windows(pixels.shape, [4], 0.5)
    found = classify.detect(net, pixels, boxes, 0.95, mean=(0, 0, 0))
    assert [(one.box, one.unit) for one in found] == [((0, 8, 4, 12), 0), ((8, 0, 12, 4), 1)]
    assert found[0].score == pytest.approx(np.exp(6) / (np.exp(6) + 2))
    assert classify.detect(net, pixels, [], 0.9) == []
    with pytest.raises(ValueError, match="is not inside a picture of 12 x 16"):
        classify.detect(net, pixels, [(0, 0, 13, 4)])
