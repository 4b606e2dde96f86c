"""NetSpec. Nets written in Python, with every name taken from the schema.

``n = NetSpec(); n.data = layers.DummyData(shape={"dim": [1, 2]}); n.ip = layers.InnerProduct(n.data, num_output=3);
print(n.to_proto())``
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from ...engine import DefinitionError, layer_class
from ...proto import messages
from ...proto.messages import LayerParameter, NetParameter


class Top:
    """One top of a layer; it gets its name from the NetSpec, or from the type."""

    def __init__(self, function: Function, index: int):
        self.fn, self.n = function, index

    def write(self, done: Done, names: Names, counts: Counter[str]) -> None:
        """Add the layer this comes from, and all it needs, to `done`."""
        self.fn.write(done, names, counts)

    def to_proto(self) -> Any:
        """The net that ends in this top."""
        return to_proto(self)


class Function:
    """One layer: its type, what goes in, its settings. Raises TypeError when an input is no Top."""

    def __init__(self, type_name: str, inputs: Iterable[Top], settings: Mapping[str, Any]):
        self.type_name = type_name
        self.inputs = tuple(inputs)
        for index, one in enumerate(self.inputs):
            if not isinstance(one, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(one)})")
        self.params = dict(settings)
        self.in_place = bool(self.params.pop("in_place", False))
        self.ntop = int(self.params.pop("ntop", 1))
        self.tops = tuple(Top(self, index) for index in range(self.ntop))

    def write(self, done: Done, names: Names, counts: Counter[str]) -> None:
        """Add this layer, after those it reads from, to `done`."""
        if self in done:
            return
        message = LayerParameter(type=self.type_name)
        for one in self.inputs:
            one.write(done, names, counts)
            message.bottom.append(done[one.fn].top[one.n])
        message.top.extend(message.bottom if self.in_place else [self._name(top, names, counts) for top in self.tops])
        named_after = self if self in names or not self.tops else self.tops[0]
        message.name = self._name(named_after, names, counts)
        for key, value in self.params.items():
            assign_proto(_owner(message, key), key, value)
        done[self] = message

    def _name(self, one: Top | Function, names: Names, counts: Counter[str]) -> str:
        if one not in names:
            counts[self.type_name] += 1
            names[one] = f"{self.type_name}{counts[self.type_name]}"
        return names[one]

    def to_proto(self) -> Any:
        """The net that ends in this layer."""
        return to_proto(self)


Names = dict[Top | Function, str]
Done = OrderedDict[Function, Any]


def _owner(message: Any, key: str) -> Any:
    """The message a setting belongs to: the layer's own where it has such a field, else the LayerParameter.

    A type that nobody here knows can be written too. Raises AttributeError when neither message has the setting.
    """
    if not key.endswith("param"):
        try:
            own = layer_class(message.type).param_field or ""
        except DefinitionError:
            own = f"{param_name_dict().get(message.type)}_param"
        if own in LayerParameter.DESCRIPTOR.fields_by_name:
            if key in getattr(message, own).DESCRIPTOR.fields_by_name:
                return getattr(message, own)
    if key not in LayerParameter.DESCRIPTOR.fields_by_name:
        raise AttributeError(f"{message.type} has no setting {key!r}")
    return message


def param_name_dict() -> dict[str, str]:
    """What stands before ``_param`` in the name of a layer's own field, by layer type as its message has it."""
    found = {}
    for field in LayerParameter.DESCRIPTOR.fields:
        if field.name.endswith("_param") and field.message_type is not None:
            found[field.message_type.name.removesuffix("Parameter")] = field.name.removesuffix("_param")
    return found


def assign_proto(proto: Any, name: str, val: Any) -> None:
    """Set a field from plain Python: dicts for messages, lists for repeated fields, names for enums.

    Raises AttributeError for a field that the message does not have.
    """
    field = proto.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        raise AttributeError(f"{proto.DESCRIPTOR.name} has no field {name!r}")
    if field.is_repeated:
        values = val if isinstance(val, list | tuple) else [val]
        for one in values:
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                _fill(getattr(proto, name).add(), one)
            else:
                getattr(proto, name).append(_scalar(field, one))
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        getattr(proto, name).SetInParent()
        _fill(getattr(proto, name), val)
    else:
        setattr(proto, name, _scalar(field, val))


def _fill(message: Any, value: Any) -> None:
    if isinstance(value, Mapping):
        for key, one in value.items():
            assign_proto(message, key, one)
    else:
        message.CopyFrom(value)


def _scalar(field: Any, value: Any) -> Any:
    if field.enum_type is not None and isinstance(value, str):
        return field.enum_type.values_by_name[value].number
    return value


class NetSpec:
    """Collects tops under the names they are assigned to. Source: pycaffe's net_spec."""

    tops: OrderedDict[str, Top | Function]

    def __init__(self) -> None:
        super().__setattr__("tops", OrderedDict())

    def __setattr__(self, name: str, value: Top | Function) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str) -> Any:
        try:
            return self.tops[name]
        except KeyError:
            raise AttributeError(f"the net has no top {name!r} yet") from None

    def __delattr__(self, name: str) -> None:
        del self.tops[name]

    __setitem__, __getitem__, __delitem__ = __setattr__, __getattr__, __delattr__

    def to_proto(self) -> Any:
        """The net as a NetParameter message, layers after what they read."""
        return _write(self.tops.values(), {top: name for name, top in self.tops.items()})


def to_proto(*tops: Top | Function) -> Any:
    """The net that ends in these tops, its blobs named after their types."""
    return _write(tops, {})


def _write(tops: Iterable[Top | Function], names: Names) -> Any:
    done: Done = OrderedDict()
    counts: Counter[str] = Counter()
    for top in tops:
        top.write(done, names, counts)
    return NetParameter(layer=done.values())


class Layers:
    """``layers.Convolution(bottom, num_output=20, kernel_size=5)``: a function for every layer type.

    Returns one top, a tuple of them for ``ntop`` above 1, or the Function itself for ``ntop=0``.
    """

    def __getattr__(self, name: str) -> Any:
        def make(*inputs: Top, **settings: Any) -> Any:
            function = Function(name, inputs, settings)
            if function.ntop == 0:
                return function
            return function.tops[0] if function.ntop == 1 else function.tops

        make.__name__ = name
        return make


class Values:
    """The numbers behind the names of one parameter message's enum values."""

    def __init__(self, message: type):
        self._message = message

    def __getattr__(self, value: str) -> int:
        return getattr(self._message, value)


class Parameters:
    """``params.Pooling.MAX``: the enum values of every parameter message."""

    def __getattr__(self, name: str) -> Values:
        return Values(getattr(messages, f"{name}Parameter"))


layers = Layers()
params = Parameters()
