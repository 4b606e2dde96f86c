"""HDF5Output. Writes two blobs into a file."""

from __future__ import annotations

from ...atomic import atomic_path
from ...errors import DefinitionError
from ...layer import Layer, layer

AXES = 4


@layer("HDF5Output", param="hdf5_output_param")
class HDF5Output(Layer):
    r"""Writes a batch and its labels as the datasets `data` and `label` of an HDF5 file.

    $$ \text{file} = (x, l) $$

    Each forward pass writes the file anew. There is no gradient.

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

    def reshape(self, bottom, top):
        first, second = bottom[0].shape, bottom[1].shape
        if first[:1] != second[:1]:
            raise DefinitionError(f"both bottoms must have the same first length; got {first} and {second}.", "bottom")
        if max(len(first), len(second)) > AXES:
            raise DefinitionError(f"writes blobs of at most {AXES} axes; got {first} and {second}.", "bottom")

    def forward(self, bottom, top):
        import h5py

        with atomic_path(self.settings.file_name) as temporary, h5py.File(temporary, "w") as file:
            for name, blob in zip(("data", "label"), bottom, strict=True):
                shape = (*blob.shape, *(1,) * (AXES - blob.num_axes))
                file.create_dataset(name, data=blob.data.reshape(shape))

    def backward(self, top, propagate_down, bottom):
        """Nothing depends on a file."""
