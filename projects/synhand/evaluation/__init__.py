"""Metrics of hand poses; importing it registers them with MMPose."""

from synhand.evaluation.metrics import (
    HandKeypoint2DMetric,
    HandKeypoint3DMetric,
)

__all__ = ['HandKeypoint2DMetric', 'HandKeypoint3DMetric']
