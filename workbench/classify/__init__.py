"""Classification of photographs: scores of a net, and labels that are as specific, or as accurate, as can be.

Plain functions: `scores` runs a net over an image; `specific`, `accurate` and `hedged` turn probabilities of ImageNet's
1,000 classes into labels; `windows`, `score_windows` and `suppressed` look for objects by windows.
"""

from .hierarchy import Hierarchy, ilsvrc12
from .labels import Label, accurate, hedged, specific
from .pictures import prepared, scores
from .windows import Found, detect, score_windows, suppressed, windows

__all__ = [
    "Found",
    "Hierarchy",
    "Label",
    "accurate",
    "detect",
    "hedged",
    "ilsvrc12",
    "prepared",
    "score_windows",
    "scores",
    "specific",
    "suppressed",
    "windows",
]
