"""Deconvolution. Convolution backwards, to make an image larger."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import layer
from . import _spatial
from .convolution import Convolution


@layer("Deconvolution", param="convolution_param")
class Deconvolution(Convolution):
    r"""Each value is spread out by a learned kernel, and what overlaps is added up: the transpose of Convolution.

    $$ y_{n,o,\,s i + d k - p} \mathrel{+}= \sum_c w_{c,o,k} \; x_{n,c,i}, \quad\text{beginning with}\quad b_o $$

    Bottom: x (N, C, H, W), or any number of axes after the channel `axis`; several bottoms of one shape share
        the kernels.
    Top: y (N, num_output, H', W'), H' = s (H - 1) + d (k - 1) + 1 - 2 p, one for each bottom.
    Parameters: w (C, num_output / group, kernel height, kernel width) and b (num_output).
    Reference: Zeiler, Krishnan, Taylor and Fergus, CVPR 2010; Long, Shelhamer and Darrell, CVPR 2015.
    """

    def kernel_channels(self):
        return self.channels, self.settings.num_output // self.settings.group

    def outside_lengths(self, lengths):
        if 0 in lengths:
            raise DefinitionError(f"a bottom whose lengths are {tuple(lengths)} has no value to spread out.", "bottom")
        return _spatial.positions_undone(lengths, **self.geometry)

    def prepare(self, x, y):
        self.convolution = self.op("deconvolution", **self.spec(y))
