"""WindowData: what is drawn, what is cut out, and what cannot be."""

from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import files
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.data.images import encode_image, resize
from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import layer_class
from brewbench.proto.messages import LayerParameter

DRAW = np.random.default_rng(0)
IMAGES = [DRAW.integers(0, 256, (3, 20, 30), np.uint8), DRAW.integers(0, 256, (3, 25, 16), np.uint8)]
OBJECTS = [(0, 4, (3, 2, 12, 15)), (1, 7, (0, 0, 15, 24))]  # image, label, box
GROUND = [(0, (20, 10, 29, 19)), (1, (2, 2, 5, 9)), (1, (5, 5, 5, 5))]


@pytest.fixture
def folder(tmp_path) -> Path:
    lines = []
    for number, image in enumerate(IMAGES):
        name = f"image{number}.png"
        (tmp_path / name).write_bytes(encode_image(image, "png"))
        boxes = [f"{label} 0.8 {' '.join(map(str, box))}" for where, label, box in OBJECTS if where == number]
        boxes += [f"3 0.2 {' '.join(map(str, box))}" for where, box in GROUND if where == number]
        boxes += ["5 0.45 0 0 3 3"]  # neither
        lines += [f"# {number}", name, *map(str, image.shape), str(len(boxes)), *boxes]
    (tmp_path / "windows.txt").write_text("\n".join(lines))
    return tmp_path


