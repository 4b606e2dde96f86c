"""Upgrade of old nets and solvers, in memory, to the fields that Caffe 1.0 reads."""

from difflib import get_close_matches
from typing import Any

from google.protobuf.message import Message

from .alignment import crop_offsets
from .messages import LayerParameter, NetParameter, SolverParameter, V0LayerParameter, V1LayerParameter
from .printable import printable

# V0's type -> the V1 type, and the message that holds its settings.
_V0_TYPES = {
    "accuracy": ("ACCURACY", ""),
    "bnll": ("BNLL", ""),
    "concat": ("CONCAT", "concat_param"),
    "conv": ("CONVOLUTION", "convolution_param"),
    "data": ("DATA", "data_param"),
    "dropout": ("DROPOUT", "dropout_param"),
    "euclidean_loss": ("EUCLIDEAN_LOSS", ""),
    "flatten": ("FLATTEN", ""),
    "hdf5_data": ("HDF5_DATA", "hdf5_data_param"),
    "hdf5_output": ("HDF5_OUTPUT", ""),
    "im2col": ("IM2COL", ""),
    "images": ("IMAGE_DATA", "image_data_param"),
    "infogain_loss": ("INFOGAIN_LOSS", "infogain_loss_param"),
    "innerproduct": ("INNER_PRODUCT", "inner_product_param"),
    "lrn": ("LRN", "lrn_param"),
    "multinomial_logistic_loss": ("MULTINOMIAL_LOGISTIC_LOSS", ""),
    "pool": ("POOLING", "pooling_param"),
    "relu": ("RELU", ""),
    "sigmoid": ("SIGMOID", ""),
    "softmax": ("SOFTMAX", ""),
    "softmax_loss": ("SOFTMAX_LOSS", ""),
    "split": ("SPLIT", ""),
    "tanh": ("TANH", ""),
    "window_data": ("WINDOW_DATA", "window_data_param"),
}

# Fields of V0LayerParameter that later got another name.
_V0_RENAMED = {
    "batchsize": "batch_size",
    "biasterm": "bias_term",
    "det_bg_threshold": "bg_threshold",
    "det_context_pad": "context_pad",
    "det_crop_mode": "crop_mode",
    "det_fg_fraction": "fg_fraction",
    "det_fg_threshold": "fg_threshold",
    "kernelsize": "kernel_size",
    "shuffle_images": "shuffle",
}

# Fields of V1LayerParameter that a V0 net knows; the others it never had.
_V0_CONNECTION = ("bottom", "top", "layer")

_V0_TRANSFORM = {"cropsize": "crop_size", "meanfile": "mean_file", "mirror": "mirror", "scale": "scale"}

_V1_TYPES = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "CROP": "Crop",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}

# Where a V1 data layer kept what is now in transform_param.
_V1_DATA_PARAMS: dict[int, str] = {
    V1LayerParameter.DATA: "data_param",
    V1LayerParameter.IMAGE_DATA: "image_data_param",
    V1LayerParameter.WINDOW_DATA: "window_data_param",
}
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")

# Per-blob lists of V1LayerParameter -> the field of the layer's param that takes each item.
_V1_PARAM_LISTS = {
    "param": "name",
    "blob_share_mode": "share_mode",
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
}

_SOLVER_TYPES: dict[int, str] = {
    SolverParameter.SGD: "SGD",
    SolverParameter.NESTEROV: "Nesterov",
    SolverParameter.ADAGRAD: "AdaGrad",
    SolverParameter.RMSPROP: "RMSProp",
    SolverParameter.ADADELTA: "AdaDelta",
    SolverParameter.ADAM: "Adam",
}


class UpgradeError(ValueError):
    """An old net or solver contradicts itself, so that there is no telling what it means.

    `field` is the field of the net or solver that shows it.
    """

    def __init__(self, message: str, field: str = "layers"):
        super().__init__(printable(message))
        self.field = field


