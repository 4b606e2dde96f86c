"""The array view: filters, maps, vectors and histograms of one blob, reduced here and coloured in the page."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..engine.memory import HOST
from .pane import Pane

Kind = Literal["activations", "parameters"]
Part = Literal["data", "diff", "update"]
PARTS: Mapping[str, str] = {"data": "data", "diff": "diff"}

NAN = 255
"""The level that stands for NaN; the others, 0 to 254, run from the lowest to the highest shown value."""

MAX_PIXELS = 1_000_000
MAX_TILES = 4096
MAX_BARS = 2048
BINS = 64
SILENCE = 2.0
"""Seconds after which a page that has not drawn its frame is taken for closed."""


@dataclass(frozen=True)
class Tiles:
    """Pictures of equal size, and where in the array they come from.

    `values` is (tiles, height, width, channels) with 1 or 3 channels. Tile t shows the element
    `prefix + (t,)` of the array where `columns` is 0, else `(t % columns, t // columns)`: the columns of
    the mosaic are then units, its rows their inputs. `block` is how many elements of the array one
    pixel stands for, down and across; a `matrix` is a single tile.
    """

    values: np.ndarray
    prefix: tuple[int, ...]
    columns: int
    total: int
    block: tuple[int, int] = (1, 1)
    matrix: bool = False

    def index(self, tile: int, y: int, x: int) -> tuple[int | slice, ...]:
        """The index of the array that a pixel shows; a slice over the channels where it is coloured."""
        y, x = y * self.block[0], x * self.block[1]
        if self.matrix:
            return (*self.prefix, y, x)
        if self.values.shape[3] == 3:
            return (*(self.prefix or (tile,)), slice(None), y, x)
        place = (tile % self.columns, tile // self.columns) if self.columns else (tile,)
        return (*self.prefix, *place, y, x)


class HostLook:
    """An array of the host, looked at as `engine.gpu.look.Look` looks at one of a device."""

    def __init__(self, array: Any):
        self.array = np.asarray(array)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def fetch(self, part: np.ndarray) -> np.ndarray:
        return part

    def statistics(self) -> dict[str, float | int]:
        return statistics(self.array)

    def histogram(self, bins: int) -> tuple[np.ndarray, float, float]:
        return histogram(self.array, bins)

    def strongest(self, matrix: np.ndarray, block: tuple[int, int]) -> np.ndarray:
        for axis, size in enumerate(block):
            starts = np.arange(0, matrix.shape[axis], size)
            high = np.maximum.reduceat(matrix, starts, axis)
            low = np.minimum.reduceat(matrix, starts, axis)
            matrix = np.where(-low > high, low, high)
        return matrix


def look_at(blob: Any, part: Part) -> Any:
    """A blob's values or gradients, to be reduced where they lie: a Look where that is a device alone."""
    memory = blob.diff_memory if part == "diff" else blob.data_memory
    if blob.place is HOST or HOST in memory.valid or memory.pending or memory.held(blob.place) is None:
        return HostLook(blob.look(part))
    from ..engine.gpu.look import Look

    return Look(blob, part)


def looked_at(array: Any) -> Any:
    """A look, as it is, or at an array of the host."""
    return array if hasattr(array, "statistics") else HostLook(array)


def modes(shape: tuple[int, ...], kind: Kind) -> tuple[str, ...]:
    """The ways in which an array of this shape can be looked at, the most telling one first."""
    if kind == "activations" and len(shape) == 4:
        if shape[2] * shape[3] == 1:
            return ("bars", "histogram")
        return ("image", "tiles", "histogram") if shape[1] == 3 else ("tiles", "histogram")
    if kind == "parameters" and len(shape) >= 3 and shape[-1] * shape[-2] > 1:
        return ("tiles", "histogram")
    if kind == "parameters" and len(_squeezed(shape)) == 2:
        return ("tiles", "histogram")
    return ("bars", "histogram")


