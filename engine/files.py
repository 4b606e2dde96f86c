"""Caffe's files: `.caffemodel`, `.solverstate`, their HDF5 twins, and single blobs such as mean images.

The numbers of a large net pass once, as bytes, and not through message objects where that can be helped. What is
not the file it should be raises ValueError with the file's name; one that cannot be read, OSError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import prod
from os import PathLike
from pathlib import Path
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
from . import wire
from .atomic import atomic_path, atomic_write

FilePath = str | PathLike
SavedBlob = tuple[np.ndarray, np.ndarray | None]  # data, and diff where it is kept
Part = bytes | memoryview

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_POINTER = b"version https://git-lfs"
_LAYERS = (LayerParameter, V1LayerParameter, V0LayerParameter)  # may have fields of somebody's own Caffe
_EXTRA_FIELD, _EXTRA_NAME = 5000, "brewbench"  # what only Brewbench reads: field of binary files, dataset of HDF5


class LayerWeights(NamedTuple):
    """The parameter blobs of one layer of a file. A blob that the file keeps with another layer is None."""

    name: str
    type: str
    blobs: list[Any]


class SavedState(NamedTuple):
    """What a `.solverstate` holds: the iteration, the path of the weights, the histories, the step of the rate.

    `extra` is what Brewbench adds to it, in a field that Caffe skips; empty in a file of Caffe's.
    """

    iter: int
    learned_net: str
    history: list[np.ndarray]
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
    return _parse_blob(memoryview(proto.SerializeToString()))


def read_blob(path: FilePath) -> np.ndarray:
    """The array in a file of one BlobProto, such as a mean image (`.binaryproto`)."""
    return _parse(path, "a blob (.binaryproto)", _parse_blob)[0]


def write_blob(path: FilePath, array: np.ndarray) -> None:
    """Write an array as a file of one BlobProto."""
    with atomic_write(path) as file:
        file.writelines(_blob_parts(array, None))


# Weights


def read_net_weights(path: FilePath) -> list[LayerWeights]:
    """Name, type and parameter blobs of every layer of a `.caffemodel` or its HDF5 twin, in the file's order.

    Which of the two it is, is seen from the content. The layers of old models (V1, V0) come with their old type
    names, those of HDF5 with none. The arrays are read-only.
    """
    if _is_hdf5(path):
        return _read_weights_hdf5(path)
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

    Data that a layer shares with an earlier one is left out, as Caffe does; diffs never are. A "/" in a name, at
    which Caffe stops, makes a group in a group. Raises ValueError for names that HDF5 cannot hold.
    """
    import h5py

    layers = list(layers)
    for name, *_ in layers:
        if {"", "."} & set(name.split("/")):
            raise ValueError(f"{path}: HDF5 cannot hold a layer named {name!r}; save a .caffemodel")
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        data = file.create_group("data")
        diff = file.create_group("diff") if any(diffs is not None for _, _, diffs, _ in layers) else None
        for name, arrays, diffs, owned in layers:
            group = data.require_group(name)  # is there already where "a/b" came before "a"
            for index, (array, own) in enumerate(zip(arrays, owned, strict=True)):
                if own:
                    group.create_dataset(str(index), data=array)
            if diff is not None:
                group = diff.require_group(name)
                for index, array in enumerate(diffs or ()):
                    group.create_dataset(str(index), data=array)


def _read_weights_hdf5(path: FilePath) -> list[LayerWeights]:
    with _open_hdf5(path) as file:
        if "data" not in file:
            raise ValueError(f"{path}: has no group 'data'; it is not a .caffemodel.h5")
        return list(_layers_hdf5(file["data"]))


def _layers_hdf5(group: Any, within: str = "") -> Iterator[LayerWeights]:
    """The layers of an HDF5 group, those with a "/" in their name too: a group that only holds groups is none."""
    for name, member in group.items():
        if not _is_group(member):
            continue
        inner = [one for one in member.values() if _is_group(one)]
        if len(inner) < len(member) or not inner:
            yield LayerWeights(within + name, "", _numbered(member))
        yield from _layers_hdf5(member, f"{within}{name}/")


def _is_group(member: Any) -> bool:
    return hasattr(member, "items")


def _open_hdf5(path: FilePath) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path}: the HDF5 file is damaged or cut short: {error}") from error


def _numbered(group: Any) -> list[Any]:
    """The datasets 0, 1, 2, ... of an HDF5 group; None for those that are not there."""
    found = {name: member for name, member in group.items() if not _is_group(member)}
    count = 1 + max((int(name) for name in found), default=-1)
    return [found[str(index)][()] if str(index) in found else None for index in range(count)]


# Solver states


