"""Caffe's files: `.caffemodel`, `.solverstate`, their HDF5 twins, and single blobs such as mean images.

The numbers of a large net pass once, as bytes, and not through message objects; those of a file stay in it until
somebody takes them (`Stored`). What is not the file it should be raises ValueError with the file's name; one that
cannot be read, OSError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from ..proto.messages import (
    BlobProto,
    BlobShape,
    LayerParameter,
    NetParameter,
    SolverState,
    V0LayerParameter,
    V1LayerParameter,
)
from . import hdf5, wire
from .atomic import atomic_write
from .blob import MAX_AXES
from .hdf5_writing import new_hdf5
from .stored import FileBytes, Stored

FilePath = str | PathLike
SavedBlob = tuple[np.ndarray, np.ndarray | None]  # data, and diff where it is kept
Part = bytes | memoryview
Message = memoryview | FileBytes
Values = np.ndarray | Stored

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_HDF5_STARTS = (0, 512, 1024, 2048)  # where it can be: MATLAB puts 512 bytes of its own in front
_POINTER = b"version https://git-lfs"
# What NVIDIA's Caffe adds to a BlobProto: values as bytes of a type that is given beside them; before that, halves.
_NVIDIA_FIELDS = {
    (10, wire.VARINT): "raw_data_type",
    (11, wire.VARINT): "raw_diff_type",
    (12, wire.BYTES): "raw_data",
    (13, wire.BYTES): "raw_diff",
    (10, wire.BYTES): "half_data",
    (11, wire.BYTES): "half_diff",
}
_OLD_SHAPE = ("num", "channels", "height", "width")
_RAW_DTYPES = {0: "<f8", 1: "<f4", 2: "<f2"}
_EXTRA_FIELD, _EXTRA_NAME = 5000, "brewbench"  # what only Brewbench reads: field of binary files, dataset of HDF5


class LayerWeights(NamedTuple):
    """The parameter blobs of one layer of a file. A blob that the file keeps with another layer is None.

    `old` are the numbers of those whose shapes are of Caffe's old form: four axes, ones in front of what there is.
    """

    name: str
    type: str
    blobs: list[Any]  # Values
    old: frozenset[int] = frozenset()


class SavedState(NamedTuple):
    """What a `.solverstate` holds: the iteration, the path of the weights, the histories, the step of the rate.

    `extra` is what Brewbench adds to it, in a field that Caffe skips; empty in a file of Caffe's.
    """

    iter: int
    learned_net: str
    history: Sequence[Values]
    current_step: int
    extra: bytes = b""


# Single blobs


def blob_to_proto(array: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto of an array, as Caffe writes it: `shape`, and `data` (of float64, `double_data`)."""
    return BlobProto.FromString(b"".join(_blob_parts(array, diff)))


def blob_from_proto(proto: Any) -> SavedBlob:
    """Data and diff of a BlobProto, of Caffe's present form or the old one with num, channels, height and width.

    The arrays are read-only views of one copy. Raises ValueError when shape and number of values differ.
    """
    data, diff = _parse_blob(memoryview(proto.SerializeToString()))
    return np.asarray(data), None if diff is None else np.asarray(diff)


def read_blob(path: FilePath, shape_only: bool = False) -> np.ndarray:
    """The array in a file of one BlobProto, such as a mean image (`.binaryproto`).

    With `shape_only` its values stay in the file: all read 0, and take no memory.
    """
    values = _parse(path, "a blob (.binaryproto)", _parse_blob)[0]
    return np.broadcast_to(np.zeros((), np.float32), values.shape) if shape_only else np.asarray(values)


def write_blob(path: FilePath, array: np.ndarray) -> None:
    """Write an array as a file of one BlobProto."""
    with atomic_write(path) as file:
        file.writelines(_blob_parts(array, None))


# Weights


