"""Explanations of a net's output for one image: plain functions over a net whose input blob is filled, arrays out.

Every function takes a Net, or whatever has one (a bench, a session, a solver, pycaffe's Net), and explains its first
image. The net stays as it is: its blobs, diffs, parameters' diffs, random numbers and training are not touched, since
all passes are those of a private net over the same weights (`twin.py`), whose layers run as in TEST.

`output` names a blob; left out, it is the bottom of the last Softmax or SoftmaxWithLoss, else of the last loss, else
the last blob. `unit` is a channel of it: a spatial output, (N, C, H, W), counts with the sum over its positions; a
tuple (c, y, x) is one position of it. `layer` names a layer, or a blob, whose values are those in `net.blobs` after a
pass: with the ReLU that runs in place on them. `input` names the blob that holds the image, by default the first input
or data blob of four axes that leads to the output.

Long functions take `progress(done, total)`, called after each step, and `stop`, a callable or a `threading.Event`,
asked before each: `Stopped` is raised then, except by `maximise` and `deep_dream`, which return the image as it is.

Every function raises ValueError for an output, layer, unit or input that the net lacks, or that the output does not
depend on, and TypeError for what is no net.
"""

from importlib import import_module
from typing import Any

from .attributions import gradient, gradient_x_input, integrated_gradients, smooth_grad
from .cam import grad_cam
from .dreams import deep_dream
from .fields import receptive_field
from .maximising import maximise
from .occluding import occlusion
from .patches import TopPatches, top_patches
from .rectified import deconvolution, guided_backprop
from .running import Stopped

__all__ = [
    "Stopped",
    "TopPatches",
    "deconvolution",
    "deep_dream",
    "grad_cam",
    "gradient",
    "gradient_x_input",
    "guided_backprop",
    "integrated_gradients",
    "maximise",
    "occlusion",
    "receptive_field",
    "smooth_grad",
    "top_patches",
]


def __getattr__(name: str) -> Any:
    """`Explainer`, the widget over these functions, for notebooks; imported when it is first used."""
    if name == "Explainer":
        return import_module(__name__.partition(".")[0]).Explainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
