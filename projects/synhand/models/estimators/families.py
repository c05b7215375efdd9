"""From the joints that a network learnt to those that a benchmark has."""

from __future__ import annotations

import numpy as np
from mmpose.structures import PoseDataSample

from synhand.hands.families import change_family
from synhand.skeleton import JOINT_FAMILIES, REFERENCE_BONE


def answer_in_family(sample: PoseDataSample, family: str | None) -> None:
    """Change a 3D prediction to the joints that its metainfo asks for.

    Args:
        sample: With `keypoints`, `keypoints_25d` and `keypoints_cam`, and
            maybe `vertices_cam`, see `HandPoseEstimator`; its metainfo's
            `joint_family` is a number in `JOINT_FAMILIES`, and `bone_scale`,
            where given, the length of the reference bone between the joints
            asked for.
        family: Of the prediction; None, as where the metainfo is silent:
            nothing is changed.
    """
    wanted = sample.metainfo.get('joint_family')
    if family is None or wanted is None:
        return
    target = JOINT_FAMILIES[int(np.ravel(wanted)[0])]
    if target == family:
        return
    found = sample.pred_instances
    read, points = found.keypoints_25d, found.keypoints_cam
    rays = np.concatenate([read[..., :2], np.ones_like(read[..., 2:])], -1)
    rays = change_family(rays * points[..., 2:], family, target)
    pixels = rays[..., :2] / rays[..., 2:]
    changed = change_family(points, family, target)
    shorter = _reference_bone(changed) / _reference_bone(points)
    depths = change_family(read[..., 2:], family, target) / shorter
    found.keypoints = pixels.astype(found.keypoints.dtype)
    found.keypoints_25d = np.concatenate([pixels, depths], -1)
    known = np.isfinite(sample.metainfo.get('bone_scale', np.nan))
    scale = np.where(np.reshape(known, (-1, 1, 1)), 1 / shorter, 1.0)
    found.keypoints_cam = (changed * scale).astype(np.float32)
    if 'vertices_cam' in found:
        found.vertices_cam = (found.vertices_cam * scale).astype(np.float32)


def _reference_bone(points: np.ndarray) -> np.ndarray:
    """Length (N, 1, 1) in hands (N, K, 3)."""
    start, end = REFERENCE_BONE
    bone = points[:, end] - points[:, start]
    return np.linalg.norm(bone, axis=-1)[:, None, None]
