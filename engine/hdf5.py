"""Caffe's HDF5 files: where the blobs of a layer lie in one, and how one is read that anybody may have made.

Groups may be linked to each other in any way: each is walked once. Nothing outside the file is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .stored import Stored

FilePath = str | PathLike
Blobs = list[Any]  # np.ndarray or Stored; None for one that is not there
Layer = tuple[str, Blobs]

MOST_COMPRESSED = 1100  # how many times smaller than its values a compressed dataset can be
_MOST_BLOBS = 1 << 20  # numbered datasets beyond this are no blobs of a net
_DEEPEST = 100  # groups within groups
_MOST_LINKS = 16  # soft links on the way to one member, as in HDF5
_TREES = ("data", "diff")
_NAME = "brewbench_name"  # attribute of a group: the layer's name, where the path is another


def path_of(name: str, tree: str = "data") -> str:
    """The group for a layer's blobs in a tree, "data" or "diff". Raises ValueError for a name that has no path.

    As in Caffe, names are paths: from the tree, or from the root of the file where they begin with "/". A "/" within a
    name, at which Caffe stops, makes a group in a group.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]  # HDF5 passes over both
    if not parts:
        raise ValueError(f"HDF5 cannot hold a layer named {name!r}; save a .caffemodel")
    from_root = name.startswith("/") and tree == "data" and parts[0] not in _TREES
    return "/".join(["" if from_root else f"/{tree}", *parts])


def check_layers(layers: Iterable[tuple[str, Iterable[int]]], tree: str = "data") -> None:
    """Raises ValueError for layers that one tree cannot hold, given by their names and the numbers of their blobs.

    Those are a name that has no path, two names that have the same, two layers of one name that both have blobs, and
    a blob whose path is that of a layer.
    """
    names_of: dict[str, str] = {}  # by path
    blobs: dict[str, dict[str, str]] = {}  # by the path of the layer, the name by the path of the blob
    for name, numbers in layers:
        path = path_of(name, tree)
        other = names_of.setdefault(path, name)
        if other != name:
            raise ValueError(f"HDF5 cannot hold both layer {other!r} and layer {name!r}; save a .caffemodel")
        mine = {f"{path}/{number}": name for number in numbers}
        if mine and blobs.setdefault(path, mine) is not mine:
            found = f"HDF5 cannot hold the parameters of two layers named {name!r}"
            raise ValueError(f"{found}; give one another name, or save a .caffemodel")
    taken = {path: name for mine in blobs.values() for path, name in mine.items()}
    for path, name in names_of.items():
        for above in accumulate(path.split("/"), "{}/{}".format):
            if above in taken:
                found = f"HDF5 cannot hold layer {name!r} beside a blob of layer {taken[above]!r}"
                raise ValueError(f"{found}; save a .caffemodel")


def layer_group(file: Any, name: str, tree: str = "data") -> Any:
    """Make the group for a layer's blobs. Raises ValueError where a blob has that path."""
    path = path_of(name, tree)
    try:
        group = file.require_group(path)  # is there already where "a/b" came before "a"
    except (TypeError, ValueError) as error:
        raise ValueError(f"HDF5 cannot hold layer {name!r} beside the others ({error}); save a .caffemodel") from None
    if path not in (name, f"/{tree}/{name}"):
        group.attrs[_NAME] = name
    return group


