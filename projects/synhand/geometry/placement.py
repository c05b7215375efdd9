"""Where a hand of known shape and orientation is, from its pixels.

A network that sees a crop sees it as a camera would that looks straight at
the crop's centre: the same hand looks turned at another place of the image.
Its 3D is therefore best told in the frame of that *virtual* camera, which is
the real one turned.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synhand.geometry.cameras import pixel_rays
from synhand.geometry.pose25d import DEPTH_RANGE, global_scale

FloatArray = npt.NDArray[np.float64]


def virtual_rotation(
    camera_matrix: npt.ArrayLike,
    centre: npt.ArrayLike,
    roll_degrees: npt.ArrayLike | None = None,
) -> FloatArray:
    """Rotation from the camera's frame to that of a crop's virtual camera.

    The smallest rotation that brings the ray through the crop's centre to
    the z axis, then a roll about it.

    Args:
        camera_matrix: (..., 3, 3) in pixels.
        centre: (..., 2), the crop's centre in pixels.
        roll_degrees: (...), how far the crop's content is turned, from x
            (right) towards y (down); None: not at all.

    Returns:
        (..., 3, 3), R with virtual = R @ camera. NaN where the camera is.
    """
    centre = np.asarray(centre, np.float64)
    ray = pixel_rays(centre[..., None, :], camera_matrix)[..., 0, :]
    x, y, z = np.moveaxis(ray / np.linalg.norm(ray, axis=-1)[..., None], -1, 0)
    gain = 1 / (1 + z)
    tilt = _matrices(
        [1 - gain * x * x, -gain * x * y, -x],
        [-gain * x * y, 1 - gain * y * y, -y],
        [x, y, z],
    )
    roll_degrees = 0.0 if roll_degrees is None else roll_degrees
    angle = np.radians(np.asarray(roll_degrees, np.float64)) + 0 * x
    cos, sin, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    roll = _matrices(
        [cos, -sin, zero], [sin, cos, zero], [zero, zero, zero + 1]
    )
    return np.asarray(roll @ tilt)


def _matrices(*rows: list[npt.NDArray]) -> FloatArray:
    return np.stack([np.stack(row, -1) for row in rows], -2)


def place_in_view(
    points: npt.ArrayLike,
    pixels: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
    limits: tuple[float, float] = (0.0, np.inf),
) -> FloatArray:
    """Translation that lets points project to given pixels.

    Linear least squares: each point says that it lies on its pixel's ray.

    Args:
        points: (..., K, 3), camera frame up to a translation, any unit.
        pixels: (..., K, 2).
        camera_matrix: (..., 3, 3) in pixels.
        limits: Smallest and largest z of the translation.

    Returns:
        (..., 3), to be added to `points`, in their unit.
    """
    points = np.asarray(points, np.float64)
    rays = pixel_rays(pixels, camera_matrix)[..., :2]
    # (X + tx) - r (Z + tz) = 0 for x and y: tx - r tz = r Z - X
    missing = rays * points[..., 2:] - points[..., :2]
    share = rays - rays.mean(-2, keepdims=True)
    spread = missing - missing.mean(-2, keepdims=True)
    depth = -(share * spread).sum((-2, -1)) / (share**2).sum((-2, -1))
    depth = np.clip(depth, *limits)
    offset = (missing + rays * depth[..., None, None]).mean(-2)
    return np.concatenate([offset, depth[..., None]], -1)


def place_hand(
    relative: npt.ArrayLike,
    pixels: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
    bone_scale_mm: npt.ArrayLike,
    mean_bone_lengths_mm: npt.ArrayLike,
) -> tuple[FloatArray, FloatArray]:
    """Where a hand of unknown place and size is, before its camera.

    Args:
        relative: (B, K, 3) in reference bones, camera frame up to a
            translation.
        pixels: (B, K, 2).
        camera_matrix: (B, 3, 3) in pixels.
        bone_scale_mm: (B,) length of the reference bone; NaN: unknown.
        mean_bone_lengths_mm: (20,), tell the size where that is unknown.

    Returns:
        Translation (B, 3) in reference bones and scale (B,) in mm a
        reference bone: `(relative + translation) * scale` is in mm, camera
        frame.
    """
    offset = place_in_view(relative, pixels, camera_matrix, DEPTH_RANGE)
    mean_scale = global_scale(relative, mean_bone_lengths_mm)
    return offset, np.where(np.isnan(bone_scale_mm), mean_scale, bone_scale_mm)
