"""Grad-CAM: which places of a layer speak for a unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from .targets import net_of, output_of, top_of
from .twin import twin_of


def grad_cam(net: Any, layer: str, unit: Any, output: str | None = None, *, input: str | None = None) -> np.ndarray:
    r"""The map of a layer's evidence for a unit, (H', W') at the layer's resolution, from 0 up, not normalised.

    $$ \max\Big(0, \sum_k \alpha_k A^k\Big), \quad
       \alpha_k = \frac{1}{H' W'} \sum_{i,j} \frac{\partial y_u}{\partial A^k_{ij}} $$

    `layer` is a layer's name, or a blob's; A (C', H', W') are its values as they are in `net.blobs`, with the ReLU that
    runs in place on them.
    Raises ValueError as `gradient` does, for a layer without maps, and for one that the output does not depend on.
    Reference: Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM", ICCV 2017.
    """
    net = net_of(net)
    maps = top_of(net, layer)
    with twin_of(net, output_of(net, output), input) as twin:
        index = twin.index(unit)
        found = twin.blob_at(net, maps)
        if found is None:
            raise ValueError(f"blob {twin.name!r} does not depend on layer {layer!r}")
        own, blob = found
        if blob.num_axes != 4:
            raise ValueError(f"layer {layer!r} has no maps, (N, C, H, W): its top is {blob.shape}")
        if not twin.flows_through(blob):
            raise ValueError(f"layer {layer!r} has no gradient by {twin.image_name!r}; name the right `input`")
        twin.forward()
        values = np.array(blob.look()[0])
        twin.backward(twin.seed_at(index), end=own + 1)
        weights = blob.look("diff")[0].mean((1, 2), dtype=np.float64)
        return np.maximum(np.tensordot(weights, values.astype(np.float64), 1), 0).astype(values.dtype)
