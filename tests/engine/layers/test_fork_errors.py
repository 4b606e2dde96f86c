"""What the layers that are not BVLC's refuse: the error names type, field and finding; the document keeps the layer."""

from __future__ import annotations

import numpy as np
import pytest

from brewbench.engine import Net, check
from brewbench.engine.errors import DefinitionError
from brewbench.proto import Document

IMAGE = ((2, 8, 6, 6),)
BOXES = [(1, 8), (1, 6), (1, 2, 8), (1, 1, 2, 8)]
REFUSED = [
    # type, settings, shapes of the bottoms, field, a part of the message
    ("Axpy", "", [(2, 8), (2, 8, 3, 3), (2, 8, 3, 4)], "bottom", "must have one shape"),
    ("Axpy", "", [(2, 4), (2, 8, 3, 3), (2, 8, 3, 3)], "bottom", "one factor for each channel"),
    ("BN", "bn_param { frozen: true bn_mode: LEARN }", IMAGE, "bn_mode", "two forks that do not mix"),
    ("BN", "", [(3,)], "bottom", "2 to 4 axes"),
    ("ContinuationIndicator", "continuation_indicator_param { time_step: 3 }", [], "batch_size", "at least 1; got 0"),
    ("ConvolutionDepthwise", "convolution_param { num_output: 9 kernel_size: 3 }", IMAGE, "num_output", "8 channels"),
    ("ConvolutionDepthwise", "convolution_param { kernel_size: 9 }", IMAGE, "kernel_size", "larger than the bottom"),
    ("CropCenter", "crop_center_param { crop_size: 1 }", IMAGE, "crop_size", "once for each axis"),
    ("CropCenter", "crop_center_param { crop_size: [0, 0, 3, 1] }", IMAGE, "crop_size", "leaves nothing"),
    ("DepthwiseConvolution", "convolution_param { num_output: 8 group: 3 kernel_size: 3 }", IMAGE, "group", "divide"),
    ("DetectionOutput", "", [(1, 8), (1, 6), (1, 2, 8)], "num_classes", "at least 1; got 0"),
    ("DetectionOutput", "detection_output_param { num_classes: 2 }", [(1, 8), (1, 6), (1, 2, 8)], "bottom", "2 prior"),
    ("DetectionOutput", "detection_output_param { num_classes: 3 }", [(1, 8), (1, 6), (1, 8)], "bottom", "(1, 2, 4 P)"),
    (
        "DetectionOutput",
        "detection_output_param { num_classes: 3 nms_param { eta: 0 } }",
        [(1, 8), (1, 6), (1, 2, 8)],
        "eta",
        "more than 0",
    ),
    ("Interp", "", IMAGE, "height", "give height and width, zoom_factor"),
    ("Interp", "interp_param { zoom_factor: 0 }", IMAGE, "zoom_factor", "at least 1; got 0"),
    ("Interp", "interp_param { zoom_factor: 2 pad_beg: 1 }", IMAGE, "pad_beg", "at most 0; got 1"),
    ("Interp", "interp_param { zoom_factor: 2 pad_end: -6 }", IMAGE, "pad_beg", "leave nothing"),
    ("MultiBoxLoss", "", BOXES, "num_classes", "at least 1; got 0"),
    ("MultiBoxLoss", "multibox_loss_param { num_classes: 4 }", BOXES, "bottom", "for 2 prior boxes and 4 classes"),
    ("MultiBoxLoss", "multibox_loss_param { num_classes: 3 }", [*BOXES[:3], (1, 1, 2, 7)], "bottom", "(1, 1, G, 8)"),
    ("MultiBoxLoss", "multibox_loss_param { num_classes: 3 share_location: false }", BOXES, "mining_type", "must be"),
    ("MultiBoxLoss", "multibox_loss_param { num_classes: 3 do_neg_mining: false }", BOXES, "do_neg_mining", "contra"),
    ("MultiBoxLoss", "multibox_loss_param { num_classes: 3 background_label_id: 3 }", BOXES, "background_label_id", ""),
    ("MultiBoxLoss", "multibox_loss_param { num_classes: 3 map_object_to_agnostic: true }", BOXES, "num_classes", "2"),
    ("Normalize", "", [(3,)], "bottom", "2 axes or more"),
    ("Permute", "permute_param { order: 0 order: 4 }", IMAGE, "order", "axis 4"),
    ("Permute", "permute_param { order: 1 order: 1 }", IMAGE, "order", "twice"),
    ("PriorBox", "", IMAGE * 2, "min_size", "at least once"),
    ("PriorBox", "prior_box_param { min_size: 3 max_size: 2 }", IMAGE * 2, "max_size", "more than min_size 3; got 2"),
    ("PriorBox", "prior_box_param { min_size: 3 max_size: 4 max_size: 5 }", IMAGE * 2, "max_size", "got 2"),
    ("PriorBox", "prior_box_param { min_size: 3 variance: 1 variance: 2 }", IMAGE * 2, "variance", "once or 4 times"),
    ("PriorBox", "prior_box_param { min_size: 3 step: 2 step_h: 2 }", IMAGE * 2, "step", "not both"),
    ("PriorBox", "prior_box_param { min_size: 3 img_h: 2 }", IMAGE * 2, "img_w", "more than 0; got 0"),
    ("PriorBox", "prior_box_param { min_size: 3 aspect_ratio: 0 }", IMAGE * 2, "aspect_ratio", "got 0"),
    (
        "PSROIPooling",
        "psroi_pooling_param { spatial_scale: 1 output_dim: 3 group_size: 2 }",
        [*IMAGE, (4, 5)],
        "bottom",
        "12 channels",
    ),
    ("Reorg", "", IMAGE, "stride", "must be given"),
    ("Reorg", "reorg_param { stride: 3 }", IMAGE, "stride", "the square of stride 3"),
    ("Reorg", "reorg_param { stride: 2 }", [(1, 4, 5, 4)], "stride", "height and width"),
    ("ROIPooling", "", [*IMAGE, (4, 5)], "pooled_h", "at least 1; got 0"),
    ("ROIPooling", "roi_pooling_param { pooled_h: 2 pooled_w: 2 }", [*IMAGE, (4, 4)], "bottom", "(R, 5)"),
    ("ShuffleChannel", "shuffle_channel_param { group: 3 }", IMAGE, "group", "group 3 must divide"),
    ("SmoothL1Loss", "", [(2, 3), (3, 2)], "bottom", "one shape"),
    ("SmoothL1Loss", "smooth_l1_loss_param { sigma: 0 }", [(2, 3), (2, 3)], "sigma", "more than 0"),
    ("Upsample", "upsample_param { scale_h: 2 }", IMAGE, "scale_h", "given together"),
    ("Upsample", "upsample_param { scale: 2 scale_h: 2 scale_w: 2 }", IMAGE, "scale", "not both"),
    ("Upsample", "upsample_param { pad_out_w: true }", IMAGE, "pad_out_w", "needs a mask"),
    ("Upsample", "upsample_param { upsample_h: 9 upsample_w: 9 }", IMAGE, "upsample_h", "need a mask"),
    ("Upsample", "", [*IMAGE, (2, 8, 6, 5)], "bottom", "the mask must have"),
]


