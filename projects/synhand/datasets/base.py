"""What every hand dataset shares: the description of the 21 keypoints.

A sample that a dataset hands to its pipeline holds one hand (N = 1) with
K = 21 keypoints; see :func:`hand_sample`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from mmengine.dataset import BaseDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from synhand.skeleton import (
    BONES,
    FINGERS,
    KEYPOINT_NAMES,
    NUM_KEYPOINTS,
)

_FINGER_COLOURS = {
    'thumb': [255, 128, 0],
    'index': [255, 153, 255],
    'middle': [102, 178, 255],
    'ring': [255, 51, 51],
    'little': [0, 255, 0],
}
_WRIST_COLOUR = [255, 255, 255]

# OKS tolerances of COCO-WholeBody's hand keypoints, in standard order.
_SIGMAS = [0.029]
_SIGMAS += [0.022, 0.035, 0.037, 0.047]
_SIGMAS += [0.026, 0.025, 0.024, 0.035]
_SIGMAS += [0.018, 0.024, 0.022, 0.026]
_SIGMAS += [0.017, 0.021, 0.021, 0.032]
_SIGMAS += [0.02, 0.019, 0.022, 0.031]

METAINFO_KEYS = ('dataset_name', 'flip_indices', 'skeleton_links')


def _keypoint_colour(keypoint: int) -> list[int]:
    for finger, chain in FINGERS.items():
        if keypoint in chain:
            return _FINGER_COLOURS[finger]
    return _WRIST_COLOUR


def hand_metainfo(dataset_name: str) -> dict:
    """MMPose's description of the 21 keypoints, for any hand dataset.

    Mirroring turns a right hand into a left one with the same keypoints, so
    no keypoint swaps with another.

    Args:
        dataset_name: The name that MMPose shows for the dataset.

    Returns:
        What `METAINFO` of a dataset class takes: names, colours by finger,
        bones, weights and OKS tolerances.
    """
    keypoints = {
        k: dict(name=name, id=k, color=_keypoint_colour(k), type='', swap='')
        for k, name in enumerate(KEYPOINT_NAMES)
    }
    bones = {
        b: dict(
            link=(KEYPOINT_NAMES[parent], KEYPOINT_NAMES[child]),
            id=b,
            color=_keypoint_colour(child),
        )
        for b, (parent, child) in enumerate(BONES)
    }
    return dict(
        dataset_name=dataset_name,
        keypoint_info=keypoints,
        skeleton_info=bones,
        joint_weights=[1.0] * NUM_KEYPOINTS,
        sigmas=_SIGMAS,
    )


def hand_sample(
    *,
    bbox: npt.ArrayLike,
    box_known: bool = True,
    keypoints: npt.ArrayLike | None = None,
    keypoints_visible: npt.ArrayLike | None = None,
    keypoints_occluded: npt.ArrayLike | None = None,
    keypoints_cam: npt.ArrayLike | None = None,
    camera_matrix: npt.ArrayLike | None = None,
    hand_side: int = -1,
    bone_scale: float | None = None,
) -> dict:
    """One hand as MMPose pipelines take it; what is not given is NaN.

    Args:
        bbox: (4,) tight box x1, y1, x2, y2 in pixels of the image file.
        box_known: Whether `bbox` is a box of the hand; otherwise it is only
            where to look, such as the whole image.
        keypoints: (K, 2) in pixels of the image file.
        keypoints_visible: (K,) 1 = labelled; default: where finite.
        keypoints_occluded: (K,) 1 = hidden, 0 = seen, -1 = unknown.
        keypoints_cam: (K, 3) in mm, camera frame (x right, y down,
            z forward).
        camera_matrix: (3, 3) in pixels of the image file.
        hand_side: 0 left, 1 right, -1 unknown.
        bone_scale: Length of `REFERENCE_BONE` in mm, only where a benchmark
            gives it to the models it tests.

    Returns:
        Keys `bbox` (1, 4), `bbox_score` (1,), 1 for a known box and else 0,
        `keypoints` (1, K, 2), `keypoints_visible` (1, K),
        `keypoints_occluded` (1, K), `keypoints_cam` (1, K, 3),
        `keypoints_cam_valid` (1, K), `camera_matrix` (1, 3, 3), `hand_side`
        (1,) and `bone_scale` (1,).
    """
    pixels = _array(keypoints, (NUM_KEYPOINTS, 2))
    points = _array(keypoints_cam, (NUM_KEYPOINTS, 3))
    if keypoints_visible is None:
        keypoints_visible = np.isfinite(pixels).all(-1)
    if keypoints_occluded is None:
        keypoints_occluded = np.full(NUM_KEYPOINTS, -1)
    return dict(
        bbox=_array(bbox, (4,))[None],
        bbox_score=np.array([box_known], np.float32),
        keypoints=pixels[None],
        keypoints_visible=np.asarray(keypoints_visible, np.float32)[None],
        keypoints_occluded=np.asarray(keypoints_occluded, np.int8)[None],
        keypoints_cam=points[None],
        keypoints_cam_valid=np.isfinite(points)
        .all(-1)
        .astype(np.float32)[None],
        camera_matrix=_array(camera_matrix, (3, 3))[None],
        hand_side=np.array([hand_side], np.int8),
        bone_scale=_array(bone_scale, ())[None],
    )


def _array(
    values: npt.ArrayLike | None, shape: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    if values is None:
        return np.full(shape, np.nan, np.float32)
    return np.asarray(values, np.float32).reshape(shape)


class HandDataset(BaseDataset):
    """Base of the hand datasets: 21 keypoints, one hand a sample.

    A subclass sets `METAINFO = hand_metainfo(NAME)` and makes its samples
    with :func:`hand_sample`.
    """

    METAINFO: dict = hand_metainfo('hand')

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        return parse_pose_metainfo(super()._load_metainfo(metainfo))

    def _complete(self, sample: dict) -> dict:
        """Adds the entries of the metainfo that MMPose's transforms use."""
        for key in METAINFO_KEYS:
            sample[key] = self._metainfo[key]
        return sample

    def get_data_info(self, idx: int) -> dict:
        return self._complete(super().get_data_info(idx))
