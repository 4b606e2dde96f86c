"""DepthwiseConvolution. Convolution by another name."""

from __future__ import annotations

from ...layer import layer
from ..vision.convolution import Convolution


@layer("DepthwiseConvolution", param="convolution_param")
class DepthwiseConvolution(Convolution):
    r"""A Convolution, written so by forks that have faster code for a `group` of one channel.

    $$ y_{n,o,i} = b_o + \sum_{c,k} w_{o,c,k} \; x_{n,c,\,s i + d k - p} $$

    Bottom: x (N, C, H, W); several bottoms of one shape share the kernels.
    Top: y (N, num_output, H', W'), H' = floor((H + 2 p - d (k - 1) - 1) / s) + 1, one for each bottom.
    Parameters: w (num_output, C / group, kernel height, kernel width) and b (num_output).
    Reference: Howard et al., "MobileNets", arXiv 2017.
    Fork: yonghenglh6/DepthwiseConvolution, eric612/MobileNet-YOLO.
    """
