"""HDF5Output. Writes two blobs into a file."""

from __future__ import annotations

from typing import Any

from ...errors import DefinitionError
from ...hdf5_writing import more_hdf5, new_hdf5
from ...layer import Layer, layer

AXES = 4
_NAMES = "data", "label"


@layer("HDF5Output", param="hdf5_output_param")
class HDF5Output(Layer):
    r"""Writes batches and their labels as the datasets `data` and `label` of an HDF5 file.

    $$ \text{file} = (x_1, l_1), (x_2, l_2), \dots $$

    The first forward pass replaces the file, every other adds its rows; between two passes the file is closed. There
    is no gradient.

    Bottom: x and l (N, ...), of at most 4 axes; shorter shapes are filled up with 1, as in Caffe's old blobs.
    Top: none.
    Reference: The HDF Group, "Hierarchical Data Format, version 5".
    Caffe quirk: Caffe itself stops at the second forward pass.
    """

    bottoms = 2
    tops = 0

    def setup(self, bottom, top):
        if not self.settings.file_name:
            raise DefinitionError("file_name must name a file; it is empty.", "file_name")
        self._begun = False

    def reshape(self, bottom, top):
        first, second = bottom[0].shape, bottom[1].shape
        if first[:1] != second[:1]:
            raise DefinitionError(f"both bottoms must have the same first length; got {first} and {second}.", "bottom")
        if max(len(first), len(second)) > AXES:
            raise DefinitionError(f"writes blobs of at most {AXES} axes; got {first} and {second}.", "bottom")

    def forward(self, bottom, top):
        arrays = [blob.data.reshape(*blob.shape, *(1,) * (AXES - blob.num_axes)) for blob in bottom]
        try:
            if self._begun:
                self._add(arrays)
            else:
                self._begin(arrays)
        except OSError as error:
            raise DefinitionError(f"{error}.", "file_name") from error

    def _begin(self, arrays):
        with new_hdf5(self.settings.file_name) as file:
            for name, array in zip(_NAMES, arrays, strict=True):
                file.create_dataset(name, data=array, maxshape=(None, *array.shape[1:]))
        self._begun = True

    def _add(self, arrays):
        with more_hdf5(self.settings.file_name) as file:
            datasets: Any = [file[name] for name in _NAMES]
            for dataset, array in zip(datasets, arrays, strict=True):
                if dataset.shape[1:] != array.shape[1:]:
                    raise DefinitionError(
                        f"rows of shape {array.shape[1:]} cannot follow those of shape {dataset.shape[1:]}.", "bottom"
                    )
            for dataset, array in zip(datasets, arrays, strict=True):
                rows = len(dataset)
                dataset.resize(rows + len(array), axis=0)
                dataset[rows:] = array

    def backward(self, top, propagate_down, bottom):
        """Nothing depends on a file."""
