"""One sample of a dump as a small picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synhand.evaluation.metrics.keypoints_2d import row_2d
from synhand.evaluation.metrics.keypoints_3d import row_3d, usable_hands
from synhand.geometry.alignment import procrustes_align
from synhand.visualization.drawing import PAPER, draw_hand, draw_hand_3d

SIDE = 140
"""Pixels of each panel."""

_DRAWN = 2 * SIDE  # and made smaller, for smooth lines
_WIDTH = _DRAWN / 100
_MARGIN = 1.5


def sample_picture(
    sample: Mapping[str, Any], error: float
) -> tuple[np.ndarray, str]:
    """Panels of the truth and of the prediction, and a caption.

    The first two: the photo around the hand with true and predicted 2D
    keypoints. With 3D two more: both hands from the side, the prediction
    aligned to the truth. A photo that cannot be read is left blank.

    Args:
        sample: A data sample of a dump.
        error: The sample's own, in mm (3D) or of the box's longer side.

    Returns:
        (H, W, 3) blue, green, red, and the caption.
    """
    data = row_2d(sample)
    crop, move = _crop(sample.get('img_path', ''), data)
    true = np.where(data['labelled'].T, data['true'][0], np.nan)
    panels = [
        _panel(draw_hand(crop, move(true), _WIDTH), 'true'),
        _panel(
            draw_hand(crop, move(data['predicted'][0]), _WIDTH), 'predicted'
        ),
    ]
    hands = row_3d(sample)
    in_space = usable_hands(hands)[0] and np.isfinite(hands['predicted']).all()
    if in_space and hands['valid'].all():
        aligned = procrustes_align(hands['predicted'], hands['true'])
        panels += [
            _panel(draw_hand_3d(points[0], _DRAWN, ('side',)), name)
            for points, name in ((hands['true'], 'true'), (aligned, 'pred.'))
        ]
    value = f'{error:.1f} mm' if in_space else f'{error:.3f} of the box'
    name = Path(str(sample.get('img_path', ''))).name
    return np.concatenate(panels, axis=1), f'{value}, {name}'


def _crop(path: str, data: Mapping[str, np.ndarray]):
    """The photo around the true box, and how points move into it."""
    side = float(data['box'][0]) * _MARGIN
    scale = _DRAWN / side if np.isfinite(side) and side > 0 else 1.0
    middle = np.nan_to_num(data['middle'][0])
    shift = np.full(2, (_DRAWN - 1) / 2) - scale * middle
    image = None
    if Path(str(path)).is_file():
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    crop = np.full((_DRAWN, _DRAWN, 3), PAPER, np.uint8)
    if image is not None:
        matrix = np.concatenate([np.eye(2) * scale, shift[:, None]], axis=1)
        crop = cv2.warpAffine(
            image,
            matrix,
            (_DRAWN, _DRAWN),
            flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
            borderValue=PAPER,
        )
    return crop, lambda points: points * scale + shift


def _panel(image: np.ndarray, text: str) -> np.ndarray:
    image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    place, font = (SIDE - 8 * len(text) - 4, 14), cv2.FONT_HERSHEY_SIMPLEX
    for colour, width in ((PAPER, 3), ((40, 40, 40), 1)):
        cv2.putText(image, text, place, font, 0.4, colour, width, cv2.LINE_AA)
    return image
