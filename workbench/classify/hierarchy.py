"""A hierarchy over classes: which nodes stand for which of them, and how much each node tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np


class Hierarchy:
    """A directed acyclic graph of nodes, from the most general down to the classes.

    `words` maps each node's key to its names, the usual one first; `parents` to the keys above it; `classes` are the
    keys of the classes in the order of a net's outputs. Raises ValueError for a class that is no node.
    """

    def __init__(
        self, words: Mapping[str, Sequence[str]], parents: Mapping[str, Sequence[str]], classes: Sequence[str]
    ):
        unknown = [key for key in classes if key not in words]
        if unknown:
            raise ValueError(f"class {unknown[0]!r} is no node of the hierarchy")
        self.words, self.parents, self.classes = words, parents, list(classes)
        self.nodes = list(words)

    def above(self, key: str) -> set[str]:
        """The node itself and all that are more general."""
        found, open_ones = {key}, [key]
        while open_ones:
            for parent in self.parents[open_ones.pop()]:
                if parent not in found:
                    found.add(parent)
                    open_ones.append(parent)
        return found

    @cached_property
    def membership(self) -> np.ndarray:
        """(nodes, classes), True where the node stands for the class."""
        row = {key: number for number, key in enumerate(self.nodes)}
        found = np.zeros((len(self.nodes), len(self.classes)), bool)
        for column, key in enumerate(self.classes):
            found[[row[one] for one in self.above(key)], column] = True
        return found

    @cached_property
    def depths(self) -> np.ndarray:
        """(nodes,), how many nodes are more general than each."""
        return np.array([len(self.above(key)) - 1 for key in self.nodes])

    @cached_property
    def gains(self) -> np.ndarray:
        """(nodes,), information gain in bits: log2 of the number of classes over that of those a node stands for."""
        return np.log2(len(self.classes)) - np.log2(np.maximum(self.membership.sum(1), 1))

    def posterior(self, probabilities: np.ndarray) -> np.ndarray:
        """(nodes,), the probability that the node is right: the sum over its classes. Raises ValueError."""
        probabilities = np.asarray(probabilities, np.float64).reshape(-1)
        if len(probabilities) != len(self.classes):
            raise ValueError(f"needs a probability for each of {len(self.classes)} classes; got {len(probabilities)}")
        return self.membership @ probabilities


@cache
def ilsvrc12() -> Hierarchy:
    """The 1,000 classes of ImageNet's challenge of 2012 below all their hypernyms in WordNet 3.0."""
    words, parents, classes = {}, {}, {}
    text = Path(__file__).with_name("ilsvrc12.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            key, number, above, names = line.split("\t")
            words[key], parents[key] = names.split("|"), above.split()
            if number:
                classes[int(number)] = key
    return Hierarchy(words, parents, [classes[number] for number in range(len(classes))])
