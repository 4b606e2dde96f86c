"""AnnotatedData: boxes go where the pixels go, and what is drawn keeps to what is asked of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net, check, get_solver
from brewbench.engine.blob import Blob
from brewbench.engine.context import Context
from brewbench.engine.data.database import write_lmdb
from brewbench.engine.data.datum import to_datum
from brewbench.engine.data.draws import Draws
from brewbench.engine.errors import DefinitionError
from brewbench.engine.layer import layer_class
from brewbench.engine.layers.fork._annotations import sampled
from brewbench.engine.layers.fork._boxes import coverage, overlap
from brewbench.proto import Document
from brewbench.proto.messages import AnnotatedDatum, BatchSampler, LayerParameter, NetParameter, SolverParameter

SAMPLERS = """annotated_data_param { batch_sampler { max_sample: 1 max_trials: 1 }
    batch_sampler { sampler { min_scale: 0.4 min_aspect_ratio: 0.5 max_aspect_ratio: 2 } max_sample: 1
        sample_constraint { min_jaccard_overlap: 0.2 } } } """
EXPANDED = "expand_param { prob: 0.7 max_expand_ratio: 3 } "
RESIZED = "resize_param { height: 60 width: 80 resize_mode: %s } "


def painted(size, box, *, value=255, label=2, channels=3):
    """A row with a dark image (height, width) and one bright box, its edges being whole numbers of pixels."""
    image = np.zeros((channels, *size), np.uint8)
    left, top, right, bottom = box
    image[:, top:bottom, left:right] = value
    row = AnnotatedDatum(datum=to_datum(image), type=AnnotatedDatum.BBOX)
    group = row.annotation_group.add(group_label=label)
    height, width = size
    bbox = {"xmin": left / width, "ymin": top / height, "xmax": right / width, "ymax": bottom / height}
    group.annotation.add(instance_id=7, bbox=bbox)
    return row


class Source:
    """An AnnotatedData layer with its tops, its rows in a database beside."""

    def __init__(self, folder, rows=(), *, size=2, text="", transform="", tops=2, phase=TRAIN, **context):
        if rows:
            pairs = [(f"{number:04}".encode(), row.SerializeToString()) for number, row in enumerate(rows)]
            write_lmdb(folder / "rows", pairs)
        tops = " ".join(f'top: "{one}"' for one in ("data", "label")[:tops])
        param = text_format.Parse(
            f'name: "source" type: "AnnotatedData" {tops} transform_param {{ {transform} }} {text}'
            f'data_param {{ source: "rows" batch_size: {size} backend: LMDB }}',
            LayerParameter(),
        )
        self.context = Context(phase=phase, root=folder, seed=context.pop("seed", 3), **context)
        self.layer = layer_class(param.type)(param, self.context)
        self.tops = [Blob((), self.context.dtype) for _ in param.top]
        self.layer.setup([], self.tops)
        self.layer.reshape([], self.tops)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.layer.close()

    def forward(self):
        self.layer.forward([], self.tops)
        return [blob.data.copy() for blob in self.tops]


def test_rows_come_as_they_are(tmp_path):
    """Items count in the batch, things go in the order of their groups, and an image without any adds none."""
    rows = [painted((4, 6), box) for box in ((1, 1, 3, 4), (0, 0, 2, 2), (2, 0, 3, 1))]
    group = rows[0].annotation_group.add(group_label=5)
    group.annotation.add(instance_id=1, bbox={"xmin": 0.5, "ymin": 0, "xmax": 1, "ymax": 0.5, "difficult": True})
    group.annotation.add(instance_id=2, bbox={"xmin": 0, "ymin": 0, "xmax": 0.5, "ymax": 0.5})
    del rows[1].annotation_group[:]
    with Source(tmp_path, rows, size=3, transform="mean_value: 2 scale: 0.5") as source:
        assert [top.shape for top in source.tops] == [(3, 3, 4, 6), (1, 1, 3, 8)]
        data, label = source.forward()
    assert data[0, :, 1, 1].tolist() == [126.5] * 3 and data[0, 0, 0, 0] == -1
    expected = [
        [0, 2, 7, 1 / 6, 1 / 4, 1 / 2, 1, 0],
        [0, 5, 1, 0.5, 0, 1, 0.5, 1],
        [0, 5, 2, 0, 0, 0.5, 0.5, 0],
        [2, 2, 7, 1 / 3, 0, 1 / 2, 1 / 4, 0],
    ]
    np.testing.assert_array_equal(label, np.array(expected, np.float32)[None, None])


def test_what_is_not_annotated(tmp_path):
    """Without a type labels are those of the Datums, with `anno_type` all rows count; nothing seen is a row of -1."""
    rows = [painted((4, 4), (1, 1, 3, 3)) for _ in range(2)]
    for number, row in enumerate(rows):
        row.ClearField("type")
        row.datum.label = 4 + number
    with Source(tmp_path, rows) as source:
        assert source.tops[1].shape == (2,) and source.forward()[1].tolist() == [4, 5]
    with Source(tmp_path, text="annotated_data_param { anno_type: BBOX } ") as source:
        assert source.forward()[1][0, 0, :, :3].tolist() == [[0, 2, 7], [1, 2, 7]]
    with Source(tmp_path, tops=1) as source:
        assert len(source.forward()) == 1
    (tmp_path / "bare").mkdir()
    bare = AnnotatedDatum(datum=rows[0].datum, type=AnnotatedDatum.BBOX)
    with Source(tmp_path / "bare", [bare], size=1) as source:
        assert source.tops[1].shape == (1, 1, 1, 8) and source.forward()[1].tolist() == [[[[-1] * 8]]]


def bright(image):
    """Left, upper, right and lower edge of what is bright in an image (C, H, W), in pixels."""
    down, across = np.nonzero(image[0] > 100)
    return np.array([across.min(), down.min(), across.max() + 1, down.max() + 1])


WAYS = {
    "crop": ("", "crop_size: 40 ", 0.01),
    "mirror": ("", "mirror: true ", 0.01),
    "part": (SAMPLERS, "", 2),
    "canvas": ("", EXPANDED + "crop_size: 50 ", 1.01),
    "warped": ("", RESIZED % "WARP", 1),
    "in a rim": ("", RESIZED % "FIT_LARGE_SIZE_AND_PAD", 1.5),
    "all": (SAMPLERS, EXPANDED + RESIZED % "FIT_LARGE_SIZE_AND_PAD" + "crop_h: 50 crop_w: 70 mirror: true ", 3.5),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [(60, 60), (50, 90), (90, 50)])
def test_boxes_go_where_the_pixels_go(tmp_path, way, size):
    text, transform, error = WAYS[way]
    height, width = size
    boxes = [(5, 10, 30, 40), (width - 25, 8, width - 4, height - 9), (20, height - 22, 45, height)]
    rows = [painted(size, box) for box in boxes]
    seen = 0
    with Source(tmp_path, rows, text=text, transform=transform, size=1) as source:
        for _ in range(40):
            data, label = source.forward()
            if label[0, 0, 0, 0] == -1:
                assert (data > 100).sum() < 80  # but for a rim of what is bright
                continue
            place = label[0, 0, 0, 3:7] * np.tile(data.shape[:1:-1], 2)
            if (place[2:] - place[:2] > 4).all():
                assert np.abs(place - bright(data[0])).max() <= error
                seen += 1
    assert seen >= 20


def test_a_size_that_fits_goes_with_the_image(tmp_path):
    """The shorter side becomes 40; edges are counted in parts of `width_scale` and `height_scale`."""
    transform = "resize_param { height: 40 width: 40 resize_mode: FIT_SMALL_SIZE height_scale: 100 width_scale: 200 }"
    rows = [painted((50, 100), (10, 10, 60, 40)), painted((80, 40), (10, 20, 30, 60))]
    with Source(tmp_path, rows, size=1, transform=transform) as source:
        for shape, box in (((40, 80), (8, 8, 48, 32)), ((80, 40), (10, 20, 30, 60))):
            data, label = source.forward()
            assert data.shape[2:] == shape
            np.testing.assert_allclose(label[0, 0, 0, 3:7] * [200, 100, 200, 100], box, atol=1e-3)


def test_a_canvas_has_the_colour_of_the_mean(tmp_path):
    transform = "mean_value: 104 mean_value: 117 mean_value: 123 crop_size: 10 expand_param { max_expand_ratio: 4 }"
    with Source(tmp_path, [painted((12, 12), (4, 4, 8, 8))], transform=transform) as source:
        data = np.concatenate([source.forward()[0] for _ in range(20)])
    values = {tuple(pixel) for pixel in data.transpose(0, 2, 3, 1).reshape(-1, 3).tolist()}
    assert values == {(0, 0, 0), (-104, -117, -123), (151, 138, 132)}


@pytest.mark.parametrize(
    ("kind", "kept"), [("CENTER", {1}), ("MIN_OVERLAP emit_overlap: 0.2", {1, 2}), ("", {1, 2, 3})]
)
def test_boxes_that_hardly_reach_into_the_crop(tmp_path, kind, kept):
    """The crop, in TEST, is the middle 20 of 40: of the boxes all, 0.4 and 0.1 lie in it."""
    row = painted((40, 40), (12, 12, 28, 28), label=1)
    for label, right in ((2, 14), (3, 11)):
        bbox = {"xmin": (right - 10) / 40, "ymin": 0.4, "xmax": right / 40, "ymax": 0.6}
        row.annotation_group.add(group_label=label).annotation.add(bbox=bbox)
    row.annotation_group.add(group_label=4).annotation.add(bbox={"xmin": 0, "ymin": 0, "xmax": 0.25, "ymax": 1})
    emit = f"emit_constraint {{ emit_type: {kind} }}" if kind else ""
    with Source(tmp_path, [row], size=1, transform=f"crop_size: 20 {emit}", phase=TEST) as source:
        label = source.forward()[1][0, 0]
    assert set(label[:, 1]) == kept
    np.testing.assert_allclose(label[0, 3:7], [0.1, 0.1, 0.9, 0.9], atol=1e-6)
    if kept == {1, 2, 3}:
        np.testing.assert_allclose(label[1:, 3:7], [[0, 0.3, 0.2, 0.7], [0, 0.3, 0.05, 0.7]], atol=1e-6)


# Parts

BOXES = np.array([[0.1, 0.1, 0.4, 0.5], [0.5, 0.4, 0.9, 0.9]], np.float32)


def parts(text, count=300, boxes=BOXES):
    samplers = [text_format.Parse(one, BatchSampler()) for one in text.split(";")]
    found = [sampled(samplers, boxes, Draws((1, 2), position)) for position in range(count)]
    return [part for part in found if part is not None], sum(part is None for part in found)


def test_parts_have_the_size_and_proportions_asked_for():
    found, missing = parts("sampler { min_scale: 0.3 max_scale: 0.8 min_aspect_ratio: 0.5 max_aspect_ratio: 2 }")
    sides = np.array([part[2:] - part[:2] for part in found])
    scale, ratio = np.sqrt(sides.prod(axis=1)), sides[:, 0] / sides[:, 1]
    assert not missing and np.min(found) >= 0 and np.max(found) <= 1 + 1e-6
    assert 0.3 <= scale.min() < 0.33 and 0.77 < scale.max() <= 0.8 + 1e-6
    assert 0.5 - 1e-6 <= ratio.min() < 0.55 and 1.8 < ratio.max() <= 2 + 1e-6
    found, _ = parts("sampler { min_scale: 0.9 max_scale: 0.9 min_aspect_ratio: 3 max_aspect_ratio: 4 }")
    np.testing.assert_allclose([part[2:] - part[:2] for part in found], [[1, 0.81]] * len(found), rtol=1e-5)


SAMPLER = "sampler { min_scale: 0.3 } sample_constraint { %s }"
CONSTRAINTS = {
    "min_jaccard_overlap: 0.5": lambda part: overlap(part, BOXES) >= 0.5,
    "max_jaccard_overlap: 0.1": lambda part: overlap(part, BOXES) <= 0.1,
    "min_sample_coverage: 0.6": lambda part: coverage(part, BOXES) >= 0.6,
    "max_sample_coverage: 0.1": lambda part: coverage(part, BOXES) <= 0.1,
    "min_object_coverage: 0.9": lambda part: coverage(BOXES, part) >= 0.9,
    "min_object_coverage: 0.5 max_object_coverage: 0.6": lambda part: np.abs(coverage(BOXES, part) - 0.55) <= 0.05,
    "min_object_coverage: 0.9 min_sample_coverage: 0.6": lambda part: coverage(part, BOXES) >= 0.6,
}


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_parts_lie_to_a_box_as_is_asked(constraint):
    """The constraint holds for one of the boxes at least, and without it would not for some."""
    holds = CONSTRAINTS[constraint]
    found, _ = parts(SAMPLER % constraint)
    assert len(found) > 50 and all(holds(part).any() for part in found)
    assert not all(holds(part).any() for part in parts("sampler { min_scale: 0.3 }")[0])
    assert len({bool(holds(part)[0]) for part in found}) == 2  # now this box, now that


def test_one_of_the_parts_found_is_taken():
    whole, small = "max_sample: 1", "sampler { min_scale: 0.3 max_scale: 0.3 } max_sample: 3"
    found, missing = parts(f"{whole}; {small}")
    share = np.mean([part[2] - part[0] > 0.9 for part in found])
    assert not missing and 0.15 < share < 0.35  # one of four
    impossible = SAMPLER % "min_jaccard_overlap: 0.99" + " max_trials: 5"
    assert parts(impossible)[1] > 290 and parts(f"{impossible}; {whole}")[1] == 0
    assert parts(SAMPLER % "min_jaccard_overlap: 0.1", boxes=BOXES[:0])[1] == 300
    assert parts(f"use_original_image: false {whole}")[1] == 300 and parts("max_trials: 0")[1] == 300


# The stream of rows


@pytest.fixture
def random_rows(tmp_path):
    numbers = np.random.default_rng(0)
    rows = [painted((20, 30), (4, 4, 20, 16)) for _ in range(5)]
    for row in rows:
        row.datum.data = numbers.integers(0, 256, 1800, np.uint8).tobytes()
    distort = "distort_param { brightness_prob: 0.5 brightness_delta: 32 saturation_prob: 0.5 saturation_lower: 0.5 "
    transform = distort + "saturation_upper: 1.5 } " + EXPANDED + RESIZED % "WARP" + "mirror: true crop_size: 50"
    made = SimpleNamespace(rows=rows)

    def source(**context):
        found = Source(tmp_path, made.rows, text=SAMPLERS, transform=transform, **context)
        made.rows = ()
        return found

    return source


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(left, right) for pair in zip(one, other, strict=True) for left, right in zip(*pair, strict=True)
    )


def test_what_is_drawn_depends_on_seed_and_position_alone(random_rows):
    with random_rows() as whole, random_rows() as again, random_rows(seed=4) as other:
        batches = [whole.forward() for _ in range(12)]
        again.layer.seek(8)
        assert same([again.forward() for _ in range(8)], batches[4:])
        assert not same([other.forward() for _ in range(12)], batches)
        assert not same(batches[:5], batches[5:10]) and whole.layer.position == 24 and whole.layer.rows == 5
        assert whole.layer.draws


def test_processes_share_the_rows(random_rows):
    with random_rows() as alone:
        images = np.concatenate([alone.forward()[0] for _ in range(9)])
    for rank in range(3):
        with random_rows(rank=rank, ranks=3) as one:
            np.testing.assert_array_equal(np.concatenate([one.forward()[0] for _ in range(3)]), images[rank::3])


# Errors, and nets


@pytest.mark.parametrize(
    ("text", "transform", "field", "message"),
    [
        (SAMPLERS.replace("0.4", "1.2"), "", "annotated_data_param.batch_sampler.1.sampler.min_scale", "got 1.2 to 1"),
        (SAMPLERS.replace("0.5", "3"), "", "annotated_data_param.batch_sampler.1.sampler.min_aspect_ratio", "3 to 2"),
        ("", "expand_param { max_expand_ratio: 0.5 }", "transform_param.expand_param.max_expand_ratio", "got 0.5"),
        ("", "distort_param { hue_delta: -1 }", "transform_param.distort_param.hue_delta", "got -1"),
        ("", "distort_param { contrast_lower: 1 }", "transform_param.distort_param.contrast_upper", "lower 1; got 0"),
        ("", "crop_size: 50", "transform_param.crop_size", "larger than the image"),
    ],
)
def test_settings_that_cannot_be_are_errors_on_their_field(tmp_path, text, transform, field, message):
    with pytest.raises(DefinitionError, match=message) as caught:
        Source(tmp_path, [painted((8, 8), (1, 1, 4, 4))], text=text, transform=transform)
    assert caught.value.field == field


def test_rows_that_are_no_annotated_images_are_told(tmp_path):
    with pytest.raises(DefinitionError, match="row 0 .* no image; rows of plain Datums are for the type Data"):
        Source(tmp_path, [painted((8, 8), (1, 1, 4, 4)).datum])
    rows = [painted((8, 8), (1, 1, 4, 4)) for _ in range(3)]
    rows[1].ClearField("type")
    rows[2].datum.height = 9
    for name, size, message in (
        ("one", 2, "row 1 of the database is not a sound AnnotatedDatum: it is not annotated, unlike the first"),
        ("two", 1, "row 2 of the database is not a sound AnnotatedDatum: 192 values do not make"),
    ):
        (tmp_path / name).mkdir()
        chosen = rows if size == 2 else [rows[0], rows[0], rows[2]]
        with Source(tmp_path / name, chosen, size=size) as source, pytest.raises(DefinitionError, match=message):
            [source.forward() for _ in range(3)]
    (tmp_path / "three").mkdir()
    sizes = [rows[0], painted((8, 9), (1, 1, 4, 4))]
    with Source(tmp_path / "three", sizes) as source, pytest.raises(DefinitionError, match="need batch_size 1"):
        source.forward()
    (tmp_path / "four").mkdir()
    rows[0].datum.ClearField("data")
    rows[0].datum.float_data.extend([0.5] * 192)
    floats = Source(tmp_path / "four", [rows[0]], transform="expand_param { }")
    with floats as source, pytest.raises(DefinitionError, match="only images of bytes"):
        source.forward()


NET = """
layer { name: "data" type: "AnnotatedData" top: "data" top: "label" transform_param {
    mean_value: 50 scale: 0.01 resize_param { height: 16 width: 16 } emit_constraint { emit_type: CENTER } }
  data_param { source: "rows" batch_size: 4 backend: LMDB }
  annotated_data_param { batch_sampler { max_sample: 1 max_trials: 1 } } }
