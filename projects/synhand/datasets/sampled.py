"""Hands that are drawn when they are asked for: labels without images."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.registry import DATASETS
from scipy.spatial.transform import Rotation

from synhand.datasets.base import hand_metainfo, hand_sample
from synhand.datasets.rows import RowHandDataset, Rows
from synhand.geometry.boxes import tight_box
from synhand.geometry.cameras import camera_from_fov, project
from synhand.hands.anny_hand import ADULT_LENGTH_MM, default_hand
from synhand.skeleton import HAND_SIDES, family_number
from synhand.synthesis.poses import PoseShares, sample_pose

_LENGTH_SPREAD_MM = 11.0
_DISTANCES_MM = (250.0, 1200.0)
_IMAGE_SIZE = 256
_FOV_DEGREES = 60.0


@DATASETS.register_module()
class SampledHandDataset(RowHandDataset):
    """Right hands in poses of the synthetic set, seen from everywhere.

    Sample i is a function of the seed and i; nothing is rendered, about a
    millisecond each. For lifters, which need keypoints only.

    Args:
        num: Number of hands.
        seed: Of the set.
        joint_family: `'anatomical'` or `'mano'`.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        ValueError: Another family, or no hand.
    """

    METAINFO: dict = hand_metainfo('sampled_hands')

    def __init__(
        self,
        num: int = 20_000,
        seed: int = 0,
        joint_family: str = 'anatomical',
        **kwargs: Any,
    ) -> None:
        family_number(joint_family)  # or it raises
        if num < 1:
            raise ValueError(f'num: expected 1 or more, got {num}')
        self.num, self.seed, self.joint_family = num, seed, joint_family
        super().__init__(**kwargs)

    def _open(self) -> Rows:
        return range(self.num)

    def _sample(self, number: int) -> dict:
        rng = np.random.default_rng((self.seed, number))
        hand = default_hand()
        people = hand.people[rng.choice(len(hand.people), 3, replace=False)]
        shape = rng.dirichlet([0.7] * 3) @ people
        length = rng.normal(ADULT_LENGTH_MM, _LENGTH_SPREAD_MM)
        rest = hand.rest(shape, length)
        pose = sample_pose(rng, hand, rest, PoseShares())
        points = hand.pose_keypoints(rest, pose.angles)[self.joint_family]
        points = points @ Rotation.random(random_state=rng).as_matrix().T
        distance = np.exp(rng.uniform(*np.log(_DISTANCES_MM)))
        points = points - points.mean(0) + [0, 0, distance]
        camera = camera_from_fov(_IMAGE_SIZE, _IMAGE_SIZE, _FOV_DEGREES)
        pixels = project(points, camera)
        sample = hand_sample(
            bbox=tight_box(pixels),
            keypoints=pixels,
            keypoints_cam=points,
            camera_matrix=camera,
            hand_side=HAND_SIDES['right'],
        )
        path = f'sampled#{number}'
        return dict(sample, img_path=path, img_id=number, id=number)
