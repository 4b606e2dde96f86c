"""Published nets: their shapes and parameters are those of their authors."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

import brewbench
from brewbench import Document, Net, models
from brewbench.engine import TEST, TRAIN, check

from ... import held

# Weights that are learned: those of the papers and of the published files; statistics of BatchNorm are not.
LEARNED = [
    ("lenet", {}, 431_080),
    ("cifar10_quick", {}, 145_578),
    ("cifar10_full", {}, 89_578),
    ("alexnet", {}, 60_965_224),
    ("caffenet", {}, 60_965_224),
    ("nin", {}, 7_595_176),
    ("vgg_a", {}, 132_863_336),
    ("vgg_a_lrn", {}, 132_863_336),
    ("vgg_b", {}, 133_047_848),
    ("vgg_c", {}, 133_638_952),
    ("vgg_d", {}, 138_357_544),
    ("vgg_e", {}, 143_667_240),
    ("googlenet", {}, 6_998_552),
    ("resnet", {"depth": 50}, 25_557_032 + 64),
    ("resnet", {"depth": 101}, 44_549_160),
    ("resnet", {"depth": 152}, 60_192_808),
    ("squeezenet", {"version": "1.0"}, 1_248_424),
    ("squeezenet", {"version": "1.1"}, 1_235_496),
    ("mobilenet", {}, 4_231_976),
]


def test_every_name_is_counted():
    assert list(dict.fromkeys(name for name, _, _ in LEARNED)) == models.names()


@pytest.mark.parametrize(("name", "options", "learned"), LEARNED)
def test_a_net_has_the_parameters_of_its_authors(name, options, learned):
    report = check(models.build(name, **options))
    assert report.diagnostics == ()
    statistics = sum(prod(shape) for one in report.layers if one.type == "BatchNorm" for shape in one.param_shapes)
    assert report.param_count - statistics == learned
    (shape,) = report.layers[-1].top_shapes
    assert shape[1] == (10 if name in ("lenet", "cifar10_quick", "cifar10_full") else 1000) == prod(shape[1:])


@pytest.mark.parametrize("name", models.names())
def test_the_training_net_has_the_same_weights(name):
    deploy, train = (check(models.build(name, phase), int(phase == "deploy")) for phase in ("deploy", "train"))
    deploy = {one.name: one.type for one in deploy.layers if one.category not in ("data", "loss")}
    train = {one.name: one.type for one in train.layers if one.included}
    assert "SoftmaxWithLoss" in train.values() and "Data" in train.values()
    assert {name: kind for name, kind in deploy.items() if kind != "Softmax"}.items() <= train.items()


def test_options_change_the_net():
    report = check(models.build("vgg_a", classes=7, batch=2))
    assert report.layers[0].top_shapes == ((2, 3, 224, 224),) and report.layers[-1].top_shapes == ((2, 7),)


def test_published_weights_give_the_published_answers():
    folder = held.ROOT / "notebooks" / "models" / "squeezenet"
    ours, theirs = Net(models.build("squeezenet"), TEST), Net(folder / "deploy.prototxt", TEST)
    theirs.copy_from(folder / "squeezenet_v1.0.caffemodel.h5")
    for mine, given in zip(ours.params.values(), theirs.params.values(), strict=True):  # which has names of its own
        for blob, values in zip(mine, given, strict=True):
            blob.data = values.data
    image = np.random.default_rng(1).uniform(-100, 100, (1, 3, 227, 227))
    for net in (ours, theirs):
        net.blobs["data"].data = image
        net.forward()
    answers = theirs.blobs["pool_final"].data
    assert answers.any()
    np.testing.assert_array_equal(ours.blobs["pool10"].data, answers)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: models.build("lenet5"), KeyError, "there is no net 'lenet5'"),
        (lambda: models.build("lenet", "test"), ValueError, "deploy or train; got 'test'"),
        (lambda: models.build("lenet", depth=5), TypeError, "lenet has no option depth; it has classes, batch"),
        (lambda: models.build("resnet", depth=18), ValueError, "50, 101 or 152; got 18"),
        (lambda: models.build("squeezenet", version="2"), ValueError, "1.0 or 1.1; got '2'"),
    ],
)
def test_what_there_is_not_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_bench_opens_a_net_by_its_name():
    bench = brewbench.open("googlenet", phase=TRAIN)
    assert isinstance(bench.live.document, Document) and len(bench.live.document.layers) == 143
