"""Whether a hand's labels contradict each other: one test for all users.

The generator drops scenes that fail and counts why; ``--verify`` runs the
same tests on a finished set.
"""

from __future__ import annotations

import numpy as np

from synhand.geometry.cameras import project
from synhand.hands.anatomy import LOWER, UPPER
from synhand.skeleton import BONES, HAND_SIDES, MEAN_BONE_LENGTHS_MM

CAUSES = {
    'projection': '2D is not the projected 3D',
    'side': 'side contradicts the 3D hand',
    'order': 'keypoints are not in the order of a hand',
    'limits': 'an angle is beyond its limits',
    'penetration': 'it shares space with another hand or a body',
    'behind': 'a part of it is not before the camera',
    'outside': 'too little of it is in the image',
    'hidden': 'too few of its keypoints are seen',
}
"""What a hand can fail, by name; penetration needs the scene, not labels."""

MIN_SEEN = 0.4
"""Share of a crop's target that is seen at least."""
MIN_INSIDE = 0.9
"""Share of a crop's target that is in the image at least."""
PIXEL_TOLERANCE = 1e-3
# Radians: limits and angles are rounded to 32 bits at rest.
ANGLE_TOLERANCE = 1e-5
NEAREST_MM = 30.0
"""No keypoint is nearer to the camera than this, along its axis."""
_PARENT, _CHILD = np.array(BONES).T
_MEAN_MM = np.array(MEAN_BONE_LENGTHS_MM)
# Of a bone's length over its mean, in units of those of the whole hand.
_SHORTEST, _LONGEST = 0.4, 1.7
# Fingers' middle and distal bones over the proximal, distal over middle.
_TAPER = np.array([0.925, 0.85, 1.65])
# Between successive bones of a digit.
_SHARPEST = np.cos(np.radians(122))
_CHAINS = np.arange(1, 21).reshape(5, 4)


def hand_faults(
    pixels: np.ndarray,
    points: np.ndarray,
    camera: np.ndarray,
    side: np.ndarray,
    pose: np.ndarray,
    occluded: np.ndarray,
    size: np.ndarray,
    strict: np.ndarray,
) -> dict[str, np.ndarray]:
    """Which hands fail which test.

    Args:
        pixels: (H, K, 2) px.
        points: (H, K, 3) mm, camera frame, anatomical family.
        camera: (H, 3, 3) px.
        side: (H,) 0 left, 1 right.
        pose: (H, D) radians.
        occluded: (H, K) 1 hidden or outside, 0 seen.
        size: (H, 2) width and height of the image in px.
        strict: (H,) whether most of the hand must be in the image, and
            enough of it seen: the target of a crop. Of other hands at least
            one keypoint is in the image.

    Returns:
        dict: (H,) bool for each of ``CAUSES`` but penetration, true where a
        hand fails.
    """
    off = np.abs(project(points, camera) - pixels).max((1, 2))
    beyond = np.maximum(LOWER - pose, pose - UPPER).max(1)
    inside = in_image(pixels, size[:, None]).mean(1)
    seen = (occluded == 0).mean(1)
    expected = np.where(side == HAND_SIDES['right'], 1, -1)
    return {
        'projection': ~(off <= PIXEL_TOLERANCE),
        'side': chirality(points) == -expected,
        'order': ~in_order(points),
        'limits': ~(beyond <= ANGLE_TOLERANCE),
        'behind': (points[..., 2] < NEAREST_MM).any(1),
        'outside': inside < np.where(strict, MIN_INSIDE, 1e-9),
        'hidden': strict & (seen < MIN_SEEN),
    }


def in_image(pixels: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Which points (..., 2) px lie in an image of (..., 2) width, height."""
    return ((pixels >= -0.5) & (pixels <= size - 0.5)).all(-1)


def chirality(points: np.ndarray) -> np.ndarray:
    """1 for right hands, -1 for left ones, 0 where no finger is bent.

    Fingers bend about an axis that points to the thumb in a right hand.

    Args:
        points: (..., K, 3), any unit, right-handed frame.
    """
    to_thumb = _unit(points[..., 5, :] - points[..., 17, :])
    fingers = points[..., 5:, :].reshape(*points.shape[:-2], 4, 4, 3)
    bones = _unit(np.diff(fingers, axis=-2))
    # Determinants: the bones' cross product along the direction to the thumb.
    thumb = np.broadcast_to(to_thumb[..., None, :], bones.shape[:-2] + (3,))
    frames = np.stack([bones[..., 0, :], bones[..., 1, :], thumb], axis=-2)
    bend = np.linalg.det(frames)
    low, high = bend.min(-1), bend.max(-1)
    strongest = np.where(-low > high, low, high)
    return np.where(np.abs(strongest) < 0.15, 0, np.sign(strongest)).astype(
        int
    )


def in_order(points: np.ndarray) -> np.ndarray:
    """Whether keypoints follow each other as those of a hand, (...,) bool.

    Finger bases lie side by side from the index to the little finger, the
    thumb's base nearer to the index finger's; every bone is about as long,
    for the size of the hand, as that of the mean hand; fingers taper and do
    not fold back on themselves. Swapped fingers fail, and nearly all swapped
    joints.

    Args:
        points: (..., K, 3), any unit.
    """
    bones = points[..., _CHILD, :] - points[..., _PARENT, :]
    lengths = np.sqrt((bones**2).sum(-1))
    ratio = lengths / _MEAN_MM
    ratio = ratio / ratio.mean(-1, keepdims=True)
    whole = ((ratio > _SHORTEST) & (ratio < _LONGEST)).all(-1)
    fingers = lengths.reshape(*lengths.shape[:-1], 5, 4)[..., 1:, 1:]
    taper = fingers[..., [1, 2, 2]] / fingers[..., [0, 0, 1]]
    tapers = (taper < _TAPER).all((-1, -2))
    across = points[..., 5, :] - points[..., 17, :]
    bases = (points[..., 5::4, :] * across[..., None, :]).sum(-1)
    beside = (np.diff(bases, axis=-1) < 0).all(-1)
    thumb = points[..., 1, None, :] - points[..., [5, 17], :]
    thumb = (thumb**2).sum(-1)
    chains = points[..., _CHAINS, :]
    along = _unit(np.diff(chains, axis=-2))
    straight = (along[..., 1:, :] * along[..., :-1, :]).sum(-1)
    unfolded = (straight > _SHARPEST).all((-1, -2))
    nearer = thumb[..., 0] < thumb[..., 1]
    return whole & tapers & beside & nearer & unfolded


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors**2).sum(-1, keepdims=True))
