"""Boxes x1, y1, x2, y2 in pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def overlap(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray:
    """Intersection over union.

    Args:
        first: (..., 4) px.
        second: (..., 4) px, of a shape that broadcasts with `first`.

    Returns:
        (...), 0 where both are empty.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., 2:], b[..., 2:])
    shared = (high - low).clip(min=0).prod(-1)
    total = (a[..., 2:] - a[..., :2]).clip(min=0).prod(-1)
    total = total + (b[..., 2:] - b[..., :2]).clip(min=0).prod(-1) - shared
    return shared / np.maximum(total, 1e-9)
