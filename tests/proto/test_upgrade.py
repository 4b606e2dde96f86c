"""Old nets and solvers upgrade to what Caffe's own tools make of them; contradictions are refused."""

import json
from pathlib import Path

import pytest
from google.protobuf import text_format

from brewbench.proto import upgrade
from brewbench.proto.messages import LayerParameter, NetParameter, SolverParameter, V1LayerParameter
from brewbench.proto.upgrade import UpgradeError, needs_upgrade, upgrade_net, upgrade_solver

GOLDEN = json.loads((Path(__file__).parent / "data" / "legacy_upgrade.json").read_text())
ZOO = Path(__file__).parents[2].parent / "shared" / "zoo"


def net(text: str) -> NetParameter:
    return text_format.Parse(text, NetParameter())


def solver(text: str) -> SolverParameter:
    return text_format.Parse(text, SolverParameter())


@pytest.mark.parametrize("case", sorted(GOLDEN))
def test_agrees_with_caffe(case):
    golden = GOLDEN[case]
    parse, upgrader = (net, upgrade_net) if golden["kind"] == "net" else (solver, upgrade_solver)
    message = parse(golden["input"])
    needed = needs_upgrade(message)
    if golden["output"] is None:
        with pytest.raises(UpgradeError):
            upgrader(message)
        assert message == parse(golden["input"])
        return
    report = upgrader(message)
    assert message == parse(golden["output"])
    assert needed == bool(report) == (message != parse(golden["input"]))
    assert not needs_upgrade(message)
    assert upgrader(message) == []


def test_v0_fields_find_their_place():
    message = net("""
        layers {
          layer { name: "w" type: "window_data" source: "w.txt" batchsize: 8 scale: 2
                  meanfile: "m" cropsize: 9 mirror: true
                  det_fg_threshold: 0.6 det_bg_threshold: 0.4 det_fg_fraction: 0.3
                  det_context_pad: 5 det_crop_mode: "square" }
          top: "w" top: "l" }
        layers {
          layer { name: "i" type: "images" source: "i.txt" batchsize: 3 rand_skip: 2 shuffle_images: true
                  new_height: 7 new_width: 6 }
          top: "i" top: "m" }
        layers {
          layer { name: "c" type: "conv" num_output: 4 biasterm: false pad: 1 kernelsize: 3 group: 2 stride: 2
                  blobs { num: 1 channels: 1 height: 1 width: 2 data: 5 data: 6 } }
          bottom: "w" top: "c" }
        layers { layer { name: "p" type: "pool" pool: AVE pad: 1 kernelsize: 3 } bottom: "c" top: "p" }
        layers { layer { name: "n" type: "lrn" local_size: 3 alpha: 2 beta: 0.5 k: 3 } bottom: "p" top: "n" }
        layers { layer { name: "j" type: "concat" concat_dim: 0 } bottom: "n" bottom: "p" top: "j" }
        layers { layer { name: "h" type: "hdf5_output" hdf5_output_param { file_name: "o.h5" } } bottom: "j" }
        layers { layer { name: "g" type: "infogain_loss" source: "h.bp" } bottom: "j" bottom: "l" }
    """)
    upgrade_net(message)
    assert message == net("""
        layer { name: "w" type: "WindowData" top: "w" top: "l"
          transform_param { scale: 2 mean_file: "m" crop_size: 9 mirror: true }
          window_data_param { source: "w.txt" batch_size: 8 fg_threshold: 0.6 bg_threshold: 0.4
                              fg_fraction: 0.3 context_pad: 5 crop_mode: "square" } }
        layer { name: "i" type: "ImageData" top: "i" top: "m"
          image_data_param { source: "i.txt" batch_size: 3 rand_skip: 2 shuffle: true
                             new_height: 7 new_width: 6 } }
        layer { name: "c" type: "Convolution" bottom: "w" top: "c"
          blobs { num: 1 channels: 1 height: 1 width: 2 data: 5 data: 6 }
          convolution_param { num_output: 4 bias_term: false pad: 1 kernel_size: 3 group: 2 stride: 2 } }
        layer { name: "p" type: "Pooling" bottom: "c" top: "p"
          pooling_param { pool: AVE pad: 1 kernel_size: 3 } }
        layer { name: "n" type: "LRN" bottom: "p" top: "n"
          lrn_param { local_size: 3 alpha: 2 beta: 0.5 k: 3 } }
        layer { name: "j" type: "Concat" bottom: "n" bottom: "p" top: "j" concat_param { concat_dim: 0 } }
        layer { name: "h" type: "HDF5Output" bottom: "j" hdf5_output_param { file_name: "o.h5" } }
        layer { name: "g" type: "InfogainLoss" bottom: "j" bottom: "l"
          infogain_loss_param { source: "h.bp" } }
    """)


def test_v0_fields_without_meaning_are_reported():
    layer = 'layer { name: "r" type: "relu" num_output: 3 } top: "r"'
    message = net(f"layers {{ {layer} include {{ phase: TEST }} }}")
    report = upgrade_net(message)
    assert "layer 'r' (relu): num_output has no meaning there and was dropped." in report
    assert "layer 'r' (relu): include has no meaning there and was dropped." in report
    assert message == net('layer { name: "r" type: "ReLU" top: "r" }')


