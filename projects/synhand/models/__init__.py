"""Heads and estimators, registered with MMPose."""

from synhand.models.estimators import HandPoseEstimator
from synhand.models.heads import Latent25DHead

__all__ = ['HandPoseEstimator', 'Latent25DHead']
