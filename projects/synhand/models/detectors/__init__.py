"""Detectors: from a picture to the boxes of its hands."""

from synhand.models.detectors.center_detector import (
    HandCenterDetector,
    HandCenterHead,
)

__all__ = ['HandCenterDetector', 'HandCenterHead']
