"""A trained SqueezeNet classifies photographs as another implementation of Caffe's layers does."""

import json
from pathlib import Path

import numpy as np
import pytest

from brewbench import caffe
from brewbench.engine.data.images import read_image

SHARED = Path(__file__).parents[4] / "shared"
MODEL = SHARED / "models" / "squeezenet_v1.0"
GOLDEN = SHARED / "golden" / "opencv" / "squeezenet_top5.json"
IMAGES = SHARED / "data" / "images"


@pytest.fixture(scope="module")
def classifier():
    if not (MODEL.is_dir() and GOLDEN.is_file() and IMAGES.is_dir()):
        pytest.skip("SqueezeNet, its results and the photographs, in ../shared, are not here")
    return caffe.Classifier(
        str(MODEL / "deploy.prototxt"),
        str(MODEL / "squeezenet_v1.0_decoded.caffemodel"),
        image_dims=(256, 256),
        mean=np.array([104.0, 117.0, 123.0]),
        raw_scale=255,
        channel_swap=(2, 1, 0),
    )


def test_the_five_best_classes_are_the_same(classifier):
    compared = 0
    for name, wanted in json.loads(GOLDEN.read_text())["top5"].items():
        if not (IMAGES / name).exists():
            continue
        image = read_image(IMAGES / name, True, (256, 256))[::-1].transpose(1, 2, 0) / 255  # RGB, 0 to 1
        score = classifier.predict([image], oversample=False).ravel()
        prob = np.exp(score - score.max())
        prob /= prob.sum()
        best = np.argsort(-prob)[:5]
        assert best.tolist() == [one["index"] for one in wanted], name
        np.testing.assert_allclose(prob[best], [one["prob"] for one in wanted], atol=2e-5, err_msg=name)
        compared += 1
    assert compared
