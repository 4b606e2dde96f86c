"""What pycaffe's Net had before 2015: it made images ready itself, and set the mode of the process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np

from . import io, settings


class EarlyNet:
    """Members of early pycaffe's Net, over an `io.Transformer` of its inputs. Source: BVLC/caffe before 1.0."""

    engine: Any

    set_phase_train = staticmethod(settings.set_phase_train)
    set_phase_test = staticmethod(settings.set_phase_test)
    set_mode_cpu = staticmethod(settings.set_mode_cpu)
    set_mode_gpu = staticmethod(settings.set_mode_gpu)
    set_device = staticmethod(settings.set_device)

    @cached_property
    def _early(self) -> io.Transformer:
        """Rules for inputs (N, C, H, W); images are (H, W, C)."""
        found = io.Transformer({name: self.engine.blobs[name].shape for name in self.engine.inputs})
        for name in found.inputs:
            if len(found.inputs[name]) == 4:
                found.set_transpose(name, (2, 0, 1))
        return found

    def set_mean(self, input_: str, mean: np.ndarray | str | PathLike, mode: str = "elementwise") -> None:
        """Subtract a mean: an array (C,) or (C, H, W), or the name of a .npy file; of its channels in mode "channel".

        Raises ValueError for another mode or shape.
        """
        if mode not in ("elementwise", "channel"):
            raise ValueError(f"the mode can be elementwise or channel; got {mode!r}")
        values = np.load(mean) if isinstance(mean, str | PathLike) else np.asarray(mean)
        self._early.set_mean(input_, values.mean((1, 2)) if mode == "channel" and values.ndim == 3 else values)

    def set_raw_scale(self, input_: str, scale: float) -> None:
        """Multiply images by this before the mean is subtracted."""
        self._early.set_raw_scale(input_, scale)

    def set_input_scale(self, input_: str, scale: float) -> None:
        """Multiply by this after the mean is subtracted."""
        self._early.set_input_scale(input_, scale)

    def set_channel_swap(self, input_: str, order: Sequence[int]) -> None:
        """Which channel comes where: (2, 1, 0) makes B, G, R of R, G, B."""
        self._early.set_channel_swap(input_, order)

    def preprocess(self, input_name: str, input_: np.ndarray) -> np.ndarray:
        """An image (H, W, C) as the input takes it, (C, H, W)."""
        return self._early.preprocess(input_name, input_)

    def deprocess(self, input_name: str, input_: np.ndarray) -> np.ndarray:
        """What `preprocess` made, as an image (H, W, C) again."""
        return self._early.deprocess(input_name, input_)
