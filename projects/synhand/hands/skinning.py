"""Dual quaternion skinning: bent joints keep their thickness.

A vertex between two bones moves with the mean of their motions. The mean of
two rotation matrices shrinks what lies about the joint, so that knuckles
sink as they bend; the mean of unit dual quaternions is a rigid motion
(L. Kavan et al., Skinning with dual quaternions, I3D 2007).

B bones, V vertices; mm, any frame. A quaternion is (w, x, y, z).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def skin(
    weights: NDArray,
    points: NDArray,
    turns: NDArray,
    moves: NDArray,
    parents: NDArray,
) -> NDArray[np.float64]:
    """Points moved by the bones; the torch twin is `layer.rigid_skin`.

    Args:
        weights: (V, B), rows sum to 1.
        points: (V, 3) at rest.
        turns: (B, 3, 3) rotations.
        moves: (B, 3) translations.
        parents: (B,) numbers of the bones before, -1 for the root. A bone
            turns by less than half a turn against its parent.

    Returns:
        (V, 3).
    """
    real = _continuous(Rotation.from_matrix(turns).as_quat(), parents)
    real = real[:, [3, 0, 1, 2]]
    columns = np.hstack([real, 0.5 * _times(moves, real)])
    blended = columns.T @ weights.T
    blended /= np.sqrt((blended[:4] ** 2).sum(0))
    w, v, dual_w, dual_v = blended[0], blended[1:4], blended[4], blended[5:]
    rest = points.T
    turned = _cross(v, _cross(v, rest) + w * rest)
    moved = turned + w * dual_v - dual_w * v + _cross(v, dual_v)
    return points + 2 * moved.T


def _cross(a: NDArray, b: NDArray) -> NDArray:
    """Of (3, V) and (3, V)."""
    return np.stack(
        [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ]
    )


def _continuous(quaternions: NDArray, parents: NDArray) -> NDArray:
    """Of the two signs (B, 4) of a rotation the one nearer its parent's."""
    signed = quaternions.copy()
    for bone, parent in enumerate(parents):
        if parent >= 0 and signed[bone] @ signed[parent] < 0:
            signed[bone] = -signed[bone]
    return signed


def _times(vectors: NDArray, quaternions: NDArray) -> NDArray:
    """Products (B, 4) of pure quaternions (B, 3) and quaternions (B, 4)."""
    w, v = quaternions[:, :1], quaternions[:, 1:]
    real = -(vectors * v).sum(1, keepdims=True)
    return np.hstack([real, w * vectors + _cross(vectors.T, v.T).T])
