"""Boxes in which the hand points up."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.geometry.upright import upright_angle, upright_box

_SMALLEST_PX = 4.0


@TRANSFORMS.register_module()
class UprightHandBox(BaseTransform):
    """The box around the keypoints of a hand that is turned to point up.

    For networks that read a hand after another one has found its direction;
    in place of `GetBBoxCenterScale`.

    Required Key: `keypoints` (1, K, 2) px of the image. Optional Key:
    `keypoints_inside` (1, K), those that the box is around. Added Keys:
    `bbox_center` (1, 2) px, `bbox_scale` (1, 2) px, `bbox_rotation` (1,) in
    degrees.

    Args:
        padding: Side of the crop in units of the longer side of the turned
            keypoints' box.
        lost: Probability of any direction in place of the hand's own.
    """

    def __init__(self, padding: float, lost: float = 0.0) -> None:
        self.padding = padding
        self.lost = lost

    def transform(self, results: dict) -> dict:
        points = np.asarray(results['keypoints'][0], np.float64)
        angle = upright_angle(points)
        if self.lost and np.random.rand() < self.lost:
            angle = np.random.uniform(-np.pi, np.pi)
        if 'keypoints_inside' in results:
            points = points[results['keypoints_inside'][0]]
        center, side = upright_box(points, angle)
        side = max(side, _SMALLEST_PX) * self.padding
        results.update(
            bbox_center=center[None].astype(np.float32),
            bbox_scale=np.full((1, 2), side, np.float32),
            bbox_rotation=np.degrees([angle]).astype(np.float32),
        )
        return results
