"""Published nets by name: `names()`, and `build("resnet", depth=152)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

from google.protobuf import text_format

from ...proto import Document
from ..training_net import trainable
from . import classic, inception, residual, vgg
from ._spec import Spec

_BUILDERS: dict[str, Callable[..., Spec]] = {
    "lenet": classic.lenet,
    "cifar10_quick": classic.cifar10_quick,
    "cifar10_full": classic.cifar10_full,
    "alexnet": classic.alexnet,
    "caffenet": classic.caffenet,
    "nin": classic.nin,
    **{f"vgg_{column}": partial(vgg.vgg, column) for column in vgg.COLUMNS},
    "googlenet": inception.googlenet,
    "resnet": residual.resnet,
    "squeezenet": inception.squeezenet,
    "mobilenet": residual.mobilenet,
}
PHASES = ("deploy", "train")


def names() -> list[str]:
    """The nets that `build` knows, the oldest first."""
    return list(_BUILDERS)


def build(name: str, phase: str = "deploy", **options: Any) -> Document:
    """A net as its authors published it, by layers of the same names and shapes, so that its weights load.

    `phase` "deploy" gives the net from an Input to probabilities, "train" the one that trains it from databases.
    Options are `classes` and `batch`, of "resnet" also `depth` (50, 101, 152), of "squeezenet" `version` ("1.0",
    "1.1").

    Raises KeyError for a name that `names` has not, TypeError for an option that the net has not, ValueError for a
    value or a phase that does not exist.
    """
    if name not in _BUILDERS:
        raise KeyError(f"there is no net {name!r}; there are {', '.join(_BUILDERS)}")
    if phase not in PHASES:
        raise ValueError(f"phase must be deploy or train; got {phase!r}")
    builder = _BUILDERS[name]
    known = signature(builder).parameters
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(known)}")
    document = Document.parse(text_format.MessageToString(builder(**options).to_proto()), "net")
    return document if phase == "deploy" else trainable(document)
