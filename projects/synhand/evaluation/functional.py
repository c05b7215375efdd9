"""Errors of 3D hand poses as functions on arrays.

N instances, K keypoints; coordinates in mm, camera frame (x right, y down,
z forward). A prediction that is not finite has the error infinity.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synhand.geometry.alignment import (
    generalized_procrustes_mean,
    procrustes_align,
    procrustes_align_with_reflection,
    root_align,
)
from synhand.geometry.pose25d import reference_length
from synhand.skeleton import ROOT

FloatArray = npt.NDArray[np.float64]

AUC_STEPS = 100

LEFT = 0


def distances(predicted: npt.ArrayLike, true: npt.ArrayLike) -> FloatArray:
    """Euclidean distances, (N, K), of two arrays (N, K, D) as they are."""
    predicted = np.asarray(predicted, np.float64)
    errors = np.linalg.norm(predicted - np.asarray(true), axis=-1)
    return np.where(np.isfinite(predicted).all(axis=-1), errors, np.inf)


def root_aligned_errors(
    predicted: npt.ArrayLike, true: npt.ArrayLike, root: int = ROOT
) -> FloatArray:
    """Errors (N, K) in mm after both roots are moved to the origin.

    Args:
        predicted: (N, K, 3) in mm.
        true: (N, K, 3) in mm.
        root: Index of the root keypoint, whose own error is 0.
    """
    return distances(root_align(predicted, root), root_align(true, root))


def procrustes_errors(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    valid: npt.ArrayLike | None = None,
    allow_reflection: bool = False,
) -> FloatArray:
    """Errors (N, K) in mm after a similarity transform of each instance.

    Args:
        predicted: (N, K, 3) in mm.
        true: (N, K, 3) in mm.
        valid: (N, K), 1 for keypoints that are aligned; all when None.
        allow_reflection: False for a proper rotation; True for what the
            official scripts of FreiHAND, HO-3D and DexYCB do.
    """
    align = (
        procrustes_align_with_reflection
        if allow_reflection
        else procrustes_align
    )
    return distances(align(predicted, true, valid), true)


def area_under_curve(
    errors: npt.ArrayLike, low: float, high: float, steps: int = AUC_STEPS
) -> float:
    """Normalised area under the curve of correct keypoints.

    As in FreiHAND's official evaluation: the share of errors <= threshold,
    integrated by trapezoids over evenly spaced thresholds from `low` to
    `high`, both included.

    Args:
        errors: Any shape, every one counts; infinity is never correct.
        low: Smallest threshold, in the unit of `errors`.
        high: Largest threshold.
        steps: Number of thresholds.

    Returns:
        Between 0 and 1; NaN when there is no error.
    """
    ordered = np.sort(np.asarray(errors, np.float64), axis=None)
    if not ordered.size:
        return float('nan')
    thresholds = np.linspace(low, high, steps)
    share = np.searchsorted(ordered, thresholds, side='right') / ordered.size
    return float((share[1:] + share[:-1]).sum() / 2 / (steps - 1))


def mean_finite(errors: npt.ArrayLike) -> float:
    """Mean over the finite errors; NaN when there is none."""
    errors = np.asarray(errors, np.float64)
    found = errors[np.isfinite(errors)]
    return float(found.mean()) if found.size else float('nan')


def canonical_poses(
    true: npt.ArrayLike, hand_side: npt.ArrayLike
) -> FloatArray:
    """Root-relative right hands in units of their own reference bone.

    Args:
        true: (N, K, 3) in mm.
        hand_side: (N,), 0 for left hands, which are mirrored; all others
            are taken for right hands.

    Returns:
        (N, K, 3) without unit.
    """
    scale = reference_length(true)[:, None, None]
    return root_align(true) / scale * _mirror(hand_side)


def constant_pose_errors(
    true: npt.ArrayLike, hand_side: npt.ArrayLike
) -> FloatArray:
    """Root-aligned errors (N, K) in mm of one pose for all instances.

    The pose is the mean of `canonical_poses`, given each instance's true
    reference bone length, side and root: what a model reaches without
    looking at the image.
    """
    mean = canonical_poses(true, hand_side).mean(axis=0)
    scale = reference_length(true)[:, None, None]
    return root_aligned_errors(mean * scale * _mirror(hand_side), true)


def constant_shape_errors(
    true: npt.ArrayLike, hand_side: npt.ArrayLike
) -> FloatArray:
    """Procrustes-aligned errors (N, K) in mm of one shape for all.

    The shape is the generalised Procrustes mean of the `canonical_poses`,
    mirrored for left hands: the floor of PA-MPJPE.
    """
    mean = generalized_procrustes_mean(canonical_poses(true, hand_side))
    return procrustes_errors(mean * _mirror(hand_side), true)


def flat_pose_errors(
    true: npt.ArrayLike, keypoints: npt.ArrayLike
) -> FloatArray:
    """Procrustes-aligned errors (N, K) in mm of true 2D with z = 0.

    Args:
        true: (N, K, 3) in mm.
        keypoints: (N, K, 2), true 2D keypoints in pixels.
    """
    keypoints = np.asarray(keypoints, np.float64)
    flat = np.concatenate([keypoints, np.zeros_like(keypoints[..., :1])], -1)
    return procrustes_errors(flat, true)


def _mirror(hand_side: npt.ArrayLike) -> FloatArray:
    """(N, 1, 3) factors that mirror left hands."""
    factors = np.ones((len(np.asarray(hand_side)), 1, 3))
    factors[np.asarray(hand_side) == LEFT, :, 0] = -1
    return factors