def test_only_images_of_v0_are_shuffled():
    message = net('layers { layer { name: "h" type: "hdf5_data" source: "h.txt" shuffle_images: true } top: "h" }')
    report = upgrade_net(message)
    assert "layer 'h' (hdf5_data): shuffle_images has no meaning there and was dropped." in report
    assert message == net('layer { name: "h" type: "HDF5Data" top: "h" hdf5_data_param { source: "h.txt" } }')


def test_padding_replaces_the_pad_of_the_layer_above():
    message = net("""
        input: "x" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4
        layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "x" top: "x2" }
        layers { layer { name: "c" type: "conv" kernelsize: 3 pad: 7 } bottom: "x2" top: "c" }
        layers { layer { name: "p" type: "pool" kernelsize: 3 } bottom: "x2" top: "p" }
    """)
    assert "layer 'c': pad: 2 taken over from 'pad'." in upgrade_net(message)
    assert [layer.name for layer in message.layer] == ["input", "c", "p"]
    assert message.layer[1].bottom == message.layer[2].bottom == ["x"]
    assert message.layer[1].convolution_param.pad == [2]
    assert message.layer[2].pooling_param.pad == 2


def test_v1_lists_become_params():
    message = net("""
        layers { name: "i" type: INNER_PRODUCT bottom: "x" top: "i" param: "shared" blobs_lr: 1 blobs_lr: 2
                 weight_decay: 1 weight_decay: 0 weight_decay: 3 blob_share_mode: STRICT blobs { data: 1.5 }
                 loss_weight: 2 inner_product_param { num_output: 3 } }
    """)
    upgrade_net(message)
    assert message == net("""
        layer { name: "i" type: "InnerProduct" bottom: "x" top: "i"
          param { name: "shared" lr_mult: 1 decay_mult: 1 share_mode: STRICT }
          param { lr_mult: 2 decay_mult: 0 } param { decay_mult: 3 }
          blobs { data: 1.5 } loss_weight: 2 inner_product_param { num_output: 3 } }
    """)


def test_every_v1_type_and_field_has_a_successor():
    assert set(upgrade._V1_TYPES) == set(V1LayerParameter.LayerType.keys())
    new = LayerParameter.DESCRIPTOR.fields_by_name
    for field in V1LayerParameter.DESCRIPTOR.fields:
        if field.name in upgrade._V1_PARAM_LISTS or field.name in ("type", "layer"):
            continue
        successor = new[field.name]
        assert (field.type, field.message_type) == (successor.type, successor.message_type), field.name


def test_every_v0_type_leads_to_a_v1_type():
    v1 = V1LayerParameter.DESCRIPTOR
    for v0_type, (v1_type, settings) in upgrade._V0_TYPES.items():
        assert v1_type in V1LayerParameter.LayerType.keys(), v0_type
        assert not settings or settings in v1.fields_by_name, v0_type


def test_input_names_of_old_weights_are_dropped():
    message = net('name: "n" input: "data" layer { name: "r" type: "ReLU" }')
    assert needs_upgrade(message)
    assert upgrade_net(message) == ["input fields without a shape were dropped: 'data'."]
    assert message == net('name: "n" layer { name: "r" type: "ReLU" }')


def test_input_shape_wins_over_input_dim():
    message = net('input: "x" input_shape { dim: 7 } input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4')
    upgrade_net(message)
    assert message == net('layer { name: "input" type: "Input" top: "x" input_param { shape { dim: 7 } } }')


@pytest.mark.parametrize("count", [2, 4])
def test_batch_norm_with_another_number_of_params_is_left(count):
    message = net('layer { type: "BatchNorm" ' + "param { lr_mult: 1 } " * count + "}")
    assert not needs_upgrade(message)
    assert upgrade_net(message) == []


def test_nets_inside_a_solver_are_upgraded():
    message = solver("""
        train_net_param { layers { name: "r" type: RELU } }
        test_net_param { layer { name: "r" type: "ReLU" } }
        test_net_param { input: "x" input_shape { dim: 2 } }
    """)
    assert needs_upgrade(message)
    report = upgrade_solver(message)
    assert [line.split(":")[0] for line in report] == ["train_net_param", "test_net_param"]
    assert message.train_net_param == net('layer { name: "r" type: "ReLU" }')
    assert message.test_net_param[1].layer[0].type == "Input"
    assert not needs_upgrade(message)


@pytest.mark.parametrize("name", SolverParameter.SolverType.keys())
def test_every_solver_type_has_a_name(name):
    message = solver(f"solver_type: {name}")
    upgrade_solver(message)
    assert message.type.upper() == name
    assert not message.HasField("solver_type")


