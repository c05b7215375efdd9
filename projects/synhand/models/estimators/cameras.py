"""The camera of a sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from synhand.geometry.cameras import camera_from_fov


def camera_of(sample: Any, assumed_fov: float) -> np.ndarray:
    """Its camera matrix, given or assumed; says in the metainfo which.

    Args:
        sample: With `camera_matrix` (1, 3, 3) px of the image file in its
            metainfo where that is known, else `ori_shape`.
        assumed_fov: Field of view of the assumed camera along the longer
            side of the image, degrees.

    Returns:
        (1, 3, 3) px of the image file.
    """
    camera = sample.metainfo.get('camera_matrix')
    given = camera is not None and np.isfinite(camera).all()
    if not given:
        height, width = sample.metainfo['ori_shape'][:2]
        camera = camera_from_fov(width, height, assumed_fov)[None]
    sample.set_metainfo(dict(camera='given' if given else 'assumed'))
    return np.asarray(camera)
