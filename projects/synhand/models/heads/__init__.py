"""Heads: from feature maps to keypoints."""

from synhand.models.heads.cascade_head import DeepPoseHead
from synhand.models.heads.internet_head import OneHandInternetHead
from synhand.models.heads.keypoint2d_heads import (
    HandHeatmapHead,
    HandSimCCHead,
    HandStagesHead,
)
from synhand.models.heads.latent25d_head import Latent25DHead
from synhand.models.heads.regression_head import PoseRegressionHead
from synhand.models.heads.volumetric_head import VolumetricHead

__all__ = [
    'DeepPoseHead',
    'HandHeatmapHead',
    'HandSimCCHead',
    'HandStagesHead',
    'Latent25DHead',
    'PoseRegressionHead',
    'VolumetricHead',
    'OneHandInternetHead',
]
