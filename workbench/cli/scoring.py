"""What classify and detect have in common: flags of preprocessing, and files of scores."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .flags import Parser, UsageError, add_machine

_SWAP = "2,1,0"
_MEAN = str(Path(__file__).parents[1] / "caffe" / "imagenet" / "ilsvrc_2012_mean.npy")
_CORNERS: tuple[str, ...] = ("ymin", "xmin", "ymax", "xmax")
ENDINGS = (".npy", ".csv", ".h5")


def add_scoring(parser: Parser, mean: str) -> None:
    """The net, and what is done to an image before the net sees it: pycaffe's flags.

    `mean` says what is subtracted of a mean image: it, or its channels' means.
    """
    parser.flag("model_def", required=True, metavar="FILE", help="the prototxt of a deploy net")
    parser.flag("pretrained_model", required=True, metavar="FILE", help="its .caffemodel")
    parser.switch("gpu", help="compute on the GPU")
    add_machine(parser, gpu=False)
    parser.flag(
        "mean_file",
        default=_MEAN,
        metavar="FILE",
        help=f"a mean image (C, H, W), .npy or .binaryproto: {mean}. If not given: for nets of three channels that "
        "of ImageNet's images, none for others; '' subtracts nothing",
    )
    parser.flag("input_scale", type=float, metavar="X", help="multiply by this after the mean is subtracted")
    parser.flag("raw_scale", type=float, default=255.0, metavar="X", help="multiply by this before; 255 if not given")
    parser.flag(
        "channel_swap",
        default=_SWAP,
        metavar="A,B,C",
        help="order of the channels for the net; 2,1,0 if not given, which is blue, green, red; '' leaves them",
    )


def settings(args: Namespace) -> dict[str, Any]:
    """Those of an ImageNet that the flags give, but for the mean and the order of channels."""
    args.gpu = "0" if args.gpu else None  # what `machine` reads
    return {"input_scale": args.input_scale, "raw_scale": args.raw_scale}


def load_mean(path: str) -> np.ndarray | None:
    """The mean that -mean_file names, (C,) or (C, H, W); None for ''. Raises ValueError, OSError."""
    from ...engine.files import read_blob

    if not path:
        return None
    mean = load_array(path) if path.endswith(".npy") else read_blob(path)
    if mean.ndim == 4 and len(mean) == 1:
        mean = mean[0]
    if mean.ndim not in (1, 3):
        raise ValueError(f"{path}: a mean has the shape (C,) or (C, H, W); this one has {mean.shape}")
    return mean


def set_mean(net: Any, path: str, mean: np.ndarray | None) -> None:
    """Let a net's transformer subtract the mean that was read from a path. Raises UsageError where it does not fit."""
    name = net.inputs[0]
    channels = net.blobs[name].shape[1]
    if mean is None or (path == _MEAN and channels != 3):  # what nobody asked for, and makes no sense here
        return
    if len(mean) != channels:
        raise UsageError(f"-mean_file {path}: has {len(mean)} channels, the net's input {channels}")
    net.transformer.set_mean(name, mean)


def swap_channels(net: Any, text: str) -> None:
    """Let a net's transformer reorder the channels. Raises UsageError where that is not possible."""
    name = net.inputs[0]
    channels = net.blobs[name].shape[1]
    if not text or (text == _SWAP and channels != 3):  # what nobody asked for, and makes no sense here
        return
    order = whole_numbers("channel_swap", text)
    if sorted(order) != list(range(channels)):
        raise UsageError(f"argument -channel_swap: must name each of the net's {channels} channels once; got {text}")
    net.transformer.set_channel_swap(name, order)


def whole_numbers(flag: str, text: str) -> list[int]:
    """What stands between commas. Raises UsageError where it is something else."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(f"argument -{flag}: must be whole numbers with commas between them; got {text!r}") from None


def load_array(path: str) -> np.ndarray:
    """The array of a `.npy` file. Raises ValueError with its name for other files, OSError."""
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: is not a .npy file of numbers: {error}") from None


def check_ending(path: str) -> str:
    """The path of a file of scores, ``.npy`` put behind what has no ending. Raises UsageError for another."""
    ending = Path(path).suffix.lower()
    if ending not in (*ENDINGS, ""):
        raise UsageError(f"{path}: scores are written to {', '.join(ENDINGS)}")
    return path if ending else f"{path}.npy"


def write_scores(path: str, names: Sequence[str], scores: np.ndarray, windows: np.ndarray | None = None) -> None:
    """Write scores (n, classes) of n files, or of windows (n, 4) in them, in the format that the path ends in."""
    from ...engine.atomic import atomic_write
    from ...engine.hdf5_writing import new_hdf5
    from .frame import write_frame

    ending = Path(path).suffix.lower()
    if ending == ".npy":
        with atomic_write(path) as file:
            np.save(file, scores)
    elif ending == ".csv":
        with atomic_write(path) as file:
            file.write(_table(names, scores, windows).encode())
    else:
        import h5py

        with new_hdf5(path) as file:
            file.create_dataset("filename", data=list(names), dtype=h5py.string_dtype())
            file["prediction"] = scores
            if windows is not None:
                file["window"] = windows
                corners = windows.astype(np.int64) if (windows == windows.round()).all() else windows
                columns = dict(zip(_CORNERS, corners.T, strict=True))
                write_frame(file, "df", names, "filename", {"prediction": list(scores)}, columns)


def _table(names: Sequence[str], scores: np.ndarray, windows: np.ndarray | None) -> str:
    corners = [] if windows is None else _CORNERS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["filename", *corners, *(f"class{index}" for index in range(scores.shape[1]))])
    for index, name in enumerate(names):
        window = [] if windows is None else [f"{value:.10g}" for value in windows[index]]
        writer.writerow([name, *window, *(f"{value:.9g}" for value in scores[index])])
    return text.getvalue()
