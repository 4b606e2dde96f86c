"""Deploy nets of training nets, and training nets of deploy nets: the same numbers from the same weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from brewbench.engine import TEST, TRAIN, Net, Solver, check
from brewbench.proto import Document
from brewbench.workbench.deployment import deploy
from brewbench.workbench.training_net import solver_text, trainable

from ..engine.conftest import fill_parameters, make_inputs

NETS = Path(__file__).parents[1] / "golden" / "nets"
DATA = """
layer {{ name: "data" type: "Data" top: "{top}" top: "{label}" include {{ phase: TRAIN }}
  transform_param {{ mirror: true crop_size: {size} mean_file: "mean.binaryproto" }}
  data_param {{ source: "no_such_train" batch_size: 256 backend: LMDB }} }}
# The images for testing.
layer {{ name: "data" type: "Data" top: "{top}" top: "{label}" include {{ phase: TEST }}
  transform_param {{ crop_size: {size} mean_file: "mean.binaryproto" scale: 0.00390625 }}
  data_param {{ source: "no_such_test" batch_size: 50 backend: LMDB }} }}
"""


def golden_net(name):
    golden = np.load(NETS / f"{name}.npz")
    return golden, Document.parse(str(golden["prototxt"]), "net")


def names(document):
    return [layer.name for layer in document.layers]


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("lenet_train", {"prob": "ip2"}),
        ("cifar10_full_train", {"prob": "ip1"}),
        ("cifar10_quick_test", {"prob": "ip2"}),
        ("caffenet_train_val_TEST", {"prob": "fc8"}),
        ("googlenet_train_val_TEST", {"prob": "loss3/classifier"}),
        ("siamese_train", {"feat": "feat", "feat_p": "feat_p"}),
        ("resnet_small", {"prob": "fc"}),
        ("lstm_net", {"prob": "pred"}),
    ],
)
def test_a_deploy_net_gives_the_numbers_of_its_training_net(name, ends, tmp_path):
    golden, document = golden_net(name)
    before = document.text
    deployed = deploy(document)
    assert document.text == before
    report = check(deployed)
    assert not [str(one) for one in report.diagnostics if one.severity == "error"]
    train, test = Net(document, TEST), Net(deployed, TEST)
    fill_parameters(train, int(golden["seed"]))
    train.save(tmp_path / "weights.caffemodel")
    test.copy_from(tmp_path / "weights.caffemodel")
    for blob, values in make_inputs(json.loads(str(golden["inputs"])), int(golden["seed"])):
        train.blobs[blob].data = values
        if blob in test.blobs:
            test.blobs[blob].data = values
    train.forward()
    test.forward()
    assert set(test.outputs) == set(ends)
    for end, blob in ends.items():
        wanted = train.blobs[blob].data
        if end == "prob":
            axis = test.layers[-1].param.softmax_param.axis
            powers = np.exp(wanted - wanted.max(axis, keepdims=True))
            wanted = powers / powers.sum(axis, keepdims=True)
        np.testing.assert_allclose(test.blobs[end].data, wanted, rtol=1e-5, atol=1e-7)


def test_data_layers_become_an_input_of_the_shape_that_their_settings_tell():
    _, document = golden_net("caffenet_train_val_TEST")
    text = "".join(document.text.splitlines(keepends=True)[2:])  # without its two inputs
    with_data = Document.parse(DATA.format(top="data", label="label", size=227) + text, "net")
    deployed = deploy(with_data)
    layer = deployed.message.layer[0]
    assert (layer.name, layer.type, list(layer.top)) == ("data", "Input", ["data"])
    assert [list(shape.dim) for shape in layer.input_param.shape] == [[50, 3, 227, 227]]
    assert "# The net was trained on data with scale 0.00390625, crop_size 227, mean_file mean.binaryproto." in (
        deployed.text
    )
    assert names(deployed) == names(deploy(document))
    assert list(deploy(with_data, batch=1).message.layer[0].input_param.shape[0].dim) == [1, 3, 227, 227]
    stated = deploy(with_data, shapes={"data": (2, 3, 300, 300)}).message.layer[0]
    assert list(stated.input_param.shape[0].dim) == [2, 3, 300, 300]


def test_auxiliary_classifiers_go_and_rates_names_and_comments_stay():
    _, document = golden_net("googlenet_train_val_TEST")
    text = document.text.replace('layer {\n  name: "pool1/3x3_s2"', '# halved twice\nlayer {\n  name: "pool1/3x3_s2"')
    deployed = deploy(Document.parse(text, "net"))
    assert not [name for name in names(deployed) if name.startswith(("loss1", "loss2"))]
    assert "# halved twice" in deployed.text and deployed.message.layer[1].param[1].lr_mult == 2
    assert deployed.message.name == "GoogleNet"


def test_weights_that_two_branches_share_stay_shared():
    _, document = golden_net("siamese_train")
    deployed = deploy(document)
    assert [one.name for one in deployed.message.layer[2].param] == ["conv1_w", "conv1_b"]
    assert "sim" not in names(deployed) and "loss" not in names(deployed)


HEADS = """
layer { name: "in" type: "Input" top: "x" top: "age" top: "sex" top: "mask"
  input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } shape { dim: 4 } shape { dim: 4 } } }
