"""Use of trained models on photos and videos."""

from synhand.apis.finder import FoundHand, HandFinder
from synhand.apis.images import find_images, read_image
from synhand.apis.predictor import HandPrediction, HandPredictor
from synhand.apis.tracking import HandTracker, TrackedHand

__all__ = [
    'FoundHand',
    'HandFinder',
    'HandPrediction',
    'HandPredictor',
    'HandTracker',
    'TrackedHand',
    'find_images',
    'read_image',
]
