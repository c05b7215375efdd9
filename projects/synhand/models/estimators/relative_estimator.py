"""From root-relative 3D to a hand before the camera."""

from __future__ import annotations

import numpy as np
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import SampleList

from synhand.geometry.placement import place_in_view, virtual_rotation
from synhand.geometry.pose25d import DEPTH_RANGE, global_scale
from synhand.models.estimators.hand_estimator import HandPoseEstimator


@MODELS.register_module()
class RelativeHandEstimator(HandPoseEstimator):
    """`HandPoseEstimator` for a head that gives `keypoint_relative`.

    That is 3D of `RootRelativeLabel`: in reference bones, in the frame of the
    camera that looks at the crop's centre. It is turned to the camera's
    frame, moved until it projects to the predicted pixels, and brought to mm
    by the given length of the reference bone, else by mean bone lengths. The
    prediction's fields are those of `HandPoseEstimator`.
    """

    def _add_3d(self, samples: SampleList) -> None:
        for sample in samples:
            self._place(sample)

    def _place(self, sample: PoseDataSample) -> None:
        prediction, camera = sample.pred_instances, self._camera(sample)
        rotation = virtual_rotation(camera, sample.metainfo['input_center'])
        prediction.pop('keypoints_z')  # along the crop's axis
        relative = prediction.pop('keypoint_relative') @ rotation
        pixels = prediction.keypoints
        offset = place_in_view(relative, pixels, camera, DEPTH_RANGE)
        points = relative + offset[:, None]
        scale = sample.metainfo.get('bone_scale', np.full(1, np.nan))
        mean_scale = global_scale(relative, self.mean_bone_lengths_mm)
        scale = np.where(np.isnan(scale), mean_scale, scale)
        prediction.keypoints_25d = np.concatenate(
            [pixels, relative[..., 2:]], -1
        )
        prediction.keypoints_cam = (points * scale[:, None, None]).astype(
            np.float32
        )
