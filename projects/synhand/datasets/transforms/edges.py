"""Hands that leave the photo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.geometry.boxes import tight_box
from synhand.skeleton import REFERENCE_BONE, ROOT

EDGE_NORMALS = np.array([[-1, 0], [0, -1], [1, 0], [0, 1]])
"""Out of the photo: left, up, right, down."""

_ANY_SIDE = 0.1
_TWO_SIDES = 0.3
_FEWEST = 5  # keypoints that an edge leaves


@TRANSFORMS.register_module()
class PhotoEdge(BaseTransform):
    """Makes a photo end beside or within its hand: black lies beyond.

    As crops do at the edge of a photo. Most hands leave it by the arm; three
    in ten leave it at two sides. What is cut off stays labelled, as what an
    object hides does. An edge that would leave almost nothing is not drawn.

    Required Keys: `img` (H, W, 3), or (H, W, 4) with the coverage, that of
    the black 1, so that no later step replaces it; `keypoints` (1, K, 2) px
    of the image; `bbox` (1, 4), their tight box. Modified Keys: `img`,
    `bbox`, of those that are left. Added Key: `keypoints_inside` (1, K)
    bool, those within the photo.

    Args:
        prob: Probability of an edge.
        cut: Least and largest share of the hand's extent, along the edge's
            normal, that lies beyond; less than 0: so far from the hand.
    """

    def __init__(self, prob: float, cut: tuple[float, float]) -> None:
        self.prob = prob
        self.cut = cut

    def transform(self, results: dict) -> dict:
        points = np.asarray(results['keypoints'][0], np.float64)
        inside = np.ones(len(points), bool)
        if np.random.rand() < self.prob:
            image = results['img'] = results['img'].copy()
            for normal in EDGE_NORMALS[self._sides(points)]:
                heights = points @ normal
                share = np.random.uniform(*self.cut)
                limit = heights.max() - share * np.ptp(heights)
                left = inside & (heights <= limit)
                if left.sum() >= _FEWEST:
                    inside = left
                    blacken(image, normal, limit)
        if not inside.all():
            results['bbox'] = tight_box(points[inside])[None]
        results['keypoints_inside'] = inside[None]
        return results

    def _sides(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """Numbers of one or two normals, preferably those towards the arm."""
        arm = points[ROOT] - points[REFERENCE_BONE[0]]
        arm = arm / max(np.linalg.norm(arm), 1e-6)
        weights = np.maximum(EDGE_NORMALS @ arm, 0) ** 2 + _ANY_SIDE
        count = 1 + (np.random.rand() < _TWO_SIDES)
        return np.random.choice(
            4, count, replace=False, p=weights / weights.sum()
        )


def blacken(
    image: npt.NDArray[np.uint8], normal: npt.NDArray[np.int64], limit: float
) -> None:
    """Make what lies beyond an edge black, with coverage 1, in place.

    Args:
        image: (H, W, 3) or, with coverage, (H, W, 4).
        normal: (2,), of `EDGE_NORMALS`.
        limit: px along the normal; pixels whose centres are farther change.
    """
    axis = int(np.flatnonzero(normal)[0])
    lines = np.moveaxis(image, 1 - axis, 0)
    beyond = np.arange(len(lines)) * normal[axis] > limit
    lines[beyond] = 0
    if image.shape[2] == 4:
        lines[beyond, :, 3] = 255
