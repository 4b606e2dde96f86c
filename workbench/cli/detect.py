"""`brewbench detect`: scores of windows in image files."""

from __future__ import annotations

import csv
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from . import say
from .flags import Parser, UsageError, machine
from .scoring import add_scoring, check_ending, load_mean, set_mean, settings, swap_channels, write_scores

_CORNERS = ("ymin", "xmin", "ymax", "xmax")
_EPILOG = """
INPUT is a .csv file that begins with the line 'filename,xmin,ymin,xmax,ymax', in any order, and names a window in each
line. OUTPUT ends in .csv: a line for each window with its scores; in .h5: a frame that
pandas.read_hdf(OUTPUT, 'df') reads, and the datasets 'filename', 'window' (n, 4) as ymin, xmin, ymax, xmax, and
'prediction' (n, classes); or in .npy: the scores alone.

With -crop_mode selective_search, INPUT is a .txt file with the name of an image in each line. Selective search is a
MATLAB program of its own, for which the Python module selective_search_ijcv_with_python must be installed.
"""


def run(words: Sequence[str]) -> None:
    """Detect. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("detect", _EPILOG)
    parser.add_argument("input", metavar="INPUT", help="a .csv of windows, or a .txt of images")
    parser.add_argument("output", metavar="OUTPUT", help="the file of scores to write")
    add_scoring(parser, "each channel's mean is subtracted")
    modes = ("list", "selective_search")
    parser.flag("crop_mode", choices=modes, help="where windows come from; if not given, list for a .csv")
    parser.flag(
        "context_pad",
        type=int,
        default=16,
        metavar="N",
        help="pixels of the net's input that show what lies around a window; 16 if not given",
    )
    args = parser.parse(words)
    args.output = check_ending(args.output)
    args.search = _searches(args.input, args.crop_mode)
    given, mean = settings(args), load_mean(args.mean_file)
    if mean is not None and mean.ndim == 3:
        mean = mean.mean(1).mean(1)

    with machine(args) as gpus:
        from ..caffe import Detector

        say("GPU mode" if gpus else "CPU mode")
        detector = Detector(args.model_def, args.pretrained_model, context_pad=args.context_pad, **given)
        set_mean(detector, args.mean_file, mean)
        swap_channels(detector, args.channel_swap)
        size = detector.crop_dims[:2]
        if args.context_pad < 0 or (args.context_pad and 2 * args.context_pad >= min(size)):
            raise UsageError(f"-context_pad {args.context_pad} leaves nothing of the {size[0]} x {size[1]} pixels")
        _detect(args, detector)


def _searches(path: str, mode: str | None) -> bool:
    """Whether windows are to be found in the images of a file, not read from it. Raises UsageError."""
    ending = Path(path).suffix.lower()
    if ending not in (".csv", ".txt"):
        raise UsageError(f"{path}: INPUT is a .csv file of windows or a .txt file of images")
    if mode not in (None, "list" if ending == ".csv" else "selective_search"):
        wanted = "a .csv file of windows" if mode == "list" else "a .txt file with an image in each line"
        raise UsageError(f"{path}: -crop_mode {mode} takes {wanted}")
    return ending == ".txt"


def _detect(args: Namespace, detector: Any) -> None:
    start = perf_counter()
    say("Loading input...")
    if args.search:
        found = _search(args.input, detector)
    else:
        found = _score(_read_windows(args.input), detector)
    say(f"Processed {len(found)} windows in {perf_counter() - start:.3f} s.")
    start = perf_counter()
    scores = np.array([np.ravel(one["prediction"]) for one in found])
    corners = np.array([one["window"] for one in found])
    write_scores(args.output, [str(one["filename"]) for one in found], scores, corners)
    say(f"Saved to {args.output} in {perf_counter() - start:.3f} s.")


def _search(path: str, detector: Any) -> list[dict[str, Any]]:
    """Score the windows that selective search finds in images. Raises UsageError where it is not installed."""
    images = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if not images:
        raise ValueError(f"{path}: names no image")
    try:
        found = detector.detect_selective_search(images)
    except NotImplementedError as error:
        raise UsageError(f"{error}; or list windows in a .csv file") from error
    if not found:
        raise ValueError(f"{path}: selective search found no window")
    return found


def _score(windows: dict[str, list[list[float]]], detector: Any) -> list[dict[str, Any]]:
    """Score the windows of each file, a batch at a time."""
    from .progress import progress_bar

    found: list[dict[str, Any]] = []
    batch = detector.blobs[detector.inputs[0]].shape[0]
    with progress_bar(sum(map(len, windows.values())), unit=" windows") as bar:
        waiting: list[tuple[str, list[list[float]]]] = []
        for index, one in enumerate(windows.items(), 1):
            waiting.append(one)
            count = sum(len(corners) for _, corners in waiting)
            if count >= batch or index == len(windows):
                found += detector.detect_windows(waiting)
                waiting = []
                bar.update(count)
    return found


def _read_windows(path: str) -> dict[str, list[list[float]]]:
    """The windows (ymin, xmin, ymax, xmax) of each file. Raises ValueError that names the line."""
    windows: dict[str, list[list[float]]] = {}
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file, skipinitialspace=True)
        lines.fieldnames = [name.strip() for name in lines.fieldnames or []]
        missing = {"filename", *_CORNERS} - set(lines.fieldnames)
        if missing:
            raise ValueError(f"{path}:1: expected filename, xmin, ymin, xmax, ymax; no {', '.join(sorted(missing))}")
        for line in lines:
            try:
                corners = [float(line[name]) for name in _CORNERS]
            except (TypeError, ValueError):
                raise ValueError(f"{path}:{lines.line_num}: expected four numbers") from None
            if corners[0] >= corners[2] or corners[1] >= corners[3]:
                raise ValueError(f"{path}:{lines.line_num}: the window is empty: {line}")
            windows.setdefault(line["filename"].strip(), []).append(corners)
    if not windows:
        raise ValueError(f"{path}: lists no window")
    return windows