def tiles(array: Any, mode: str, kind: Kind, image: int = 0) -> Tiles:
    """Cut an array, or what a look sees, into pictures.

    Args:
        array: for "activations" (N, C, H, W); for "parameters" (O, I, H, W), or (O, I), or fewer axes.
        mode: "tiles", or "image" for three channels as one coloured picture.
        image: which of the N items to show.

    Returns:
        maps of one item; filters, one per unit where they have 1 or 3 input channels, else a column of
        inputs per unit; a matrix as one picture. What is too large is cut off after MAX_TILES tiles or
        MAX_PIXELS pixels; a large matrix is reduced instead, each block to its value of largest magnitude.
    """
    look = looked_at(array)
    array = look.array
    if kind == "activations":
        maps = array[image]  # (C, H, W)
        if mode == "image":
            return Tiles(np.moveaxis(look.fetch(maps), 0, -1)[None], (image,), 0, 1)
        return Tiles(look.fetch(_first(maps))[..., None], (image,), 0, len(maps))
    shape = array.shape
    if len(shape) < 3 or shape[-1] * shape[-2] == 1:
        matrix = array.reshape(_squeezed(shape))
        reduced, block = shrink(matrix, MAX_PIXELS, look)
        return Tiles(reduced[None, :, :, None], (), 0, 1, block, matrix=True)
    filters = array.reshape(-1, *shape[-3:])  # (O, I, H, W)
    units, channels = filters.shape[:2]
    if channels == 3:
        return Tiles(np.moveaxis(look.fetch(_first(filters)), 1, -1), (), 0, units)
    if channels == 1:
        return Tiles(look.fetch(_first(filters[:, 0]))[..., None], (), units, units)
    shown = look.fetch(_first(filters.swapaxes(0, 1)[:, :MAX_TILES]))  # (I, O, H, W)
    columns = shown.shape[1]
    return Tiles(shown.reshape(-1, *shape[-2:], 1), (), columns, units * channels)


