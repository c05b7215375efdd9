"""Alignment of predicted to true keypoints, batched over leading dimensions.

Units are those of the arguments. Keypoints whose `valid` flag is 0 neither
influence a transform nor need to be finite; they are moved with the others.
An instance with a valid keypoint that is not finite gives NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synhand.skeleton import ROOT

FloatArray = npt.NDArray[np.float64]

HO3D_SCALE_BONE = (ROOT, 9)
"""Wrist to middle MCP, keypoints 0 and 4 of the HO-3D order."""


def root_align(points: npt.ArrayLike, root: int = ROOT) -> FloatArray:
    """Coordinates relative to the root keypoint.

    Args:
        points: (..., K, D).
        root: Index of the root keypoint.

    Returns:
        (..., K, D), the root at the origin.
    """
    array = np.asarray(points, np.float64)
    return array - array[..., root : root + 1, :]


def scale_translation_align(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    root: int = ROOT,
    bone: tuple[int, int] = HO3D_SCALE_BONE,
) -> FloatArray:
    """The source at the target's scale and place, not turned.

    The source is scaled until `bone` is as long as in the target, then moved
    onto the target's root. (This is not the least-squares scale.) By
    default the alignment of HO-3D's `eval.py`; with `REFERENCE_BONE` that of
    C. Zimmermann and T. Brox, ICCV 2017, for RHD and STB. A source without
    extent is only moved.

    Args:
        source: (..., K, D), what is aligned.
        target: (..., K, D), what it is aligned to.
        root: Index of the root keypoint.
        bone: Indices of the two keypoints whose distance fixes the scale.

    Returns:
        (..., K, D), the aligned source in the target's frame.
    """
    fixed = np.asarray(target, np.float64)
    relative = root_align(source, root)
    wanted = _norm(fixed[..., bone[0], :] - fixed[..., bone[1], :])
    given = _norm(relative[..., bone[0], :] - relative[..., bone[1], :])
    scale = wanted / np.where(given > 0, given, 1.0)
    scaled = relative * scale[..., None, None]
    return np.asarray(scaled + fixed[..., root : root + 1, :])


def rotation_align(
    source: npt.ArrayLike, target: npt.ArrayLike, root: int = ROOT
) -> FloatArray:
    """The source turned about its root; neither scaled nor fitted in place.

    The least-squares rotation (det = +1) of root-relative keypoints.

    Args:
        source: (..., K, D), finite, what is turned.
        target: (..., K, D), finite, what it is turned to.
        root: Index of the root keypoint.

    Returns:
        (..., K, D), the turned source, its root on the target's.
    """
    fixed = np.asarray(target, np.float64)
    relative = root_align(source, root)
    rotation, _ = _rotation(relative, root_align(fixed, root), False)
    return np.asarray(relative @ rotation + fixed[..., root : root + 1, :])


def procrustes_align(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    valid: npt.ArrayLike | None = None,
    points: npt.ArrayLike | None = None,
) -> FloatArray:
    """Least-squares similarity with a proper rotation (det = +1).

    S. Umeyama, IEEE TPAMI 13(4), 1991. A mirrored hand does not align.

    Args:
        source: (..., K, D), what is aligned.
        target: (..., K, D), what it is aligned to.
        valid: (..., K), 1 for keypoints that count; all when None.
        points: (..., V, D), what the transform moves, in the source's frame
            (a mesh with its keypoints); the source itself when None.

    Returns:
        (..., K, D) or (..., V, D), aligned, in the target's frame and unit.
        A source without extent lands on the target's centroid.
    """
    return _similarity_align(source, target, valid, points, False)


def procrustes_align_with_reflection(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    valid: npt.ArrayLike | None = None,
    points: npt.ArrayLike | None = None,
) -> FloatArray:
    """Least-squares similarity that may mirror (det = +1 or -1).

    What the official scripts of FreiHAND, HO-3D and DexYCB do: their
    `scipy.linalg.orthogonal_procrustes` also returns reflections, so a
    mirrored hand aligns without error. Arguments and result are those of
    `procrustes_align`.
    """
    return _similarity_align(source, target, valid, points, True)


def generalized_procrustes_mean(
    shapes: npt.ArrayLike, max_iterations: int = 100, tolerance: float = 1e-9
) -> FloatArray:
    """Mean shape: every shape aligned to the mean of the aligned shapes.

    J. C. Gower, Psychometrika 40(1), 1975, with proper rotations.

    Args:
        shapes: (N, K, D), finite.
        max_iterations: Most rounds of aligning and averaging.
        tolerance: Stops when the mean moves by less, relative to its size.

    Returns:
        (K, D), centred, of the shapes' mean centroid size, oriented as the
        first shape.

    Raises:
        ValueError: There is no shape, or a value is not finite.
    """
    array = np.asarray(shapes, np.float64)
    if array.ndim != 3 or not len(array) or not np.isfinite(array).all():
        raise ValueError(
            'shapes: expected a finite array (N, K, D) with N > 0, got shape '
            f'{array.shape}'
        )
    centred = array - array.mean(axis=1, keepdims=True)
    size = float(np.linalg.norm(centred, axis=(1, 2)).mean())
    mean = _resized(centred[0], size)
    for _ in range(max_iterations):
        targets = np.broadcast_to(mean, centred.shape)
        average = procrustes_align(centred, targets).mean(axis=0)
        previous, mean = mean, _resized(average, size)
        if np.linalg.norm(mean - previous) <= tolerance * size:
            break
    return mean


def _norm(vectors: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(vectors, axis=-1), np.float64)


def _resized(shape: FloatArray, size: float) -> FloatArray:
    extent = float(np.linalg.norm(shape))
    return shape * (size / extent) if extent > 0 else shape


def _similarity_align(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    valid: npt.ArrayLike | None,
    points: npt.ArrayLike | None,
    allow_reflection: bool,
) -> FloatArray:
    moved = np.asarray(source, np.float64)
    fixed = np.asarray(target, np.float64)
    others = moved if points is None else np.asarray(points, np.float64)
    counted = np.ones(moved.shape[:-1], bool)
    if valid is not None:
        counted = np.broadcast_to(np.asarray(valid) > 0, counted.shape)
    counted = counted[..., None]
    finite = np.isfinite(moved) & np.isfinite(fixed)
    usable = (finite | ~counted).all(axis=(-2, -1), keepdims=True)
    usable = usable & counted.any(axis=(-2, -1), keepdims=True)

    moved = np.where(usable, moved, 0.0)
    fixed = np.where(usable, fixed, 0.0)
    start, centre = _centroid(moved, counted), _centroid(fixed, counted)
    inside = np.where(counted, moved - start, 0.0)
    outside = np.where(counted, fixed - centre, 0.0)
    rotation, gain = _rotation(inside, outside, allow_reflection)
    energy = (inside**2).sum(axis=(-2, -1))
    scale = gain / np.where(energy > 0, energy, 1.0)
    others = np.where(usable, others, 0.0) - start
    aligned = scale[..., None, None] * (others @ rotation) + centre
    return np.where(usable, aligned, np.nan)


def _centroid(
    points: FloatArray, counted: npt.NDArray[np.bool_]
) -> FloatArray:
    count = np.maximum(counted.sum(axis=-2, keepdims=True), 1)
    total = np.where(counted, points, 0.0).sum(axis=-2, keepdims=True)
    return np.asarray(total / count)


def _rotation(
    moved: FloatArray, fixed: FloatArray, allow_reflection: bool
) -> tuple[FloatArray, FloatArray]:
    """(..., D, D) with `moved @ rotation` nearest to `fixed`, and the trace.

    The trace of the covariance after rotation, (...), over the squared
    extent of `moved` is the least-squares scale.
    """
    covariance = np.swapaxes(moved, -1, -2) @ fixed
    left, singular, right = np.linalg.svd(covariance)
    signs = np.ones_like(singular)
    if not allow_reflection:
        signs[..., -1] = np.sign(np.linalg.det(left @ right))
    rotation = (left * signs[..., None, :]) @ right
    return rotation, np.asarray((singular * signs).sum(axis=-1))
