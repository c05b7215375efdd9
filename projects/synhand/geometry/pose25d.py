"""2.5D poses and the way back to 3D (U. Iqbal et al., ECCV 2018).

A 2.5D pose is (u, v, z): u, v in pixels and z = (Z - Z_root) / s, where s
is the length of a reference bone, so z has no unit. Dividing a whole hand by
s gives *normalised* coordinates: the reference bone is 1 long, pixels stay
where they are. What is missing for 3D is the normalised depth of the root,
t = Z_root / s; every bone of known length yields an equation for it, since

    bone(t) = t * (r_child - r_parent) + (z_child r_child - z_parent r_parent)

with the viewing rays r = K^-1 (u, v, 1).

One bone gives a quadratic equation. Its larger root is the right one unless
the bone is near the viewing ray, and a bone near the ray says little: the
default is therefore least squares over all bones, with bone length *ratios*
of the hands that a network was trained on, or of an average hand, and a free
size of the reference bone. Exact 2.5D is better served by the single bone,
a network's by least squares: `tools/benchmarks/root_depth.py` measures both.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from synhand.geometry.cameras import pixel_rays, project, unproject
from synhand.skeleton import (
    BONES,
    MEAN_BONE_LENGTHS_MM,
    REFERENCE_BONE,
    ROOT,
)

FloatArray = npt.NDArray[np.float64]

DEPTH_RANGE = (2.0, 250.0)
"""Limits of depths in reference bones: about 8 cm to 10 m.

A misread hand nearer to the lens would be magnified without bounds where its
bones are mended.
"""

SIZE_PRIOR = 10.0
"""Stiffness of the size of a mean hand in reference bones.