def document(type, settings, shapes):
    names = [f"b{k}" for k in range(len(shapes))]
    inputs = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}"\n'
        f"  input_param {{ shape {{ {' '.join(f'dim: {n}' for n in shape)} }} }} }}\n"
        for name, shape in zip(names, shapes, strict=True)
    )
    bottoms = " ".join(f'bottom: "{name}"' for name in names)
    return Document.parse(f'{inputs}layer {{ name: "l" type: "{type}" {bottoms} top: "t"\n  {settings} }}', "net")


@pytest.mark.parametrize(("type", "settings", "shapes", "field", "message"), REFUSED)
def test_a_wrong_setting_is_named_with_its_line(type, settings, shapes, field, message):
    net = document(type, settings, shapes)
    with pytest.raises(DefinitionError) as caught:
        Net(net)
    error = caught.value
    assert (error.layer, error.type) == ("l", type)
    assert field in (error.field or "").split("."), str(error)
    assert message in str(error)
    layer = 2 * len(shapes) + 1
    assert error.line in (layer, layer + 1)
    found = [one for one in check(net).diagnostics if one.layer == "l"]
    assert [one.message for one in found] == [error.message]


def test_values_that_point_outside_are_refused_while_running():
    mask = document("Upsample", "", [(1, 1, 2, 2)] * 2)
    regions = document("ROIPooling", "roi_pooling_param { pooled_h: 1 pooled_w: 1 }", [(2, 1, 4, 4), (1, 5)])
    told = (Net(mask), 16, "names 16 at place 0; a plane"), (Net(regions), 2, "got the item 2 at place 0")
    for net, values, message in told:
        net.blobs["b1"].data = values
        with pytest.raises(DefinitionError, match=message):
            net.forward()