def needs_upgrade(message: NetParameter | SolverParameter) -> bool:
    """Whether `upgrade_net` or `upgrade_solver` would change the message (or refuse it)."""
    if isinstance(message, SolverParameter):
        return message.HasField("solver_type") or any(needs_upgrade(net) for _, net in _inline_nets(message))
    return bool(message.layers or message.input or any(map(_learns_statistics, message.layer)))


def upgrade_net(net: NetParameter) -> list[str]:
    """Rewrite what is old in a net, in place, as Caffe does when it reads one.

    V0 and V1 layers become `layer`, V0 padding layers become `pad` of the layer they feed, the transform
    fields of V1 data layers move to `transform_param`, input fields become an Input layer, and the three
    params of a BatchNorm layer stop learning. Transform fields in a current `layer` stay, without effect.

    Returns one line for each change, none if there was nothing to do. Raises UpgradeError, and leaves the
    net as it was, where the old fields contradict each other.
    """
    _check(net)
    report: list[str] = []
    if any(layer.HasField("layer") for layer in net.layers):
        upgraded = _upgrade_v0(net, report)
        net.ClearField("layers")
        net.layers.extend(upgraded)
    if net.layers:
        _upgrade_v1(net, report)
    if net.input:
        _upgrade_input(net, report)
    for layer in filter(_learns_statistics, net.layer):
        for param in layer.param:
            param.lr_mult = param.decay_mult = 0
        report.append(f"layer '{layer.name}' (BatchNorm): lr_mult and decay_mult of its 3 params are now 0.")
    return report


def upgrade_solver(solver: SolverParameter) -> list[str]:
    """Rewrite what is old in a solver, in place: `solver_type`, and nets written inside the solver.

    Returns one line for each change, none if there was nothing to do. Raises UpgradeError where `type` and
    `solver_type` are both given, or an inner net cannot be upgraded.
    """
    if solver.HasField("solver_type") and solver.HasField("type"):
        raise UpgradeError(
            "type and solver_type are both given: expected one of them; "
            f'found type: "{solver.type}" and solver_type: {_solver_type_name(solver)}.'
        )
    report = []
    for field, net in _inline_nets(solver):
        report += [f"{field}: {line}" for line in upgrade_net(net)]
    if solver.HasField("solver_type"):
        solver.type = _SOLVER_TYPES[solver.solver_type]
        report.append(f'solver_type: {_solver_type_name(solver)} is now type: "{solver.type}".')
        solver.ClearField("solver_type")
    return report


def _solver_type_name(solver: SolverParameter) -> str:
    return SolverParameter.SolverType.Name(solver.solver_type)


def _inline_nets(solver: SolverParameter) -> list[tuple[str, NetParameter]]:
    names = [name for name in ("net_param", "train_net_param") if solver.HasField(name)]
    nets = [(name, getattr(solver, name)) for name in names]
    return nets + [("test_net_param", net) for net in solver.test_net_param]


def _learns_statistics(layer: LayerParameter) -> bool:
    """A BatchNorm layer whose stored statistics, 3 blobs, the solver would treat as weights."""
    if layer.type != "BatchNorm" or len(layer.param) != 3:
        return False
    return any(param.lr_mult != 0 or param.decay_mult != 0 for param in layer.param)


def _check(net: NetParameter) -> None:
    """Raise UpgradeError where old and new fields are mixed, or input shapes are missing."""
    if net.layers and net.layer:
        raise UpgradeError(
            "the net has both layer and layers fields: expected one format; "
            f"found {len(net.layer)} layer and {len(net.layers)} layers."
        )
    is_v0 = [layer.HasField("layer") for layer in net.layers]
    if any(is_v0) and not all(is_v0):
        odd = net.layers[is_v0.index(False)]
        raise UpgradeError(
            f"layer '{odd.name}': expected the V0 format (layers {{ layer {{ ... }} }}) of the other layers; "
            "found the V1 format."
        )
    if not net.input:
        return
    if net.input_shape:
        found, expected, field = len(net.input_shape), len(net.input), "input_shape"
    elif net.input_dim:
        found, expected, field = len(net.input_dim), 4 * len(net.input), "input_dim"
    else:
        return
    if found < expected:
        raise UpgradeError(
            f"input names {len(net.input)} blobs: expected {field} {expected} times; found {found}.", "input"
        )


