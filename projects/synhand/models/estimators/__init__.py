"""Estimators: from images to poses."""

from synhand.models.estimators.hand_estimator import HandPoseEstimator

__all__ = ['HandPoseEstimator']
