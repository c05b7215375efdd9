"""Drawing of hands."""

from synhand.visualization.drawing import (
    FINGER_COLOURS,
    contact_sheet,
    draw_hand,
    draw_hand_3d,
    prediction_figure,
)

__all__ = [
    'FINGER_COLOURS',
    'contact_sheet',
    'draw_hand',
    'draw_hand_3d',
    'prediction_figure',
]
