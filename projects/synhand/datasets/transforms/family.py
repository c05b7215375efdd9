"""Which joints a sample's keypoints are."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.skeleton import family_number


@TRANSFORMS.register_module()
class MarkJointFamily(BaseTransform):
    """Says of which joint family a sample is.

    Added Key: `joint_family` (1,), its number in `JOINT_FAMILIES`.

    Args:
        family: `'anatomical'` (InterHand2.6M and others) or `'mano'`
            (FreiHAND and others).

    Raises:
        ValueError: An unknown family.
    """

    def __init__(self, family: str) -> None:
        self.number = family_number(family, 'family')

    def transform(self, results: dict) -> dict:
        results['joint_family'] = np.array([self.number], np.int64)
        return results
