"""Which keypoints of a drawn hand can be seen."""

from __future__ import annotations

import numpy as np

from synhand.synthesis.mask_layers import LAYERS
from synhand.synthesis.skin_map import (
    FOREARM_REGION,
    PALM_REGION,
    segment_region,
)
from synhand.synthesis.surfaces import Frame

# mm for a hand whose keypoints of wrist and middle MCP are 85 mm apart.
_REFERENCE_MM = 85.0
# A keypoint this far behind any surface is still at it.
_TOUCHING_MM = 6.0
# How much of the flesh of its own bones may lie before a keypoint: wrist,
# then thumb CMC, MCP, IP, tip and finger MCP, PIP, DIP, tip.
_OWN_FLESH_MM = np.array([45.0] + [40, 28, 20, 14] + [40, 24, 20, 14] * 4)


def _own_regions() -> list[set[int]]:
    """The regions of skin around each keypoint, K sets."""
    regions = [{PALM_REGION, FOREARM_REGION, segment_region(0, 0)}]
    for digit in range(5):
        bones = [segment_region(digit, segment) for segment in range(3)]
        regions += [
            {PALM_REGION, bones[0]},
            {bones[0], bones[1]},
            {bones[1], bones[2]},
            {bones[2]},
        ]
    return regions


_OWN = _own_regions()


def occlusion(
    keypoints: np.ndarray,
    pixels: np.ndarray,
    frame: Frame,
    size: tuple[int, int],
    number: int = 0,
) -> np.ndarray:
    """1 where a keypoint is hidden or outside the image, 0 where seen, (K,).

    A keypoint lies inside the flesh. It is seen where the surface in front of
    it is at most 6 mm nearer, or belongs to the bones that meet in it and is
    no nearer than flesh is thick (14 mm at tips, 20-28 mm along digits, 40 mm
    at knuckles, 45 mm at the wrist, for a hand of 190 mm). Anything else in
    front hides it: another finger, the palm, a thing, a sleeve.

    Args:
        keypoints: (K, 3) mm, camera frame, anatomical family.
        pixels: (K, 2) px.
        frame: What was drawn.
        size: Width and height of the image in px.
        number: Which hand of the image it is.
    """
    drawn = np.array(frame.depth.shape[::-1])
    at = np.rint((pixels + 0.5) * drawn / size - 0.5)
    inside = ((at >= 0) & (at < drawn)).all(1)
    x, y = np.clip(at, 0, drawn - 1).astype(int).T
    surface = frame.depth[y, x]
    own_hand = frame.identity[y, x] // LAYERS == number
    own = own_hand & np.array(
        [region in _OWN[k] for k, region in enumerate(frame.region[y, x])]
    )
    scale = np.linalg.norm(keypoints[9] - keypoints[0]) / _REFERENCE_MM
    allowed = scale * np.where(own, _OWN_FLESH_MM, _TOUCHING_MM)
    hidden = (surface > 0) & (keypoints[:, 2] - surface > allowed)
    return (hidden | ~inside).astype(np.int8)
