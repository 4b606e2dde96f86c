"""ConvolutionDepthwise. A kernel of its own for each channel."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import layer
from ..vision.convolution import Convolution


@layer("ConvolutionDepthwise", param="convolution_param")
class ConvolutionDepthwise(Convolution):
    r"""Convolution with as many groups as channels, whatever `group` says.

    $$ y_{n,c,i} = b_c + \sum_k w_{c,0,k} \; x_{n,c,\,s i + d k - p} $$

    Bottom: x (N, C, H, W); several bottoms of one shape share the kernels.
    Top: y (N, C, H', W'), H' = floor((H + 2 p - d (k - 1) - 1) / s) + 1, one for each bottom.
    Parameters: w (C, 1, kernel height, kernel width) and b (C).
    Reference: Howard et al., "MobileNets", arXiv 2017.
    Fork: farmingyard/ShuffleNet, soeaver/caffe-model. There `num_output` is not read; here one that is given must be
        right.
    """

    def setup(self, bottom, top):
        self.param = type(self.param).FromString(self.param.SerializeToString())  # its own, to fill in
        settings = self.settings
        channels = bottom[0].shape[self.axis_of(bottom[0], settings.axis)]
        if settings.HasField("num_output") and settings.num_output != channels:
            raise DefinitionError(
                f"num_output must be the bottom's {channels} channels; got {settings.num_output}.", "num_output"
            )
        settings.num_output = settings.group = channels
        super().setup(bottom, top)
