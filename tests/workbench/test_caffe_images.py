"""pycaffe's image tools against what pycaffe computed."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from brewbench import caffe
from brewbench.caffe import io

GOLDEN = Path(__file__).parents[1] / "golden"
IO = np.load(GOLDEN / "pycaffe" / "io.npz")
CLASSIFY = np.load(GOLDEN / "pycaffe" / "classify.npz")


@pytest.mark.parametrize("size", [(20, 20), (7, 9), (13, 17)], ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("image", ["img", "gray", "five"])
def test_resizing_is_pycaffes(image, size):
    wanted = IO[f"resize/{image}_{size[0]}x{size[1]}"]
    np.testing.assert_allclose(io.resize_image(IO[image], size), wanted, atol=1e-6)


def test_resizing_by_the_nearest_pixel_and_of_a_constant():
    wanted = IO["resize/img_order0"]
    np.testing.assert_allclose(io.resize_image(IO["img"], wanted.shape[:2], 0), wanted, atol=1e-6)
    constant = io.resize_image(np.full((3, 4, 3), 0.3), (6, 5))
    np.testing.assert_allclose(constant, IO["resize/const"], atol=1e-7)


@pytest.mark.parametrize("kind", ["color", "gray"])
@pytest.mark.parametrize("name", ["im00", "im01", "im16"])
def test_images_are_loaded_as_pycaffe_loads_them(name, kind):
    (path,) = (GOLDEN / "files" / "images").glob(f"{name}.*")
    np.testing.assert_allclose(io.load_image(path, kind == "color"), IO[f"load/{name}_{kind}"], atol=1e-6)


def test_ten_crops_are_cut_in_pycaffes_order():
    crops = io.oversample([IO["img"]], (8, 9))
    np.testing.assert_array_equal(crops, IO["oversample"][:10])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classify")
    (folder / "net.prototxt").write_text(str(CLASSIFY["prototxt"]))
    net = caffe.Net(str(folder / "net.prototxt"), caffe.TEST)
    for layer in ("c", "ip"):
        for index in (0, 1):
            net.params[layer][index].data[...] = CLASSIFY[f"param/{layer}/{index}"]
    net.save(folder / "weights.caffemodel")
    return str(folder / "net.prototxt"), str(folder / "weights.caffemodel")


def test_a_classifier_scores_as_pycaffes(files):
    classifier = caffe.Classifier(
        *files,
        image_dims=[12, 14],
        mean=np.array([0.4, 0.5, 0.6]),
        input_scale=1.5,
        raw_scale=2.0,
        channel_swap=[2, 1, 0],
    )
    images = [CLASSIFY["image/0"], CLASSIFY["image/1"]]
    np.testing.assert_allclose(classifier.predict(images), CLASSIFY["predict_oversample"], atol=1e-5)
    np.testing.assert_allclose(classifier.predict(images, oversample=False), CLASSIFY["predict_center"], atol=1e-5)


@pytest.mark.parametrize("phase", [caffe.TEST, caffe.TRAIN, np.int64(1)])
def test_a_phase_in_the_place_of_the_first_option_is_passed_over(files, phase):
    """Scripts give it as a Net takes it, ``(file, weights, phase)``."""
    images = [CLASSIFY["image/0"]]
    classifier = caffe.Classifier(*files, phase)
    assert classifier.engine.phase == caffe.TEST
    assert set(classifier.forward()) == set(classifier.outputs)
    np.testing.assert_array_equal(classifier.predict(images), caffe.Classifier(*files).predict(images))
    detector = caffe.Detector(*files, phase)
    assert detector.transformer.mean == caffe.Detector(*files).transformer.mean


def test_a_detector_scores_windows_with_and_without_context(files):
    windows = [(GOLDEN / "pycaffe" / "detector_image.png", CLASSIFY["detector_windows"])]
    plain = caffe.Detector(*files).detect_windows(windows)
    wanted = CLASSIFY["detector_pred_nocontext"]
    np.testing.assert_allclose([one["prediction"] for one in plain], wanted, atol=1e-5)
    context = caffe.Detector(*files, mean=np.array([0.4, 0.5, 0.6]), context_pad=2).detect_windows(windows)
    np.testing.assert_allclose([one["prediction"] for one in context], CLASSIFY["detector_pred"], atol=1e-5)
    with pytest.raises(NotImplementedError, match="MATLAB"):
        caffe.Detector(*files).detect_selective_search(["a.png"])


def test_windows_come_from_selective_search_where_it_is_installed(files, monkeypatch):
    image, windows = GOLDEN / "pycaffe" / "detector_image.png", CLASSIFY["detector_windows"]

    def get_windows(names, cmd):
        assert (names, cmd) == ([str(image)], "selective_search_rcnn")
        return [windows]

    module = SimpleNamespace(get_windows=get_windows)
    monkeypatch.setitem(sys.modules, "selective_search_ijcv_with_python", module)
    found = caffe.Detector(*files).detect_selective_search([image])
    wanted = CLASSIFY["detector_pred_nocontext"]
    np.testing.assert_allclose([one["prediction"] for one in found], wanted, atol=1e-5)


def test_batches_of_any_length_go_through(files):
    net = caffe.Net(files[0], files[1], caffe.TEST)
    found = net.forward_all(blobs=["ip"], data=CLASSIFY["fa_in"])
    np.testing.assert_allclose(found["prob"], CLASSIFY["fa_prob"], atol=1e-5)
    np.testing.assert_allclose(found["ip"], CLASSIFY["fa_ip"], atol=1e-4)


def test_preprocessing_can_be_taken_back():
    image = np.random.default_rng(0).random((10, 12, 3)).astype(np.float32)
    transformer = io.Transformer({"data": (1, 3, 10, 12)})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", np.array([104.0, 117.0, 123.0]))
    transformer.set_input_scale("data", 0.017)
    made = transformer.preprocess("data", image)
    np.testing.assert_allclose(made[0], (image[:, :, 2] * 255 - 104) * 0.017, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(transformer.deprocess("data", made), image, atol=1e-5)


def test_a_transformer_refuses_what_does_not_fit():
    transformer = io.Transformer({"data": (1, 3, 10, 12)})
    with pytest.raises(ValueError, match="not one of the net inputs"):
        transformer.preprocess("dta", np.zeros((10, 12, 3)))
    with pytest.raises(ValueError, match="as many axes"):
        transformer.set_transpose("data", (1, 0))
    with pytest.raises(ValueError, match="as many entries"):
        transformer.set_channel_swap("data", (1, 0))
    with pytest.raises(ValueError, match="channels incompatible"):
        transformer.set_mean("data", np.zeros(2))
    with pytest.raises(ValueError, match="channels incompatible"):
        transformer.set_mean("data", np.zeros((1, 10, 12)))
    transformer.set_mean("data", np.arange(3 * 20 * 24.0).reshape(3, 20, 24))
    assert transformer.mean["data"].shape == (3, 10, 12)


def test_arrays_go_into_messages_and_back():
    array = np.random.default_rng(0).random((2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(io.blobproto_to_array(io.array_to_blobproto(array)), array)
    both = io.array_to_blobproto(array, 2 * array)
    np.testing.assert_array_equal(io.blobproto_to_array(both, return_diff=True), 2 * array)
    (back,) = io.blobprotovector_str_to_arraylist(io.arraylist_to_blobprotovector_str([array]))
    np.testing.assert_array_equal(back, array)
    datum = io.array_to_datum(array, 7)
    assert datum.label == 7
    np.testing.assert_allclose(io.datum_to_array(datum), array)
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(io.datum_to_array(io.array_to_datum(pixels)), pixels)
    with pytest.raises(ValueError, match="three axes"):
        io.array_to_datum(pixels[0])
