"""Pictures of `real.py`: curves, and sheets of photos with predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from _photos import PhotoSet, cut
from _real_tables import FLOORS, Found

from synhand.evaluation.breakdown import floors
from synhand.evaluation.functional import correct_share
from synhand.evaluation.scores import Score
from synhand.visualization import contact_sheet, draw_hand
from synhand.visualization.charts import Series, line_chart

_CURVES = {
    'NME': ('2d', "error over the box's longer side", 0.3),
    'PA-MPJPE': ('3d', 'error in mm, Procrustes-aligned', 50.0),
}
_STEPS = 60
_CELL = 224
_COLUMNS = 10
_QUALITY = 80


def curves(photos: PhotoSet, found: Mapping[str, Found]) -> dict[str, str]:
    """Shares of keypoints within a distance, as SVG by name of the chart."""
    first = next(iter(found.values()))
    floor_scores = floors(first.rows)
    charts = {}
    for measure, (name, label, limit) in _CURVES.items():
        places = np.linspace(0, limit, _STEPS)
        series = {
            model: Series(share_within(result.scores[measure], places))
            for model, result in found.items()
            if measure in result.scores
        }
        for floor, scores in floor_scores.items():
            if measure in scores:
                share = share_within(scores[measure], places)
                series[FLOORS[floor]] = Series(share, floor=True)
        if series:
            axis = 'share of keypoints'
            title = f'{photos.title}, {len(photos.samples)} hands'
            charts[name] = line_chart(series, places, title, label, axis)
    return charts


def share_within(score: Score, places: np.ndarray) -> np.ndarray:
    """Share (T,) of the values within each place; misses are beyond all.

    Means leave misses out by weight 0, so what is infinite counts here.
    """
    values = np.asarray(score.values, np.float64)
    counted = (np.asarray(score.weights) > 0) | np.isinf(values)
    return correct_share(values[counted], places)


def sheet(photos: PhotoSet, samples: Sequence[Mapping]) -> bytes:
    """What a model sees of each hand, predictions drawn, as JPEG."""
    panels = []
    for sample, answered in zip(photos.samples, samples, strict=True):
        crop = cut(photos, sample)
        scale = _CELL / crop.image.shape[0]
        image = cv2.resize(
            crop.image, (_CELL, _CELL), interpolation=cv2.INTER_AREA
        )
        if answered['pred_instances']:
            points = answered['pred_instances']['keypoints'][0]
            points = (points - crop.corner + 0.5) * scale - 0.5
            image = draw_hand(image, points, 1.5)
        panels.append(image)
    picture = contact_sheet(panels, _COLUMNS)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    return cv2.imencode('.jpg', picture, quality)[1].tobytes()
