"""From root-relative 3D to a hand before the camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import SampleList

from synhand.geometry.placement import place_hand, virtual_rotation
from synhand.models.estimators.hand_estimator import HandPoseEstimator


@MODELS.register_module()
class RelativeHandEstimator(HandPoseEstimator):
    """`HandPoseEstimator` for a head that gives `keypoint_relative`.

    That is 3D of `RootRelativeLabel`: in reference bones, in the frame of the
    camera that looks at the crop's centre. It is turned to the camera's
    frame, moved until it projects to the predicted pixels, and brought to mm
    by the given length of the reference bone, else by mean bone lengths. The
    prediction's fields are those of `HandPoseEstimator`, and `vertices_cam`
    (1, V, 3) in mm, camera frame, where the head gives a mesh's vertices
    behind the keypoints: they move with them.

    Args:
        *args: Those of `HandPoseEstimator`.
        **kwargs: Those of `HandPoseEstimator` but for `bone_stiffness` and
            `keypoint_prior`.

    Raises:
        ValueError: One of these two is asked for.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.bone_stiffness or self.keypoint_prior:
            raise ValueError(
                f'{type(self).__name__}: expected no bone_stiffness and no '
                'keypoint_prior'
            )

    def _add_3d(self, samples: SampleList) -> None:
        for sample in samples:
            self._place(sample)

    def _place(self, sample: PoseDataSample) -> None:
        prediction, camera = sample.pred_instances, self._camera(sample)
        meta = sample.metainfo
        rotation = virtual_rotation(
            camera, meta['input_center'], meta.get('bbox_rotation')
        )
        prediction.pop('keypoints_z')  # along the crop's axis
        whole = prediction.pop('keypoint_relative') @ rotation
        pixels = prediction.keypoints
        count = pixels.shape[1]
        relative = whole[:, :count]
        offset, scale = place_hand(
            relative,
            pixels,
            camera,
            meta.get('bone_scale', np.full(1, np.nan)),
            self.mean_bone_lengths_mm,
        )
        points = (whole + offset[:, None]) * scale[:, None, None]
        points = points.astype(np.float32)
        prediction.keypoints_25d = np.concatenate(
            [pixels, relative[..., 2:]], -1
        )
        prediction.keypoints_cam = points[:, :count]
        if points.shape[1] > count:
            prediction.vertices_cam = points[:, count:]
