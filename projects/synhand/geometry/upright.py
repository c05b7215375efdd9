"""Windows in which a hand points up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synhand.geometry.planar import planar_rotation
from synhand.skeleton import FINGERS, ROOT

KNUCKLES = tuple(
    chain[0] for finger, chain in FINGERS.items() if finger != 'thumb'
)
"""MCPs of the four fingers: a hand points from the wrist to their mean."""


def upright_angle(points: npt.NDArray) -> float:
    """How far an image has to be turned for a hand to point up.

    Args:
        points: (K, 2) in pixels, y down.

    Returns:
        Radians, from x (right) towards y (down); 0 where the knuckles lie on
        the wrist.
    """
    x, y = points[list(KNUCKLES)].mean(0) - points[ROOT]
    return float(np.arctan2(-x, -y)) if x or y else 0.0


def upright_box(
    points: npt.NDArray, angle: float
) -> tuple[npt.NDArray[np.float64], float]:
    """The square around keypoints in an image that is turned by an angle.

    Args:
        points: (K, 2) in pixels.
        angle: Radians, from x (right) towards y (down).

    Returns:
        Centre (2,) in pixels of the image as it is, and the side: the longer
        side of the turned keypoints' box.
    """
    turn = planar_rotation(angle)
    turned = points @ turn.T
    low, high = turned.min(0), turned.max(0)
    return (low + high) / 2 @ turn, float((high - low).max())
