"""A pandas DataFrame in HDF5, written without pandas: what ``pandas.read_hdf(file, key)`` reads.

The format is pandas' "fixed" one over PyTables: arrays for both axes and for each block of columns of one type. Names
are arrays of bytes, numbers plain arrays (rows, columns), a column of objects one pickle in an array of bytes.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_NONE = b"N."  # the pickle of None, with which pandas marks an axis without a name


def write_frame(
    file: Any, key: str, index: Sequence[str], index_name: str, objects: Mapping[str, Sequence[Any]],
    numbers: Mapping[str, np.ndarray],
) -> None:  # fmt: skip
    """Write a frame of n rows as the group `key` of an open h5py.File, which becomes a file of PyTables'.

    Args:
        index: n names of rows; `index_name` is the name of that axis.
        objects: columns of n objects, which come first.
        numbers: columns (n,) of one type.
    """
    _describe(file, CLASS="GROUP", VERSION="1.0", PYTABLES_FORMAT_VERSION="2.1")
    group = file.create_group(key)
    _describe(
        group, CLASS="GROUP", VERSION="1.0", pandas_type="frame", pandas_version="0.15.2", encoding="UTF-8",
        errors="strict", axis0_variety="regular", axis1_variety="regular", block0_items_variety="regular",
        block1_items_variety="regular",
    )  # fmt: skip
    group.attrs.update(ndim=2, nblocks=2)
    _names(group, "axis0", [*objects, *numbers])
    _names(group, "axis1", index, index_name)
    _names(group, "block0_items", list(numbers))
    _describe_array(group.create_dataset("block0_values", data=np.stack(list(numbers.values()), 1)))
    _names(group, "block1_items", list(objects))
    _objects(group, "block1_values", objects)


def _describe(node: Any, **attributes: str) -> None:
    """Give a node attributes as PyTables writes them: text of fixed length, a title that is empty."""
    import h5py

    for name, value in {"TITLE": "", **attributes}.items():
        if value:
            kind = h5py.string_dtype("utf-8", len(value.encode()))
            node.attrs.create(name, value.encode(), dtype=kind)
        else:
            node.attrs[name] = h5py.Empty("S1")


def _describe_array(node: Any, **attributes: str) -> None:
    _describe(node, CLASS="ARRAY", VERSION="2.4", FLAVOR="numpy", **attributes)
    node.attrs["transposed"] = np.uint8(1)


def _names(group: Any, name: str, values: Sequence[str], axis_name: str | None = None) -> None:
    encoded = np.array([value.encode() for value in values])
    node = group.create_dataset(name, data=encoded)
    _describe_array(node, kind="string")
    if axis_name is None:
        node.attrs["name"] = np.bytes_(_NONE)
    else:
        _describe(node, name=axis_name)


def _objects(group: Any, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
    import h5py

    cells = np.empty((len(next(iter(columns.values()))), len(columns)), object)
    for column, values in enumerate(columns.values()):
        for row, value in enumerate(values):
            cells[row, column] = value
    node = group.create_dataset(name, (1,), h5py.vlen_dtype(np.uint8), maxshape=(None,), chunks=(1,))
    node[0] = np.frombuffer(pickle.dumps(cells, 4), np.uint8)
    _describe(node, CLASS="VLARRAY", VERSION="1.4", PSEUDOATOM="object")
    node.attrs["transposed"] = np.uint8(1)
