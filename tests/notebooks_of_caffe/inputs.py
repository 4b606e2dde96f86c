"""The inputs that Caffe's notebooks download, made where they are missing: what the project ships, or made up."""

import gzip
import shutil
import stat
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
DOWNLOADS = (
    "data/mnist/get_mnist.sh", "data/ilsvrc12/get_ilsvrc_aux.sh", "scripts/download_model_binary.py",
    "examples/finetune_flickr_style/assemble_data.py",
)  # fmt: skip
WEIGHTS = {
    "models/bvlc_reference_caffenet/bvlc_reference_caffenet.caffemodel": "deploy.prototxt",
    "models/bvlc_reference_rcnn_ilsvrc13/bvlc_reference_rcnn_ilsvrc13.caffemodel": "deploy.prototxt",
    "examples/siamese/mnist_siamese_iter_50000.caffemodel": "mnist_siamese.prototxt",
}
SHRINK = 0.6  # a layer's output to its input, so that features are as small as those of trained nets
STYLES, PASCAL = ("Detailed", "Pastel", "Melancholy", "Noir", "HDR"), ("bicycle", "cat", "person", "train")
_SHIM = "#!/bin/sh\n# the data are there\n"


def make_missing(root):
    """Make what a checkout of Caffe lacks; returns the names of the files."""
    made = []
    for make in (_downloads, _mnist, _ilsvrc, _mean, _style, _pascal, _weights):
        made += make(root)
    return made


def _downloads(root):
    """Let the scripts that download find that all is there."""
    for name in DOWNLOADS:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("pass\n" if name.endswith("assemble_data.py") else _SHIM)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return []


def _mnist(root):
    made = []
    for packed in sorted((REPOSITORY / "notebooks" / "data" / "mnist").glob("*.gz")):
        path = root / "data" / "mnist" / packed.stem
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.decompress(packed.read_bytes()))
            made.append(f"data/mnist/{path.name}")
    return made


def _ilsvrc(root):
    named = {0: "person", 1: "bicycle"}
    texts = {
        "synset_words.txt": [f"n{number:08} thing {number}" for number in range(1000)],
        "det_synset_words.txt": [f"n{number:08} {named.get(number, f'thing {number}')}" for number in range(200)],
    }
    return [name for file, lines in texts.items() if (name := _write(root, f"data/ilsvrc12/{file}", lines))]


def _write(root, name, lines):
    """Write a text unless it is there; the name where it was written."""
    path = root / name
    if path.exists():
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return name


def _mean(root):
    from brewbench import caffe

    made = []
    npy = Path(caffe.__file__).parent / "imagenet" / "ilsvrc_2012_mean.npy"
    names = "python/caffe/imagenet/ilsvrc_2012_mean.npy", "data/ilsvrc12/imagenet_mean.binaryproto"
    for name in names:
        path = root / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("npy"):
            shutil.copy(npy, path)
        else:
            path.write_bytes(caffe.io.array_to_blobproto(np.load(npy)[np.newaxis]).SerializeToString())
        made.append(name)
    return made


def _picture(rng, shape):
    """A smooth picture of random colours: uint8, (H, W, 3)."""
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)


def _style(root):
    made = [_write(root, "examples/finetune_flickr_style/style_names.txt", STYLES)]
    rng = np.random.default_rng(0)
    for part in ("train", "test"):
        lines = []
        for number in range(60):
            path = root / "data" / "flickr_style" / "images" / f"{part}_{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not (root / "data" / "flickr_style" / f"{part}.txt").exists():
                _picture(rng, (240, 320)).save(path)
            lines.append(f"{path} {number % len(STYLES)}")
        made.append(_write(root, f"data/flickr_style/{part}.txt", lines))
    return [name for name in made if name]


def _pascal(root):
    voc = root / "data" / "pascal" / "VOC2012"
    if voc.exists():
        return []
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (voc / name).mkdir(parents=True)
    rng = np.random.default_rng(1)
    for part in ("train", "val"):
        names = [f"{part}_{number}" for number in range(40)]
        for name in names:
            _picture(rng, (240, 320)).save(voc / "JPEGImages" / f"{name}.jpg")
            corners = "<xmin>10</xmin><ymin>20</ymin><xmax>100</xmax><ymax>90</ymax>"
            things = rng.choice(PASCAL, rng.integers(1, 3), replace=False)
            objects = "".join(f"<object><name>{one}</name><bndbox>{corners}</bndbox></object>" for one in things)
            (voc / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")
        (voc / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names) + "\n")
    return ["data/pascal/VOC2012"]


def _weights(root):
    """Random weights of a sensible size for nets whose trained ones are not there."""
    from brewbench import caffe

    made = []
    for name, text in WEIGHTS.items():
        path = root / name
        if path.exists() or not (path.parent / text).exists():
            continue
        rng = np.random.default_rng(2)
        net = caffe.Net(str(path.parent / text), caffe.TEST)
        for blobs in net.params.values():
            for blob in blobs:
                fan_in = max(blob.count // blob.shape[0], 1) if len(blob.shape) > 1 else 100.0
                blob.data[...] = SHRINK * rng.standard_normal(blob.shape, np.float32) / np.sqrt(fan_in)
        net.save(str(path))
        made.append(name)
    return made