def _upgrade_v0(net: NetParameter, report: list[str]) -> list[V1LayerParameter]:
    """The net's V0 layers as V1 layers, padding layers folded into the layers they feed."""
    makers: dict[str, V1LayerParameter | None] = dict.fromkeys(net.input)
    upgraded = []
    for connection in net.layers:
        padding = _padding_below(connection, makers)
        makers.update(dict.fromkeys(connection.top, connection))
        if connection.layer.type == "padding":
            continue
        layer = _v1_from_v0(connection, report)
        if padding is not None:
            _fold_padding(padding, connection, layer, report)
        upgraded.append(layer)
    report.append(f"layers in the V0 format rewritten: {len(net.layers)}.")
    return upgraded


def _padding_below(
    connection: V1LayerParameter, makers: dict[str, V1LayerParameter | None]
) -> V1LayerParameter | None:
    """The padding layer that makes a layer's bottom, if one does; `makers` knows who last made each blob."""
    layer = connection.layer
    found = None
    for bottom in connection.bottom:
        if bottom not in makers:
            raise UpgradeError(f"layer '{layer.name}': no layer before it makes its bottom '{bottom}'.")
        maker = makers[bottom]
        if maker is None or maker.layer.type != "padding":
            continue
        if layer.type not in ("conv", "pool"):
            raise UpgradeError(
                f"layer '{layer.name}' ({layer.type}): expected a conv or pool layer after the padding layer "
                f"'{maker.layer.name}'."
            )
        if len(connection.bottom) != 1 or len(maker.bottom) != 1 or len(maker.top) != 1:
            raise UpgradeError(
                f"layer '{layer.name}' ({layer.type}): expected one bottom here and in the padding layer "
                f"'{maker.layer.name}' before it, and one top there."
            )
        found = maker
    return found


def _fold_padding(
    padding: V1LayerParameter, connection: V1LayerParameter, layer: V1LayerParameter, report: list[str]
) -> None:
    settings = getattr(layer, _V0_TYPES[connection.layer.type][1])
    settings.ClearField("pad")
    _assign(settings, "pad", padding.layer.pad)
    layer.bottom[0] = padding.bottom[0]
    report.append(f"layer '{layer.name}': pad: {padding.layer.pad} taken over from '{padding.layer.name}'.")


def _v1_from_v0(connection: V1LayerParameter, report: list[str]) -> V1LayerParameter:
    """One V0 layer as a V1 layer; what its type cannot have is dropped, with a line in the report."""
    old = connection.layer
    new = V1LayerParameter(bottom=connection.bottom, top=connection.top)
    settings = ""
    dropped: list[str] = []
    if old.HasField("type"):
        if old.type not in _V0_TYPES:
            near = get_close_matches(old.type, [*_V0_TYPES, "padding"], 3, 0.6)
            hint = f"; did you mean {' or '.join(near)}?" if near else "."
            raise UpgradeError(f"layer '{old.name}': unknown V0 type '{old.type}'{hint}")
        type_name, settings = _V0_TYPES[old.type]
        new.type = V1LayerParameter.LayerType.Value(type_name)
    for descriptor, value in old.ListFields():
        target = _v0_target(descriptor.name, old, new, settings)
        if target is not None:
            _assign(*target, value)
        elif descriptor.name != "type":
            dropped.append(descriptor.name)
    dropped += [field.name for field, _ in connection.ListFields() if field.name not in _V0_CONNECTION]
    for name in dropped:
        report.append(f"layer '{old.name}' ({old.type}): {name} has no meaning there and was dropped.")
    return new