def read_net_weights(path: FilePath) -> list[LayerWeights]:
    """Name, type and parameter blobs of every layer of a `.caffemodel` or its HDF5 twin, in the file's order.

    Which of the two it is, is seen from the content. The layers of old models (V1, V0) come with their old type
    names, those of HDF5 with none. The values stay in the file until they are taken; those of NVIDIA's Caffe may be
    of half precision.
    """
    if is_hdf5(path):
        with hdf5.open_hdf5(path) as file:
            return [LayerWeights(name, "", blobs) for name, blobs in hdf5.read_layers(path, file)]
    layers = _parse(path, "a .caffemodel", _parse_net)
    if not layers:
        raise ValueError(f"{path}: holds no layers; it is not a .caffemodel")
    return layers


def write_net_weights(path: FilePath, net: Any, blobs: Sequence[Sequence[SavedBlob]] | None = None) -> None:
    """Write a `.caffemodel`: a NetParameter with the blobs of its layers.

    `blobs` gives them as arrays, one list per layer of `net`, and keeps the copies small; left out, those in the
    message are written.
    """
    with atomic_write(path) as file:
        if blobs is None:
            file.write(net.SerializeToString())
            return
        rest = NetParameter()
        rest.CopyFrom(net)
        rest.ClearField("layer")
        file.write(rest.SerializeToString())
        for layer, given in zip(net.layer, blobs, strict=True):
            file.writelines(_field(NetParameter, "layer", _layer_parts(layer, given)))


def write_net_weights_hdf5(
    path: FilePath,
    layers: Iterable[tuple[str, Sequence[np.ndarray], Sequence[np.ndarray] | None, Sequence[bool]]],
) -> None:
    """Write a `.caffemodel.h5`: for each layer its name, data, diffs (or None), and which of them are its own.

    Data that a layer shares with an earlier one is left out, as Caffe does; diffs never are. Where a name leads is
    said at `hdf5.path_of`. Raises ValueError for names that HDF5 cannot hold.
    """
    layers = list(layers)
    trees = ["data", "diff"] if any(diffs is not None for _, _, diffs, _ in layers) else ["data"]
    try:
        hdf5.check_layers((name, [k for k, own in enumerate(owned) if own]) for name, _, _, owned in layers)
        if "diff" in trees:
            hdf5.check_layers(((name, range(len(diffs or ()))) for name, _, diffs, _ in layers), "diff")
        with new_hdf5(path) as file:
            for tree in trees:
                file.create_group(tree)
            for name, arrays, diffs, owned in layers:
                kept = {"data": [array if own else None for array, own in zip(arrays, owned, strict=True)]}
                kept["diff"] = list(diffs or ())
                for tree in trees:
                    group = hdf5.layer_group(file, name, tree)
                    for index, array in enumerate(kept[tree]):
                        if array is not None:
                            group.create_dataset(str(index), data=array)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


# Solver states


def read_solver_state(path: FilePath) -> SavedState:
    """What a `.solverstate` or its HDF5 twin holds; which of the two it is, is seen from the content."""
    if is_hdf5(path):
        with hdf5.open_hdf5(path) as file:
            missing = {"iter", "history", "current_step"} - set(file)
            if missing:
                raise ValueError(f"has no {' and no '.join(sorted(missing))}; it is not a .solverstate.h5")
            found = {name: hdf5.member_of(file, name) for name in file}
            learned = found["learned_net"][()] if "learned_net" in found else b""
            step, iteration = found["current_step"][0], found["iter"][0]
            extra = found[_EXTRA_NAME][()].tobytes() if _EXTRA_NAME in found else b""
            history = hdf5.numbered(path, found["history"])
            if any(blob is None for blob in history):
                raise ValueError("blobs of the history are missing")
            return SavedState(int(iteration), learned.decode(), history, int(step), extra)
    return _parse(path, "a .solverstate", _parse_state)


