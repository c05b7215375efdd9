"""Boxes x1, y1, x2, y2 in pixels."""

from __future__ import annotations

from collections.abc import Sequence

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


def tight_box(keypoints: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Tight box of keypoints.

    Args:
        keypoints: (..., K, 2) in pixels; NaN entries are left out.

    Returns:
        (..., 4) as x1, y1, x2, y2 in pixels.
    """
    keypoints = np.asarray(keypoints, np.float32)
    low, high = np.nanmin(keypoints, -2), np.nanmax(keypoints, -2)
    return np.concatenate([low, high], -1)


def whole_image(width: int, height: int) -> npt.NDArray[np.float32]:
    """Box (4,) from the first to the last pixel's centre."""
    return np.array([0, 0, width - 1, height - 1], np.float32)


def without_overlaps(boxes: Sequence[npt.ArrayLike], most: float) -> list[int]:
    """Numbers of the boxes that do not lie on an earlier one that is kept.

    Args:
        boxes: N times (4,) px, the surest first.
        most: Intersection over union from which on they are the same.
    """
    kept: list[int] = []
    for number, box in enumerate(boxes):
        if all(overlap(box, boxes[other]) < most for other in kept):
            kept.append(number)
    return kept
