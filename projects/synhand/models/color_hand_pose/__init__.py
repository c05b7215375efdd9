"""ColorHandPose3D: from a whole picture to a hand in 3D, in three parts.

C. Zimmermann, T. Brox: Learning to estimate 3D hand pose from single RGB
images, ICCV 2017.
"""

from synhand.models.color_hand_pose.estimator import (
    CanonicalPoseEstimator,
    ColorHandPose3D,
)
from synhand.models.color_hand_pose.parts import join_parts
from synhand.models.color_hand_pose.pose_head import CanonicalPoseHead
from synhand.models.color_hand_pose.score_maps import ScoreMapRenderer
from synhand.models.color_hand_pose.segmenter import HandSegmenter

__all__ = [
    'CanonicalPoseEstimator',
    'CanonicalPoseHead',
    'ColorHandPose3D',
    'HandSegmenter',
    'ScoreMapRenderer',
    'join_parts',
]