@pytest.mark.parametrize("label", [0, 3, -1, float("nan")])
def test_a_thing_of_a_class_that_there_is_not_is_refused_while_running(label):
    net = Net(document("MultiBoxLoss", "multibox_loss_param { num_classes: 3 }", BOXES), 0)
    net.blobs["b3"].data = [[[[0, 1, 0, 0.2, 0.2, 0.6, 0.6, 0], [0, label, 0, 0.2, 0.2, 0.6, 0.6, 0]]]]
    with pytest.raises(DefinitionError, match=f"'l' .*of class {label:g}; with 3 classes"):
        net.forward()
    net.blobs["b3"].data[0, 0, 1, 0] = -1  # a row that does not count
    net.forward()


def test_masks_and_regions_refuse_to_give_a_gradient():
    for settings, shape in (
        ('type: "Upsample"', "dim: 1 dim: 1 dim: 2 dim: 2"),
        ('type: "ROIPooling" roi_pooling_param { pooled_h: 1 pooled_w: 1 }', "dim: 1 dim: 5 dim: 1 dim: 1"),
    ):
        text = f"""
            force_backward: true
            layer {{ name: "in" type: "Input" top: "x" top: "m"
              input_param {{ shape {{ dim: 1 dim: 1 dim: 2 dim: 2 }} shape {{ {shape} }} }} }}
            layer {{ name: "a" type: "Scale" bottom: "x" top: "y" }}
            layer {{ name: "b" type: "Scale" bottom: "m" top: "k" }}
            layer {{ name: "l" {settings} bottom: "y" bottom: "k" top: "t" }}
            layer {{ name: "loss" type: "Reduction" bottom: "t" top: "loss" loss_weight: 1 }}
        """
        net = Net(Document.parse(text, "net"), 0)
        net.forward()
        with pytest.raises(DefinitionError, match="no gradient to give to bottom 'k'"):
            net.backward()


def test_prior_boxes_depend_on_no_value_and_give_zeros():
    text = """
        force_backward: true
        layer { name: "in" type: "Input" top: "x" top: "image"
          input_param { shape { dim: 1 dim: 2 dim: 3 dim: 3 } shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }
        layer { name: "scale" type: "Scale" bottom: "x" top: "y" }
        layer { name: "prior" type: "PriorBox" bottom: "y" bottom: "image" top: "boxes"
          prior_box_param { min_size: 3 } propagate_down: true propagate_down: false }
        layer { name: "loss" type: "Reduction" bottom: "boxes" top: "loss" loss_weight: 1 }
    """
    net = Net(Document.parse(text, "net"), 0)
    net.blobs["y"].diff = 7
    net.forward()
    net.backward()
    assert not net.blobs["y"].diff.any()
    assert np.isfinite(net.blobs["boxes"].data).all()


def test_an_unknown_type_stays_in_the_document_and_is_an_error_only_where_it_is_run():
    text = (
        'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 } } }\n'
        'layer { name: "mine" type: "ROIAligned" bottom: "x" top: "y" }'
    )
    net = Document.parse(text, "net")
    assert net.problems == []
    assert net.message.layer[1].type == "ROIAligned" and net.text == text
    with pytest.raises(DefinitionError, match="unknown layer type 'ROIAligned'"):
        Net(net)
    assert [(one.layer, one.line) for one in check(net).diagnostics] == [("mine", 2)]
