"""Pairs of an image and a map of its pixels, as edge detectors are trained with."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from brewbench.engine import TEST, TRAIN, DefinitionError, Net, check
from brewbench.proto import Document

LAYER = """
layer {{ name: "data" type: "ImageLabelmapData" top: "data" top: "edges"
  image_data_param {{ source: "{source}" root_folder: "{root}/" batch_size: {batch} {more} }}
  transform_param {{ {transform} }} }}
"""


@pytest.fixture
def pairs(tmp_path):
    """Three images (12 x 10), each with a map that marks where it is bright."""
    chance, names = np.random.RandomState(0), []
    for index in range(3):
        grey = chance.randint(0, 256, (12, 10)).astype(np.uint8)
        Image.fromarray(np.stack([grey] * 3, axis=2)).save(tmp_path / f"image{index}.png")
        Image.fromarray(grey).save(tmp_path / f"map{index}.png")
        names.append(f"image{index}.png map{index}.png")
    (tmp_path / "list.txt").write_text("\n".join(names))
    return tmp_path


def text(pairs, batch=2, more="", transform=""):
    source, root = (pairs / "list.txt").as_posix(), pairs.as_posix()
    return Document.parse(LAYER.format(source=source, root=root, batch=batch, more=more, transform=transform))


@pytest.mark.parametrize("phase", [TRAIN, TEST])
def test_maps_are_cropped_along_with_their_images_and_mirrored(pairs, phase):
    net = Net(text(pairs, 3, "shuffle: true", "crop_size: 7 mirror: true"), phase, seed=3)
    seen = set()
    for _ in range(6):
        net.forward()
        images, edges = net.blobs["data"].data, net.blobs["edges"].data
        assert images.shape == (3, 3, 7, 7)
        assert edges.shape == (3, 1, 7, 7)
        np.testing.assert_array_equal(edges[:, 0], images[:, 0] >= 128)
        seen.add(images.tobytes())
    assert len(seen) > 1
    net.close()


def test_images_of_other_sizes_follow_with_their_maps_in_batches_of_one(pairs):
    Image.new("L", (5, 4), 200).save(pairs / "image1.png")
    Image.new("L", (5, 4), 200).save(pairs / "map1.png")
    net = Net(text(pairs, 1), TRAIN)
    shapes = []
    for _ in range(3):
        net.forward()
        shapes.append((net.blobs["data"].shape, net.blobs["edges"].shape))
    assert shapes[0] == shapes[2] == ((1, 3, 12, 10), (1, 1, 12, 10))
    assert shapes[1] == ((1, 3, 4, 5), (1, 1, 4, 5))
    assert net.blobs["data"].shape == (1, 3, 12, 10)
    net.close()


def test_a_map_of_another_size_is_named(pairs):
    Image.new("L", (5, 4)).save(pairs / "map1.png")
    net = Net(text(pairs), TRAIN)
    with pytest.raises(DefinitionError, match=r"image 1 of the list .* its map is \(4, 5\), the image \(12, 10\)"):
        net.forward()
    net.close()


def test_a_line_without_a_map_is_named(pairs):
    (pairs / "list.txt").write_text("image0.png map0.png\nimage1.png\n")
    (found,) = check(text(pairs)).diagnostics
    assert found.field == "image_data_param.source"
    assert "list.txt:2: expected the names of an image and of its map; got 'image1.png'" in found.message


def test_a_missing_map_is_found_by_a_check(pairs):
    (pairs / "map0.png").unlink()
    (found,) = check(text(pairs)).diagnostics
    assert "map0.png" in found.message


def test_shapes_are_told_without_the_list(tmp_path):
    report = check(text(tmp_path, 4, "new_height: 20 new_width: 30"))
    assert report.layers[0].top_shapes == ((4, 3, 20, 30), (4, 1, 20, 30))
    assert [one.severity for one in report.diagnostics] == ["warning"]


def test_what_would_not_change_the_maps_along_is_refused(pairs):
    (found,) = check(text(pairs, transform="noise_param { inverse: true }")).diagnostics
    assert found.field == "transform_param.noise_param"