Chosen on synthetic hands of both joint families, with their own mean ratios
and with those of the literature, with `tools/benchmarks/root_depth.py`: less
is too soft under noise, more errs where ratios are of other definitions.
"""

REFERENCE_WEIGHT = 4.0
"""Weight of the reference bone against bones of uncertain length."""

_TINY = 1e-12
_PARENTS, _CHILDREN = np.array(BONES).T


def bone_lengths(keypoints: npt.ArrayLike) -> FloatArray:
    """Lengths of all `BONES`.

    Args:
        keypoints: (..., K, D), any unit.

    Returns:
        (..., 20) in the unit of `keypoints`.
    """
    points = np.asarray(keypoints, np.float64)
    bones = points[..., _CHILDREN, :] - points[..., _PARENTS, :]
    return np.asarray(np.linalg.norm(bones, axis=-1))


def reference_length(
    keypoints: npt.ArrayLike, bone: tuple[int, int] = REFERENCE_BONE
) -> FloatArray:
    """Length s of the reference bone.

    Args:
        keypoints: (..., K, D), any unit.
        bone: The keypoints at its ends.

    Returns:
        (...) in the unit of `keypoints`.
    """
    points = np.asarray(keypoints, np.float64)
    difference = points[..., bone[0], :] - points[..., bone[1], :]
    return np.asarray(np.linalg.norm(difference, axis=-1))


def bone_ratios(
    bone_lengths_mm: npt.ArrayLike = MEAN_BONE_LENGTHS_MM,
    bone: tuple[int, int] = REFERENCE_BONE,
) -> FloatArray:
    """Bone lengths (20,) in units of the reference bone.

    Raises:
        ValueError: `bone` is not one of `BONES`.
    """
    lengths = np.asarray(bone_lengths_mm, np.float64)
    return np.asarray(lengths / lengths[_bone_index(bone)])


def to_25d(
    keypoints_cam: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
    root: int = ROOT,
    bone: tuple[int, int] = REFERENCE_BONE,
) -> FloatArray:
    """3D keypoints as a 2.5D pose.

    Args:
        keypoints_cam: (..., K, 3), camera frame, any unit of length.
        camera_matrix: (..., 3, 3) in pixels.
        root: Keypoint that z is relative to.
        bone: Reference bone, the unit of z.

    Returns:
        (..., K, 3): u, v in pixels, z root-relative in reference bones.
    """
    points = np.asarray(keypoints_cam, np.float64)
    depth = points[..., 2] - points[..., root : root + 1, 2]
    scale = reference_length(points, bone)[..., None]
    pixels = project(points, camera_matrix)
    return np.concatenate([pixels, (depth / scale)[..., None]], axis=-1)


def root_depth_single_bone(
    keypoints_25d: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
    bone: tuple[int, int] = REFERENCE_BONE,
) -> FloatArray:
    """Root depth from the reference bone alone: a quadratic equation.

    The equation of Iqbal et al. with the intrinsics and the factor 2 of the
    linear term that its printed form lacks. The larger root is taken, which
    is wrong for a few hands whose reference bone is near the viewing ray
    (0.5 % of 20,000 random hands). A negative discriminant counts as 0.

    Args:
        keypoints_25d: (..., K, 3), (u, v, z) as `to_25d` gives.
        camera_matrix: (..., 3, 3) in pixels.
        bone: Reference bone, of length 1.

    Returns:
        (...), root depth in reference bones, within `DEPTH_RANGE`.
    """
    pose = np.asarray(keypoints_25d, np.float64)
    parents, children = np.array([bone]).T
    quadratic = _quadratics(pose, camera_matrix, parents, children)
    _, larger = _roots(quadratic, np.ones(1))
    return np.clip(larger[..., 0], *_limits(pose))


def root_depth_least_squares(
    keypoints_25d: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
    bone_lengths: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    size_prior: float | None = None,
    bone: tuple[int, int] = REFERENCE_BONE,
) -> FloatArray:
    """Root depth that fits the lengths of all 20 bones best.

    Minimises, over the root depth t and the factor f,

        sum_b w_b (|bone_b(t)| - f L_b)^2 + size_prior (f - 1)^2

    with f = 1 for the reference bone. The factor is for hands whose
    reference bone is longer or shorter, compared with the rest, than that of
    the hand L comes from: families of joint definitions differ in that by up
    to 30 %. Every root of every bone's own quadratic equation is a candidate
    (so no search range has to be guessed); the best one is refined by a
    guarded Newton iteration.

    Args:
        keypoints_25d: (..., K, 3), (u, v, z) as `to_25d` gives.
        camera_matrix: (..., 3, 3) in pixels.
        bone_lengths: (20,) or (..., 20), lengths L of `BONES` in units of
            the reference bone; None for those of an average hand.
        weights: (20,) or (..., 20), not negative. None: equal weights, but
            `REFERENCE_WEIGHT` for the reference bone where f is free.
        size_prior: Not negative; infinity fixes f = 1. None: infinity where
            `bone_lengths` are given, else `SIZE_PRIOR`.
        bone: Reference bone, one of `BONES`.

    Returns:
        (...), root depth in reference bones, within `DEPTH_RANGE`; NaN where
        the pose is not finite.

    Raises:
        ValueError: `bone` is not one of `BONES`.
    """
    pose = np.asarray(keypoints_25d, np.float64)
    if size_prior is None:
        size_prior = SIZE_PRIOR if bone_lengths is None else np.inf
    others = np.arange(len(BONES)) != _bone_index(bone)
    if weights is None:
        trusted = 1.0 if np.isinf(size_prior) else REFERENCE_WEIGHT
        weights = np.where(others, 1.0, trusted)
    fit = _BoneFit(
        _quadratics(pose, camera_matrix, _PARENTS, _CHILDREN),
        bone_ratios(bone=bone) if bone_lengths is None else bone_lengths,
        weights,
        others,
        size_prior,
    )
    low, high = _limits(pose)
    candidates = np.concatenate(_roots(fit.quadratics, fit.lengths), axis=-1)
    candidates = np.clip(candidates, low[..., None], high)
    costs = np.stack(
        [fit.cost(depth) for depth in np.moveaxis(candidates, -1, 0)], -1
    )
    best = np.argmin(costs, axis=-1)[..., None]
    start = np.take_along_axis(candidates, best, axis=-1)[..., 0]
    return _refine(start, fit, low, high)


def global_scale(
    keypoints_normalized: npt.ArrayLike,
    mean_bone_lengths_mm: npt.ArrayLike = MEAN_BONE_LENGTHS_MM,
) -> FloatArray:
    """Scale that brings a normalised hand closest to mean bone lengths.

    Least squares over bones: sum(mu * l) / sum(l ** 2).

    Args:
        keypoints_normalized: (..., K, 3) in reference bones.
        mean_bone_lengths_mm: (20,), mean lengths of `BONES` in mm.

    Returns:
        (...), mm per reference bone; NaN for a hand without extent.
    """
    lengths = bone_lengths(keypoints_normalized)
    energy = (lengths**2).sum(axis=-1)
    gain = (lengths * np.asarray(mean_bone_lengths_mm)).sum(axis=-1)
    return np.asarray(gain / np.where(energy > 0, energy, np.nan))


def from_25d(
    keypoints_25d: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
    bone_scale_mm: npt.ArrayLike | None = None,
    method: Literal['least_squares', 'single_bone'] = 'least_squares',
    bone_lengths: npt.ArrayLike | None = None,
    size_prior: float | None = None,
    mean_bone_lengths_mm: npt.ArrayLike = MEAN_BONE_LENGTHS_MM,
    root: int = ROOT,
    bone: tuple[int, int] = REFERENCE_BONE,
    root_depth: npt.ArrayLike | None = None,
) -> FloatArray:
    """A 2.5D pose as 3D keypoints.

    Args:
        keypoints_25d: (..., K, 3), (u, v, z) as `to_25d` gives.
        camera_matrix: (..., 3, 3) in pixels.
        bone_scale_mm: (...), length of the reference bone in mm; where it is
            None or NaN, `global_scale` with mean bone lengths takes its
            place.
        method: How the root depth is found.
        bone_lengths: For 'least_squares', the hand's own, as in
            `root_depth_least_squares`.
        size_prior: For 'least_squares', as in `root_depth_least_squares`.
        mean_bone_lengths_mm: (20,), lengths of `BONES` of a mean hand: its
            proportions where `bone_lengths` are None, its size where
            `bone_scale_mm` is.
        root: Keypoint that z is relative to; its own z is taken as 0.
        bone: Reference bone, the unit of z.
        root_depth: (...) in reference bones where it is known; `method` is
            then not asked.

    Returns:
        (..., K, 3) in mm, camera frame (x right, y down, z forward).

    Raises:
        ValueError: `method` is unknown.
    """
    pose = np.asarray(keypoints_25d, np.float64)
    pose = np.concatenate(
        [pose[..., :2], pose[..., 2:] - pose[..., root : root + 1, 2:]], -1
    )
    if root_depth is not None:
        depth = np.asarray(root_depth, np.float64)
    elif method == 'least_squares':
        if bone_lengths is None:
            bone_lengths = bone_ratios(mean_bone_lengths_mm, bone)
            size_prior = SIZE_PRIOR if size_prior is None else size_prior
        depth = root_depth_least_squares(
            pose, camera_matrix, bone_lengths, size_prior=size_prior, bone=bone
        )
    elif method == 'single_bone':
        depth = root_depth_single_bone(pose, camera_matrix, bone)
    else:
        raise ValueError(
            f"method: expected 'least_squares' or 'single_bone', got "
            f'{method!r}'
        )
    normalized = unproject(
        pose[..., :2], pose[..., 2] + depth[..., None], camera_matrix
    )
    scale = np.asarray(
        np.nan if bone_scale_mm is None else bone_scale_mm, np.float64
    )
    mean_scale = global_scale(normalized, mean_bone_lengths_mm)
    scale = np.where(np.isnan(scale), mean_scale, scale)
    return normalized * scale[..., None, None]


def _bone_index(bone: tuple[int, int]) -> int:
    if bone not in BONES:
        raise ValueError(f'reference bone {bone} is not one of BONES')
    return BONES.index(bone)


_Quadratics = tuple[FloatArray, FloatArray, FloatArray]


def _quadratics(
    pose: FloatArray,
    camera_matrix: npt.ArrayLike,
    parents: npt.NDArray[np.int64],
    children: npt.NDArray[np.int64],
) -> _Quadratics:
    """(a, b, c), each (..., bones): squared length = a t^2 + 2 b t + c."""
    rays = pixel_rays(pose[..., :2], camera_matrix)
    offsets = rays * pose[..., 2:]
    slope = rays[..., children, :] - rays[..., parents, :]
    start = offsets[..., children, :] - offsets[..., parents, :]
    return (
        (slope * slope).sum(axis=-1),
        (slope * start).sum(axis=-1),
        (start * start).sum(axis=-1),
    )


def _roots(
    quadratic: _Quadratics, lengths: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Smaller and larger t, (..., bones) each, that give the lengths."""
    a, b, c = quadratic
    a = np.maximum(a, _TINY)
    spread = np.sqrt(np.maximum(b * b - a * (c - lengths**2), 0.0))
    return (-b - spread) / a, (-b + spread) / a