layer { name: "half" type: "Power" bottom: "age" top: "half" power_param { scale: 0.5 } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 4 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" include { phase: TRAIN } }
layer { name: "a" type: "InnerProduct" bottom: "ip" top: "a" inner_product_param { num_output: 4 } }
layer { name: "b" type: "InnerProduct" bottom: "ip" top: "b" inner_product_param { num_output: 2 } }
layer { name: "la" type: "SoftmaxWithLoss" bottom: "a" bottom: "age" top: "la" }
layer { name: "lb" type: "SoftmaxWithLoss" bottom: "b" bottom: "sex" top: "lb" loss_weight: 0.5 }
layer { name: "top1" type: "Accuracy" bottom: "b" bottom: "sex" top: "top1" include { phase: TEST } }
layer { name: "shh" type: "Silence" bottom: "half" bottom: "mask" }
"""


def test_several_predictions_have_a_head_each_and_what_only_labels_reach_goes():
    deployed = deploy(Document.parse(HEADS, "net"))
    assert names(deployed) == ["x", "ip", "relu", "a", "b", "a_prob", "b_prob"]
    assert deployed.layers[0].top == ("x",)


@pytest.mark.parametrize(
    ("loss", "kept"),
    [
        ('type: "SigmoidCrossEntropyLoss" bottom: "a" bottom: "t"', [("prob", "Sigmoid", ("a",))]),
        ('type: "EuclideanLoss" bottom: "a" bottom: "t"', []),
        ('type: "SoftmaxWithLoss" bottom: "a" bottom: "y" exclude { phase: TEST }', [("prob", "Softmax", ("a",))]),
        ('type: "Python" bottom: "a" bottom: "t" loss_weight: 1', []),
        ('type: "CentreLoss" bottom: "a" bottom: "y"', []),
    ],
)
def test_each_kind_of_loss_has_its_end(loss, kept):
    document = Document.parse(
        'layer { name: "d" type: "Input" top: "x" top: "t" top: "y" input_param '
        '{ shape { dim: 4 dim: 3 } shape { dim: 4 dim: 5 } shape { dim: 4 } } }'
        'layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 5 } }'
        f'layer {{ name: "loss" top: "loss" {loss} }}',
        "net",
    )
    deployed = deploy(document)
    assert [(one.name, one.type, one.bottom) for one in deployed.layers[2:]] == kept
    assert deployed.layers[1].name == "a" and deployed.layers[0].top == ("x",)


def test_a_softmax_that_is_there_is_not_made_again():
    text = HEADS.replace('{ name: "top1" type: "Accuracy" bottom: "b" bottom: "sex" top: "top1"',
                         '{ name: "p" type: "Softmax" bottom: "b" top: "p"')  # fmt: skip
    assert names(deploy(Document.parse(text, "net")))[-2:] == ["prob", "p"]


def test_the_net_of_the_stage_deploy_is_the_one_that_is_deployed():
    text = """
    layer { name: "train" type: "Data" top: "data" top: "label" data_param { source: "none" } exclude { stage: "deploy" } }
    layer { name: "data" type: "Input" top: "data" include { stage: "deploy" } input_param { shape { dim: 1 dim: 8 } } }
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" exclude { stage: "deploy" } }
    layer { name: "softmax" type: "Softmax" bottom: "ip" top: "softmax" include { stage: "deploy" } }
    """  # noqa: E501
    deployed = deploy(Document.parse(text, "net"))
    assert names(deployed) == ["data", "ip", "softmax"] and "deploy" not in deployed.text


def test_old_nets_are_deployed_in_the_present_form():
    text = """
    layers { name: "data" type: DATA top: "data" top: "label" data_param { source: "none" crop_size: 8 batch_size: 2 } }
    layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 3 inner_product_param { num_output: 4 } }
    layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" top: "loss" }
    """
    deployed = deploy(Document.parse(text, "net"))
    assert [layer.type for layer in deployed.layers] == ["Input", "InnerProduct", "Softmax"]
    assert deployed.message.layer[1].param[0].lr_mult == 3 and check(deployed).ok


def test_a_shape_that_nothing_tells_has_to_be_stated():
    text = HEADS.replace('type: "Input"', 'type: "Data" data_param { source: "none" }').partition("input_param")
    document = Document.parse(text[0] + "}" + text[2].partition("} }")[2].partition("}")[2], "net")
    with pytest.raises(ValueError, match="shape of 'x' is not known: state one, such as 1x3x224x224"):
        deploy(document)
    assert check(deploy(document, shapes={"x": (1, 3)})).ok
    with pytest.raises(ValueError, match="nothing is left"):
        deploy(Document.parse('layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 } } }', "net"))


@pytest.mark.parametrize("kind", ["Data", "ImageData", "HDF5Data", "DummyData"])
def test_a_deploy_net_becomes_a_training_net_with_the_data_that_is_asked_for(kind):
    _, document = golden_net("lenet_deploy")
    made = trainable(document, data=kind, batch=(16, 20))
    train, test = made.message.layer[:2]
    assert (train.type, list(train.top), train.include[0].phase) == (kind, ["data", "label"], TRAIN)
    assert test.include[0].phase == TEST
    ends = {layer.name: (layer.type, layer.bottom) for layer in made.layers[-2:]}
    assert ends == {"accuracy": ("Accuracy", ("ip2", "label")), "loss": ("SoftmaxWithLoss", ("ip2", "label"))}
    assert made.message.layer[-2].include[0].phase == TEST
    if kind == "Data":
        assert (train.data_param.source, test.data_param.source) == ("train_lmdb", "test_lmdb")
        assert (train.data_param.batch_size, test.data_param.batch_size) == (16, 20)
        assert train.transform_param.crop_size == 28
    if kind == "ImageData":
        assert (train.image_data_param.new_height, train.image_data_param.is_color) == (28, False)
    for phase in (TRAIN, TEST):
        found = [one.message for one in check(made, phase).diagnostics if one.severity == "error"]
        assert not [one for one in found if "there is no" not in one]


def test_a_training_net_learns_with_the_solver_that_is_made_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = Document.parse(
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 6 input_dim: 6\n'
        'layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param '
        "{ num_output: 4 kernel_size: 3 } }\n"
        'layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" '
        "batch_norm_param { use_global_stats: true } }\n"
        'layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 3 } }\n'
        'layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }\n',
        "net",
    )
    made = trainable(document, data="DummyData", batch=(8, 8))
    assert not made.message.layer[3].batch_norm_param.HasField("use_global_stats")
    made.save(tmp_path / "net.prototxt")
    text = solver_text("net.prototxt").replace("test_interval: 500", "test_interval: 500 random_seed: 1")
    (tmp_path / "solver.prototxt").write_text(text)
    from brewbench.engine import get_solver

    solver = get_solver(tmp_path / "solver.prototxt")
    assert isinstance(solver, Solver)
    solver.step(3)
    first = float(solver.net.blobs["loss"].data)
    solver.step(20)
    assert float(solver.net.blobs["loss"].data) < first


@pytest.mark.parametrize("name", ["lenet_train", "cifar10_full_train", "googlenet_train_val_TEST"])
def test_there_and_back_again_has_the_layers_of_the_deploy_net(name):
    _, document = golden_net(name)
    deployed = deploy(document)
    back = deploy(trainable(deployed, data="DummyData"), batch=deployed.message.layer[0].input_param.shape[0].dim[0])
    assert [(one.name, one.type, one.bottom) for one in back.layers] == [
        (one.name, one.type, one.bottom) for one in deployed.layers
    ]
    assert back.message.layer[0].input_param == deployed.message.layer[0].input_param


@pytest.mark.parametrize(
    ("text", "asked", "complaint"),
    [
        (HEADS, {}, "has a loss already"),
        ('layer { name: "p" type: "Parameter" top: "p" parameter_param { shape { dim: 1 } } }', {}, "no Input layer"),
        ('input: "a" input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 1', {}, "no output"),
        (HEADS.partition('layer { name: "la"')[0], {}, "take HDF5Data or DummyData"),
        (HEADS, {"data": "Datum"}, "data must be one of Data, ImageData, HDF5Data, DummyData; got 'Datum'"),
        (HEADS, {"loss": "Loss"}, "loss must be one of"),
        (HEADS, {"batch": (0, 1)}, "batch must be two numbers above 0"),
    ],
)
def test_what_cannot_be_trained_is_told(text, asked, complaint):
    with pytest.raises(ValueError, match=complaint):
        trainable(Document.parse(text, "net"), **asked)


def test_other_losses_compare_whole_blobs():
    text = HEADS.partition('layer { name: "la"')[0].replace('top: "age" top: "sex" top: "mask"', "")
    text = text.replace("shape { dim: 4 } shape { dim: 4 } shape { dim: 4 }", "")
    text = text.replace('bottom: "age"', 'bottom: "x"')
    made = trainable(Document.parse(text, "net"), data="DummyData", loss="EuclideanLoss")
    assert made.layers[-1].bottom == ("b", "label") and "Accuracy" not in made.text
    assert check(made, TRAIN).ok, [str(one) for one in check(made, TRAIN).diagnostics]


def test_an_input_that_is_there_stays_as_it_is_written():
    _, document = golden_net("lenet_deploy")
    text = document.text.replace('type: "Input"', 'type: "Input"  # digits\n', 1)
    assert deploy(Document.parse(text, "net")).text == text
    assert "# digits" not in deploy(Document.parse(text, "net"), batch=3).text
