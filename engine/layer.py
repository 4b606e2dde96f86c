"""Layer. What turns bottom blobs into top blobs, and top diffs into bottom diffs; and the registry of types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from math import prod
from pkgutil import walk_packages
from typing import Any, ClassVar, TypeVar

import numpy as np

from . import fillers, ops, rng
from .blob import Blob
from .context import Context
from .errors import DefinitionError, Diagnostic
from .identity import identity_of
from .memory import HOST, Place
from .trust import UserCode

LAYERS: dict[str, type[Layer]] = {}


@dataclass(frozen=True)
class Count:
    """How many bottoms or tops a type takes: from `least` to `most` (None: any number)."""

    least: int
    most: int | None

    def check(self, count: int, what: str) -> None:
        """Raises DefinitionError when `count` is not one of them."""
        if count < self.least or (self.most is not None and count > self.most):
            raise DefinitionError(f"takes {self} {what} blob{'' if str(self) == '1' else 's'}; got {count}.", what)

    def __str__(self) -> str:
        if self.most == self.least:
            return str(self.least)
        return f"at least {self.least}" if self.most is None else f"{self.least} to {self.most}"


def at_least(least: int) -> Count:
    """That many or more."""
    return Count(least, None)


def between(least: int, most: int) -> Count:
    """From `least` to `most`, both counted in."""
    return Count(least, most)


class Layer:
    """One layer of a net. A type is a subclass with four methods, the same four a user's Python layer has.

    `setup` reads the settings, checks what can be wrong and makes the parameter blobs; `reshape` gives the tops
    their shapes, and runs again whenever a bottom's shape changed; `forward` fills the tops' data; `backward`
    fills the diffs of those bottoms whose `propagate_down` is true, and adds to the diffs of those parameters
    whose `param_propagate_down` is. Only `forward` and `backward` touch memory.

    A DefinitionError raised in `setup` or `reshape` names its field relative to the layer's own parameter
    message (``"kernel_size"``), or ``"bottom"``, ``"top"``.
    """

    type: ClassVar[str] = ""
    category: ClassVar[str] = "python"
    param_field: ClassVar[str | None] = None  # the layer's own message in LayerParameter
    bottoms: ClassVar[int | Count] = 1
    tops: ClassVar[int | Count] = 1
    equal_counts: ClassVar[bool] = False  # as many tops as bottoms
    in_place: ClassVar[bool] = False  # a top may be its own bottom
    is_loss: ClassVar[bool] = False  # the first top counts as loss with weight 1 unless told otherwise
    auto_tops: ClassVar[bool] = False  # missing tops are made, without a name
    is_source: ClassVar[bool] = False  # tops come from outside the net: no bottoms, never backward
    steady: ClassVar[bool] = False  # does nothing but call its ops, or nothing at all, once the first pass is done
    shares_memory: ClassVar[bool] = False  # its tops have the memory of its bottoms, or of its parameters
    runs_user_code: ClassVar[bool] = False  # which may wait for threads of its own that use its blobs
    reshapes_itself: ClassVar[bool] = False  # top shapes may change without a bottom's doing so
    stand_in: str = ""  # what its tops hold in place of what it would read, in words; empty where it reads
    no_gradient: tuple[int, ...] = ()  # bottoms that force_backward leaves alone
    forced: tuple[int, ...] = ()  # those of them that it does not: then backward raises, where Caffe aborts
    opaque: bool = False  # in a dry look: what it has of parameters only a run can tell
    unknown_tops: tuple[int, ...] = ()  # in a dry look: the tops whose shapes only a run can tell
    code: UserCode | None = None  # the module of the user's that it runs

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "steady" not in vars(cls) and ("forward" in vars(cls) or "backward" in vars(cls)):
            cls.steady = False

    def __init__(self, param: Any, context: Context | None = None):
        self.param = param
        self.context = context or Context(phase=param.phase)
        self.name: str = param.name
        self.number = 0  # among the layers of its name, given by whoever builds the net
        self.blobs: list[Blob] = []
        self.param_propagate_down: list[bool] = []
        self.warnings: list[Diagnostic] = []
        self._ops: dict[str, tuple[dict[str, Any], Any]] = {}
        self._constants: dict[str, tuple[Any, Any]] = {}

    @property
    def settings(self) -> Any:
        """The layer's own parameter message, such as `convolution_param`."""
        return getattr(self.param, self.param_field) if self.param_field else self.param

    @property
    def training(self) -> bool:
        """Whether the layer runs in the TRAIN phase: its own where the text gives one, else the net's."""
        return self.phase == 0

    @property
    def phase(self) -> int:
        return self.param.phase if self.param.HasField("phase") else self.context.phase

    @property
    def identity(self) -> str:
        """The name, with the number behind it where other layers of that name come first."""
        return identity_of(self.name, self.number)

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers as it runs: they go by its identity."""
        return False

    @property
    def xp(self) -> Any:
        """The array module that works where this net's blobs lie."""
        return self.context.place.xp

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read the settings and make the parameter blobs; once."""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops their shapes."""
        raise NotImplementedError

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Fill the tops' data from the bottoms' data."""
        raise NotImplementedError

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Fill the bottoms' diffs from the tops' diffs, and add to the parameters' diffs."""
        raise NotImplementedError

    @property
    def position(self) -> Any:
        """Where in its data a data layer will read next, as JSON can hold it; None for any other layer."""
        return None

    def seek(self, position: Any) -> None:
        """Continue reading at a `position` got before."""

    @property
    def made_ready(self) -> int:
        """How many batches a data layer keeps ready beside the one in its tops."""
        return 0

    @property
    def rows(self) -> int | None:
        """How many rows a data layer has to give; None where nobody knows, and for any other layer."""
        return None

    def take_over(self, other: Any) -> None:
        """Take what a program gave to a layer of the same type, whose place this one takes after an edit."""

    def close(self) -> None:
        """Give back threads and files; a data layer overrides it."""

    # Tools for subclasses

    def warn(self, message: str, field: str | None = None) -> None:
        """Note, in `setup` or `reshape`, what is allowed but likely a mistake; `check` reports it as a warning.

        `field` is named as in a DefinitionError; the rest of the place is added by whoever builds the net.
        """
        self.warnings.append(Diagnostic(message, "warning", field=field))

    def random_key(self, *words: int | str) -> tuple[int, int]:
        """The key of the layer's random numbers; `words` tell its streams apart, where there are several.

        It is asked for whenever numbers are drawn, and not kept: a restored run brings another seed.
        """
        return rng.key(self.context.seed, self.identity, *words)

    def bottom_name(self, index: int) -> str:
        """The name of a bottom, quoted; its number where the layer was made without a text."""
        names = self.param.bottom
        return repr(names[index]) if index < len(names) else str(index)

    def make_blob(self, shape: tuple[int, ...] = ()) -> Blob:
        """A blob of this net's type and place."""
        return Blob(shape, self.context.dtype, self.context.place)

    def add_param(self, shape: tuple[int, ...], filler: Any = None, field: str = "") -> Blob:
        """Make the next parameter blob, to be filled on first touch (zero without a filler).

        `field` names the filler's field, for errors. The numbers depend on the net's seed, the layer's identity and
        the blob's index alone.
        """
        if any(length < 1 for length in shape) or not prod(shape):
            raise DefinitionError(f"a parameter would have the shape {shape}: every length must be at least 1.")
        blob = self.make_blob(shape)
        if filler is not None:
            key = self.random_key(len(self.blobs))
            try:
                fill = fillers.make_fill(filler, shape, key)
            except DefinitionError as error:
                raise DefinitionError(error.message, f"{field}.{error.field}") from None
            blob.data_memory.fill_with(fill)
        self.blobs.append(blob)
        return blob

    def op(self, name: str, **spec: Any) -> Any:
        """A heavy primitive for these shapes, from the ops table; `engine: CAFFE` takes the reference.

        The op of that name asked for before, with what it has prepared and remembers, if nothing is different.
        """
        before = self._ops.get(name)
        if before is None or before[0] != spec:
            engine = getattr(self.settings, "engine", 0)
            before = self._ops[name] = spec, ops.make(name, self.context, reference=engine == 1, **spec)
        return before[1]

    def constant(self, name: str, key: Any, make: Callable[[], np.ndarray]) -> Any:
        """Numbers that depend on shapes and settings alone, as an array where this net computes.

        `make()` gives them; they are brought there once, and again when `key` is another.
        """
        before = self._constants.get(name)
        if before is None or before[0] != key:
            before = self._constants[name] = key, brought(make(), self.context.place)
        return before[1]

    @property
    def engines(self) -> list[str]:
        """The engines whose ops the layer uses; none where it computes by itself."""
        mine = (value for value in vars(self).values() if isinstance(value, (ops.Op, ops.OnHost)))
        return sorted({op.engine for op in mine})

    @property
    def steady_now(self) -> bool:
        """Whether it and its ops only run drivers, so that a pass can be written down and run again as it was."""
        return self.steady and all(op.steady for _, op in self._ops.values())

    def axis_of(self, blob: Blob, axis: int, field: str = "axis") -> int:
        """`axis` counted from the front. Raises DefinitionError when the blob has no such axis."""
        if not -blob.num_axes <= axis < blob.num_axes:
            raise DefinitionError(
                f"{field} {axis} is not one of the {blob.num_axes} axes of a bottom of shape {blob.shape}.", field
            )
        return axis % blob.num_axes


