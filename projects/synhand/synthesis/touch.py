"""Where hands and things meet: hands as strings of spheres."""

from __future__ import annotations

import numpy as np

from synhand.synthesis.poses import SPHERE_RADII, SPHERE_WEIGHTS

# The hand that the radii are of, wrist to middle tip along the bones.
_REFERENCE_MM = 190.0
_FOREARM_STEPS = 8
# Radii of the forearm from the wrist to the elbow, mm.
_FOREARM_RADII = np.linspace(24.0, 38.0, _FOREARM_STEPS)


def hand_size(keypoints: np.ndarray) -> float:
    """Wrist to middle tip along the bones, over that of a hand of 190 mm."""
    chain = keypoints[[0, 9, 10, 11, 12]]
    length = np.linalg.norm(np.diff(chain, axis=0), axis=1).sum()
    return float(length / _REFERENCE_MM)


def hand_spheres(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (P, 3) and radii (P,) in mm that fill a hand.

    Args:
        keypoints: (K, 3) mm, any frame, anatomical family.
    """
    scale = hand_size(keypoints)
    return SPHERE_WEIGHTS @ keypoints, SPHERE_RADII * scale


def arm_spheres(
    keypoints: np.ndarray, elbow: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Centres (P, 3) and radii (P,) in mm that fill a hand and its forearm."""
    centers, radii = hand_spheres(keypoints)
    along = np.linspace(0.05, 1, _FOREARM_STEPS)[:, None]
    forearm = keypoints[0] + along * (elbow - keypoints[0])
    return (
        np.concatenate([centers, forearm]),
        np.append(radii, _FOREARM_RADII * hand_size(keypoints)),
    )


def contact(
    still: tuple[np.ndarray, np.ndarray],
    moving: tuple[np.ndarray, np.ndarray],
    direction: np.ndarray,
) -> float | None:
    """Where spheres that come in against a direction first touch others.

    Args:
        still: Centres (P, 3) mm and radii (P,).
        moving: Centres (Q, 3) mm and radii (Q,).
        direction: (3,) unit.

    Returns:
        float | None: How far along the direction, in mm, ``moving`` has to be
        shifted to touch and not to penetrate; negative towards ``still``.
        None if it passes by.
    """
    apart = moving[0][:, None] - still[0]
    reach = moving[1][:, None] + still[1]
    along = apart @ direction
    inside = along**2 - (apart**2).sum(-1) + reach**2
    meets = inside > 0
    if not meets.any():
        return None
    return float((np.sqrt(inside[meets]) - along[meets]).max())


def overlap(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
) -> float:
    """How deep spheres are in others, in mm; negative if they are apart."""
    apart = np.sqrt(((first[0][:, None] - second[0]) ** 2).sum(-1))
    return float((first[1][:, None] + second[1] - apart).max())


def widest_gap(
    spheres: tuple[np.ndarray, np.ndarray],
    start: np.ndarray,
    axis: np.ndarray | None,
    steps: int = 10,
    reach: float = 16.0,
) -> tuple[np.ndarray, float]:
    """The place near a start where the thickest ball or bar fits.

    Climbs away from whatever is nearest.

    Args:
        spheres: Centres (P, 3) mm and radii (P,).
        start: (3,) mm.
        axis: (3,) unit, of an endless bar; None for a ball.
        steps: Of the climb.
        reach: How far from the start to look, mm.

    Returns:
        tuple[ndarray, float]: The middle (3,) and the radius in mm, negative
        where nothing fits.
    """
    across = np.eye(3) if axis is None else np.eye(3) - np.outer(axis, axis)
    best, best_gap = start, -np.inf
    at = start
    for step in range(steps):
        away = (at - spheres[0]) @ across
        distance = np.sqrt((away**2).sum(1))
        gaps = distance - spheres[1]
        nearest = int(np.argmin(gaps))
        if gaps[nearest] > best_gap:
            best, best_gap = at, float(gaps[nearest])
        stride = reach / 2 * (1 - step / steps)
        moved = at + stride * away[nearest] / max(distance[nearest], 1e-6)
        offset = moved - start
        length = np.linalg.norm(offset)
        at = start + offset * min(1.0, reach / max(length, 1e-6))
    return best, best_gap
