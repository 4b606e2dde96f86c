"""`brewbench classify` and `detect`, against what pycaffe's Classifier and Detector scored."""

import csv
import io
import os
import pickle
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from PIL import Image

from brewbench import caffe
from brewbench.proto.messages import BlobProto
from brewbench.workbench.cli import main

GOLDEN = Path(__file__).parents[2] / "golden"
CLASSIFY = np.load(GOLDEN / "pycaffe" / "classify.npz")
FILES = ["--model_def", "net.prototxt", "--pretrained_model=weights.caffemodel"]
NET = [*FILES, "--raw_scale", "2", "--mean_file="]
SETTINGS = [*NET, "--images_dim", "12,14", "--mean_file", "mean.npy", "--input_scale", "1.5"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory, with pycaffe's net, weights, images and mean."""
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(str(CLASSIFY["prototxt"]))
    net = caffe.Net("net.prototxt", caffe.TEST)
    for layer in ("c", "ip"):
        for index in (0, 1):
            net.params[layer][index].data[...] = CLASSIFY[f"param/{layer}/{index}"]
    net.save("weights.caffemodel")
    np.save("mean.npy", np.array([0.4, 0.5, 0.6]))
    shutil.copy(GOLDEN / "pycaffe" / "detector_image.png", "image.png")
    return tmp_path


@pytest.mark.parametrize(("words", "wanted"), [([], "predict_oversample"), (["--center_only"], "predict_center")])
def test_images_of_an_array_are_scored_as_pycaffe_scores_them(here, call, words, wanted):
    for index in (0, 1):
        np.save("images.npy", CLASSIFY[f"image/{index}"])
        status, out, err = call("classify", "images.npy", "scores.npy", *SETTINGS, *words)
        assert (status, err) == (0, "")
        np.testing.assert_allclose(np.load("scores.npy"), CLASSIFY[wanted][index : index + 1].reshape(1, -1), atol=1e-5)
    said = re.sub(r"[\d.]+ s\.", "0 s.", out).splitlines()
    assert said == [
        "CPU mode",
        "Loading file: images.npy",
        "Classifying 1 inputs.",
        "Done in 0 s.",
        "Saving results into scores.npy",
    ]


@pytest.fixture
def folder(here):
    """A folder of 25 images, one more of another ending; and their scores, by pycaffe's interface."""
    Path("images").mkdir()
    random = np.random.default_rng(3)
    for index in range(25):
        pixels = random.integers(0, 255, (11 + index % 3, 12, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(f"images/{index:02}.png")
    Image.new("RGB", (9, 9)).save("images/other.bmp")
    classifier = caffe.Classifier("net.prototxt", "weights.caffemodel", (12, 14), raw_scale=2, channel_swap=(2, 1, 0))
    names = sorted(str(path) for path in Path("images").glob("*.png"))
    return names, classifier.predict([caffe.io.load_image(name) for name in names])


def test_a_folder_is_scored_and_written_in_every_format(folder, call):
    names, wanted = folder
    for name in ("scores", "scores.csv", "scores.h5"):
        status, out, _ = call("classify", "images", name, *NET, "--images_dim=12,14", "--ext", "png")
        assert status == 0 and "Loading folder: images\nClassifying 25 inputs.\n" in out
    np.testing.assert_allclose(np.load("scores.npy"), wanted, atol=1e-5)
    with open("scores.csv", newline="") as file:
        head, *lines = csv.reader(file)
    assert head == ["filename", *(f"class{index}" for index in range(wanted.shape[1]))]
    assert [line[0] for line in lines] == names
    np.testing.assert_allclose([[float(value) for value in line[1:]] for line in lines], wanted, atol=1e-5)
    with h5py.File("scores.h5") as file:
        assert [name.decode() for name in file["filename"][:]] == names
        np.testing.assert_allclose(file["prediction"][:], wanted, atol=1e-5)


def test_one_file_and_a_mean_of_caffes(folder, call):
    names, _ = folder
    mean = BlobProto(num=1, channels=3, height=1, width=2, data=[0.2, 0.6, 1, 2, 0.7, 0.7])
    Path("mean.binaryproto").write_bytes(mean.SerializeToString())
    np.save("mean.npy", np.array([0.4, 1.5, 0.7], np.float32))
    np.save("image_mean.npy", np.array([[[0.2, 0.6]], [[1, 2]], [[0.7, 0.7]]], np.float32))
    for index, file in enumerate(("mean.binaryproto", "image_mean.npy", "", "mean.npy")):
        words = [names[0], f"{index}.npy", *NET, "-images_dim=12,14", f"-mean_file={file}", "-channel_swap="]
        assert call("classify", *words)[0] == 0
    scores = [np.load(f"{index}.npy") for index in range(4)]
    np.testing.assert_array_equal(scores[0], scores[1])
    classifier = caffe.Classifier("net.prototxt", "weights.caffemodel", (12, 14), raw_scale=2)
    image = [caffe.io.load_image(names[0])]
    np.testing.assert_allclose(scores[2], classifier.predict(image), atol=1e-5)
    classifier.transformer.set_mean("data", np.load("mean.npy"))
    np.testing.assert_allclose(scores[3], classifier.predict(image), atol=1e-5)
    classifier.transformer.set_mean("data", np.load("image_mean.npy"))
    np.testing.assert_allclose(scores[0], classifier.predict(image), atol=1e-5)
    assert len({tuple(np.ravel(one).round(4)) for one in scores}) == 3
    del classifier.transformer.mean["data"]
    assert call("classify", names[0], "255.npy", *FILES, "-images_dim=12,14", "-nocenter_only", "-mean_file=")[0] == 0
    classifier.transformer.set_raw_scale("data", 255)
    classifier.transformer.set_channel_swap("data", (2, 1, 0))
    np.testing.assert_allclose(np.load("255.npy"), classifier.predict([caffe.io.load_image(names[0])]), atol=1e-5)


def imagenet_mean():
    """The mean that pycaffe has beside its modules."""
    return np.load(Path(caffe.__file__).parent / "imagenet" / "ilsvrc_2012_mean.npy")


def test_the_mean_of_imagenet_is_where_pycaffe_has_it():
    mean = imagenet_mean()
    assert (mean.shape, mean.dtype) == ((3, 256, 256), np.float64)
    np.testing.assert_allclose(mean.mean((1, 2)), [104.00698793, 116.66876762, 122.67891434])


def test_without_a_mean_file_imagenets_mean_is_subtracted(windows, call):
    assert call("classify", "image.png", "scores.npy", *FILES, "--images_dim=12,14")[0] == 0
    settings = {"raw_scale": 255, "channel_swap": (2, 1, 0)}
    files = "net.prototxt", "weights.caffemodel"
    classifier = caffe.Classifier(*files, (12, 14), mean=imagenet_mean(), **settings)
    np.testing.assert_allclose(np.load("scores.npy"), classifier.predict([caffe.io.load_image("image.png")]), rtol=1e-4)
    assert call("detect", "windows.csv", "found.npy", *FILES, "--context_pad=2")[0] == 0
    detector = caffe.Detector(*files, mean=imagenet_mean().mean(1).mean(1), context_pad=2, **settings)
    found = detector.detect_windows([("image.png", windows)])
    np.testing.assert_allclose(np.load("found.npy"), [one["prediction"] for one in found], rtol=1e-4)


def test_grey_nets_get_grey_images(here, call):
    text = Path("net.prototxt").read_text()
    grey = re.sub(r"dim: ?3", "dim: 1", text, count=1)
    assert grey != text
    Path("net.prototxt").write_text(grey)
    caffe.Net("net.prototxt", caffe.TEST).save("weights.caffemodel")
    assert call("classify", "image.png", "scores.npy", *FILES, "--images_dim=12,14")[0] == 0
    assert np.load("scores.npy").ndim == 2
    status, _, err = call("classify", "image.png", "scores.npy", *FILES, "--mean_file=mean.npy", "--images_dim=12,14")
    assert status == 1 and "-mean_file mean.npy: has 3 channels, the net's input 1" in err


def test_a_terminal_sees_how_far_it_is(folder, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(["classify", "images", "a.npy", *NET, "--images_dim=12,14", "-ext=.png"]) == 0
    assert re.search(r"\d+/25 \[.* images/s\]", stderr.getvalue())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.png", "a.npy", *NET], "gone.png: there is no such file"),
        (["net.prototxt", "a.npy", *NET], "cannot identify image file"),
        (["mean.npy", "a.npy", *NET, "--mean_file=net.prototxt"], "net.prototxt"),
        (["image.png", "a.npy", *NET, "--mean_file=no.npy"], "no.npy: No such file"),
        (["image.png", "a.png", *NET], "a.png: scores are written to .npy, .csv, .h5"),
        (["image.png", "no/a.npy", *NET], "there is no folder"),
        (["image.png", "a.npy", *NET, "--images_dim=3,3"], "-images_dim 3,3 is smaller than the net's input"),
        (["image.png", "a.npy", *NET, "--images_dim=3"], "argument -images_dim: must be a height and a width; got 3"),
        (["image.png", "a.npy", *NET, "--channel_swap=0,1,1"], "must name each of the net's 3 channels once; got"),
        (["image.png", "a.npy", *NET, "--channel_swap=b,g,r"], "argument -channel_swap: must be whole numbers"),
        ([".", "a.npy", *NET], "holds no file that ends in .jpg"),
        (["image.png", "a.npy", "--model_def=net.prototxt"], "the following arguments are required: -pretrained_model"),
        (["net.prototxt.npy", "a.npy", *NET], "net.prototxt.npy: No such file"),
    ],
)
def test_what_cannot_be_classified_is_told_and_nothing_is_written(here, call, words, message):
    before = sorted(os.listdir())
    status, _, err = call("classify", *words)
    assert status == 1 and err.count("\n") == 1
    assert err.startswith("brewbench classify: ") and message in err and "an error in Brewbench" not in err
    assert sorted(os.listdir()) == before


@pytest.fixture
def windows(here):
    """windows.csv, and the windows in it: (ymin, xmin, ymax, xmax)."""
    lines = ["filename, xmin, ymin, xmax, ymax"]
    lines += ["image.png,{1},{0},{3},{2}".format(*window) for window in CLASSIFY["detector_windows"].tolist()]
    Path("windows.csv").write_text("\n".join(lines) + "\n")
    return CLASSIFY["detector_windows"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--context_pad=0"], "detector_pred_nocontext"),
        (["--context_pad=2", "--mean_file=mean.npy", "--crop_mode=list"], "detector_pred"),
        (["--context_pad=2", "--mean_file=image_mean.npy"], "detector_pred"),
    ],
)
def test_windows_are_scored_as_pycaffe_scores_them(windows, call, words, wanted):
    np.save("image_mean.npy", np.load("mean.npy")[:, None, None] + np.array([[-0.1, 0.2, -0.1]]))
    for name in ("found.csv", "found.h5", "found.npy"):
        status, out, err = call("detect", "windows.csv", name, *NET, "--raw_scale=1", "--channel_swap=", *words)
        assert (status, err) == (0, "")
        assert re.search(rf"(?m)^Processed {len(windows)} windows in [\d.]+ s\.\nSaved to {name} in [\d.]+ s\.$", out)
    scores = CLASSIFY[wanted].reshape(len(windows), -1)
    np.testing.assert_allclose(np.load("found.npy"), scores, atol=1e-5)
    with h5py.File("found.h5") as file:
        np.testing.assert_array_equal(file["window"][:], windows)
        np.testing.assert_allclose(file["prediction"][:], scores, atol=1e-5)
        assert {name.decode() for name in file["filename"][:]} == {"image.png"}
    with open("found.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0])[:6] == ["filename", "ymin", "xmin", "ymax", "xmax", "class0"]
    found = [[float(line[name]) for name in ("ymin", "xmin", "ymax", "xmax")] for line in lines]
    np.testing.assert_array_equal(found, windows)
    np.testing.assert_allclose([float(line["class1"]) for line in lines], scores[:, 1], atol=1e-5)


@pytest.mark.parametrize(
    ("lines", "words", "message"),
    [
        ("filename,xmin,ymin,xmax\n", [], "windows.csv:1: expected filename, xmin, ymin, xmax, ymax; no ymax"),
        ("filename,xmin,ymin,xmax,ymax\n", [], "windows.csv: lists no window"),
        ("filename,xmin,ymin,xmax,ymax\nimage.png,1,1,x,3\n", [], "windows.csv:2: expected four numbers"),
        ("filename,xmin,ymin,xmax,ymax\nimage.png,1,1,3\n", [], "windows.csv:2: expected four numbers"),
        ("filename,xmin,ymin,xmax,ymax\nimage.png,4,1,3,3\n", [], "windows.csv:2: the window is empty"),
        ("filename,xmin,ymin,xmax,ymax\ngone.png,1,1,3,3\n", ["--context_pad=2"], "gone.png"),
        ("filename,xmin,ymin,xmax,ymax\nimage.png,1,1,3,3\n", ["--context_pad=50"], "-context_pad 50 leaves nothing"),
        ("image.png\n", ["--crop_mode=selective_search"], "selective_search takes a .txt file with an image in each"),
    ],
)
def test_windows_that_cannot_be_scored_are_told(here, call, lines, words, message):
    Path("windows.csv").write_text(lines)
    status, _, err = call("detect", "windows.csv", "found.csv", *NET, "--context_pad=0", *words)
    assert status == 1 and err.count("\n") == 1 and message in err and "an error in Brewbench" not in err
    assert not Path("found.csv").exists()


def test_windows_are_searched_for_where_the_program_is_installed(windows, call, monkeypatch):
    Path("images.txt").write_text("image.png\n")
    words = ["detect", "images.txt", "found.npy", *NET, "--context_pad=0"]
    status, _, err = call(*words)
    assert status == 1 and err.count("\n") == 1 and "selective search is a MATLAB program" in err
    module = SimpleNamespace(get_windows=lambda names, cmd: [windows for _ in names])
    monkeypatch.setitem(sys.modules, "selective_search_ijcv_with_python", module)
    assert call(*words, "--crop_mode=selective_search")[0] == 0
    searched = np.load("found.npy")
    assert call("detect", "windows.csv", "found.npy", *NET, "--context_pad=0")[0] == 0
    np.testing.assert_array_equal(searched, np.load("found.npy"))
    assert call(*words, "--crop_mode=list")[0] == 1
    assert "INPUT is a .csv file of windows or a .txt file" in call("detect", "image.png", *words[2:])[2]


def test_a_frame_of_windows_is_what_pandas_reads(windows, call):
    assert call("detect", "windows.csv", "found.h5", *NET, "--context_pad=0")[0] == 0
    with h5py.File("found.h5") as file:
        scores = file["prediction"][:]
        frame = file["df"]
        assert file.attrs["PYTABLES_FORMAT_VERSION"] == b"2.1"
        assert (frame.attrs["pandas_type"], frame.attrs["nblocks"]) == (b"frame", 2)
        assert {node.attrs["CLASS"] for node in frame.values()} == {b"ARRAY", b"VLARRAY"}
        assert frame["axis0"][:].tolist() == [b"prediction", b"ymin", b"xmin", b"ymax", b"xmax"]
        assert frame["axis1"].attrs["name"] == b"filename"
        assert frame["block0_values"].dtype == np.int64
        np.testing.assert_array_equal(frame["block0_values"][:], windows)
        cells = pickle.loads(frame["block1_values"][0].tobytes())
    assert (cells.shape, cells.dtype) == ((len(windows), 1), object)
    np.testing.assert_array_equal(np.stack(cells[:, 0]), scores)


def test_pandas_reads_the_frame_of_windows(windows, call):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    assert call("detect", "windows.csv", "found.h5", *NET, "--context_pad=0")[0] == 0
    frame = pandas.read_hdf("found.h5", "df")
    assert list(frame.columns) == ["prediction", "ymin", "xmin", "ymax", "xmax"]
    assert frame.index.name == "filename" and set(frame.index) == {"image.png"}
    np.testing.assert_array_equal(frame[["ymin", "xmin", "ymax", "xmax"]], windows)
    with h5py.File("found.h5") as file:
        np.testing.assert_array_equal(np.vstack(frame.prediction.values), file["prediction"][:])
