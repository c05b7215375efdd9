"""Principal components of poses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def principal_components(
    poses: npt.ArrayLike, components: int
) -> tuple[FloatArray, FloatArray]:
    """Principal components of poses.

    Args:
        poses: (N, F), any unit.
        components: C.

    Returns:
        Mean (F,), and (C, F): orthogonal directions, each as long as the
        standard deviation of the poses along it, the largest first.

    Raises:
        ValueError: There are not more poses than components.
    """
    poses = np.asarray(poses, np.float64)
    if len(poses) <= components:
        raise ValueError(
            f'{components} components need more poses than that, '
            f'got {len(poses)}'
        )
    mean = poses.mean(0)
    _, lengths, directions = np.linalg.svd(poses - mean, full_matrices=False)
    spread = lengths[:components, None] / np.sqrt(len(poses) - 1)
    return mean, spread * directions[:components]