def read_solver_state(path: FilePath) -> SavedState:
    """What a `.solverstate` or its HDF5 twin holds; which of the two it is, is seen from the content."""
    if _is_hdf5(path):
        with _open_hdf5(path) as file:
            missing = {"iter", "history", "current_step"} - set(file)
            if missing:
                raise ValueError(f"{path}: has no {' and no '.join(sorted(missing))}; it is not a .solverstate.h5")
            learned = file["learned_net"][()] if "learned_net" in file else b""
            step, iteration = file["current_step"][0], file["iter"][0]
            extra = file[_EXTRA_NAME][()].tobytes() if _EXTRA_NAME in file else b""
            return SavedState(int(iteration), learned.decode(), _numbered(file["history"]), int(step), extra)
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
        import h5py

        with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
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


def _is_hdf5(path: FilePath) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_HDF5_MAGIC)) == _HDF5_MAGIC


def _parse(path: FilePath, what: str, parse: Callable[[memoryview], Any]) -> Any:
    content = Path(path).read_bytes()
    if content.startswith(_POINTER):
        raise ValueError(f"{path}: is the pointer of a file in Git LFS, not the file; fetch it with `git lfs pull`")
    if not content:
        raise ValueError(f"{path}: is empty; {what} was expected")
    try:
        return parse(memoryview(content))
    except (ValueError, DecodeError) as error:
        raise ValueError(f"{path}: is not {what}, or is cut short: {error}") from error


def _parse_net(message: memoryview) -> list[LayerWeights]:
    layers = []
    for name, value in _named_fields(NetParameter, message):
        if name == "layer":
            layers.append(_parse_layer(LayerParameter, value))
        elif name == "layers":
            layers.append(_parse_layer(V1LayerParameter, value))
    return layers


def _parse_layer(cls: Any, message: memoryview) -> LayerWeights:
    name = type = ""
    blobs = []
    for field, value in _named_fields(cls, message):
        if field == "name":
            name = bytes(value).decode()
        elif field == "type" and isinstance(value, int):
            type = V1LayerParameter.LayerType.Name(value)
        elif field == "type":
            type = bytes(value).decode()
        elif field == "blobs":
            blobs.append(_parse_blob(value)[0])
        elif field == "layer":  # V0: the layer is wrapped once more
            return _parse_layer(V0LayerParameter, value)
    return LayerWeights(name, type, blobs)


def _parse_state(message: memoryview) -> SavedState:
    found: dict[str, Any] = {"iter": 0, "learned_net": b"", "current_step": 0, _EXTRA_NAME: b""}
    history = []
    for name, value in _named_fields(SolverState, message, {_EXTRA_FIELD: _EXTRA_NAME}):
        if name == "history":
            history.append(_parse_blob(value)[0])
        else:
            found[name] = value
    learned_net, extra = bytes(found["learned_net"]).decode(), bytes(found[_EXTRA_NAME])
    return SavedState(found["iter"], learned_net, history, found["current_step"], extra)


def _parse_blob(message: memoryview) -> SavedBlob:
    """Data and diff of a serialised BlobProto: views of its bytes where they lie in one piece."""
    numbers: dict[str, list[memoryview]] = {}
    shape: tuple[int, ...] = ()
    legacy: dict[str, int] = {}
    for name, value in _named_fields(BlobProto, message):
        if name == "shape":
            shape = tuple(BlobShape.FromString(bytes(value)).dim)
        elif isinstance(value, int):
            legacy[name] = value
        else:
            numbers.setdefault(name, []).append(value)
    if legacy:
        shape = tuple(legacy.get(name, 0) for name in ("num", "channels", "height", "width"))
    kept = []
    for kind in ("data", "diff"):
        values = np.empty(0, np.float32)
        for name, dtype in ((kind, "<f4"), (f"double_{kind}", "<f8")):
            if name in numbers:
                pieces = numbers[name]
                values = np.frombuffer(pieces[0] if len(pieces) == 1 else b"".join(pieces), dtype)
        if values.size != prod(shape) and (kind == "data" or values.size):
            raise ValueError(f"a blob of shape {shape} has {values.size:,} values in {kind}")
        kept.append(values.reshape(shape) if values.size or kind == "data" else None)
    return kept[0], kept[1]


def _named_fields(cls: Any, message: memoryview, others: Mapping[int, str] | None = None) -> Iterator[tuple[str, Any]]:
    """The fields of a serialised message of a class by name, and those among `others`, bytes whose names it gives.

    Raises ValueError for a field of the wrong kind, and for one that is neither, except in a layer.
    """
    for number, kind, value in wire.fields(message):
        field = cls.DESCRIPTOR.fields_by_number.get(number)
        if field is not None:
            is_number = field.cpp_type not in (field.CPPTYPE_STRING, field.CPPTYPE_MESSAGE)
            packed = kind == wire.BYTES and is_number and field.is_repeated
            if (kind == wire.BYTES) == is_number and not packed:
                raise ValueError(f"field {field.name} of {cls.DESCRIPTOR.name} is of the wrong kind")
            yield field.name, value
        elif others and number in others and kind == wire.BYTES:
            yield others[number], value
        elif cls not in _LAYERS:
            raise ValueError(f"{cls.DESCRIPTOR.name} has no field {number}")


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
