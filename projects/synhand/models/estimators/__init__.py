"""Estimators: from images to poses."""

from synhand.models.estimators.cascade_estimator import CascadeEstimator
from synhand.models.estimators.hand_estimator import HandPoseEstimator
from synhand.models.estimators.lifting_estimator import LiftingEstimator
from synhand.models.estimators.relative_estimator import RelativeHandEstimator
from synhand.models.estimators.two_look_estimator import TwoLookEstimator

__all__ = [
    'CascadeEstimator',
    'HandPoseEstimator',
    'LiftingEstimator',
    'RelativeHandEstimator',
    'TwoLookEstimator',
]