def write_solver_state(
    path: FilePath,
    iter: int,
    learned_net: str,
    history: Iterable[np.ndarray],
    current_step: int = 0,
    extra: bytes = b"",
) -> None:
    """Write a `.solverstate`, or its HDF5 twin when the name ends in ``.h5``.

    The histories come in Caffe's order: the first of every parameter, then the second of every parameter.
    """
    if str(path).endswith(".h5"):
        with new_hdf5(path) as file:
            file.create_dataset("iter", data=np.array([iter], np.int32))
            name = learned_net.encode()
            file.create_dataset("learned_net", data=np.array(name, f"S{len(name) + 1}"))
            file.create_dataset("current_step", data=np.array([current_step], np.int32))
            group = file.create_group("history")
            for index, array in enumerate(history):
                group.create_dataset(str(index), data=array)
            if extra:
                file.create_dataset(_EXTRA_NAME, data=np.frombuffer(extra, np.uint8))
        return
    with atomic_write(path) as file:
        file.write(SolverState(iter=iter, learned_net=learned_net).SerializeToString())
        for array in history:
            file.writelines(_field(SolverState, "history", _blob_parts(array, None)))
        file.write(SolverState(current_step=current_step).SerializeToString())
        if extra:
            file.writelines([wire.header(_EXTRA_FIELD, len(extra)), extra])


# Reading bytes


def is_hdf5(path: FilePath) -> bool:
    """Whether a file is HDF5, seen from its content. Raises OSError when it cannot be read."""
    with open(path, "rb") as file:
        start = file.read(_HDF5_STARTS[-1] + len(_HDF5_MAGIC))
        return any(start.startswith(_HDF5_MAGIC, at) for at in _HDF5_STARTS)


def _parse(path: FilePath, what: str, parse: Callable[[FileBytes], Any]) -> Any:
    content = FileBytes(path)
    if bytes(content[: len(_POINTER)]) == _POINTER:
        raise ValueError(f"{path}: is the pointer of a file in Git LFS, not the file; fetch it with `git lfs pull`")
    if not content:
        raise ValueError(f"{path}: is empty; {what} was expected")
    if is_hdf5(path):
        raise ValueError(f"{path}: is an HDF5 file; {what} was expected")
    try:
        return parse(content)
    except (ValueError, DecodeError) as error:
        raise ValueError(f"{path}: is not {what}, or is cut short: {error}") from error


def _parse_net(message: Message) -> list[LayerWeights]:
    layers = []
    for name, value in wire.named_fields(NetParameter, message):
        if name == "layer":
            layers.append(_parse_layer(LayerParameter, value))
        elif name == "layers":
            layers.append(_parse_layer(V1LayerParameter, value))
    return layers


def _parse_layer(cls: Any, message: Message) -> LayerWeights:
    name = type = ""
    blobs, old = [], set()
    for field, value in wire.named_fields(cls, message):
        if field == "name":
            name = bytes(value).decode()
        elif field == "type" and isinstance(value, int):
            known = V1LayerParameter.LayerType.DESCRIPTOR.values_by_number.get(value)
            type = known.name if known else str(value)  # of somebody's own Caffe
        elif field == "type":
            type = bytes(value).decode()
        elif field == "blobs":
            if any(name in _OLD_SHAPE for name, _ in wire.named_fields(BlobProto, value)):
                old.add(len(blobs))
            blobs.append(_parse_blob(value)[0])
        elif field == "layer":  # V0: the layer is wrapped once more
            return _parse_layer(V0LayerParameter, value)
    return LayerWeights(name, type, blobs, frozenset(old))


def _parse_state(message: Message) -> SavedState:
    found: dict[str, Any] = {}
    history = []
    for name, value in wire.named_fields(SolverState, message, {(_EXTRA_FIELD, wire.BYTES): _EXTRA_NAME}):
        if name == "history":
            history.append(_parse_blob(value)[0])
        else:
            found[name] = value
    if "iter" not in found or not ("learned_net" in found or history):  # what is unknown in it is no error
        raise ValueError("it has no iter, or neither learned_net nor history")
    learned_net, extra = bytes(found.get("learned_net", b"")).decode(), bytes(found.get(_EXTRA_NAME, b""))
    return SavedState(found["iter"], learned_net, history, found.get("current_step", 0), extra)