class Source:
    """A WindowData layer with its tops."""

    def __init__(
        self,
        root: Path,
        settings: str = "",
        transform: str = "crop_size: 8",
        phase: int = 0,
        number: int = 0,
        **context,
    ):
        text = f"""name: "source" type: "WindowData" top: "data" top: "label" transform_param {{ {transform} }}
            window_data_param {{ source: "windows.txt" {settings} }}"""
        param = text_format.Parse(text, LayerParameter())
        for field, value in (("batch_size", 8), ("bg_threshold", 0.4)):
            if not param.window_data_param.HasField(field):
                setattr(param.window_data_param, field, value)
        self.layer = layer_class(param.type)(param, Context(phase=phase, root=root, seed=3, **context))
        self.layer.number = number
        self.tops = [Blob(), Blob()]
        self.layer.setup([], self.tops)
        self.layer.reshape([], self.tops)

    def batches(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of so many batches, one behind the other."""
        found = []
        for _ in range(count):
            self.layer.forward([], self.tops)
            found.append([blob.data.copy() for blob in self.tops])
        self.layer.close()
        images, labels = zip(*found, strict=True)
        return np.concatenate(images), np.concatenate(labels)


def cut(image: np.ndarray, box: tuple[int, ...]) -> np.ndarray:
    """A box warped to 8 x 8."""
    x1, y1, x2, y2 = box
    return resize(image[:, y1 : y2 + 1, x1 : x2 + 1], 8, 8).astype(np.float32)


def which(image: np.ndarray, among: list[np.ndarray]) -> int:
    (found,) = [index for index, one in enumerate(among) if np.array_equal(one, image)]
    return found


def test_a_batch_is_background_and_then_objects(folder):
    images, labels = Source(folder).batches(12)
    objects = [cut(IMAGES[where], box) for where, _, box in OBJECTS]
    ground = [cut(IMAGES[where], box) for where, box in GROUND]
    seen = set()
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        if index % 8 < 6:
            assert label == 0
            seen.add(("ground", which(image, ground)))
        else:
            number = which(image, objects)
            assert label == OBJECTS[number][1]
            seen.add(("object", number))
    assert len(seen) == len(objects) + len(ground)


@pytest.mark.parametrize("names", [("a b.png", "image1.png"), ("x 1  2.png", "# 3 4.png"), ("of 3 4 5 6", "é\t1.png")])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_names_of_images_may_have_blanks(folder, names, newline):
    expected = Source(folder).batches(3)
    text = (folder / "windows.txt").read_text()
    for number, name in enumerate(names):
        (folder / f"image{number}.png").rename(folder / name)
        text = text.replace(f"image{number}.png", name)
    (folder / "windows.txt").write_text(text, newline=newline)
    for one, other in zip(Source(folder).batches(3), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    if names[0] == "of 3 4 5 6":  # on one line with the numbers behind it, nobody can tell
        return
    heads = text.replace("# 0\n", "# 0 ").replace("# 1\n", "# 1 ").replace("\n3\n", " 3 ")  # all on one line
    (folder / "windows.txt").write_text(heads)
    for one, other in zip(Source(folder).batches(3), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_mirror_mean_and_scale(folder):
    objects = [cut(IMAGES[where], box) for where, _, box in OBJECTS]
    settings = "batch_size: 20 fg_fraction: 1 scale: 0.5"
    straight = [(one - np.float32([1, 2, 3])[:, None, None]) * np.float32(0.5) for one in objects]
    transform = "crop_size: 8 mirror: true scale: 7 mean_value: 1 mean_value: 2 mean_value: 3"
    images, _ = Source(folder, settings, transform).batches(1)
    turned = {which(image, straight + [one[:, :, ::-1] for one in straight]) // 2 for image in images}
    assert turned == {0, 1}


@pytest.mark.parametrize("height", [10, 9, 12])
def test_the_mean_image_is_cut_where_its_width_says(folder, height):
    objects = [cut(IMAGES[where], box) for where, _, box in OBJECTS]
    mean = np.arange(3 * height * 10, dtype=np.float32).reshape(1, 3, height, 10)
    files.write_blob(folder / "mean.binaryproto", mean)
    settings = "batch_size: 20 fg_fraction: 1"
    images, _ = Source(folder, settings, 'crop_size: 8 mean_file: "mean.binaryproto"').batches(1)
    for image in images:
        which(image, [one - mean[0, :, 1:9, 1:9] for one in objects])


def test_context_is_what_lies_around_and_zero_beyond(folder):
    """One pixel on each side of 8: the box 3 2 12 15, 10 x 14, becomes 6 x 6 in the middle."""
    write(folder, "3 2 12 15")
    images, _ = Source(folder, "context_pad: 1 batch_size: 1 fg_fraction: 1").batches(1)
    # centre 8, 9; half of 10 and 14 times 8 / 6 is 6.67 and 9.33: from 1, 0 to 15, 18
    np.testing.assert_array_equal(images[0], cut(IMAGES[0], (1, 0, 15, 18)))
    write(folder, "0 0 29 19")
    transform = "crop_size: 8 mean_value: 100"
    images, _ = Source(folder, "context_pad: 1 batch_size: 1 fg_fraction: 1", transform).batches(1)
    # centre 15, 10; from -5, -3 to 35, 23, of which -5 .. -1 and 30 .. 35, -3 .. -1 and 20 .. 23 are not there
    part = resize(IMAGES[0], round(20 * 8 / 27), round(30 * 8 / 41))
    expected = np.zeros((3, 8, 8), np.float32)
    expected[:, 1:7, 1:7] = part.astype(np.float32) - 100
    np.testing.assert_array_equal(images[0], expected)


def test_square_widens_the_shorter_side(folder):
    write(folder, "10 3 13 12")
    images, _ = Source(folder, 'crop_mode: "square" batch_size: 1 fg_fraction: 1').batches(1)
    # centre 12, 8, half of the longer side 5: from 7, 3 to 17, 13
    np.testing.assert_array_equal(images[0], cut(IMAGES[0], (7, 3, 17, 13)))


def test_mirrored_padding_is_on_the_other_side(folder):
    write(folder, "0 5 9 14")
    settings = 'crop_mode: "square" context_pad: 2 batch_size: 12 fg_fraction: 1'
    images, _ = Source(folder, settings, "crop_size: 8 mirror: true").batches(1)
    sides = {tuple((image == 0).all((0, 1))) for image in images}
    assert sides == {(True,) * 2 + (False,) * 6, (False,) * 6 + (True,) * 2}


def write(folder: Path, box: str) -> None:
    (folder / "windows.txt").write_text(f"# 0\nimage0.png\n3\n20\n30\n2\n2 1.0 {box}\n0 0 0 0 1 1\n")


def test_the_number_says_which_image_the_boxes_lie_in(folder):
    text = "# 1 image0.png 3 20 30 1 2 1.0 0 0 15 19 # 0 image1.png 3 25 16 1 0 0 0 0 3 3"
    (folder / "windows.txt").write_text(text)
    images, _ = Source(folder, "batch_size: 1 fg_fraction: 1").batches(1)
    np.testing.assert_array_equal(images[0], cut(IMAGES[1], (0, 0, 15, 19)))


def test_with_context_a_box_may_lie_partly_outside(folder):
    write(folder, "-4 -2 9 9")
    images, _ = Source(folder, "context_pad: 1 batch_size: 1 fg_fraction: 1").batches(1)
    # centre 3, 4; half of 14 and 12 times 8 / 6 is 9.33 and 8: from -6, -4 to 12, 12, of which 6 and 4 are not there
    part = resize(IMAGES[0][:, 0:13, 0:13], round(13 * 8 / 17), round(13 * 8 / 19))
    expected = np.zeros((3, 8, 8), np.float32)
    expected[:, 2:, 3:] = part[:, :, :5]
    assert part.shape == (3, 6, 5)
    np.testing.assert_array_equal(images[0], expected)
    write(folder, "100 100 109 109")
    with pytest.raises(DefinitionError, match="does not lie in an image of 20 x 30"):
        Source(folder, "context_pad: 1 fg_fraction: 1").batches(1)


def test_a_run_goes_on_from_any_position_and_kept_files_change_nothing(folder):
    images, labels = Source(folder, transform="crop_size: 8 mirror: true").batches(6)
    again = Source(folder, "cache_images: true", "crop_size: 8 mirror: true")
    again.layer.seek(16)
    found = again.batches(4)
    np.testing.assert_array_equal(found[0], images[16:])
    np.testing.assert_array_equal(found[1], labels[16:])
    assert again.layer.position == 48


def test_the_second_layer_of_a_name_draws_windows_of_its_own(folder):
    (first, _), (second, _) = (Source(folder, number=number).batches(6) for number in (0, 1))
    assert not np.array_equal(first, second)


def test_names_count_from_the_root_folder(folder):
    (folder / "deep").mkdir()
    for number in range(2):
        (folder / f"image{number}.png").rename(folder / "deep" / f"image{number}.png")
    with pytest.raises(DefinitionError, match="there is no image 'image0.png'"):
        Source(folder)
    assert Source(folder, 'root_folder: "deep/"').batches(1)[0].shape == (8, 3, 8, 8)


@pytest.mark.parametrize(
    ("settings", "transform", "field", "message"),
    [
        ("batch_size: 0", "crop_size: 8", "batch_size", "at least 1; got 0"),
        ("", "", "transform_param.crop_size", "at least 1; got 0"),
        ('crop_mode: "round"', "crop_size: 8", "crop_mode", "can be warp or square; got 'round'"),
        ("context_pad: 4", "crop_size: 8", "context_pad", "leaves nothing of crop_size 8"),
        ("fg_threshold: 0.9", "crop_size: 8", "fg_threshold", "no window shows an object"),
        ("bg_threshold: 0.1", "crop_size: 8", "bg_threshold", "no window is background"),
        ("fg_fraction: 1.2", "crop_size: 8", "fg_fraction", "must be from 0 to 1; got 1.2"),
        ("", "crop_size: 8 mean_value: 1 mean_value: 2", "transform_param.mean_value", "once or 3 times; got 2"),
        ("", 'crop_size: 8 mean_file: "mean"', "transform_param.mean_file", "room for crop_size 8; it is"),
    ],
)
def test_settings_that_cannot_be_are_errors_on_their_field(folder, settings, transform, field, message):
    files.write_blob(folder / "mean", np.zeros((1, 3, 7, 7), np.float32))
    with pytest.raises(DefinitionError, match=message) as caught:
        Source(folder, settings, transform)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no images"),
        ("image0.png 3 20 30", "image 0 is not described as it should be"),
        ("1 0 image0.png 3 20 30 1", "expected '#', found '1'"),
        ("# 0 image0.png 3 20 30 2 1 1.0 0 0 3 3", "the file ends too early"),
        ("# 0 image0.png 3 20 30 1 1 1.0 0 0 3 x", "could not convert string to float: 'x'"),
        ("# 0 image0.png 3 20 30 1 0 1.0 0 0 3 3", "must have a label of at least 1"),
        ("# 1 image0.png 3 20 30 1 1 1.0 0 0 3 3", "boxes lie in image 1; there are 1 images, counted from 0"),
        ("# x image0.png 3 20 30 1 1 1.0 0 0 3 3", "image 0 is not described as it should be"),
        ("# 0 gone.png 3 20 30 1 1 1.0 0 0 3 3", "there is no image 'gone.png'"),
    ],
)
def test_files_that_are_no_window_files_are_told(folder, text, message):
    (folder / "windows.txt").write_text(text)
    with pytest.raises(DefinitionError, match=message) as caught:
        Source(folder, "fg_fraction: 1")
    assert caught.value.field == "source"


def test_a_box_beyond_its_image_is_told_when_it_is_drawn(folder):
    write(folder, "25 5 30 9")
    with pytest.raises(DefinitionError, match="window 0 .*image0.png: the box 25 5 30 9 does not lie in an image of"):
        Source(folder, "fg_fraction: 1").batches(1)
