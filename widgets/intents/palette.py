"""The palette: what can be added to a net."""

from __future__ import annotations

from typing import Any

from ...engine import LAYERS, load_layers
from ...workbench.modules import MODULES
from ...workbench.own_modules import all_modules
from .presets import usage

FAMILIES = ("vision", "neuron", "common", "loss", "data", "python")
"""Families of Caffe's own layers, in the order of the palette; forks' layers come last."""

WORDS = {
    "BatchNorm": "bn norm normalise normalize",
    "Concat": "join cat merge",
    "Convolution": "conv",
    "Deconvolution": "deconv transpose upconv",
    "Dropout": "drop",
    "Eltwise": "add sum plus product residual",
    "EuclideanLoss": "l2 mse",
    "InnerProduct": "fc dense linear ip",
    "Input": "in data placeholder",
    "LRN": "norm normalise normalize",
    "Pooling": "pool max average",
    "ReLU": "rectifier activation",
    "Sigmoid": "logistic activation",
    "SoftmaxWithLoss": "loss cross entropy",
    "Softmax": "prob",
    "TanH": "activation",
}
"""Other words by which people look for a type."""


def palette() -> list[dict[str, Any]]:
    """Modules and layer types on offer, for the editor: type, category, one sentence, other words and usage."""
    load_layers()
    modules = [
        {
            "type": name,
            "category": "module" if name in MODULES else "own",
            "help": module.help,
            "words": "",
            "form": f"{name} {' '.join(map(str, module.usual))}: {', '.join(module.numbers)}." if module.usual else "",
        }
        for name, module in all_modules().items()
    ]
    entries: list[dict[str, Any]] = [
        {
            "type": name,
            "category": cls.category,
            "help": (cls.__doc__ or "").strip().partition("\n")[0],
            "words": WORDS.get(name, ""),
            "form": usage(name),
        }
        for name, cls in LAYERS.items()
        if name != "Split"
    ]
    place = {family: k for k, family in enumerate(FAMILIES)}
    return modules + sorted(entries, key=lambda entry: (place.get(entry["category"], len(place)), entry["type"]))
