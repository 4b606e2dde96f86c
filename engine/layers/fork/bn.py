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
        self.merged = [self.make_blob(self.channels) for _ in range(2)]  # factor and offset of a frozen layer
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
        top[0].reshape(*shape)
        self.norm = self.op("batch_norm", shape=shape, eps=self.eps)
        self.affine = self.op("scale", shape=shape, spread=self.channels[: len(shape)])
        self.affine.fixed = self.frozen

    def follow(self, *statistics):
        """Let the running statistics fade, and add those of the batch."""
        momentum = self.settings.momentum
        for blob, new in zip(self.blobs[2:], statistics, strict=True):
            values = blob.modify()
            values *= momentum
            values += (1 - momentum) * new.reshape(self.channels)

    def merge(self):
        """The factor and offset that running statistics, a and b come to."""
        a, b, mean, variance = (blob.read() for blob in self.blobs)
        factor = a / self.xp.sqrt(variance + self.eps)
        for blob, values in zip(self.merged, (factor, b - mean * factor), strict=True):
            blob.write()[...] = values
        return self.merged

    def forward(self, bottom, top):
        x, y = bottom[0], top[0]
        if self.frozen:
            self.affine.forward(x, *self.merge(), y)
            return
        if self.batch:
            statistics = self.norm.normalise(x, y)
            if self.running:
                self.follow(*statistics)
        elif self.running:
            self.norm.apply(x, *(blob.read().reshape(-1) for blob in self.blobs[2:]), y)
        normalised = y if self.batch or self.running else x
        self.affine.forward(normalised, *self.blobs[:2], y)

    def backward(self, top, propagate_down, bottom):
        learned = [wanted and not self.frozen for wanted in self.param_propagate_down[:2]]
        wanted = {"to_factor": learned[0], "to_offset": learned[1], "to_x": propagate_down[0]}
        factor = self.merged[0] if self.frozen else self.blobs[0]
        gradients = self.affine.backward(top[0], bottom[0], factor, **wanted)
        for blob, gradient in zip(self.blobs[:2], gradients, strict=True):
            if gradient is not None:
                blob.modify_diff()[...] += gradient.reshape(self.channels)
        if propagate_down[0] and not self.frozen and (self.batch or self.running):
            self.norm.backward(bottom[0], bottom[0])