def integers(values: Any, xp: Any) -> Any:
    """Values cut to integers; what is no number, or none that ends, is the lowest of them on every processor."""
    lowest = -(2.0**63)
    return xp.where(xp.isfinite(values), values, lowest).astype(xp.int64)


def first_beyond(values: Any, indices: Any, count: int) -> str | None:
    """The first of `values` whose integer, in `indices`, is not from 0 to `count` - 1, in words, and at which place.

    None where all are.
    """
    if not indices.size or (indices.min() >= 0 and indices.max() < count):
        return None
    place = int(((indices < 0) | (indices >= count)).reshape(-1).argmax())
    value = float(values.reshape(-1)[place])
    shown = "NaN" if value != value else str(int(value)) if value.is_integer() else str(value)
    return f"{shown} at place {place}"


def brought(values: np.ndarray, place: Place) -> Any:
    """Values of the host as an array of `place`."""
    if place is HOST:
        return values
    array = place.allocate(values.size, values.dtype)
    place.from_host(np.ascontiguousarray(values).reshape(-1), array)
    return array.reshape(values.shape)


AnyLayer = TypeVar("AnyLayer", bound=type[Layer])


def layer(name: str, param: str | None = None) -> Callable[[AnyLayer], AnyLayer]:
    """Register a class as the layer type `name`, with `param` its own field in LayerParameter.

    Raises ValueError when the type is taken.
    """

    def register(cls: AnyLayer) -> AnyLayer:
        if name in LAYERS:
            raise ValueError(f"layer type {name!r} is already {LAYERS[name].__module__}.{LAYERS[name].__name__}")
        cls.type, cls.param_field = name, param
        package, _, family = cls.__module__.rpartition(".")[0].rpartition(".")
        if package.endswith(".layers"):
            cls.category = family
        LAYERS[name] = cls
        return cls

    return register


def layer_class(name: str) -> type[Layer]:
    """The class registered for a type, after looking through the entry points `brewbench.layers`.

    Raises DefinitionError that gives the nearest spellings, and says where all known types are listed.
    """
    load_layers()
    if name not in LAYERS and name in _plugins():
        _plugins()[name].load()
    if name not in LAYERS:
        near = get_close_matches(name, LAYERS, 3, 0.6)
        hint = f"did you mean {' or '.join(map(repr, near))}? See" if near else "see"
        raise DefinitionError(f"unknown layer type {name!r}; {hint} `brewbench check -types` for those known.", "type")
    return LAYERS[name]


@cache
def load_layers() -> None:
    """Import every module of `engine.layers`, so that all types are registered."""
    from . import layers

    for module in walk_packages(layers.__path__, f"{layers.__name__}."):
        import_module(module.name)


@cache
def _plugins() -> dict[str, EntryPoint]:
    """Layer types that installed packages offer."""
    return {entry.name: entry for entry in entry_points(group="brewbench.layers")}


def count_of(declared: int | Count) -> Count:
    """A declared number as a Count."""
    return Count(declared, declared) if isinstance(declared, int) else declared