def _limits(pose: FloatArray) -> tuple[FloatArray, float]:
    """Limits of t: no keypoint is nearer, the root no farther than
    `DEPTH_RANGE`."""
    nearest = np.minimum(pose[..., 2].min(axis=-1), 0.0)
    return np.asarray(DEPTH_RANGE[0] - nearest), DEPTH_RANGE[1]


class _BoneFit:
    """The cost of `root_depth_least_squares` with f at its optimum."""

    def __init__(
        self,
        quadratics: _Quadratics,
        lengths: npt.ArrayLike,
        weights: npt.ArrayLike,
        others: npt.NDArray[np.bool_],
        size_prior: float,
    ) -> None:
        self.quadratics = quadratics
        self.lengths = np.asarray(lengths, np.float64)
        self.weights = np.asarray(weights, np.float64)
        # d cost / d f = -2 pull . (fitted - lengths) + 2 (f - 1) stiffness
        self._pull = self.weights * self.lengths * others
        self._stiffness = size_prior + np.maximum(
            (self._pull * self.lengths).sum(axis=-1), _TINY
        )

    def _fitted(self, depth: FloatArray) -> FloatArray:
        a, b, c = self.quadratics
        t = depth[..., None]
        squares = np.maximum((a * t + 2 * b) * t + c, _TINY**2)
        return np.asarray(np.sqrt(squares))

    def cost(self, depth: FloatArray) -> FloatArray:
        residual = self._fitted(depth) - self.lengths
        pulled = (self._pull * residual).sum(axis=-1)
        squares = (self.weights * residual**2).sum(axis=-1)
        return np.asarray(squares - pulled**2 / self._stiffness)

    def newton_step(self, depth: FloatArray) -> FloatArray:
        """Newton step, Gauss-Newton where the cost is not convex."""
        a, b, _ = self.quadratics
        fitted = self._fitted(depth)
        residual = fitted - self.lengths
        first = (a * depth[..., None] + b) / fitted
        second = (a - first**2) / fitted
        pulled, pulled_first, pulled_second = (
            (self._pull * term).sum(axis=-1)
            for term in (residual, first, second)
        )
        gradient = (self.weights * residual * first).sum(axis=-1)
        gradient -= pulled * pulled_first / self._stiffness
        gauss = (self.weights * first**2).sum(axis=-1)
        gauss -= pulled_first**2 / self._stiffness
        curvature = gauss + (self.weights * residual * second).sum(axis=-1)
        curvature -= pulled * pulled_second / self._stiffness
        curvature = np.where(curvature > 0, curvature, gauss)
        return np.asarray(-gradient / np.maximum(curvature, _TINY))


def _refine(
    depth: FloatArray,
    fit: _BoneFit,
    low: FloatArray,
    high: float,
    iterations: int = 20,
) -> FloatArray:
    """Newton iteration that shortens every step that does not help."""
    cost = fit.cost(depth)
    damping = np.ones_like(depth)
    for _ in range(iterations):
        moved = np.clip(depth + damping * fit.newton_step(depth), low, high)
        if np.all(np.abs(moved - depth) <= 1e-14 * depth):
            break
        moved_cost = fit.cost(moved)
        better = moved_cost < cost
        depth = np.where(better, moved, depth)
        cost = np.where(better, moved_cost, cost)
        damping = np.where(better, 1.0, damping / 4)
    return depth