def _parse_blob(message: Message) -> tuple[Values, Values | None]:
    """Data and diff of a serialised BlobProto, where they are; for those that lie in pieces, a copy."""
    numbers: dict[str, list[Any]] = {}
    dims = b""
    legacy: dict[str, int] = {}
    types: dict[str, int] = {}
    for name, value in wire.named_fields(BlobProto, message, _NVIDIA_FIELDS):
        if name == "shape":
            dims += bytes(value)  # given twice, the two are one, as everywhere in protobuf
        elif name.endswith("_type"):
            types[name] = value
        elif isinstance(value, int):
            legacy[name] = value
        else:
            numbers.setdefault(name, []).append(value)
    shape = tuple(BlobShape.FromString(dims).dim)
    if legacy:
        shape = tuple(legacy.get(name, 0) for name in _OLD_SHAPE)
    if len(shape) > MAX_AXES:
        raise ValueError(f"a blob has at most {MAX_AXES} axes; got {len(shape)}")
    kept = []
    for kind in ("data", "diff"):
        values = _values_of(numbers, kind, types)
        if values.size != prod(shape) and (kind == "data" or values.size):
            raise ValueError(f"a blob of shape {shape} has {values.size:,} values in {kind}")
        kept.append(values.reshape(shape) if values.size or kind == "data" else None)
    return kept[0], kept[1]


def _values_of(numbers: Mapping[str, list[Any]], kind: str, types: Mapping[str, int]) -> Any:
    """The values of a blob, flat, from the first of the fields for them that is there."""
    for name, dtype in ((f"double_{kind}", "<f8"), (kind, "<f4")):
        if name in numbers:
            return _flat(numbers[name], dtype)
    if f"raw_{kind}" in numbers:
        code = types.get(f"raw_{kind}_type")
        if code not in _RAW_DTYPES:
            raise ValueError(f"its raw_{kind} is of type {code}; known are 0 (double), 1 (float), 2 (half)")
        return _flat(numbers[f"raw_{kind}"][-1:], _RAW_DTYPES[code])
    if f"half_{kind}" in numbers:
        values = wire.read_varints(b"".join(map(bytes, numbers[f"half_{kind}"])))
        return values.astype("<u2").view("<f2")
    return np.empty(0, np.float32)


def _flat(pieces: list[Any], dtype: str) -> Values:
    if len(pieces) == 1 and isinstance(pieces[0], FileBytes):
        return pieces[0].array(dtype)
    return np.frombuffer(pieces[0] if len(pieces) == 1 else b"".join(map(bytes, pieces)), dtype)


# Writing bytes


def _field(cls: Any, name: str, parts: list[Part]) -> list[Part]:
    """The parts of a field's value with what stands before them."""
    number = cls.DESCRIPTOR.fields_by_name[name].number
    return [wire.header(number, sum(len(part) for part in parts)), *parts]


def _layer_parts(layer: Any, blobs: Sequence[SavedBlob]) -> list[Part]:
    """A LayerParameter with given blobs, its fields in the order of their numbers."""
    before, after = LayerParameter(), LayerParameter()
    before.CopyFrom(layer)
    after.CopyFrom(layer)
    number = LayerParameter.DESCRIPTOR.fields_by_name["blobs"].number
    for field in LayerParameter.DESCRIPTOR.fields:
        if field.number >= number:
            before.ClearField(field.name)
        if field.number <= number:
            after.ClearField(field.name)
    parts: list[Part] = [before.SerializeToString()]
    for data, diff in blobs:
        parts += _field(LayerParameter, "blobs", _blob_parts(data, diff))
    return [*parts, after.SerializeToString()]


def _blob_parts(data: np.ndarray, diff: np.ndarray | None) -> list[Part]:
    """A BlobProto, its fields in the order of their numbers; the numbers are not copied if they need not be."""
    shape = _field(BlobProto, "shape", [BlobShape(dim=data.shape).SerializeToString()]) if data.ndim else []
    double = data.dtype == np.float64
    prefix, dtype = ("double_", "<f8") if double else ("", "<f4")
    numbers: list[Part] = []
    for kind, array in (("data", data), ("diff", diff)):
        if array is not None and array.size:
            values = np.ascontiguousarray(array, dtype).reshape(-1).data.cast("B")
            numbers += _field(BlobProto, prefix + kind, [values])
    return shape + numbers if double else numbers + shape
