"""Windows without MATLAB, for those who have not got selective search: random ones."""

import numpy as np
from PIL import Image


def get_windows(names, cmd="selective_search"):
    """For each image 60 windows (ymin, xmin, ymax, xmax) of at least 40 pixels: int, (60, 4)."""
    rng = np.random.default_rng(3)
    found = []
    for name in names:
        with Image.open(name) as image:
            width, height = image.size
        tops, lefts = (rng.integers(0, length - 40, 60) for length in (height, width))
        bottoms = rng.integers(tops + 40, height + 1)
        rights = rng.integers(lefts + 40, width + 1)
        found.append(np.stack([tops, lefts, bottoms, rights], 1))
    return found
