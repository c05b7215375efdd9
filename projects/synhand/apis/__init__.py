"""Use of a trained model on photos."""

from synhand.apis.images import find_images, read_image
from synhand.apis.predictor import HandPrediction, HandPredictor

__all__ = ['HandPrediction', 'HandPredictor', 'find_images', 'read_image']
