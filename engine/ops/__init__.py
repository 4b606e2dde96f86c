"""The ops table: heavy primitives, one implementation per engine, chosen by backend, `engine` field and shapes.

An op is made once, when a layer learns its shapes, and holds whatever can be prepared then. Its methods take
blobs and fill others: an implementation asks each blob for its values in the layout it likes best, so that a
private layout can flow from layer to layer, and no layer changes when an engine is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from os import environ
from typing import Any, ClassVar, TypeVar

from ..blob import Blob
from ..context import Context
from ..memory import HOST

# For each backend, the engines in the order in which they are tried. `reference` is plain NumPy and always there.
PREFERENCE: dict[str, tuple[str, ...]] = {
    "cpu": ("depthwise", "tile", "reference"),
    "gpu": ("cudnn", "cuda", "reference"),
}
VARIABLE = "BREWBENCH_CPU"  # "reference" leaves it to plain NumPy, whatever else there is
if environ.get(VARIABLE) == "reference":
    PREFERENCE["cpu"] = ("reference",)
CAFFE = {"cpu": "reference", "gpu": "cuda"}  # which of them a layer's `engine: CAFFE` means
_MODULES = (
    "accuracy", "activation", "batch_norm", "concat", "convolution", "dropout", "eltwise", "inner_product", "lrn",
    "pooling", "recurrent", "relu", "scale", "sigmoid_loss", "softmax", "surprise", "update",
)  # fmt: skip

TABLE: dict[str, dict[str, type[Op]]] = {}


class Op:
    """One implementation of one primitive, prepared for given shapes.

    Making it must not touch the memory of any blob, nor allocate large buffers: `check` makes ops of nets
    that never run.
    """

    name: ClassVar[str]
    engine: ClassVar[str]
    steady: ClassVar[bool] = False  # runs nothing but drivers, unless it says so as it runs
    anywhere: ClassVar[bool] = False  # a reference that computes with the context's own `xp`, wherever its blobs lie

    def __init__(self, context: Context, **spec: Any):
        self.context = context

    @classmethod
    def supports(cls, context: Context, **spec: Any) -> bool:
        """Whether this implementation can do it."""
        return True


AnyOp = TypeVar("AnyOp", bound=type[Op])


def implements(name: str, engine: str = "reference") -> Callable[[AnyOp], AnyOp]:
    """Enter a class into the table. Raises ValueError when the place is taken."""

    def register(cls: AnyOp) -> AnyOp:
        engines = TABLE.setdefault(name, {})
        if engine in engines:
            raise ValueError(f"op {name!r} already has an implementation for engine {engine!r}")
        cls.name, cls.engine = name, engine
        engines[engine] = cls
        return cls

    return register


def make(name: str, context: Context, *, reference: bool = False, **spec: Any) -> Any:
    """The op `name` for these shapes, by the first engine of the backend that supports them.

    `reference=True` (a layer's `engine: CAFFE`) takes the plain engine where the backend has one. What only the
    reference can do runs on the host, wherever the blobs are, unless it says that it runs anywhere.
    Raises NotImplementedError when no engine does it.
    """
    _load(context.backend)
    engines = TABLE[name]
    order = PREFERENCE[context.backend]
    if reference:
        order = sorted(order, key=lambda engine: engine != CAFFE[context.backend])
    for engine in order:
        cls = engines.get(engine)
        if cls is None or not cls.supports(context, **spec):
            continue
        if engine == "reference" and context.place is not HOST and not cls.anywhere:
            return OnHost(cls, context, **spec)
        return cls(context, **spec)
    raise NotImplementedError(f"no {context.backend} engine does {name} for {spec}")


def absorber(op: Any) -> Any:
    """The op itself, if it can take along the layers that follow in place (see `engine/fusion.py`); else None."""
    return op if getattr(op, "absorbs", False) else None


class OnHost:
    """A reference op in a net whose blobs lie elsewhere: they come to the host as it asks for them."""

    def __init__(self, cls: type[Op], context: Context, **spec: Any):
        self.context, self.engine = context, f"{cls.engine} on the host"
        self.own = replace(context, place=HOST, backend="cpu", scratch={})
        self.op = cls(self.own, **spec)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.op, name)

        def run(*args: Any) -> Any:
            self.own.seed, self.own.passes = self.context.seed, self.context.passes
            return method(*map(_on_host, args))

        return run


def _on_host(value: Any) -> Any:
    """A blob, or several, as others of the same memory whose place is the host; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return [_on_host(one) for one in value]
    return value.seen_from(HOST) if isinstance(value, Blob) else value


@cache
def _load(backend: str) -> None:
    for module in _MODULES:
        import_module(f".{module}", __name__)
    if backend == "gpu":
        import_module("..gpu.ops", __name__)
    elif "tile" in PREFERENCE[backend]:
        import_module(".tile", __name__)