def shrink(matrix: Any, limit: int, look: Any = None) -> tuple[np.ndarray, tuple[int, int]]:
    """Reduce a matrix to at most `limit` elements: every block becomes its value of largest magnitude.

    Returns the matrix and the height and width of a block. `look` is where the matrix comes from, if not the host.
    """
    look = look or HostLook(matrix)
    step = 1
    while -(-matrix.shape[0] // step) * -(-matrix.shape[1] // step) > limit:
        step += 1
    if step == 1:
        return look.fetch(matrix), (1, 1)
    block = (min(step, matrix.shape[0]), min(step, matrix.shape[1]))
    return look.strongest(matrix, block), block


def bars(array: Any, kind: Kind, image: int = 0) -> tuple[np.ndarray, int]:
    """One number per bar and how many elements a bar stands for: those of one item, or all parameters.

    More than MAX_BARS elements are reduced, each run to its value of largest magnitude.
    """
    look = looked_at(array)
    values = look.array[image] if kind == "activations" and len(look.shape) > 1 else look.array
    reduced, block = shrink(values.reshape(1, -1), MAX_BARS, look)
    return reduced[0].astype(np.float32), block[1]


def statistics(array: np.ndarray) -> dict[str, float | int]:
    """Count, min, max, mean, std and share of exact zeros of the finite values, and how many are not finite."""
    finite = _finite(array)
    result: dict[str, float | int] = {"count": array.size, "nonfinite": array.size - finite.size}
    if finite.size:
        result |= {
            "min": float(finite.min()),
            "max": float(finite.max()),
            "mean": float(finite.mean(dtype=np.float64)),
            "std": float(finite.std(dtype=np.float64)),
            "zeros": 1 - np.count_nonzero(finite) / finite.size,
        }
    return result


def histogram(array: np.ndarray, bins: int = BINS) -> tuple[np.ndarray, float, float]:
    """How many finite values fall into each of equal bins, and where the first begins and the last ends."""
    finite = _finite(array)
    if not finite.size:
        return np.zeros(bins, np.uint32), 0.0, 0.0
    counts, edges = np.histogram(finite, bins)
    return counts.astype(np.uint32), float(edges[0]), float(edges[-1])


def value_range(values: np.ndarray, symmetric: bool) -> tuple[float, float]:
    """Lowest and highest finite value; with `symmetric`, the same distance below and above zero."""
    finite = _finite(values)
    if not finite.size:
        return (-1.0, 1.0) if symmetric else (0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    if symmetric:
        high = max(-low, high)
        low = -high
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def quantise(values: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Levels 0 to 254 from `low` to `high` (numbers, or arrays that broadcast), NaN as level 255: uint8."""
    scaled = (values - low) * (254 / (np.asarray(high, np.float64) - low))
    with np.errstate(invalid="ignore"):
        levels = np.clip(np.rint(scaled), 0, 254)
    return np.where(np.isnan(values), NAN, np.nan_to_num(levels)).astype(np.uint8)


def tile_ranges(values: np.ndarray, symmetric: bool) -> tuple[np.ndarray, np.ndarray]:
    """A range for each tile alone: two arrays (tiles, 1, 1, 1)."""
    ranges = np.array([value_range(tile, symmetric) for tile in values]).reshape(-1, 2)
    low, high = ranges.T
    return low[:, None, None, None], high[:, None, None, None]


def _finite(values: np.ndarray) -> np.ndarray:
    """The finite values; the array itself, uncopied, where all are."""
    if np.isfinite(values.sum(dtype=np.float64)):
        return values
    return values[np.isfinite(values)]


def _first(pictures: np.ndarray) -> np.ndarray:
    """As many of the first pictures, or rows of pictures, as may be shown; at least one."""
    tiles_each = pictures[0].size // (pictures.shape[-1] * pictures.shape[-2])
    return pictures[: max(1, min(MAX_TILES // tiles_each, MAX_PIXELS // pictures[0].size))]


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


class ArrayView(Pane, script="arrays"):
    """Looks into one blob, and never holds back whoever computes it.

    `show` says what to look at, `refresh` that it may have changed. The array is read only when the page
    has drawn the last frame; what changed in between is skipped.

    Args:
        on_select: called with the index of the unit (a filter, a map, an element) that the user clicked, or
            chose with the arrow keys and Enter.
    """

    def __init__(self, *, on_select: Callable[[int], Any] | None = None, **kwargs: Any):
        self.on_select = on_select
        self._name = ""
        self._read: Callable[[Part], Any] | None = None
        self._kind: Kind = "activations"
        self._parts = dict(PARTS)
        self._settings: dict[str, Any] = {
            "part": "data", "mode": "", "image": 0, "map": "diverging", "range": "all", "gain": 1.0
        }  # fmt: skip
        self._held: tuple[float, float] | None = None
        self._shown: Tiles | None = None
        self._frame = 0
        self._sent_at: float | None = None
        self._stale = False
        self._views = 0
        self._lock = threading.RLock()
        super().__init__(**kwargs)

    def show(
        self,
        name: str,
        read: Callable[[Part], Any] | None,
        kind: Kind = "activations",
        image: int | None = None,
        parts: Mapping[str, str] = PARTS,
    ) -> None:
        """Look at another blob.

        Args:
            name: the title.
            read: called with one of `parts`, returns the array, or a look at one (`look_at`), or None where there is
                none, or a text that says why there is none; on any thread. None shows an empty pane.
            kind: "activations", where the first axis counts items, or "parameters", where it counts units.
            image: which item to begin with; by default the one that was shown before.
            parts: the parts of the blob that can be chosen, with their labels.
        """
        with self._lock:
            self._parts = dict(parts)
            if (name, kind) != (self._name, self._kind):
                self._settings["mode"] = ""
                self._held = None
            self._name, self._read, self._kind = name, read, kind
            if image is not None:
                self._settings["image"] = image
            self._sent_at = None
        self.refresh()

    def turn(self, part: Part) -> None:
        """Show another part of the blob."""
        if part != self._settings["part"]:
            self._page_set({"settings": {"part": part}}, None)

    def refresh(self) -> None:
        """The array may have changed: draw it as soon as the page is ready. Cheap to call often."""
        with self._lock:
            waiting = self._sent_at is not None and time.monotonic() - self._sent_at < SILENCE
            if not self._views or waiting:
                self._stale = True
                return
            self._stale = False
            try:
                self._send_frame()
            except Exception as error:
                self._sent_at = None
                self.say(f"{self._name}: {error}", "error")

    def frame(self) -> tuple[dict[str, Any], bytes]:
        """What the page would draw now: a message of the type "frame", its `shape` None for nothing, and a buffer."""
        with self._lock:
            settings, held, shown = dict(self._settings), self._held, self._shown
            try:
                return self._compose()
            finally:
                self._settings, self._held, self._shown = settings, held, shown

    def _send_frame(self) -> None:
        self._frame += 1
        content, buffer = self._compose()
        if content["shape"] is None:
            self.send(content)
            return
        self._sent_at = time.monotonic()
        self.send(content, [buffer])

    def _compose(self) -> tuple[dict[str, Any], bytes]:
        if self._settings["part"] not in self._parts:
            self._settings["part"] = "diff"
        look = self._look()
        content = {"type": "frame", "frame": self._frame, "name": self._name, "kind": self._kind}
        content |= {"settings": self._settings, "parts": self._parts}
        if look is None or isinstance(look, str):
            self._shown = None
            return {**content, "shape": None, "reason": look or ""}, b""
        content |= {"shape": look.shape, "stats": look.statistics(), "modes": modes(look.shape, self._kind)}
        items = look.shape[0] if self._kind == "activations" and len(look.shape) > 1 else 1
        self._settings["image"] = image = min(max(self._settings["image"], 0), items - 1)
        if self._settings["mode"] not in content["modes"]:
            self._settings["mode"] = content["modes"][0]
        content["items"] = items
        self._shown = None
        picture, buffer = self._picture(look, self._settings["mode"], image)
        return {**content, **picture}, buffer

    def _look(self) -> Any:
        """What there is to look at; None where there is nothing, or a text that says why."""
        found = None if self._read is None else self._read(self._settings["part"])
        if found is None or isinstance(found, str):
            return found
        look = looked_at(found)
        if not look.array.size:
            return None
        if not look.shape:
            look.array = look.array.reshape(1)
        return look

    def _picture(self, look: Any, mode: str, image: int) -> tuple[dict[str, Any], bytes]:
        if mode == "histogram":
            counts, low, high = look.histogram(BINS)
            return {"low": low, "high": high, "shown": "histogram"}, counts.tobytes()
        symmetric = self._settings["map"] == "diverging" and mode != "image"
        if mode == "bars":
            values, run = bars(look, self._kind, image)
            low, high = self._range(np.append(values, 0), False)
            return {"low": min(low, 0.0), "high": max(high, 0.0), "run": run, "shown": "bars"}, values.tobytes()
        self._shown = shown = tiles(look, mode, self._kind, image)
        if self._settings["range"] == "each":
            low, high = tile_ranges(shown.values, symmetric)
            limits = {"low": None, "high": None}
        else:
            low, high = self._range(shown.values, symmetric)
            limits = {"low": low, "high": high}
        levels = quantise(shown.values, low / self._settings["gain"], high / self._settings["gain"])
        count, height, width, channels = levels.shape
        geometry = {
            "shown": "tiles", "count": count, "height": height, "width": width, "channels": channels,
            "columns": shown.columns if shown.total > shown.columns else 0, "total": shown.total, "block": shown.block,
        }  # fmt: skip
        return {**limits, **geometry}, levels.tobytes()

    def _range(self, values: np.ndarray, symmetric: bool) -> tuple[float, float]:
        if self._settings["range"] != "held":
            self._held = None
            return value_range(values, symmetric)
        if self._held is None:
            self._held = value_range(values, symmetric)
        return self._held

    def _greeting(self) -> list[dict[str, Any]]:
        empty = {"type": "frame", "frame": 0, "name": self._name, "kind": self._kind, "shape": None}
        return [empty | {"settings": dict(self._settings), "parts": self._parts, "reason": ""}]

    def _page_hello(self, content: dict, _buffers: Any) -> None:
        with self._lock:
            self._views += 1
            self._sent_at = None
        self.refresh()

    def _page_drawn(self, content: dict, _buffers: Any) -> None:
        with self._lock:
            if content["frame"] != self._frame:
                return
            self._sent_at = None
            stale = self._stale
        if stale:
            self.refresh()

    def _page_set(self, content: dict, _buffers: Any) -> None:
        changes: Mapping[str, Any] = content["settings"]
        with self._lock:
            self._settings |= {name: changes[name] for name in self._settings.keys() & changes.keys()}
            if changes.keys() & {"map", "mode", "part"}:
                self._held = None
            self._sent_at = None
        self.refresh()

    def _page_probe(self, content: dict, _buffers: Any) -> None:
        """Answer with the exact value under the pointer; the page has only a rounded one."""
        with self._lock:
            look, shown = self._look(), self._shown
        if look is None or isinstance(look, str) or shown is None:
            return
        array = look.array
        index = shown.index(content["tile"], content["y"], content["x"])
        if shown.matrix:
            array = array.reshape(_squeezed(array.shape))
        elif self._kind == "parameters":
            array = array.reshape(-1, *array.shape[-3:])
        value = np.atleast_1d(look.fetch(array[index])).tolist()
        where = ", ".join(":" if isinstance(each, slice) else str(each) for each in index)
        text = ", ".join(f"{each:.6g}" for each in value)
        self.send({"type": "value", "ask": content["ask"], "index": where, "value": text, "to": content["view"]})

    def _page_select(self, content: dict, _buffers: Any) -> None:
        self.run_callback(self.on_select, content["unit"])