def _v0_target(
    field: str, old: V0LayerParameter, new: V1LayerParameter, settings: str
) -> tuple[Message, str] | None:
    """The message and the name under which a V0 field lives on in a V1 layer; None if it does not."""
    if field in ("name", "blobs", "blobs_lr", "weight_decay"):
        return new, field
    if field in _V0_TRANSFORM:
        return new.transform_param, _V0_TRANSFORM[field]
    if field == "hdf5_output_param" and old.type == "hdf5_output":
        return new, field
    if field == "shuffle_images" and old.type != "images":
        return None  # though HDF5Data can shuffle by now
    name = _V0_RENAMED.get(field, field)
    if settings and name in getattr(new, settings).DESCRIPTOR.fields_by_name:
        return getattr(new, settings), name
    return None


def _upgrade_v1(net: NetParameter, report: list[str]) -> None:
    """Turn the net's V1 layers into `layer`."""
    offsets = crop_offsets(net)
    for old in net.layers:
        _move_transform(old, report)
        new = net.layer.add()
        for descriptor, value in old.ListFields():
            if descriptor.name == "type":
                new.type = _V1_TYPES[V1LayerParameter.LayerType.Name(value)]
            elif descriptor.name in _V1_PARAM_LISTS:
                while len(new.param) < len(value):
                    new.param.add()
                for param, item in zip(new.param, value, strict=False):
                    setattr(param, _V1_PARAM_LISTS[descriptor.name], item)
            else:
                _assign(new, descriptor.name, value)
        if new.type == "Crop":
            _give_offset(new, next(offsets)[1], report)
    report.append(f"layers in the V1 format rewritten as layer: {len(net.layers)}.")
    net.ClearField("layers")


def _give_offset(layer: LayerParameter, offset: tuple[int, int] | None, report: list[str]) -> None:
    """Write down where a Crop layer begins, which its V1 form leaves to the layers between its bottoms."""
    if offset is None:
        report.append(f"layer '{layer.name}' (Crop): no offset brings its bottoms in line; it begins at 0.")
        return
    layer.crop_param.offset.extend(offset if offset[0] != offset[1] else offset[:1])
    report.append(f"layer '{layer.name}' (Crop): offset {' x '.join(map(str, offset))} found by the layers below.")


def _move_transform(layer: V1LayerParameter, report: list[str]) -> None:
    """Move scale, mean file, crop size and mirror of a V1 data layer to its transform_param."""
    settings_name = _V1_DATA_PARAMS.get(layer.type) if layer.HasField("type") else None
    if settings_name is None:
        return
    settings = getattr(layer, settings_name)
    moved = [name for name in _TRANSFORM_FIELDS if settings.HasField(name)]
    for name in moved:
        setattr(layer.transform_param, name, getattr(settings, name))
        settings.ClearField(name)
    if moved:
        names = ", ".join(moved)
        report.append(f"layer '{layer.name}': {names} moved from {settings_name} to transform_param.")


def _upgrade_input(net: NetParameter, report: list[str]) -> None:
    """Turn the net's input fields into an Input layer; names without a shape, as in old weights, just go."""
    names = ", ".join(f"'{name}'" for name in net.input)
    if net.input_shape or net.input_dim:
        layer = LayerParameter(name="input", type="Input", top=net.input)
        for i in range(len(net.input)):
            dims = net.input_shape[i].dim if net.input_shape else net.input_dim[4 * i : 4 * i + 4]
            layer.input_param.shape.add(dim=dims)
        net.layer.insert(0, layer)
        report.append(f"input fields became an Input layer with the tops {names}.")
    else:
        report.append(f"input fields without a shape were dropped: {names}.")
    for name in ("input", "input_shape", "input_dim"):
        net.ClearField(name)


def _assign(message: Message, name: str, value: Any) -> None:
    """Give a field a value: copy a message, append to a list, set a number or a text."""
    current = getattr(message, name)
    if hasattr(current, "extend"):
        current.extend(value if hasattr(value, "extend") else [value])
    elif isinstance(value, Message):
        current.CopyFrom(value)
    else:
        setattr(message, name, value)