V0_INPUT = 'input: "x" input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4 '
LAYER_A = 'layers { layer { name: "a" type: "%s" } bottom: "y" %s top: "z" }'
PADDING = 'layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "x" top: "y" } '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('layers { name: "a" type: RELU } layer { name: "b" }', "both layer and layers"),
        ('layers { layer { name: "a" } } layers { name: "b" type: RELU }', "'b': expected the V0 format"),
        ('layers { layer { name: "a" type: "conf" } }', "'a': unknown V0 type 'conf'; did you mean conv"),
        ('layers { layer { name: "a" type: "relu" } bottom: "x" }', "'a': no layer before it makes .* 'x'"),
        (
            V0_INPUT + PADDING + LAYER_A % ("relu", ""),
            r"'a' \(relu\): expected a conv or pool layer after the padding layer 'pad'",
        ),
        (
            V0_INPUT + PADDING + LAYER_A % ("conv", 'bottom: "x"'),
            r"'a' \(conv\): expected one bottom",
        ),
        ('input: "a" input: "b" input_shape { dim: 1 }', "2 blobs: expected input_shape 2 times; found 1"),
        ('input: "a" input_dim: 1 input_dim: 3', "1 blobs: expected input_dim 4 times; found 2"),
    ],
)
def test_contradictions_are_refused_and_leave_the_net(text, message):
    broken = net(text)
    assert needs_upgrade(broken)
    with pytest.raises(UpgradeError, match=message):
        upgrade_net(broken)
    assert broken == net(text)


def test_type_and_solver_type_together_are_refused():
    with pytest.raises(UpgradeError, match='found type: "SGD" and solver_type: ADAM'):
        upgrade_solver(solver('type: "SGD" solver_type: ADAM'))


@pytest.mark.skipif(not ZOO.is_dir(), reason="no ../shared/zoo beside the repository")
def test_nets_and_solvers_of_the_zoo():
    """Every file that Caffe's schema parses upgrades, but two that no Caffe could run."""
    refused, upgraded = [], 0
    for path in sorted(ZOO.rglob("*.prototxt")):
        for parse, upgrader in ((net, upgrade_net), (solver, upgrade_solver)):
            try:
                message = parse(path.read_text(errors="replace"))
            except text_format.ParseError:
                continue
            needed = needs_upgrade(message)
            try:
                report = upgrader(message)
            except UpgradeError:
                refused.append(path.relative_to(ZOO).as_posix())
                break
            assert needed == bool(report), path
            assert not needs_upgrade(message), path
            upgraded += needed
            break
    assert [Path(path).name for path in refused] == ["presets_1D_lstm.prototxt", "presets_vgg-16.prototxt"]
    assert upgraded > 100


FCN = """
    input: "data" input_dim: 1 input_dim: 3 input_dim: 500 input_dim: 500
    layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1"
      convolution_param { num_output: 4 pad: 100 kernel_size: 3 } }
    layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
    layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1" pooling_param { kernel_size: 8 stride: 8 } }
    layers { name: "pool3" type: POOLING bottom: "pool1" top: "pool3" pooling_param { kernel_size: 2 stride: 2 } }
    layers { name: "pool5" type: POOLING bottom: "pool3" top: "pool5" pooling_param { kernel_size: 2 stride: 2 } }
    layers { name: "fc6" type: CONVOLUTION bottom: "pool5" top: "fc6"
      convolution_param { num_output: 4 kernel_h: 7 kernel_w: 7 } }
    layers { name: "up2" type: DECONVOLUTION bottom: "fc6" top: "up2"
      convolution_param { num_output: 4 kernel_size: 4 stride: 2 } }
    layers { name: "score" type: CONVOLUTION bottom: "pool3" top: "score"
      convolution_param { num_output: 4 kernel_size: 1 } }
    layers { name: "crop" type: CROP bottom: "score" bottom: "up2" top: "cropped" }
    layers { name: "sum" type: ELTWISE bottom: "up2" bottom: "cropped" top: "sum" }
    layers { name: "up16" type: DECONVOLUTION bottom: "sum" top: "up16"
      convolution_param { num_output: 4 kernel_size: 32 stride: 16 } }
    layers { name: "crop" type: CROP bottom: "up16" bottom: "data" top: "out" }
"""


def test_the_crops_of_old_fully_convolutional_nets_get_the_offsets_that_were_published():
    """5 and 27 are those of FCN-16s, whose layers these are but for the convolutions that keep the size."""
    message = net(FCN)
    report = upgrade_net(message)
    crops = [layer for layer in message.layer if layer.type == "Crop"]
    assert [list(layer.crop_param.offset) for layer in crops] == [[5], [27]]
    assert sum("found by the layers below" in line for line in report) == 2


def test_a_crop_that_nothing_brings_in_line_begins_at_0_and_the_report_says_so():
    message = net("""
        layers { name: "a" type: DUMMY_DATA top: "a" }
        layers { name: "b" type: DUMMY_DATA top: "b" }
        layers { name: "crop" type: CROP bottom: "a" bottom: "b" top: "c" }
    """)
    report = upgrade_net(message)
    assert not message.layer[2].crop_param.offset
    assert any("no offset brings its bottoms in line" in line for line in report)
