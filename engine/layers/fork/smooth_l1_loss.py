"""SmoothL1Loss. A loss that is round near zero and straight beyond."""

from __future__ import annotations

from ...errors import DefinitionError
from ...layer import Layer, between, layer


@layer("SmoothL1Loss", param="smooth_l1_loss_param")
class SmoothL1Loss(Layer):
    r"""Half the square of small differences, the size of large ones, summed and divided by the items.

    $$ L = \frac{1}{N} \sum_k v_k f(w_k (a_k - b_k)), \quad
       f(d) = \begin{cases} \sigma^2 d^2 / 2 & |d| < 1 / \sigma^2 \\ |d| - 1 / (2 \sigma^2) & \text{otherwise}
       \end{cases} $$

    Bottom: a and b (N, ...), of one shape, each with a gradient; and optionally the weights w inside f, and v outside
        it, of that shape and without a gradient.
    Top: L, one number.
    Reference: Girshick, ICCV 2015 (Fast R-CNN); Ren, He, Girshick and Sun, NIPS 2015.
    Fork: rbgirshick/caffe-fast-rcnn; with w alone: its first version, of rbgirshick/fast-rcnn.
    """

    bottoms = between(2, 4)
    no_gradient = (2, 3)
    is_loss = True
    auto_tops = True

    def setup(self, bottom, top):
        if self.settings.sigma <= 0:
            raise DefinitionError(f"sigma must be more than 0; got {self.settings.sigma:g}.", "sigma")

    def reshape(self, bottom, top):
        for blob in bottom[1:]:
            if blob.shape != bottom[0].shape:
                raise DefinitionError(
                    f"all bottoms must have one shape; got {bottom[0].shape} and {blob.shape}.", "bottom"
                )
        if bottom[0].num_axes < 1:
            raise DefinitionError("needs a bottom of at least 1 axis; got a single number.", "bottom")
        top[0].reshape()

    def forward(self, bottom, top):
        xp, square = self.xp, self.settings.sigma**2
        difference = bottom[0].read() - bottom[1].read()
        if len(bottom) > 2:
            difference *= bottom[2].read()
        size = xp.abs(difference)
        loss = xp.where(size < 1 / square, difference * difference * (square / 2), size - 0.5 / square)
        if len(bottom) > 3:
            loss *= bottom[3].read()
        top[0].write()[...] = loss.sum() / bottom[0].shape[0]
        self.slope = xp.clip(difference * square, -1, 1)

    def backward(self, top, propagate_down, bottom):
        for index in (2, 3):
            if index < len(bottom) and propagate_down[index]:
                raise DefinitionError(f"weights have no gradient for bottom {self.param.bottom[index]!r}.", "bottom")
        gradient = self.slope * (top[0].read_diff() / bottom[0].shape[0])
        for weights in bottom[2:]:
            gradient *= weights.read()
        for blob, wanted, sign in zip(bottom[:2], propagate_down[:2], (1, -1), strict=True):
            if wanted:
                self.xp.multiply(gradient, sign, out=blob.write_diff())
