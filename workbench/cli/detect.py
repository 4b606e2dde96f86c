"""`brewbench detect`: scores of windows in image files."""

from __future__ import annotations

import csv
from argparse import Namespace
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

from .flags import Parser, UsageError, machine
from .scoring import add_scoring, check_ending, settings, swap_channels, write_scores

_CORNERS = ("ymin", "xmin", "ymax", "xmax")
_EPILOG = """
INPUT is a .csv file that begins with the line 'filename,xmin,ymin,xmax,ymax', in any order, and names a window in each
line. OUTPUT ends in .csv: a line for each window with its scores; in .h5: the datasets 'filename', 'window' (n, 4) as
ymin, xmin, ymax, xmax, and 'prediction' (n, classes); or in .npy: the scores alone.

Windows found by selective search are not made here: that is a MATLAB program of its own. Find them with it, and list
them in a .csv.
"""


def run(words: Sequence[str]) -> None:
    """Detect. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("detect", _EPILOG)
    parser.add_argument("input", metavar="INPUT", help="a .csv of windows")
    parser.add_argument("output", metavar="OUTPUT", help="the file of scores to write")
    add_scoring(parser)
    parser.flag("crop_mode", choices=("list", "selective_search"), help="where windows come from; list if not given")
    parser.flag(
        "context_pad",
        type=int,
        default=16,
        metavar="N",
        help="pixels of the net's input that show what lies around a window; 16 if not given",
    )
    args = parser.parse(words)
    args.output = check_ending(args.output)
    if args.crop_mode == "selective_search" or not args.input.lower().endswith("csv"):
        raise UsageError(
            "selective search is a MATLAB program of its own, which is not part of this; find the windows with it, "
            "list them in a .csv file and say -crop_mode list"
        )
    given = settings(args)

    with machine(args) as gpus:
        from ..caffe import Detector

        print("GPU mode" if gpus else "CPU mode")
        detector = Detector(args.model_def, args.pretrained_model, context_pad=args.context_pad, **given)
        swap_channels(detector, args.channel_swap)
        size = detector.crop_dims[:2]
        if args.context_pad < 0 or (args.context_pad and 2 * args.context_pad >= min(size)):
            raise UsageError(f"-context_pad {args.context_pad} leaves nothing of the {size[0]} x {size[1]} pixels")
        _detect(args, detector)


def _detect(args: Namespace, detector: Any) -> None:
    from .progress import progress_bar

    start = perf_counter()
    print("Loading input...")
    windows = _read_windows(args.input)
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
    print(f"Processed {len(found)} windows in {perf_counter() - start:.3f} s.")
    start = perf_counter()
    scores = np.array([np.ravel(one["prediction"]) for one in found])
    corners = np.array([one["window"] for one in found])
    write_scores(args.output, [one["filename"] for one in found], scores, corners)
    print(f"Saved to {args.output} in {perf_counter() - start:.3f} s.")


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
