"""Rotations in the image plane."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def planar_rotation(angle: float) -> npt.NDArray[np.float64]:
    """The matrix (2, 2) that turns columns from x (right) towards y (down).

    Args:
        angle: Radians.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
