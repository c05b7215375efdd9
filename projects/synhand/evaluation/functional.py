"""Errors of 3D hand poses as functions on arrays.

N instances, K keypoints; coordinates in mm, camera frame (x right, y down,
z forward). A prediction that is not finite has the error infinity.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from synhand.geometry.alignment import (
    HO3D_SCALE_BONE,
    generalized_procrustes_mean,
    procrustes_align,
    procrustes_align_with_reflection,
    root_align,
    scale_translation_align,
)
from synhand.geometry.pose25d import reference_length
from synhand.skeleton import HAND_SIDES, REFERENCE_BONE, ROOT

FloatArray = npt.NDArray[np.float64]

AUC_STEPS = 100

LEFT = HAND_SIDES['left']


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


def scale_translation_errors(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    bone: tuple[int, int] = HO3D_SCALE_BONE,
) -> FloatArray:
    """Errors (N, K) in mm with the true place of the root and one true bone.

    Args:
        predicted: (N, K, 3) in mm.
        true: (N, K, 3) in mm.
        bone: The two keypoints whose true distance is given.
    """
    aligned = scale_translation_align(predicted, true, bone=bone)
    return distances(aligned, true)


def palm_errors(predicted: npt.ArrayLike, true: npt.ArrayLike) -> FloatArray:
    """Errors (N, K) in mm with a palm's centre in place of the wrist.

    Given are its true place and the true length of the reference bone, as in
    the evaluation scripts of Zimmermann and Brox (2017) on RHD and STB. The
    centre is midway between the wrist and the base of the middle finger.

    Args:
        predicted: (N, K, 3) in mm.
        true: (N, K, 3) in mm.
    """
    return scale_translation_errors(
        _with_palm(predicted), _with_palm(true), bone=REFERENCE_BONE
    )


def _with_palm(points: npt.ArrayLike) -> FloatArray:
    points = np.array(points, np.float64)
    points[:, ROOT] = points[:, [ROOT, REFERENCE_BONE[0]]].mean(1)
    return points


def curve_areas(
    errors: npt.ArrayLike, low: float, high: float, steps: int = AUC_STEPS
) -> FloatArray:
    """Normalised area under the curve of correct keypoints, error by error.

    The curve of one error is a step from 0 to 1; the curve of many is the
    mean of theirs, and so is its area. As in FreiHAND's official evaluation:
    correct is an error <= threshold, integrated by trapezoids over evenly
    spaced thresholds from `low` to `high`, both included.

    Args:
        errors: Any shape; infinity is never correct.
        low: Smallest threshold, in the unit of `errors`.
        high: Largest threshold.
        steps: Number of thresholds.

    Returns:
        The shape of `errors`, between 0 and 1.
    """
    area = (steps - 0.5 - np.arange(steps + 1)) / (steps - 1)
    area[[0, -1]] = 1, 0
    thresholds = np.linspace(low, high, steps)
    return np.asarray(area[np.searchsorted(thresholds, errors)])


def area_under_curve(
    errors: npt.ArrayLike, low: float, high: float, steps: int = AUC_STEPS
) -> float:
    """Mean of `curve_areas` over all errors; NaN when there is none."""
    areas = curve_areas(errors, low, high, steps)
    return float(areas.mean()) if areas.size else float('nan')


def correct_share(
    errors: npt.ArrayLike, thresholds: npt.ArrayLike
) -> FloatArray:
    """Share of errors <= each threshold: the curve of correct keypoints.

    Args:
        errors: Any shape, at least one; infinity is never correct.
        thresholds: (T,), in the unit of `errors`.

    Returns:
        (T,), between 0 and 1.
    """
    ordered = np.sort(np.asarray(errors, np.float64), axis=None)
    count = np.searchsorted(ordered, thresholds, side='right')
    return np.asarray(count / ordered.size)


def nearest_distances(
    points: npt.ArrayLike, others: npt.ArrayLike
) -> FloatArray:
    """Distance (V,) of each of `points` (V, 3) to the nearest of `others`."""
    tree = cKDTree(np.asarray(others, np.float64))
    return np.asarray(tree.query(np.asarray(points, np.float64))[0])


def f_scores(
    predicted: npt.ArrayLike,
    true: npt.ArrayLike,
    thresholds: npt.ArrayLike,
) -> FloatArray:
    """F-scores of two point clouds, as the official script of FreiHAND.

    The harmonic mean of the share of predicted points with a true one nearer
    than the threshold and of true points with such a predicted one
    (A. Knapitsch et al., Tanks and Temples, SIGGRAPH 2017).

    Args:
        predicted: (V, 3) in mm; not finite: the scores are 0.
        true: (W, 3) in mm, finite; W may differ from V.
        thresholds: (T,) in mm.

    Returns:
        (T,), between 0 and 1.
    """
    limits = np.asarray(thresholds, np.float64)[:, None]
    if not np.isfinite(predicted).all():
        return np.zeros(len(limits))
    there = (nearest_distances(predicted, true) < limits).mean(axis=1)
    back = (nearest_distances(true, predicted) < limits).mean(axis=1)
    total = there + back
    return np.asarray(2 * there * back / np.where(total > 0, total, 1))


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
    return root_aligned_errors(constant_poses(true, hand_side), true)


def constant_poses(
    true: npt.ArrayLike, hand_side: npt.ArrayLike
) -> FloatArray:
    """The constant pose at each instance's size and side, (N, K, 3) in mm."""
    mean = canonical_poses(true, hand_side).mean(axis=0)
    scale = reference_length(true)[:, None, None]
    return np.asarray(mean * scale * _mirror(hand_side))


def constant_shape_errors(
    true: npt.ArrayLike, hand_side: npt.ArrayLike
) -> FloatArray:
    """Procrustes-aligned errors (N, K) in mm of one shape for all.

    The shape is the generalised Procrustes mean of the `canonical_poses`,
    mirrored for left hands: the floor of PA-MPJPE.
    """
    return procrustes_errors(constant_shapes(true, hand_side), true)


def constant_shapes(
    true: npt.ArrayLike, hand_side: npt.ArrayLike
) -> FloatArray:
    """The constant shape of each instance's side, (N, K, 3) without unit."""
    mean = generalized_procrustes_mean(canonical_poses(true, hand_side))
    return np.asarray(mean * _mirror(hand_side))


def flat_pose_errors(
    true: npt.ArrayLike, keypoints: npt.ArrayLike
) -> FloatArray:
    """Procrustes-aligned errors (N, K) in mm of true 2D with z = 0.

    Args:
        true: (N, K, 3) in mm.
        keypoints: (N, K, 2), true 2D keypoints in pixels.
    """
    return procrustes_errors(flat_poses(keypoints), true)


def flat_poses(keypoints: npt.ArrayLike) -> FloatArray:
    """2D keypoints (N, K, 2) in pixels with z = 0, (N, K, 3)."""
    keypoints = np.asarray(keypoints, np.float64)
    return np.concatenate([keypoints, np.zeros_like(keypoints[..., :1])], -1)


def _mirror(hand_side: npt.ArrayLike) -> FloatArray:
    """(N, 1, 3) factors that mirror left hands."""
    factors = np.ones((len(np.asarray(hand_side)), 1, 3))
    factors[np.asarray(hand_side) == LEFT, :, 0] = -1
    return factors
