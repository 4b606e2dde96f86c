"""MultiBoxLoss. What a detector of fixed prior boxes is trained by."""

from __future__ import annotations

import numpy as np

from ....proto.messages import MultiBoxLossParameter as Settings
from ...errors import DefinitionError
from ...layer import Layer, layer
from ...memory import HOST
from ..loss import _labels
from ._boxes import decode, encode, prior_boxes
from ._matching import NOTHING, match, mine


@layer("MultiBoxLoss", param="multibox_loss_param")
class MultiBoxLoss(Layer):
    r"""Matches prior boxes with things, and adds up how wrong the boxes and classes are that are predicted for them.

    $$ L = \frac{1}{K} \left( \mathtt{loc\_weight} \sum_{(p, g)} f(l_p - t_{p,g}) + \sum_p h(x_p, c_p) \right) $$

    Each thing g is matched with the prior that overlaps it most, and with PER_PREDICTION every prior p with the thing
    that it overlaps most, from `overlap_threshold` on. There the predictions l are to be t, of which DetectionOutput
    makes the thing's box; f sums over the four numbers half the square, or beyond 1 the size less a half. h is the
    cross entropy of the scores x with the thing's class c, or the background's where there is no match: of all
    priors, or with MAX_NEGATIVE of those matched and in each item of `neg_pos_ratio` times as many others, those of
    largest h that overlap nothing by `neg_overlap`. K is what `normalization` counts: VALID matches, FULL priors,
    BATCH_SIZE items, and at least 1.

    Bottom: predictions l (N, 4 P), or 4 for each of P priors and each class unless `share_location`; scores x
        (N, P num_classes); prior boxes (1, 2, 4 P) as PriorBox makes them; things (1, 1, G, 8): item (-1: none),
        class, number, left, upper, right and lower edge, and 1 for a difficult one.
    Top: L, one number.
    Reference: Liu et al., "SSD", ECCV 2016; HARD_EXAMPLE: Shrivastava et al., CVPR 2016.
    Fork: weiliu89/caffe, branch ssd, in whose gradient too the variances of `encode_variance_in_target` do not count.
    """

    bottoms = 4
    is_loss = True
    auto_tops = True
    no_gradient = (2, 3)

    def setup(self, bottom, top):
        settings, classes = self.settings, self.settings.num_classes
        if classes < 1:
            raise DefinitionError(f"num_classes must be at least 1; got {classes}.", "num_classes")
        self.mines = settings.mining_type != Settings.NONE
        if settings.HasField("do_neg_mining") and settings.do_neg_mining != self.mines:
            raise DefinitionError("do_neg_mining contradicts mining_type.", "do_neg_mining")
        if self.mines and not settings.share_location:
            raise DefinitionError("without share_location mining_type must be NONE.", "mining_type")
        if settings.mining_type == Settings.HARD_EXAMPLE and settings.sample_size < 1:
            raise DefinitionError(f"sample_size must be at least 1; got {settings.sample_size}.", "sample_size")
        self.softmax = settings.conf_loss_type == Settings.SOFTMAX
        self.background = settings.background_label_id
        if self.softmax and self.background >= classes:
            message = f"background_label_id must be below num_classes {classes}; got {self.background}."
            raise DefinitionError(message, "background_label_id")
        if settings.map_object_to_agnostic and classes != 2:
            raise DefinitionError(f"map_object_to_agnostic needs 2 classes; got {classes}.", "num_classes")
        if settings.HasField("nms_param") and self.mines and not settings.nms_param.top_k:
            self.warn("without a top_k in nms_param no prior is chosen.", "nms_param")
        self.exclusive = self.softmax or self.mines  # a prior names one class, be it the background
        self.located = 1 if settings.share_location else classes  # boxes of one prior
        self.mode = _labels.normalization_of(self.param.loss_param)
        self.counted = list(self.param.propagate_down) or [True] * 4  # a part without a gradient is not in the loss

    def reshape(self, bottom, top):
        location, scores, prior, things = (blob.shape for blob in bottom)
        if len(prior) < 3 or prior[1] != 2 or prior[2] % 4:
            raise DefinitionError(f"prior boxes must be (1, 2, 4 P); got {prior}.", "bottom")
        if len(things) != 4 or things[3] != 8:
            raise DefinitionError(f"things must be (1, 1, G, 8); got {things}.", "bottom")
        self.items, self.priors, classes = location[0], prior[2] // 4, self.settings.num_classes
        wanted = (self.items, self.priors * self.located * 4), (self.items, self.priors * classes)
        found = tuple((shape[0], int(np.prod(shape[1:]))) for shape in (location, scores))
        if found != wanted:
            raise DefinitionError(
                f"for {self.priors} prior boxes and {classes} classes (num_classes) predictions and scores must be "
                f"{wanted[0]} and {wanted[1]}; got {location} and {scores}.",
                "bottom",
            )
        top[0].reshape()

    def forward(self, bottom, top):
        location, scores, prior, rows = (blob.seen_from(HOST).read() for blob in bottom)
        location = location.reshape(self.items, self.priors, self.located, 4)
        scores = scores.reshape(self.items, self.priors, -1)
        self.prior, self.variance = prior_boxes(prior)
        self.counts = np.full(scores.shape[:2], not self.mines)  # whether the scores of a prior are in the loss
        self.target = np.zeros(scores.shape, bool)
        if self.exclusive and self.background < scores.shape[2]:
            self.target[..., self.background] = True
        self.matches, error = [], 0.0
        for item, (boxes, labels) in enumerate(self.things(rows.reshape(-1, 8))):
            if len(boxes):
                error += self.take_in(item, location[item], scores[item], boxes, labels)
        matches = sum(len(slope) for *_, slope in self.matches)
        self.normalizer = max((self.items * self.priors, matches, self.items, 1)[self.mode], 1)
        surprise, self.surprise_slope = self.of_classes(scores[self.counts], self.target[self.counts])
        loss = self.settings.loc_weight * error * self.counted[0] + surprise.sum(dtype=float) * self.counted[1]
        top[0].seen_from(HOST).write()[...] = loss / self.normalizer

    def backward(self, top, propagate_down, bottom):
        for index in (2, 3):
            _labels.refuse_gradient(self, propagate_down, index)
        factor = top[0].seen_from(HOST).read_diff() / self.normalizer
        if propagate_down[0]:
            out = bottom[0].seen_from(HOST).write_diff()
            out[...] = 0
            out = out.reshape(self.items, self.priors, self.located, 4)
            for item, prior, box, slope in self.matches:
                out[item, prior, box] = slope * (factor * self.settings.loc_weight)
        if propagate_down[1]:
            out = bottom[1].seen_from(HOST).write_diff()
            out[...] = 0
            out.reshape(self.target.shape)[self.counts] = self.surprise_slope * factor

    def things(self, rows):
        """Boxes (G, 4) and classes (G,) of each item. Raises DefinitionError for a class that no thing can have."""
        classes = self.settings.num_classes
        rows = rows[rows[:, 0] != -1]
        labels = rows[:, 1]
        sound = (labels >= 0) & (labels != self.background)
        if self.settings.map_object_to_agnostic:
            labels = np.full_like(labels, self.background + 1)
        sound &= labels < classes
        if not sound.all():
            raise DefinitionError(
                f"a thing is of class {rows[~sound][0, 1]:g}; with {classes} classes (num_classes), of which "
                f"{self.background} is the background, none can be.",
                "bottom",
            )
        if not self.settings.use_difficult_gt:
            labels, rows = labels[rows[:, 7] == 0], rows[rows[:, 7] == 0]
        for item in range(self.items):
            here = rows[:, 0] == item
            yield rows[here, 3:7], labels[here].astype(int)

    def take_in(self, item, location, scores, boxes, labels):
        """Match one item's priors, note which of them count and as what; returns the error of their boxes."""
        settings = self.settings
        guess = decode(settings.code_type, location, self.prior[:, None], self.scale[:, None])  # (P, located, 4)
        found, best = self.match(guess, boxes, labels)  # (located, P)
        box, prior = np.nonzero(found > NOTHING)
        edges = self.prior[prior] if settings.use_prior_for_matching else guess[prior, box]
        error, slope = self.of_boxes(location[prior, box], prior, boxes[found[box, prior]], edges)
        named = labels[found[box, prior]]
        if self.exclusive:
            self.target[item, prior] = np.arange(settings.num_classes) == named[:, None]
        else:
            self.target[item, prior, named] = True
        if self.mines:
            loss = self.of_classes(scores, self.target[item])[0]
            if settings.mining_type == Settings.HARD_EXAMPLE:
                loss[prior] += error
            others = mine(settings, found[0], best, loss, self.prior if settings.use_prior_for_nms else guess[:, 0])
            kept = found[0, prior] > NOTHING
            prior, box, error, slope = (one[kept] for one in (prior, box, error, slope))
            self.counts[item, others] = True
        self.counts[item, prior] = True
        self.matches.append((item, prior, box, slope))
        return error.sum(dtype=float)

    @property
    def scale(self):
        """The variances that predictions are multiplied with, (P, 4)."""
        return np.ones_like(self.variance) if self.settings.encode_variance_in_target else self.variance

    def match(self, guess, boxes, labels):
        """For each box of each prior the number of its thing (located, P), and how far they overlap (P,)."""
        settings = self.settings
        threshold = settings.overlap_threshold if settings.match_type == Settings.PER_PREDICTION else None
        inside = settings.ignore_cross_boundary_bbox
        if settings.share_location:
            candidates = self.prior if settings.use_prior_for_matching else guess[:, 0]
            found, best = match(candidates, boxes, threshold, inside)
            return found[None], best
        of_class = [np.flatnonzero(labels == label) for label in range(self.located)]
        if settings.use_prior_for_matching:
            found, best = match(self.prior, boxes, threshold, inside)
            return np.array([np.where(np.isin(found, one), found, NOTHING) for one in of_class]), best
        found, best = np.full((self.located, self.priors), NOTHING), np.zeros(self.priors)
        for label, one in enumerate(of_class):
            number, _ = match(guess[:, label], boxes[one], threshold, inside)
            found[label, number > NOTHING] = one[number[number > NOTHING]]
        return found, best  # nothing is mined here

    def of_boxes(self, location, prior, boxes, edges):
        """The error of each prediction (K, 4), and its slope, for K priors and the boxes that they should give."""
        settings = self.settings
        wanted = encode(settings.code_type, boxes, self.prior[prior], self.scale[prior])
        difference = location - wanted
        if settings.bp_inside:
            difference[(edges < 0) | (edges > 1)] = 0
        if settings.encode_variance_in_target:
            difference /= self.variance[prior]
        square = difference * difference / 2
        if settings.loc_loss_type == Settings.L2:
            return square.sum(axis=1), difference
        size = np.abs(difference)
        return np.where(size < 1, square, size - size.dtype.type(0.5)).sum(axis=1), difference.clip(-1, 1)

    def of_classes(self, scores, target):
        """How surprised each row of scores (M, C) is by the classes it should name (M, C), and the slope."""
        if self.softmax:
            share = np.exp(scores - scores.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            named = np.maximum(np.where(target, share, 0).sum(axis=1), np.finfo(np.float32).tiny)
            return -np.log(named), share - target
        surprise = np.log1p(np.exp(-np.abs(scores))) + np.maximum(scores, 0) - scores * target
        return surprise.sum(axis=1), 1 / (1 + np.exp(-scores)) - target
