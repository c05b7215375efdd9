"""From root-relative 3D to a hand before the camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import SampleList

from synhand.geometry.placement import place_in_view, virtual_rotation
from synhand.geometry.pose25d import DEPTH_RANGE, global_scale
from synhand.models.estimators.hand_estimator import HandPoseEstimator


def crop_rotation(sample: PoseDataSample, camera: np.ndarray) -> np.ndarray:
    """(1, 3, 3) from the camera's frame to that of the sample's crop."""
    roll = sample.metainfo.get('bbox_rotation')
    return virtual_rotation(
        camera,
        sample.metainfo['input_center'],
        0.0 if roll is None else roll,
    )


@MODELS.register_module()
class RelativeHandEstimator(HandPoseEstimator):
    """`HandPoseEstimator` for a head that gives `keypoint_relative`.

    That is 3D of `RootRelativeLabel`: in reference bones, in the frame of the
    camera that looks at the crop's centre. It is turned to the camera's
    frame, moved until it projects to the predicted pixels, and brought to mm
    by the given length of the reference bone, else by mean bone lengths. The
    prediction's fields are those of `HandPoseEstimator`.

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
        rotation = crop_rotation(sample, camera)
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
