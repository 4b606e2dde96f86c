"""`brewbench classify`: scores of image files."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from . import say
from .flags import Parser, UsageError, machine
from .scoring import (
    add_scoring,
    check_ending,
    load_array,
    load_mean,
    set_mean,
    settings,
    swap_channels,
    whole_numbers,
    write_scores,
)

_EPILOG = """
INPUT is an image file, a folder of them, or a .npy array (n, H, W, C) of values from 0 to 1. OUTPUT ends in .npy: the
scores (n, classes); in .csv: a line of scores for each file; or in .h5: the datasets 'filename' and 'prediction'.
"""
_CROPS = 10


def run(words: Sequence[str]) -> None:
    """Classify. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("classify", _EPILOG)
    parser.add_argument("input", metavar="INPUT", help="what to classify")
    parser.add_argument("output", metavar="OUTPUT", help="the file of scores to write")
    add_scoring(parser, "the image is subtracted, resized to the net's input")
    parser.switch("center_only", help="score the centre of an image, not the mean over ten crops")
    parser.flag(
        "images_dim",
        default="256,256",
        metavar="H,W",
        help="size to which images are brought before they are cropped; 256,256 if not given",
    )
    parser.flag("ext", default="jpg", metavar="ENDING", help="what the images of a folder end in; jpg if not given")
    args = parser.parse(words)
    args.output = check_ending(args.output)
    size = whole_numbers("images_dim", args.images_dim)
    if len(size) != 2 or min(size) < 1:
        raise UsageError(f"argument -images_dim: must be a height and a width; got {args.images_dim}")
    given, mean = settings(args), load_mean(args.mean_file)

    with machine(args) as gpus:
        from ..caffe import Classifier

        say("GPU mode" if gpus else "CPU mode")
        classifier = Classifier(args.model_def, args.pretrained_model, image_dims=size, **given)
        set_mean(classifier, args.mean_file, mean)
        swap_channels(classifier, args.channel_swap)
        crop = tuple(int(length) for length in classifier.crop_dims)
        if crop[0] > size[0] or crop[1] > size[1]:
            raise UsageError(f"-images_dim {args.images_dim} is smaller than the net's input, {crop[0]} x {crop[1]}")
        _classify(args, classifier)


def _classify(args: Namespace, classifier: Any) -> None:
    from ..caffe.io import load_image
    from .progress import progress_bar

    names, images = _inputs(args)
    say(f"Classifying {len(names)} inputs.")
    batch, channels = classifier.blobs[classifier.inputs[0]].shape[:2]
    at_once = max(1, batch if args.center_only else batch // _CROPS)
    start = perf_counter()
    scores = []
    with progress_bar(len(names), unit=" images") as bar:
        for first in range(0, len(names), at_once):
            here = range(first, min(first + at_once, len(names)))
            given = [load_image(names[i], channels != 1) if images is None else images[i] for i in here]
            scores.append(classifier.predict(given, not args.center_only))
            bar.update(len(here))
    say(f"Done in {perf_counter() - start:.2f} s.")
    say(f"Saving results into {args.output}")
    write_scores(args.output, names, np.concatenate(scores).reshape(len(names), -1))


def _inputs(args: Namespace) -> tuple[list[str], np.ndarray | None]:
    """Names of image files; or names made up for the images (n, H, W, C) of an array, and those."""
    path = os.path.expanduser(args.input)
    if path.endswith(".npy"):
        say(f"Loading file: {path}")
        images = load_array(path)
        images = images[np.newaxis] if images.ndim == 3 else images
        if images.ndim != 4 or not len(images):
            raise ValueError(f"{path}: images have the shape (n, H, W, C); this array has {images.shape}")
        return [f"{path}[{index}]" for index in range(len(images))], images
    if os.path.isdir(path):
        say(f"Loading folder: {path}")
        names = sorted(str(found) for found in Path(path).glob(f"*.{args.ext.removeprefix('.')}"))
        if not names:
            raise ValueError(f"{path}: holds no file that ends in .{args.ext}; -ext says what to look for")
        return names, None
    say(f"Loading file: {path}")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path}: there is no such file")
    return [path], None