@contextmanager
def open_hdf5(path: FilePath) -> Iterator[Any]:
    """An HDF5 file. What goes wrong while it is open becomes a ValueError with its name."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path}: the HDF5 file is damaged or cut short: {error}") from error
    try:
        with file:
            yield file
    except (OSError, KeyError, TypeError, IndexError, RuntimeError) as error:
        raise ValueError(f"{path}: the HDF5 file is damaged, or not what it should be: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_layers(path: FilePath, file: Any) -> list[Layer]:
    """Name and blobs of each layer: those in the group "data", then those whose names begin with "/".

    Raises ValueError for what is no model.
    """
    data = member_of(file, "data")
    if not _is_group(data):
        raise ValueError("has no group 'data'; it is not a .caffemodel.h5")
    walk = _Walk(path)
    layers = list(walk.layers(data, "", (_address(file), _address(data))))
    for name in file:
        if name not in _TREES and _is_group(member := member_of(file, name)):
            layers += walk.layer(member, f"/{name}", (_address(file),), strict=False)
    return layers


class _Walk:
    """A walk through the groups of a file. A group has the blobs it has under each of its names, its groups once."""

    def __init__(self, path: FilePath):
        self._path = path
        self._blobs: dict[int, Blobs | None] = {}  # by the address of their group; None: it is no layer

    def layers(self, group: Any, within: str, above: tuple[int, ...], strict: bool = True) -> Iterator[Layer]:
        """The layers among the members of a group, which lies in those at the addresses `above`."""
        for name in group:
            if _is_group(member := member_of(group, name)):
                yield from self.layer(member, within + name, above, strict)

    def layer(self, group: Any, name: str, above: tuple[int, ...], strict: bool = True) -> Iterator[Layer]:
        """The layer that a group is, unless it only holds groups, and those in it.

        Where it is not `strict`, a group with a dataset that has no number for a name is no layer.
        """
        address = _address(group)
        if address in above:
            raise ValueError(f"group {name!r} lies within itself")
        if len(above) > _DEEPEST:
            raise ValueError(f"the groups go deeper than {_DEEPEST} levels")
        known = address in self._blobs
        if not known:
            self._blobs[address] = self._read(group, strict)
        blobs, given = self._blobs[address], group.attrs.get(_NAME)
        if blobs is not None:
            yield given if isinstance(given, str) else name, blobs
        if not known:
            yield from self.layers(group, f"{name}/", (*above, address), strict)

    def _read(self, group: Any, strict: bool) -> Blobs | None:
        members = {name: member_of(group, name) for name in group}
        if members and all(_is_group(member) for member in members.values()):
            return None
        if not strict and not all(name.isdecimal() or _is_group(member) for name, member in members.items()):
            return None  # beside "data" there may be anything
        return numbered(self._path, group, members)


def member_of(group: Any, name: str) -> Any:
    """A member of a group, through soft links too, or None. Raises ValueError where a link leads to another file.

    So it does where a link leads nowhere; HDF5 counts the links of one way, and so an end is reached soon.
    """
    import h5py

    here, parts, followed = group, [name], 0
    while parts:
        part = parts.pop(0)
        link = here.get(part, getlink=True) if _is_group(here) else None
        if link is None and not followed:
            return None
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"{here.name} has a link {part!r} to another file, which is not followed")
        if isinstance(link, h5py.SoftLink):
            followed += 1
            here = here.file if link.path.startswith("/") else here
            parts = [one for one in link.path.split("/") if one not in ("", ".")] + parts
        elif link is not None:
            here = here[part]
        if link is None or followed > _MOST_LINKS:
            raise ValueError(f"the link {name!r} in {group.name} leads nowhere")
    return here


def numbered(path: FilePath, group: Any, members: dict[str, Any] | None = None) -> Blobs:
    """The datasets 0, 1, 2, ... of an HDF5 group. Raises ValueError for one of another name, or not of numbers."""
    members = {name: member_of(group, name) for name in group} if members is None else members
    found = {name: member for name, member in members.items() if not _is_group(member)}
    for name in found:
        if not (name.isascii() and name.isdecimal() and int(name) < _MOST_BLOBS):
            raise ValueError(f"{group.name} has a dataset {name!r}, where blobs are numbered from 0")
    count = 1 + max((int(name) for name in found), default=-1)
    return [_dataset(path, found[str(i)]) if str(i) in found else None for i in range(count)]


def _dataset(path: FilePath, dataset: Any) -> np.ndarray | Stored:
    """The values of a dataset: where they lie in one piece, those that stay in the file."""
    if not hasattr(dataset, "nbytes") or dataset.dtype.kind not in "iuf" or dataset.shape is None:
        raise ValueError(f"{dataset.name} does not hold numbers")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} has its values in another file, which is not read")
    if dataset.chunks is None:
        return Stored(dataset.shape, dataset.dtype, partial(_read_dataset, path, dataset.name))
    # Compressed values can turn out to be damaged when they are read: better now than when half a net is filled.
    if dataset.nbytes > MOST_COMPRESSED * Path(path).stat().st_size:
        raise ValueError(f"{dataset.name} says it has {dataset.nbytes:,} bytes of values, more than the file can hold")
    return dataset[()]


def _read_dataset(path: FilePath, name: str, out: np.ndarray) -> None:
    import h5py

    with h5py.File(path, "r") as file:
        dataset: Any = file[name]
        if dataset.size != out.size:
            raise OSError(f"{path}: has been changed while it was being read")
        if out.size:
            dataset.read_direct(out.reshape(dataset.shape))


def _is_group(member: Any) -> bool:
    return hasattr(member, "items")


def _address(group: Any) -> int:
    """What is the same for all names of a group, and for no other group of the file."""
    from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

    return h5o.get_info(group.id).addr
