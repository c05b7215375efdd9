"""Keypoints moved so that their bones have the lengths of a hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synhand.skeleton import BONES, NUM_KEYPOINTS

FloatArray = npt.NDArray[np.float64]

_PARENTS, _CHILDREN = np.array(BONES).T
_ENDS = np.eye(NUM_KEYPOINTS)[_CHILDREN] - np.eye(NUM_KEYPOINTS)[_PARENTS]
_SHORTEST = 1e-6
_FREE = 1e-9


def fit_bone_lengths(
    keypoints_cam: npt.ArrayLike,
    bone_lengths: npt.ArrayLike,
    stiffness: float = 1.0,
    sideways: float = 2.0,
    iterations: int = 5,
) -> FloatArray:
    """Points near the given ones whose bones keep a hand's proportions.

    Minimises, over moves d of the points and a scale s,

        sum_k (sideways (dx_k^2 + dy_k^2) + dz_k^2)
            + stiffness sum_b (|bone_b| - s L_b)^2

    by Gauss and Newton: the bones' directions change little.

    Args:
        keypoints_cam: (..., K, 3), camera frame (z forward), any unit.
        bone_lengths: (20,), L of `BONES` of a mean hand, any unit.
        stiffness: 0 leaves the points, more trusts the lengths more.
        sideways: How much surer than depth x and y are.
        iterations: Linear problems that are solved.

    Returns:
        (..., K, 3) in the unit of `keypoints_cam`; NaN stays in its hand.
    """
    given = np.asarray(keypoints_cam, np.float64)
    points = given.reshape(-1, NUM_KEYPOINTS, 3)
    lengths = np.asarray(bone_lengths, np.float64)
    lengths = lengths / lengths.mean()
    whole = np.isfinite(points).all((1, 2))
    moved = points.copy()
    moved[whole] = _fitted(
        points[whole], lengths, stiffness, sideways, iterations
    )
    return moved.reshape(given.shape)


def _fitted(
    start: FloatArray,
    lengths: FloatArray,
    stiffness: float,
    sideways: float,
    iterations: int,
) -> FloatArray:
    """The same of N hands (N, K, 3).

    Along the directions of the bones as they are, the lengths are linear in
    the unknowns: 3 K moves, then the scale.
    """
    count = len(start)
    kept = np.append(np.tile([sideways, sideways, 1.0], NUM_KEYPOINTS), _FREE)
    scale = np.broadcast_to(-lengths[:, None], (count, len(lengths), 1))
    first, points = _ENDS @ start, start
    for _ in range(iterations):
        bones = _ENDS @ points
        norm = np.linalg.norm(bones, axis=-1, keepdims=True)
        towards = bones / np.maximum(norm, _SHORTEST)
        slope = _ENDS[None, :, :, None] * towards[:, :, None]
        slope = slope.reshape(count, len(lengths), -1)
        slope = np.concatenate([slope, scale], -1)
        wanted = -(towards * first).sum(-1, keepdims=True)
        left = stiffness * slope.swapaxes(1, 2) @ slope + np.diag(kept)
        right = stiffness * slope.swapaxes(1, 2) @ wanted
        unknown = np.linalg.solve(left, right)[..., 0]
        points = start + unknown[:, :-1].reshape(start.shape)
    return points
