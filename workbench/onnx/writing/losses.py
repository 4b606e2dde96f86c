"""Loss layers at inference: the probabilities that they make of scores stay, the rest is left out."""

from __future__ import annotations

from .graph import Graph
from .table import Step, exports

# Types that only say how good the net is, with the bottoms that are its results: outputs, where nothing reads them.
LEFT_OUT = {
    "Accuracy": (0,),
    "ContrastiveLoss": (0, 1),
    "EuclideanLoss": (0,),
    "HingeLoss": (0,),
    "InfogainLoss": (0,),
    "MultiBoxLoss": (0, 1, 2),
    "MultinomialLogisticLoss": (0,),
    "SmoothL1Loss": (0,),
}
PROBABLE = ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss")


@exports(*PROBABLE)
def probabilities(graph: Graph, step: Step) -> str:
    """The first bottom as probabilities."""
    if step.layer.type == "SoftmaxWithLoss":
        return graph.add("Softmax", step.x, axis=step.layer.param.softmax_param.axis)
    return graph.add("Sigmoid", step.x)
