"""Samples of one hand as those of MMPose's InterHand2.6M dataset."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.skeleton import NUM_KEYPOINTS, ROOT, from_standard

_SIDES = 2


@TRANSFORMS.register_module()
class AsTwoHands(BaseTransform):
    """What `Hand3DHeatmap` takes, from a crop with one hand.

    42 keypoints, the right hand's first, each in InterHand2.6M's order; x, y
    in pixels of the crop and z in mm relative to the hand's own wrist. The
    other hand is not labelled. A mirrored crop shows the other side.

    Required Keys: `transformed_keypoints` (1, 21, 2) px of the crop,
    `keypoints_visible` (1, 21), `keypoints_cam` (1, 21, 3) mm,
    `keypoints_cam_valid` (1, 21), `hand_side` (1,), `mirrored`. Modified
    Keys: the first two, (1, 42, 3) and (1, 42). Added Keys: `hand_type`
    (1, 2) right, left; `hand_type_valid` (1,); `rel_root_depth` and
    `rel_root_valid`, 0; `focal`, `principal_pt` (2,), 0, which the codec
    asks for and does not use.
    """

    def transform(self, results: dict) -> dict:
        side = int(results['hand_side'][0])
        right = (side == 1) != bool(results.get('mirrored', False))
        depth = results['keypoints_cam'][..., 2]
        depth = depth - depth[:, ROOT, None]
        known = results['keypoints_visible'] * results['keypoints_cam_valid']
        known = known * np.isfinite(depth) * (side >= 0)
        keypoints = np.concatenate(
            [results['transformed_keypoints'], depth[..., None]], -1
        )
        start = 0 if right else NUM_KEYPOINTS
        hand = slice(start, start + NUM_KEYPOINTS)
        both = np.zeros((1, _SIDES * NUM_KEYPOINTS, 3), np.float32)
        weights = np.zeros(both.shape[:2], np.float32)
        both[:, hand] = np.nan_to_num(from_standard(keypoints, 'interhand'))
        weights[:, hand] = from_standard(known, 'interhand', axis=-1)
        results.update(
            transformed_keypoints=both,
            keypoints_visible=weights,
            hand_type=np.array([[right, not right]], np.float32),
            hand_type_valid=np.array([side >= 0], np.float32),
            rel_root_depth=np.float32(0),
            rel_root_valid=np.float32(0),
            focal=np.zeros(2, np.float32),
            principal_pt=np.zeros(2, np.float32),
        )
        return results
