"""A check reads the headers of files: no pixel, no mean, and of long lists the beginning alone."""

from __future__ import annotations

import os
from io import BytesIO

import h5py
import numpy as np
import pytest
from PIL import Image, ImageFile

from brewbench.engine import TRAIN, DefinitionError, Net, check
from brewbench.engine.data.database import write_lmdb
from brewbench.engine.files import write_blob
from brewbench.engine.stored import Stored
from brewbench.proto import Document
from brewbench.proto.messages import Datum

LONG = 400_000  # characters of a list that is not read to its end


def errors(text: str) -> list:
    report = check(Document.parse(f'layer {{ name: "data" top: "data" {text} }}'), TRAIN)
    return [found for found in report.diagnostics if found.severity == "error"]


def shape(text: str) -> tuple[int, ...] | None:
    assert errors(text) == []
    return check(Document.parse(f'layer {{ name: "data" top: "data" {text} }}'), TRAIN).blobs["data"]


@pytest.fixture
def nothing_decoded(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """A folder with an image, its encoded Datum in a database, and a mean image of its shape."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (50, 40)).save("image.png")
    file = BytesIO()
    Image.new("L", (30, 20)).save(file, "JPEG")
    write_lmdb("lmdb", [(b"0", Datum(encoded=True, data=file.getvalue()).SerializeToString())])
    write_blob("mean.binaryproto", np.zeros((3, 40, 50), np.float32))
    with h5py.File("rows.h5", "w") as rows:
        rows["data"] = np.zeros((7, 3))


def test_images_are_neither_decoded_nor_resized(nothing_decoded):
    with open("list", "w") as file:
        file.write("image.png 0\n")
    text = 'type: "ImageData" top: "label" image_data_param { source: "list" batch_size: 2 '
    assert shape(text + "}") == (2, 3, 40, 50)
    assert shape(text + "new_height: 9000 new_width: 8000 }") == (2, 3, 9000, 8000)
    assert shape('type: "Data" data_param { source: "lmdb" backend: LMDB batch_size: 3 }') == (3, 1, 20, 30)


def test_a_mean_stays_in_its_file(monkeypatch, nothing_decoded):
    with open("list", "w") as file:
        file.write("image.png 0\n")
    monkeypatch.setattr(Stored, "__array__", None)
    text = 'type: "ImageData" top: "label" image_data_param { source: "list" batch_size: 2 }'
    text += 'transform_param { mean_file: "mean.binaryproto" crop_size: '
    assert shape(text + "30 }") == (2, 3, 30, 30)
    assert errors(text + "41 }")[0].field == "transform_param.crop_size"
    write_blob("mean.binaryproto", np.zeros((3, 40, 51), np.float32))
    assert errors(text + "30 }")[0].field == "transform_param.mean_file"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("image.png 0", 'type: "ImageData" top: "label" image_data_param { source: "list" batch_size: 1 }'),
        ("rows.h5", 'type: "HDF5Data" hdf5_data_param { source: "list" batch_size: 1 }'),
        (
            "# 0 image.png 3 40 50 2\n1 0.9 1 1 9 9\n0 0.1 1 1 9 9",
            'type: "WindowData" top: "label" window_data_param { source: "list" batch_size: 4 }'
            " transform_param { crop_size: 8 }",
        ),
    ],
    ids=["images", "hdf5", "windows"],
)
def test_of_a_long_list_the_beginning_is_read(line, text):
    lines = f"{line}\n" * (LONG // len(line))
    with open("list", "w") as file:
        file.write(lines + "what is no line of it")
    assert errors(text) == []
    with pytest.raises(DefinitionError) as caught:
        Net(Document.parse(f'layer {{ name: "data" top: "data" {text} }}'), TRAIN)
    assert caught.value.field.endswith("source")
    with open("list", "w") as file:
        file.write("what is no line of it\n" + lines)
    assert errors(text)[0].field.endswith("source")


def test_one_image_with_more_windows_than_are_looked_at():
    with open("list", "w") as file:
        file.write(f"# 0 image.png 3 40 50 {LONG // 10}\n" + "1 0.9 1 1 9 9\n" * (LONG // 10))
    text = 'type: "WindowData" top: "label" window_data_param { source: "list" batch_size: 4 }'
    assert shape(text + "transform_param { crop_size: 8 }") == (4, 3, 8, 8)


@pytest.mark.parametrize("type", ["ImageData", "WindowData", "HDF5Data", "Data"])
def test_what_stands_where_another_kind_of_file_is_expected(type):
    np.save("array.npy", np.zeros(3))
    os.mkdir("folder")
    with open("list", "w") as file:
        file.write("rows.h5 0\n")
    with open("utf16", "w", encoding="utf-16") as file:
        file.write("image.png 0\n")
    field = {"ImageData": "image_data", "WindowData": "window_data", "HDF5Data": "hdf5_data", "Data": "data"}[type]
    kinds = {"rows.h5": "an HDF5 file", "image.png": "an image", "array.npy": "a NumPy array", "folder": "folder"}
    kinds |= {"utf16": "a text in UTF-16"} | ({"list": "a text file"} if type == "Data" else {"lmdb": "a database"})
    for name, kind in kinds.items():
        label = "" if type == "HDF5Data" else 'top: "label"'
        text = f'type: "{type}" {label} {field}_param {{ source: "{name}" batch_size: 1 }} '
        (found,) = errors(text + ("transform_param { crop_size: 8 }" if type == "WindowData" else ""))
        assert found.field == f"{field}_param.source" and kind in found.message and "\n" not in found.message
        assert name in found.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for():
    os.mkfifo("pipe")
    (found,) = errors('type: "HDF5Data" hdf5_data_param { source: "pipe" batch_size: 1 }')
    assert "'pipe' is a pipe or a device" in found.message
