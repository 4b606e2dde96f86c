"""Classifier. An image net with its preprocessing, for whole images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from os import PathLike

import numpy as np

from ...engine import TEST
from . import io
from .net import Net
from .settings import set_mode_cpu, set_mode_gpu


class ImageNet(Net):
    """A net on images, with a `transformer` for its first input that takes RGB images (H, W, 3).

    Args:
        model_file, pretrained_file: a deploy net and its weights.
        mean: (C,) or (C, H, W), in the net's order of channels and scale. An integer is a phase in its place, as
            ``Net(file, weights, phase)`` takes it, and counts as not given.
        input_scale, raw_scale, channel_swap: see `io.Transformer`.
        gpu: chooses the GPU, or the CPU, as `set_mode_gpu` and `set_mode_cpu` do; left as it is if not given.
    """

    def __init__(
        self,
        model_file: str | PathLike,
        pretrained_file: str | PathLike,
        *,
        mean: np.ndarray | int | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        gpu: bool | None = None,
    ):
        if gpu is not None:
            (set_mode_gpu if gpu else set_mode_cpu)()
        super().__init__(model_file, TEST, weights=pretrained_file)
        (name,) = self.inputs[:1]
        self.transformer = io.Transformer({name: self.blobs[name].shape})
        self.transformer.set_transpose(name, (2, 0, 1))
        if mean is not None and not isinstance(mean, int | Integral):
            self.transformer.set_mean(name, mean)
        self.transformer.set_input_scale(name, input_scale)
        self.transformer.set_raw_scale(name, raw_scale)
        if channel_swap is not None:
            self.transformer.set_channel_swap(name, channel_swap)

    def classify(self, images: Iterable[np.ndarray]) -> np.ndarray:
        """The first output for images that are cut already: (n, classes)."""
        name = self.inputs[0]
        batch = np.array([self.transformer.preprocess(name, image) for image in images])
        return self.forward_all(None, **{name: batch})[self.outputs[0]]


class Classifier(ImageNet):
    """Scores images. Source: pycaffe's Classifier.

    Args:
        image_dims: height and width to which images are resized before crops of the net's size are taken from them;
            the net's own size if not given. A phase in its place, as ``Net(file, weights, phase)`` takes it, counts
            as not given: the net is in TEST.
    """

    def __init__(
        self,
        model_file: str | PathLike,
        pretrained_file: str | PathLike,
        image_dims: Sequence[int] | int | None = None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        gpu: bool | None = None,
    ):
        super().__init__(
            model_file,
            pretrained_file,
            mean=mean,
            input_scale=input_scale,
            raw_scale=raw_scale,
            channel_swap=channel_swap,
            gpu=gpu,
        )
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        if image_dims is None or isinstance(image_dims, int | Integral):
            image_dims = [int(one) for one in self.crop_dims]
        self.image_dims = tuple(image_dims)

    def predict(self, inputs: Sequence[np.ndarray], oversample: bool = True) -> np.ndarray:
        """Scores (n, classes) of images (H, W, C): means over ten crops, or those of the centre alone."""
        images = [io.resize_image(image, self.image_dims) for image in inputs]
        if oversample:
            scores = self.classify(io.oversample(images, self.crop_dims))
            return scores.reshape(len(scores) // 10, 10, -1).mean(axis=1)
        y, x = ((np.array(self.image_dims) - self.crop_dims) / 2.0).astype(int)
        h, w = self.crop_dims
        return self.classify([image[y : y + h, x : x + w] for image in images])
