"""DetectionEvaluate. Which of the boxes found in images are right."""

from __future__ import annotations

import numpy as np

from ...errors import DefinitionError
from ...layer import Layer, layer
from ...memory import HOST
from ._boxes import overlap, overlap_in_pixels

NO_ITEM = -1  # the item of a row that holds no box; in the top of one that counts a class's true boxes


@layer("DetectionEvaluate", param="detection_evaluate_param")
class DetectionEvaluate(Layer):
    r"""Tells of each detection whether it is a true or a false positive, as the average precision is made of.

    $$ IoU(a, b) = \frac{|a \cap b|}{|a \cup b|} $$

    In an image the detections of a class are taken from the most confident on. One whose largest overlap IoU with the
    true boxes of its class is at least `overlap_threshold` is a true positive, the first time that true box is met;
    every other one is a false positive. Without `evaluate_difficult_gt` true boxes marked as difficult are not
    counted, and detections that meet them are neither. Where `name_size_file` lists a name, height and width for each
    image, boxes are compared in whole pixels, sides counting one pixel more.

    Bottom: detections (1, 1, K, 7) as DetectionOutput makes them: item, class, confidence, left, top, right and
        bottom edge; true boxes (1, 1, G, 8): item, class, number, the edges, and whether it is difficult.
    Top: (1, 1, C + K, 5), C being `num_classes` without the background: first for each class a row -1, class, number
        of true boxes, -1, -1; then for each detection item, class, confidence, and whether it is a true and a false
        positive. Rows that are left over are 0. No gradient.
    Reference: Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010.
    Fork: weiliu89/caffe, branch ssd. Images count from the first again behind the last line of `name_size_file`; as
        there, an image without any detection has no line.
    """

    bottoms = 2
    no_gradient = (0, 1)

    def setup(self, bottom, top):
        settings = self.settings
        if settings.num_classes < 1:
            raise DefinitionError(f"num_classes must be at least 1; got {settings.num_classes}.", "num_classes")
        if not settings.overlap_threshold > 0:
            raise DefinitionError(
                f"overlap_threshold must be more than 0; got {settings.overlap_threshold:g}.", "overlap_threshold"
            )
        self.classes = [c for c in range(settings.num_classes) if c != settings.background_label_id]
        self.sizes = self._read_sizes() if settings.name_size_file else []
        self.image = 0  # the line of `sizes` that the next image with detections has

    def _read_sizes(self):
        """The height and width of each image, as the file lists them."""
        path = self.context.find(self.settings.name_size_file, "name_size_file", "list of the images' sizes")
        try:
            words = path.read_text(errors="surrogateescape").split()
            return [(int(height), int(width)) for height, width in zip(words[1::3], words[2::3], strict=True)]
        except (OSError, ValueError) as error:
            message = f"{self.settings.name_size_file!r} is no list of names, heights and widths: {error}."
            raise DefinitionError(message, "name_size_file") from error

    def reshape(self, bottom, top):
        for blob, wide, what in zip(bottom, (7, 8), ("detections", "true boxes"), strict=True):
            if len(blob.shape) != 4 or blob.shape[:2] != (1, 1) or blob.shape[3] != wide:
                raise DefinitionError(f"{what} must be (1, 1, any number, {wide}); got {blob.shape}.", "bottom")
        top[0].reshape(1, 1, len(self.classes) + bottom[0].shape[2], 5)

    def forward(self, bottom, top):
        found, true = (self._rows(blob) for blob in bottom)
        rows = top[0].seen_from(HOST).write()[0, 0]
        rows[...] = 0
        counted = true[true[:, 7] == 0] if not self.settings.evaluate_difficult_gt else true
        for row, c in enumerate(self.classes):
            rows[row] = NO_ITEM, c, np.count_nonzero(counted[:, 1] == c), -1, -1
        row = len(self.classes)
        for item in np.unique(found[:, 0]):
            here, truth = found[found[:, 0] == item], true[true[:, 0] == item]
            for c in np.unique(here[:, 1]):
                of_class, meant = here[here[:, 1] == c], truth[truth[:, 1] == c]
                if len(meant):
                    of_class = of_class[np.argsort(-of_class[:, 2], kind="stable")]
                marks = self._compare(of_class[:, 3:], meant)
                rows[row : row + len(marks)] = np.column_stack([of_class[:, :3], marks])
                row += len(marks)
            if self.sizes:
                self.image = (self.image + 1) % len(self.sizes)

    def _rows(self, blob):
        """The rows that hold a box, item and class as whole numbers. Raises DefinitionError for one of background."""
        rows = np.array(blob.seen_from(HOST).read()[0, 0])
        rows[:, :2] = np.trunc(rows[:, :2])
        rows = rows[rows[:, 0] != NO_ITEM]
        background = self.settings.background_label_id
        if (rows[:, 1] == background).any():
            raise DefinitionError(f"a box is of class {background}, the background.", "background_label_id")
        return rows

    def _compare(self, boxes, true):
        """Whether each of the boxes (K, 4), the most confident first, is a true and a false positive (K, 2)."""
        marks = np.tile(np.array([0, 1], np.float32), (len(boxes), 1))
        if not len(true):
            return marks
        edges, measure = true[:, 3:7], overlap
        if self.sizes:
            height, width = self.sizes[self.image]
            side = np.array([width, height, width, height], np.float32)
            boxes, edges, measure = boxes * side, edges * side, overlap_in_pixels
        overlaps = measure(boxes[:, None], edges)  # (K, G)
        met = set()
        for k, (best, g) in enumerate(zip(overlaps.max(axis=1), overlaps.argmax(axis=1), strict=True)):
            if not best >= np.float32(self.settings.overlap_threshold):
                continue
            if true[g, 7] and not self.settings.evaluate_difficult_gt:
                marks[k] = 0
            elif g not in met:
                marks[k] = 1, 0
                met.add(g)
        return marks
