"""Whole pictures and the boxes of their hands, as a detector takes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.datasets.transforms.geometric import warp
from synhand.geometry.boxes import tight_box
from synhand.geometry.planar import planar_rotation

FloatArray = npt.NDArray[np.float32]


@TRANSFORMS.register_module()
class FrameAffine(BaseTransform):
    """Puts a picture into the network's input, and makes its hands' boxes.

    A box is the tight box of a hand's keypoints within the picture. A hand
    of which less than `min_inside` of the keypoints lie in the picture, that
    is smaller than `min_side`, or of which less than `min_seen` of the
    keypoints are seen, is marked to be ignored.

    Required Keys: `img` (H, W, 3 or 4), `hands_keypoints` (N, K, 2) px,
    `hands_side` (N,), `hands_seen` (N,) 0 to 1. Modified Key: `img`. Added
    Keys: `gt_bboxes` (N, 4) x1, y1, x2, y2 px of the input,
    `gt_bboxes_labels` (N,) 0 left, 1 right, `gt_ignore_flags` (N,),
    `img_shape`, `scale_factor` (x, y) of the input over the picture, `border`
    of zeros.

    Args:
        input_size: (W, H) px.
        random: Scale, turn, shift and mirror at random; else the picture is
            scaled to fit and lies in the upper left corner.
        scale: Smallest and largest random factor to the fitting scale.
        rotation: Largest random turn in degrees.
        min_inside: See above.
        min_side: Longer side of a box in px of the input.
        min_seen: See above.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        random: bool = False,
        scale: tuple[float, float] = (0.8, 2.5),
        rotation: float = 20.0,
        min_inside: float = 0.5,
        min_side: float = 6.0,
        min_seen: float = 0.2,
    ) -> None:
        self.input_size = tuple(input_size)
        self.random = random
        self.scale = scale
        self.rotation = rotation
        self.min_inside = min_inside
        self.min_side = min_side
        self.min_seen = min_seen

    def transform(self, results: dict) -> dict:
        image = results['img']
        size = np.array(image.shape[1::-1], float)
        fit = float((self.input_size / size).min())
        mirror = False
        if self.random:
            mirror = bool(np.random.rand() < 0.5)
            matrix = self._random_matrix(size, fit, mirror)
        else:
            # no shift, for detectors go back by `scale_factor` alone
            matrix = np.float32([[fit, 0, 0], [0, fit, 0]])
        shrink = max(1, int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))))
        results['img'] = warp(image, matrix, self.input_size, shrink)
        self._add_boxes(results, size, matrix, mirror)
        results.update(
            img_shape=self.input_size[::-1],
            ori_shape=image.shape[:2],
            scale_factor=(fit, fit),
            border=[0, 0, 0, 0],
        )
        return results

    def _random_matrix(
        self, size: npt.NDArray, fit: float, mirror: bool
    ) -> FloatArray:
        """(2, 3): a random place of the picture falls on the middle."""
        low, high = np.log(self.scale)
        factor = fit * np.exp(np.random.uniform(low, high))
        angle = np.radians(np.random.uniform(-self.rotation, self.rotation))
        turn = factor * planar_rotation(angle)
        if mirror:
            turn = turn @ np.diag([-1.0, 1.0])
        free = np.maximum(size - np.array(self.input_size) / factor, 0) / size
        place = size * (0.5 + np.random.uniform(-0.5, 0.5, 2) * (free + 0.2))
        middle = np.array(self.input_size) / 2
        return np.column_stack([turn, middle - turn @ place]).astype(
            np.float32
        )

    def _add_boxes(
        self,
        results: dict,
        size: npt.NDArray,
        matrix: FloatArray,
        mirror: bool,
    ) -> None:
        keypoints, side = results['hands_keypoints'], results['hands_side']
        points, inside = _cut(keypoints, size - 1)
        points = _moved(points, matrix)
        points, still = _cut(points, np.array(self.input_size) - 1)
        inside = (inside & still).mean(-1)
        boxes = tight_box(points).reshape(-1, 4)
        longer = (boxes[:, 2:] - boxes[:, :2]).max(-1, initial=0)
        results['gt_bboxes'] = boxes
        results['gt_bboxes_labels'] = 1 - side if mirror else side
        results['gt_ignore_flags'] = (
            (inside < self.min_inside)
            | (longer < self.min_side)
            | (results['hands_seen'] < self.min_seen)
        )


def _cut(
    points: FloatArray, last: npt.NDArray
) -> tuple[FloatArray, npt.NDArray]:
    """Points (N, K, 2) moved into a picture, and which were there (N, K)."""
    inside = ((points >= 0) & (points <= last)).all(-1)
    return points.clip(0, last).astype(np.float32), inside


def _moved(points: FloatArray, matrix: FloatArray) -> FloatArray:
    """Points (N, K, 2) through an affine map (2, 3)."""
    return points @ matrix[:, :2].T + matrix[:, 2]
