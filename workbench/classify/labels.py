"""Labels from the probabilities of classes: the classes themselves, or nodes above them that are more surely right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .hierarchy import Hierarchy, ilsvrc12


class Label(NamedTuple):
    """A node of the hierarchy for one image.

    `word` is its usual name, `key` its synset. `probability` is that of being right; `gain` in bits how much less there
    is to ask when it is; `score` what the labels are sorted by.
    """

    word: str
    probability: float
    gain: float
    score: float
    key: str


def specific(probabilities: Any, k: int = 5, hierarchy: Hierarchy | None = None) -> list[Label]:
    """The `k` most likely classes, the likeliest first: labels that are as specific as can be, by probability.

    `probabilities` are (classes,). Raises ValueError for another number of them.
    """
    tree = hierarchy or ilsvrc12()
    places = {key: number for number, key in enumerate(tree.nodes)}
    likely = np.asarray(probabilities, np.float64).reshape(-1)
    posterior = tree.posterior(likely)
    order = np.argsort(-likely, kind="stable")[:k]
    nodes = [places[tree.classes[number]] for number in order]
    return [_label(tree, node, posterior, float(posterior[node])) for node in nodes]


def accurate(probabilities: Any, k: int = 5, hierarchy: Hierarchy | None = None) -> list[Label]:
    r"""The `k` nodes of the largest expected information gain: labels that are right more often, and yet tell much.

    $$ \mathrm{score}(v) = p(v) \, \log_2 \frac{N}{|v|} $$

    p is the sum over the |v| of N classes that v stands for. Of equal scores, as of nodes that stand for the same
    classes, the one with the most nodes above it comes first. Raises ValueError for another number of probabilities.
    Reference: Deng, Krause, Berg and Fei-Fei, "Hedging Your Bets", CVPR 2012.
    """
    tree = hierarchy or ilsvrc12()
    posterior = tree.posterior(probabilities)
    expected = posterior * tree.gains
    order = np.lexsort((-tree.depths, -expected.round(9)))[:k]
    return [_label(tree, node, posterior, float(expected[node])) for node in order]


def hedged(probabilities: Any, accuracy: float = 0.9, hierarchy: Hierarchy | None = None) -> Label:
    """The node of the largest information gain among those that are right with a probability of `accuracy` or more.

    Of equal gains the likelier one, then the one with the most nodes above it. Where the probabilities add up to less
    than that, it is the most general node.
    Raises ValueError for another number of probabilities, and for an accuracy that is none.
    Reference: Deng, Krause, Berg and Fei-Fei, "Hedging Your Bets", CVPR 2012.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be from 0 to 1; got {accuracy!r}")
    tree = hierarchy or ilsvrc12()
    posterior = tree.posterior(probabilities)
    sure = posterior >= min(accuracy, float(posterior.max())) - 1e-12
    best = np.lexsort((-tree.depths, -posterior.round(9), -tree.gains, ~sure))[0]
    return _label(tree, best, posterior, float(tree.gains[best]))


def _label(tree: Hierarchy, node: int, posterior: np.ndarray, score: float) -> Label:
    key = tree.nodes[node]
    return Label(tree.words[key][0], float(posterior[node]), float(tree.gains[node]), score, key)
