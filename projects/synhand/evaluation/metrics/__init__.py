"""Metrics for MMPose's evaluators, one file a job."""

from synhand.evaluation.metrics.boxes import HandBoxMetric
from synhand.evaluation.metrics.interhand import InterHandOfficialMetric
from synhand.evaluation.metrics.keypoints_2d import HandKeypoint2DMetric
from synhand.evaluation.metrics.keypoints_3d import HandKeypoint3DMetric
from synhand.evaluation.metrics.mesh import HandMeshMetric
from synhand.evaluation.metrics.multiview import MultiviewConsistencyMetric
from synhand.evaluation.metrics.submissions import (
    DexYCBSubmission,
    FreiHANDSubmission,
    HO3DSubmission,
)

__all__ = [
    'DexYCBSubmission',
    'FreiHANDSubmission',
    'HO3DSubmission',
    'HandBoxMetric',
    'HandKeypoint2DMetric',
    'HandKeypoint3DMetric',
    'HandMeshMetric',
    'InterHandOfficialMetric',
    'MultiviewConsistencyMetric',
]
