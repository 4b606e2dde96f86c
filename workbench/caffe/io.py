"""Images and blobs as pycaffe moves them: loading, resizing, preprocessing, and to and from messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from os import PathLike
from typing import Any

import numpy as np

from ...engine.data.datum import open_image
from ...engine.files import blob_from_proto, blob_to_proto
from ...proto.messages import BlobProto, BlobProtoVector, Datum
from .proto import caffe_pb2

__all__ = [
    "Transformer",
    "array_to_blobproto",
    "array_to_datum",
    "arraylist_to_blobprotovector_str",
    "blobproto_to_array",
    "blobprotovector_str_to_arraylist",
    "caffe_pb2",  # scripts make messages from here
    "datum_to_array",
    "load_image",
    "oversample",
    "read_mean",
    "resize_image",
]



def __getattr__(name: str) -> Any:
    """`skimage` and its `resize`, and scipy's `zoom`, which scripts take from here; imported when they do."""
    if name == "zoom":
        return import_module("scipy.ndimage").zoom
    if name not in ("skimage", "resize"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import_module("skimage.io")
        transform = import_module("skimage.transform")
    except ImportError as error:
        raise AttributeError(f"caffe.io.{name} is scikit-image's, which cannot be imported: {error}") from error
    return transform.resize if name == "resize" else import_module("skimage")


GRAY = np.array([0.2125, 0.7154, 0.0721])  # luminance of red, green and blue, ITU-R BT.709


# Messages


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """The data of a BlobProto, or its diff, in its shape, float64 as in pycaffe.

    Raises ValueError where shape and values do not fit, and for a diff that is not there.
    """
    data, diff = blob_from_proto(blob)
    if not return_diff:
        return np.array(data, float)
    if diff is None:
        raise ValueError("the BlobProto has no diff")
    return np.array(diff, float)


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto of an array, and of a diff where one is given."""
    return blob_to_proto(np.asarray(arr, np.float32), None if diff is None else np.asarray(diff, np.float32))


def arraylist_to_blobprotovector_str(arraylist: Iterable[np.ndarray]) -> bytes:
    """Arrays as a serialised BlobProtoVector."""
    return BlobProtoVector(blobs=[array_to_blobproto(one) for one in arraylist]).SerializeToString()


def blobprotovector_str_to_arraylist(str: bytes) -> list[np.ndarray]:
    """The arrays of a serialised BlobProtoVector."""
    return [blobproto_to_array(one) for one in BlobProtoVector.FromString(str).blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> Any:
    """A Datum of an array (C, H, W): bytes for uint8, else floats. Raises ValueError for other shapes."""
    if arr.ndim != 3:
        raise ValueError(f"a Datum holds an array of three axes, (C, H, W); got {arr.shape}")
    datum = Datum(channels=arr.shape[0], height=arr.shape[1], width=arr.shape[2])
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(float).ravel())
    if label is not None:
        datum.label = label
    return datum


def datum_to_array(datum: Any) -> np.ndarray:
    """The array (C, H, W) of a Datum; the label is not part of it."""
    shape = (datum.channels, datum.height, datum.width)
    if datum.data:
        return np.frombuffer(datum.data, np.uint8).reshape(shape).copy()
    return np.array(datum.float_data, float).reshape(shape)


def read_mean(path: str | PathLike) -> np.ndarray:
    """The mean image (C, H, W) of a ``.binaryproto`` file."""
    with open(path, "rb") as file:
        mean = blobproto_to_array(BlobProto.FromString(file.read()))
    return mean.reshape(mean.shape[-3:])


# Images


def load_image(filename: str | PathLike, color: bool = True) -> np.ndarray:
    """An image file as float32 values from 0 to 1: (H, W, 3) in the order R, G, B, or (H, W, 1) without `color`."""
    with open_image(filename) as file:
        if file.mode not in ("L", "RGB", "RGBA", "I;16"):
            file = file.convert("RGB")
        pixels = np.asarray(file)
    values = pixels / float(np.iinfo(pixels.dtype).max)
    if values.ndim == 2:
        values = np.repeat(values[:, :, None], 3 if color else 1, axis=2)
    elif not color:
        values = (values[:, :, :3] @ GRAY)[:, :, None]
    return values[:, :, :3].astype(np.float32)


def resize_image(im: np.ndarray, new_dims: Iterable[int], interp_order: int = 1) -> np.ndarray:
    """An image (H, W, C) in another size (height, width), float32; order 0 takes the nearest pixel, 1 is linear.

    Images of one or three channels are stretched pixel area upon pixel area, smoothed first where they shrink, with
    their least value all around, as scikit-image does it for pycaffe; others corner pixel upon corner pixel.
    """
    from scipy import ndimage

    zoom: Any = ndimage.zoom
    new_dims = tuple(int(length) for length in new_dims)
    factors = np.array(im.shape[:2]) / new_dims
    if im.shape[-1] not in (1, 3):
        return zoom(im, (*(1 / factors), 1), order=interp_order).astype(np.float32)
    low, high = float(im.min()), float(im.max())
    if high <= low:
        return np.full((*new_dims, im.shape[-1]), low, np.float32)
    unit = (im.astype(np.float64) - low) / (high - low)
    if interp_order and (factors > 1).any():
        unit = ndimage.gaussian_filter(unit, (*np.maximum(0, (factors - 1) / 2), 0), mode="constant")
    unit = zoom(unit, (*(1 / factors), 1), order=interp_order, mode="grid-constant", grid_mode=True)
    return (np.clip(unit, 0, 1) * (high - low) + low).astype(np.float32)


def oversample(images: Sequence[np.ndarray], crop_dims: Iterable[int]) -> np.ndarray:
    """Ten crops of each image (H, W, C): four corners and the centre, then the same mirrored; (10 n, h, w, C)."""
    height, width = images[0].shape[:2]
    h, w = (int(length) for length in crop_dims)
    corners = [(y, x) for y in (0, height - h) for x in (0, width - w)]
    places = [*corners, (int(height / 2.0 - h / 2.0), int(width / 2.0 - w / 2.0))]
    crops = []
    for image in images:
        cut = [image[y : y + h, x : x + w] for y, x in places]
        crops += cut + [one[:, ::-1] for one in cut]
    return np.array(crops, np.float32)


class Transformer:
    """Turns images into a net's inputs and back, by rules set for each input.

    In order: resize to the input's size, transpose the axes, reorder the channels, multiply by raw_scale, subtract
    the mean, multiply by input_scale.

    Args:
        inputs: shape of each input blob by name, (N, C, H, W).
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]):
        self.inputs = {name: tuple(shape) for name, shape in inputs.items()}
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float] = {}

    def _shape(self, in_: str) -> tuple[int, ...]:
        if in_ not in self.inputs:
            raise ValueError(f"{in_!r} is not one of the net inputs: {', '.join(self.inputs)}")
        return self.inputs[in_]

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """An image (H, W, C) as the input `in_` takes it: float32, (C, H, W) where it is transposed so."""
        size = self._shape(in_)[2:]
        values = np.asarray(data, np.float32)
        if values.shape[:2] != size:
            values = resize_image(values, size)
        if in_ in self.transpose:
            values = values.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            values = values[list(self.channel_swap[in_])]
        values = values * np.float32(self.raw_scale.get(in_, 1))
        if in_ in self.mean:
            values = (values - self.mean[in_]).astype(np.float32)
        return values * np.float32(self.input_scale.get(in_, 1))

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """What `preprocess` made, as an image again, in the input's size and the type of the data."""
        self._shape(in_)
        values = np.squeeze(data)
        kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float32)
        values = values.astype(kind) / kind.type(self.input_scale.get(in_, 1))
        if in_ in self.mean:
            values = (values + self.mean[in_]).astype(kind)
        values = values / kind.type(self.raw_scale.get(in_, 1))
        if in_ in self.channel_swap:
            values = values[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            values = values.transpose(np.argsort(self.transpose[in_]))
        return values

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """Which axis comes where: (2, 0, 1) makes (C, H, W) of (H, W, C). Raises ValueError for a wrong number."""
        if len(order) != len(self._shape(in_)) - 1:
            raise ValueError("the transpose order needs as many axes as an item of the input")
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """Which channel comes where: (2, 1, 0) makes B, G, R of R, G, B. Raises ValueError for a wrong number."""
        if len(order) != self._shape(in_)[1]:
            raise ValueError("the channel swap needs as many entries as the input has channels")
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float | None) -> None:
        """What the image is multiplied by before the mean is subtracted: 255 for images from 0 to 1."""
        self._set(self.raw_scale, in_, scale)

    def set_input_scale(self, in_: str, scale: float | None) -> None:
        """What the image is multiplied by after the mean is subtracted."""
        self._set(self.input_scale, in_, scale)

    def _set(self, rules: dict[str, float], in_: str, scale: float | None) -> None:
        self._shape(in_)
        if scale is None:
            rules.pop(in_, None)
        else:
            rules[in_] = scale

    def set_mean(self, in_: str, mean: np.ndarray) -> None:
        """What to subtract: one value a channel (C,), or an image (C, H, W), resized to the input's size.

        Raises ValueError for another shape.
        """
        channels, *size = self._shape(in_)[1:]
        mean = np.asarray(mean)
        if mean.ndim == 1:
            if len(mean) != channels:
                raise ValueError("Mean channels incompatible with input.")
            self.mean[in_] = mean[:, None, None]
            return
        mean = mean[None] if mean.ndim == 2 else mean
        if mean.ndim != 3:
            raise ValueError("Mean shape invalid")
        if len(mean) != channels:
            raise ValueError("Mean channels incompatible with input.")
        if mean.shape[1:] != tuple(size):
            mean = resize_image(mean.transpose(1, 2, 0), size).transpose(2, 0, 1)
        self.mean[in_] = mean
