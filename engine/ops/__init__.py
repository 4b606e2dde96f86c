"""The ops table: heavy primitives, one implementation per engine, chosen by backend, `engine` field and shapes.

An op is made once, when a layer learns its shapes, and holds whatever can be prepared then. Its methods take
blobs and fill others: an implementation asks each blob for its values in the layout it likes best, so that a
private layout can flow from layer to layer, and no layer changes when an engine is added.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from ..context import Context

# For each backend, the engines in the order in which they are tried. `reference` is plain NumPy and always there.
PREFERENCE = {"cpu": ("reference",)}
_MODULES = ("convolution", "inner_product", "lrn", "pooling", "recurrent", "relu", "softmax", "update")

TABLE: dict[str, dict[str, type[Op]]] = {}


class Op:
    """One implementation of one primitive, prepared for given shapes.

    Making it must not touch the memory of any blob, nor allocate large buffers: `check` makes ops of nets
    that never run.
    """

    name: ClassVar[str]
    engine: ClassVar[str]

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

    `reference=True` (a layer's `engine: CAFFE`) takes the reference where the backend has one.
    Raises NotImplementedError when no engine does it.
    """
    _load()
    engines = TABLE[name]
    order = PREFERENCE[context.backend]
    if reference:
        order = sorted(order, key=lambda engine: engine != "reference")
    for engine in order:
        cls = engines.get(engine)
        if cls is not None and cls.supports(context, **spec):
            return cls(context, **spec)
    raise NotImplementedError(f"no {context.backend} engine does {name} for {spec}")


@cache
def _load() -> None:
    for module in _MODULES:
        import_module(f".{module}", __name__)
