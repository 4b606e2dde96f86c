"""BN. Batch normalisation that scales and shifts, in two forks' words."""

from __future__ import annotations

from ....proto.messages import FillerParameter
from ...errors import DefinitionError
from ...layer import Layer, layer

PSPNET = ("slope_filler", "bias_filler", "momentum", "eps", "frozen", "engine")
SEGNET = ("scale_filler", "shift_filler", "bn_mode")
SEGNET_EPS = 1e-9
INFERENCE = 1


@layer("BN", param="bn_param")
class BN(Layer):
    r"""Brings each channel to mean 0 and variance 1, then to a learned scale and offset.

    $$ y = a_c \, \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} + b_c $$

    Two forks have a type of this name. One has `slope_filler` and `bias_filler`: statistics are of the batch in TRAIN,
    where running ones follow them, fading by `momentum`; in TEST, or `frozen`, the running ones are taken. The other
    has `scale_filler` and `shift_filler`: statistics are of the batch in both phases, or with `bn_mode` INFERENCE not
    taken at all, a script having merged them into a and b. A layer without any setting is the second fork's.

    Bottom: x (N, C, ...), of 2 to 4 axes.
    Top: y, of the shape of x; may be x itself.
    Parameters: a and b (1, C, 1, 1); in the first fork also the running mean and variance, of that shape, not learned.
    Reference: Ioffe and Szegedy, ICML 2015.
    Fork: yjxiong/caffe and hszhao/PSPNet; alexgkendall/caffe-segnet. In the first, the gradient in TEST is here the
        slope of what TEST computes; there it is that of TRAIN.
    """

    in_place = True

    def setup(self, bottom, top):
        settings, shape = self.settings, bottom[0].shape
        if not 2 <= len(shape) <= 4:
            raise DefinitionError(f"needs a bottom of 2 to 4 axes; its shape is {shape}.", "bottom")
        words = [[field for field in names if settings.HasField(field)] for names in (PSPNET, SEGNET)]
        if all(words):
            raise DefinitionError(f"{words[0][0]} and {words[1][0]} belong to two forks that do not mix.", words[1][0])
        self.running = bool(words[0])
        self.frozen = self.running and settings.frozen
        self.batch = self.training and not self.frozen if self.running else settings.bn_mode != INFERENCE
        self.eps = settings.eps if self.running else SEGNET_EPS
        self.channels = (1, shape[1], 1, 1)
        for field in PSPNET[:2] if self.running else SEGNET[:2]:
            self.add_param(self.channels, getattr(settings, field), field)
        if self.running:
            self.add_param(self.channels)
            self.add_param(self.channels, FillerParameter(value=1) if self.frozen else None)
            self.param = type(self.param).FromString(self.param.SerializeToString())  # its own, to add to
            while len(self.param.param) < 4:
                self.param.param.add()
            for spec in self.param.param[0 if self.frozen else 2 :]:
                spec.lr_mult = spec.decay_mult = 0

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if not 2 <= len(shape) <= 4 or shape[1] != self.channels[1]:
            raise DefinitionError(f"was set up for {self.channels[1]} channels; the bottom is now {shape}.", "bottom")
        self.axes = (0, *range(2, len(shape)))
        self.spread = self.channels[: len(shape)]
        top[0].reshape(*shape)

    def value(self, index):
        """A parameter, one axis for each of x."""
        return self.blobs[index].read().reshape(self.spread)

    def statistics(self, x):
        """Mean and variance as this phase takes them, None where there is nothing to take."""
        if self.batch:
            mean = x.mean(axis=self.axes, keepdims=True)
            centred = x - mean
            variance = (centred * centred).mean(axis=self.axes, keepdims=True)
            if self.running:
                self.follow(mean, variance)
            return mean, variance
        return (self.value(2), self.value(3)) if self.running else None

    def follow(self, *statistics):
        """Let the running statistics fade, and add those of the batch."""
        momentum = self.settings.momentum
        for blob, new in zip(self.blobs[2:], statistics, strict=True):
            values = blob.modify()
            values *= momentum
            values += (1 - momentum) * new.reshape(self.channels)

    def normalise(self, x, out):
        """(x - mean) / deviation, in `out`; remembers the deviation."""
        taken = self.statistics(x)
        if taken is None:
            self.deviation = 1
            out[...] = x
            return
        self.deviation = self.xp.sqrt(taken[1] + self.eps)
        self.xp.subtract(x, taken[0], out=out)
        out /= self.deviation

    def forward(self, bottom, top):
        x, y = bottom[0].read(), top[0].write()
        self.normalise(x, y)
        keep = self.batch or (top[0] is bottom[0] and not self.frozen)
        self.normalised = y.copy() if keep else None
        y *= self.value(0)
        y += self.value(1)

    def backward(self, top, propagate_down, bottom):
        gradient, normalised = top[0].read_diff(), self.normalised
        if not self.frozen:
            if normalised is None:
                normalised = self.xp.empty_like(gradient)
                self.normalise(bottom[0].read(), normalised)
            for index, values in ((0, gradient * normalised), (1, gradient)):
                if self.param_propagate_down[index]:
                    self.blobs[index].modify_diff()[...] += values.sum(axis=self.axes).reshape(self.channels)
        if not propagate_down[0]:
            return
        factor = self.value(0) / self.deviation
        if self.batch:
            along = (gradient * normalised).mean(axis=self.axes, keepdims=True)
            gradient = gradient - gradient.mean(axis=self.axes, keepdims=True) - along * normalised
        self.xp.multiply(gradient, factor, out=bottom[0].write_diff())
