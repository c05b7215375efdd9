"""Heads, losses and estimators, registered with MMPose."""

from synhand.models.backbones import ResNet32
from synhand.models.color_hand_pose import (
    CanonicalPoseEstimator,
    CanonicalPoseHead,
    ColorHandPose3D,
    HandSegmenter,
    ScoreMapRenderer,
)
from synhand.models.detectors import HandCenterDetector, HandCenterHead
from synhand.models.estimators import (
    CascadeEstimator,
    HandPoseEstimator,
    LiftingEstimator,
    RelativeHandEstimator,
)
from synhand.models.heads import (
    DeepPoseHead,
    HandHeatmapHead,
    HandSimCCHead,
    HandStagesHead,
    Latent25DHead,
    OneHandInternetHead,
    PoseRegressionHead,
    VolumetricHead,
)
from synhand.models.lifters import MLPLifter, NeighbourLifter, PPCALifter
from synhand.models.losses import (
    BiomechanicalLoss,
    CoordinateLoss,
    GaussianNLLLoss,
    LaplaceNLLLoss,
    ResidualLikelihoodLoss,
)
from synhand.models.mesh import (
    HRNetClassificationNeck,
    MeshGraphormerHead,
    MeshHandEstimator,
    ParametricHandHead,
)
from synhand.models.necks import ResidualFPN
from synhand.models.pose_prior import FitPriorHook

__all__ = [
    'BiomechanicalLoss',
    'CanonicalPoseEstimator',
    'CanonicalPoseHead',
    'CascadeEstimator',
    'ColorHandPose3D',
    'CoordinateLoss',
    'DeepPoseHead',
    'FitPriorHook',
    'GaussianNLLLoss',
    'HandCenterDetector',
    'HandCenterHead',
    'HandHeatmapHead',
    'HandPoseEstimator',
    'HandSegmenter',
    'HandSimCCHead',
    'HandStagesHead',
    'LaplaceNLLLoss',
    'Latent25DHead',
    'LiftingEstimator',
    'HRNetClassificationNeck',
    'MLPLifter',
    'MeshGraphormerHead',
    'MeshHandEstimator',
    'ParametricHandHead',
    'NeighbourLifter',
    'OneHandInternetHead',
    'PPCALifter',
    'PoseRegressionHead',
    'RelativeHandEstimator',
    'ResNet32',
    'ResidualFPN',
    'ResidualLikelihoodLoss',
    'ScoreMapRenderer',
    'VolumetricHead',
]
