"""BatchNorm. Each channel gets mean 0 and variance 1."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, layer


@layer("BatchNorm", param="batch_norm_param")
class BatchNorm(Layer):
    r"""Normalises each channel by the batch's own mean and variance, or by those gathered in training.

    $$ y = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \mathtt{eps}}} $$

    In TRAIN, unless `use_global_stats` says otherwise, mu and sigma are of this batch, and are added to running sums
    that fade by `moving_average_fraction`; in TEST they are those sums divided by their weight.

    Bottom: x (N, C, ...).
    Top: y, of the shape of x; may be x itself.
    Parameters: the sums of means (C) and of variances (C), and their weight (1); none is learned by gradient.
    Reference: Ioffe and Szegedy, ICML 2015.
    Caffe quirk: the sums change in the forward pass; the variances in them are unbiased, those used in TRAIN are not.
    """

    in_place = True

    def setup(self, bottom, top):
        settings = self.settings
        if bottom[0].num_axes < 2:
            raise DefinitionError(f"needs a bottom of at least 2 axes (N, C, ...); got {bottom[0].shape}.", "bottom")
        self.channels = bottom[0].shape[1]
        self.global_stats = not self.training
        if settings.HasField("use_global_stats"):
            self.global_stats = settings.use_global_stats
        self.param = type(self.param).FromString(self.param.SerializeToString())  # its own, to add to
        for index, shape in enumerate(((self.channels,), (self.channels,), (1,))):
            self.add_param(shape)
            if index == len(self.param.param):
                self.param.param.add(lr_mult=0)
            elif self.param.param[index].lr_mult:
                raise DefinitionError("the statistics are not learned: give each param lr_mult 0.", f"param.{index}")

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) < 2 or shape[1] != self.channels:
            raise DefinitionError(f"was set up for {self.channels} channels; the bottom is now {shape}.", "bottom")
        top[0].reshape(*shape)
        self.norm = self.op("batch_norm", shape=shape, eps=self.settings.eps)

    def forward(self, bottom, top):
        if self.global_stats:
            xp = self.xp
            means, variances, weight = (blob.read() for blob in self.blobs)
            share = xp.where(weight == 0, 0, 1 / xp.where(weight == 0, 1, weight))
            self.norm.apply(bottom[0], means * share, variances * share, top[0])
        else:
            mean, variance = self.norm.normalise(bottom[0], top[0])
            self.remember(mean, variance, bottom[0].count // self.channels)

    def remember(self, mean, variance, count):
        """Add to the running sums."""
        fraction = self.settings.moving_average_fraction
        unbiased = count / (count - 1) if count > 1 else 1
        for blob, new in zip(self.blobs, (mean, variance * unbiased, 1), strict=True):
            total = blob.modify()
            total *= fraction
            total += new

    def backward(self, top, propagate_down, bottom):
        self.norm.backward(top[0], bottom[0])  # asked for or not, as in Caffe