layer { name: "down" type: "Convolution" bottom: "data" top: "down" convolution_param {
  num_output: 8 kernel_size: 5 pad: 2 stride: 4 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "down" top: "down" }
layer { name: "loc" type: "Convolution" bottom: "down" top: "loc" convolution_param {
  num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "conf" type: "Convolution" bottom: "down" top: "conf" convolution_param {
  num_output: 3 kernel_size: 3 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "loc_back" type: "Permute" bottom: "loc" top: "loc_back" permute_param { order: [0, 2, 3, 1] } }
layer { name: "conf_back" type: "Permute" bottom: "conf" top: "conf_back" permute_param { order: [0, 2, 3, 1] } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc_back" top: "loc_flat" }
layer { name: "conf_flat" type: "Flatten" bottom: "conf_back" top: "conf_flat" }
layer { name: "prior" type: "PriorBox" bottom: "down" bottom: "data" top: "prior" prior_box_param { min_size: 6
  variance: [0.1, 0.1, 0.2, 0.2] } }
layer { name: "loss" type: "MultiBoxLoss" bottom: "loc_flat" bottom: "conf_flat" bottom: "prior" bottom: "label"
  top: "loss" propagate_down: [true, true, false, false]
  multibox_loss_param { num_classes: 3 neg_overlap: 0.5 code_type: CENTER_SIZE } }
"""


def test_a_detector_learns_from_a_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = [((2, 2, 9, 9), 1), ((8, 3, 15, 10), 2), ((3, 8, 10, 15), 2), ((8, 8, 14, 14), 1)]
    rows = [painted((16, 16), box, label=label, value=120 * label) for box, label in places]
    Source(tmp_path, rows, size=1)
    text = 'base_lr: 0.01 momentum: 0.9 lr_policy: "fixed" max_iter: 400 random_seed: 1'
    param = text_format.Parse(text, SolverParameter())
    param.train_net_param.CopyFrom(text_format.Parse(NET, NetParameter()))
    solver = get_solver(param)
    solver.step(1)
    first = float(solver.net.blobs["loss"].data)
    solver.step(300)
    assert float(solver.net.blobs["loss"].data) < first / 10


def test_a_detector_whose_database_is_not_there_has_shapes_and_runs_on_made_up_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = Document.parse(NET, "net")
    report = check(net, TRAIN)
    assert report.ok and [one.severity for one in report.diagnostics] == ["warning"]
    assert report.blobs["data"] == (4, 3, 16, 16) and report.blobs["label"] == (1, 1, 1, 8)
    for values in ("random", "constant"):
        made = Net(net, TRAIN, stand_in=values)
        assert 0 < made.forward() < 100
        assert made.blobs["label"].data.ravel().tolist() == [0, 1, 0, 0.25, 0.25, 0.75, 0.75, 0]
