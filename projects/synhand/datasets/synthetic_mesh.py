"""The synthetic set with what its hands' meshes are made of."""

from __future__ import annotations

import numpy as np
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.synthetic import SyntheticHandDataset


@DATASETS.register_module()
class SyntheticMeshDataset(SyntheticHandDataset):
    """`SyntheticHandDataset` with parameters and masks.

    A sample also has `hand_pose` (1, D) radians and `hand_shape` (1, C) of
    the free hand (:class:`synhand.hands.anny_layer.AnnyLayer`; its size
    follows from the keypoints), and `mask_bytes`, the PNG that says what
    each pixel shows.

    Args and errors are those of `SyntheticHandDataset`.
    """

    METAINFO: dict = hand_metainfo('synhand')

    def _hand(self, row: dict) -> dict:
        target = row['hands'][0]
        pose, shape = target['pose'], target['shape'][:-1]
        return dict(
            super()._hand(row),
            hand_pose=pose[None].astype(np.float32),
            hand_shape=shape[None].astype(np.float32),
            mask_bytes=row['mask'],
        )
