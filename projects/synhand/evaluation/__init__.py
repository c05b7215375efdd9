"""Metrics of hand poses; importing it registers them with MMPose."""

from synhand.evaluation.metrics import (
    DexYCBSubmission,
    FreiHANDSubmission,
    HandBoxMetric,
    HandKeypoint2DMetric,
    HandKeypoint3DMetric,
    HandMeshMetric,
    HO3DSubmission,
    InterHandOfficialMetric,
    MultiviewConsistencyMetric,
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
