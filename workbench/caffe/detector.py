"""Detector. An image net on windows of images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from os import PathLike
from typing import Any

import numpy as np

from . import io
from .classifier import ImageNet


class Detector(ImageNet):
    """Scores windows of images, with some context around them if asked for. Source: pycaffe's Detector (R-CNN).

    Args:
        context_pad: pixels of the net's input that show what lies around the window; beyond the image's edge they
            show the mean. The input must be square.
    """

    def __init__(
        self,
        model_file: str | PathLike,
        pretrained_file: str | PathLike,
        mean: np.ndarray | int | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
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
        self.configure_crop(context_pad)

    def configure_crop(self, context_pad: int | None) -> None:
        """Take the size of crops from the input, and so much context around them."""
        self.context_pad = context_pad or 0
        channels, *size = self.blobs[self.inputs[0]].shape[1:]
        self.crop_dims = (*size, channels)

    def detect_windows(
        self, images_windows: Iterable[tuple[str | PathLike, Sequence[Any]]]
    ) -> list[dict[str, Any]]:
        """Score windows: for each image file, a list of (ymin, xmin, ymax, xmax).

        Returns a dict of `window`, `prediction` (classes,) and `filename` for each window.
        """
        found = [(name, np.asarray(window)) for name, windows in images_windows for window in windows]
        images = {name: io.load_image(name) for name in dict.fromkeys(name for name, _ in found)}
        scores = self.classify([self.crop(images[name], window) for name, window in found]) if found else []
        return [
            {"window": window, "prediction": np.squeeze(score), "filename": name}
            for (name, window), score in zip(found, scores, strict=True)
        ]

    def detect_selective_search(self, image_fnames: Sequence[str | PathLike]) -> list[dict[str, Any]]:
        """Score the windows that selective search finds in images.

        It is a MATLAB program, for which pycaffe needs the module selective_search_ijcv_with_python. Raises
        NotImplementedError where that is not installed.
        """
        try:
            search: Any = import_module("selective_search_ijcv_with_python")
        except ImportError as error:
            raise NotImplementedError(
                "selective search is a MATLAB program of its own; find the windows with it and give them to "
                "detect_windows, or install selective_search_ijcv_with_python"
            ) from error
        names = [os.path.abspath(name) for name in image_fnames]
        return self.detect_windows(zip(names, search.get_windows(names, cmd="selective_search_rcnn"), strict=True))

    def crop(self, im: np.ndarray, window: np.ndarray) -> np.ndarray:
        """What the net is to see of a window: the window itself, or the window in its context, in the input's size."""
        if not self.context_pad:
            return im[int(window[0]) : int(window[2]), int(window[1]) : int(window[3])]
        size = self.crop_dims[1]
        grow = size / (size - 2.0 * self.context_pad)
        half = (np.array([window[2] - window[0], window[3] - window[1]]) + 1) / 2.0
        centre = np.asarray(window[:2]) + half
        low, high = np.round(centre - grow * half), np.round(centre + grow * half)
        scale = size / (high - low + 1)  # input pixels for one of the image, down and across
        pad = np.round(np.maximum(0, -low) * scale).astype(int)
        low, high = np.clip(low, 0, im.shape[:2]).astype(int), np.clip(high, 0, im.shape[:2]).astype(int)
        cut = np.minimum(np.round((high - low + 1) * scale).astype(int), size - pad)
        result = np.ones(self.crop_dims, np.float32) * self._mean_image()
        context = io.resize_image(im[low[0] : high[0], low[1] : high[1]], cut)
        result[pad[0] : pad[0] + cut[0], pad[1] : pad[1] + cut[1]] = context
        return result

    def _mean_image(self) -> np.ndarray:
        """The mean as an image that has not been preprocessed, which becomes zero when it is."""
        name = self.inputs[0]
        mean = self.transformer.mean.get(name)
        if mean is None:
            return np.zeros(self.crop_dims, np.float32)
        mean = mean / self.transformer.raw_scale.get(name, 1)
        if name in self.transformer.channel_swap:
            mean = mean[np.argsort(self.transformer.channel_swap[name])]
        return mean.transpose(1, 2, 0)
