"""Pinhole cameras. Frame: x right, y down, z forward.

Pixel centres lie at integers: an image of width W spans u in
[-0.5, W - 0.5], and mirroring it maps u to W - 1 - u.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def project(
    points_cam: npt.ArrayLike, camera_matrix: npt.ArrayLike
) -> FloatArray:
    """Project points to pixels.

    Args:
        points_cam: (..., K, 3), camera frame, any unit of length.
        camera_matrix: (..., 3, 3) in pixels.

    Returns:
        (..., K, 2) in pixels; NaN for points that are not in front of the
        camera (z <= 0).
    """
    points = np.asarray(points_cam, np.float64)
    matrix = np.asarray(camera_matrix, np.float64)
    depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
    rays = points / depth
    return np.asarray(rays @ np.swapaxes(matrix, -1, -2)[..., :2])


def pixel_rays(
    pixels: npt.ArrayLike, camera_matrix: npt.ArrayLike
) -> FloatArray:
    """Viewing rays through pixels, as points at depth 1.

    Args:
        pixels: (..., K, 2) in pixels.
        camera_matrix: (..., 3, 3) in pixels.

    Returns:
        (..., K, 3), the camera-frame points (x, y, 1).
    """
    points = np.asarray(pixels, np.float64)
    inverse = np.linalg.inv(np.asarray(camera_matrix, np.float64))
    homogeneous = np.concatenate([points, np.ones_like(points[..., :1])], -1)
    return np.asarray(homogeneous @ np.swapaxes(inverse, -1, -2))


def unproject(
    pixels: npt.ArrayLike,
    depth: npt.ArrayLike,
    camera_matrix: npt.ArrayLike,
) -> FloatArray:
    """Lift pixels of known depth to points: the inverse of `project`.

    Args:
        pixels: (..., K, 2) in pixels.
        depth: (..., K), z in the camera frame, any unit of length.
        camera_matrix: (..., 3, 3) in pixels.

    Returns:
        (..., K, 3) in the camera frame and the unit of `depth`.
    """
    rays = pixel_rays(pixels, camera_matrix)
    return rays * np.asarray(depth, np.float64)[..., None]


def affine(
    camera_matrix: npt.ArrayLike, transform: npt.ArrayLike
) -> FloatArray:
    """Camera matrix after an affine map of the image.

    Args:
        camera_matrix: (..., 3, 3) in pixels of the old image.
        transform: (..., 2, 3), maps old (u, v, 1) to new pixels, as
            `cv2.warpAffine` takes it. Shear and rotation leave a matrix that
            is no longer upper triangular; it still projects rightly.

    Returns:
        (..., 3, 3) in pixels of the new image.
    """
    matrix = np.asarray(camera_matrix, np.float64)
    rows = np.asarray(transform, np.float64) @ matrix
    return np.concatenate([rows, matrix[..., 2:, :]], axis=-2)


def crop(camera_matrix: npt.ArrayLike, left: float, top: float) -> FloatArray:
    """Camera matrix of a crop whose first pixel was (left, top).

    Args:
        camera_matrix: (..., 3, 3) in pixels of the whole image.
        left: u of the crop's first column, pixels of the whole image.
        top: v of the crop's first row, pixels of the whole image.

    Returns:
        (..., 3, 3) in pixels of the crop.
    """
    return affine(camera_matrix, [[1.0, 0.0, -left], [0.0, 1.0, -top]])


def mirror(camera_matrix: npt.ArrayLike, width: int) -> FloatArray:
    """Camera matrix of the left-right mirrored image and scene.

    The mirrored camera projects points with negated x to W - 1 - u.

    Args:
        camera_matrix: (..., 3, 3) in pixels.
        width: Width W of the image in pixels.

    Returns:
        (..., 3, 3) in pixels of the mirrored image.
    """
    flipped = affine(camera_matrix, [[-1.0, 0, width - 1], [0, 1.0, 0]])
    return np.asarray(flipped * np.array([-1.0, 1.0, 1.0]))


def camera_from_fov(width: int, height: int, fov_degrees: float) -> FloatArray:
    """An assumed camera: square pixels, principal point in the centre.

    Args:
        width: Image width in pixels.
        height: Image height in pixels.
        fov_degrees: Field of view along the longer side in degrees, so that
            it is the same however the camera was held.

    Returns:
        (3, 3) in pixels.

    Raises:
        ValueError: The field of view is not between 0 and 180 degrees.
    """
    if not 0 < fov_degrees < 180:
        raise ValueError(
            f'fov_degrees: expected between 0 and 180, got {fov_degrees}'
        )
    focal = max(width, height) / 2 / np.tan(np.radians(fov_degrees) / 2)
    return np.array(
        [
            [focal, 0.0, (width - 1) / 2],
            [0.0, focal, (height - 1) / 2],
            [0.0, 0.0, 1.0],
        ]
    )


def check_camera_matrix(
    camera_matrix: npt.ArrayLike, where: str
) -> FloatArray:
    """A camera matrix read from outside, checked.

    Args:
        camera_matrix: What should be (3, 3) in pixels.
        where: File, entry and field for the error line.

    Returns:
        (3, 3) float64 in pixels.

    Raises:
        ValueError: The shape is wrong, a value is not finite, a focal length
            is not positive, the last row is not (0, 0, 1), or the matrix is
            singular.
    """
    try:
        matrix = np.asarray(camera_matrix, np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f'{where}: expected a 3x3 camera matrix of numbers'
        ) from None
    if matrix.shape != (3, 3):
        problem = f'got shape {matrix.shape}'
    elif not np.isfinite(matrix).all():
        problem = 'got values that are not finite'
    elif matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        problem = f'got focal lengths {matrix[0, 0]:g} and {matrix[1, 1]:g}'
    elif not np.allclose(matrix[2], (0, 0, 1)):
        problem = f'got last row {matrix[2].tolist()} (transposed?)'
    elif not np.linalg.cond(matrix) < 1e12:
        problem = 'got a singular one'
    else:
        return matrix
    raise ValueError(
        f'{where}: expected a 3x3 camera matrix, finite, with positive focal '
        f'lengths and last row [0, 0, 1]; {problem}'
    )
