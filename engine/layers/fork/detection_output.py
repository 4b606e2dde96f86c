"""DetectionOutput. Predictions become boxes, of which the best are kept."""

from __future__ import annotations

import numpy as np

from ...errors import DefinitionError
from ...layer import Layer, between, layer
from ...memory import HOST
from ._boxes import decode, overlap


@layer("DetectionOutput", param="detection_output_param")
class DetectionOutput(Layer):
    r"""Moves prior boxes as predicted, and of each class keeps boxes that overlap no better one.

    $$ (c_x, c_y, w, h) = (p_x + v_1 l_1 p_w, \; p_y + v_2 l_2 p_h, \; p_w e^{v_3 l_3}, \; p_h e^{v_4 l_4}) $$

    That is `code_type` CENTER_SIZE, of a prior box p with variances v; CORNER adds v l to its edges, CORNER_SIZE v l
    times its width or height. Of each class but `background_label_id`, the boxes above `confidence_threshold` are
    taken from the best on (at most `top_k`), each one only if its intersection with none taken before is more than
    `nms_threshold` of their union; of all classes the best `keep_top_k` remain.

    Bottom: predictions l (N, 4 P), or 4 for each of P priors and each class unless `share_location`; confidences
        (N, P num_classes); prior boxes (1, 2, 4 P) as PriorBox makes them; and optionally an image, which is not used.
    Top: (1, 1, K, 7) for K boxes: item, class, confidence, left, top, right and bottom edge; without any box a row for
        each item, of -1 behind its number. No gradient.
    Reference: Liu et al., "SSD", ECCV 2016; `eta`: Dollar and Zitnick, PAMI 2015.
    Fork: weiliu89/caffe, branch ssd. Files and windows (`save_output_param`, `visualize`) are left out.
    """

    bottoms = between(3, 4)
    no_gradient = (0, 1, 2, 3)
    reshapes_itself = True

    def setup(self, bottom, top):
        settings, nms = self.settings, self.settings.nms_param
        if settings.num_classes < 1:
            raise DefinitionError(f"num_classes must be at least 1; got {settings.num_classes}.", "num_classes")
        if nms.nms_threshold < 0:
            raise DefinitionError(
                f"nms_threshold cannot be negative; got {nms.nms_threshold:g}.", "nms_param.nms_threshold"
            )
        if not 0 < nms.eta <= 1:
            raise DefinitionError(f"eta must be more than 0 and at most 1; got {nms.eta:g}.", "nms_param.eta")
        self.located = 1 if settings.share_location else settings.num_classes  # boxes of one prior

    def reshape(self, bottom, top):
        location, confidence, prior = (blob.shape for blob in bottom[:3])
        if len(prior) < 3 or not prior[0] or prior[1] != 2 or prior[2] % 4:
            raise DefinitionError(f"prior boxes must be (1, 2, 4 P); got {prior}.", "bottom")
        items, self.priors, classes = location[0], prior[2] // 4, self.settings.num_classes
        wanted = (items, self.priors * self.located * 4), (items, self.priors * classes)
        found = tuple((shape[0], int(np.prod(shape[1:]))) for shape in (location, confidence))
        if found != wanted:
            raise DefinitionError(
                f"for {self.priors} prior boxes and {classes} classes (num_classes) predictions and confidences must "
                f"be {wanted[0]} and {wanted[1]}; got {location} and {confidence}.",
                "bottom",
            )
        top[0].reshape(1, 1, 1, 7)

    def forward(self, bottom, top):
        location, confidence, prior = (blob.seen_from(HOST).read() for blob in bottom[:3])
        prior, variance = prior[0].reshape(2, -1, 1, 4)
        variance = None if self.settings.variance_encoded_in_target else variance
        code = self.settings.code_type
        location = location.reshape(-1, self.priors, self.located, 4)
        confidence = confidence.reshape(len(location), self.priors, -1)
        rows = []
        for item, (predicted, scores) in enumerate(zip(location, confidence, strict=True)):
            rows += self.detect(item, decode(code, predicted, prior, variance), scores.T)
        if not rows:
            rows = [(item, *(-1,) * 6) for item in range(len(location))]
        top[0].reshape(1, 1, len(rows), 7)
        top[0].seen_from(HOST).write()[0, 0] = rows

    def detect(self, item, boxes, scores):
        """The rows of the top for one item, from its boxes (P, 1 or classes, 4) and scores (classes, P)."""
        settings, kept = self.settings, []
        for label in range(settings.num_classes):
            if label != settings.background_label_id:
                of_class = boxes[:, 0 if settings.share_location else label]
                kept += [(label, index) for index in self.suppress(of_class, scores[label])]
        if -1 < settings.keep_top_k < len(kept):
            best = np.argsort([-scores[one] for one in kept], kind="stable")[: settings.keep_top_k]
            kept = sorted((kept[place] for place in best), key=lambda one: (one[0], -scores[one]))
        place = (lambda label: 0) if settings.share_location else (lambda label: label)
        return [(item, label, scores[label, index], *boxes[index, place(label)]) for label, index in kept]

    def suppress(self, boxes, scores):
        """Which boxes of one class are kept, the best first."""
        settings, nms = self.settings, self.settings.nms_param
        order = np.argsort(-scores, kind="stable")
        if settings.HasField("confidence_threshold"):
            order = order[scores[order] > scores.dtype.type(settings.confidence_threshold)]
        if nms.HasField("top_k") and nms.top_k > -1:
            order = order[: nms.top_k]
        boxes, threshold = boxes[order], nms.nms_threshold
        most = np.zeros(len(order))  # each box's overlap with those kept so far
        kept = []
        for place, index in enumerate(order):
            if most[place] <= threshold:
                kept.append(index)
                np.maximum(most[place:], overlap(boxes[place], boxes[place:]), out=most[place:])
                if nms.eta < 1 and threshold > 0.5:
                    threshold *= nms.eta
        return kept
