"""Pure functions on arrays: cameras, alignment, 2.5D poses."""

from synhand.geometry.alignment import (
    generalized_procrustes_mean,
    procrustes_align,
    procrustes_align_with_reflection,
    root_align,
    rotation_align,
    scale_translation_align,
)
from synhand.geometry.cameras import (
    camera_from_fov,
    check_camera_matrix,
    project,
    unproject,
)
from synhand.geometry.pose25d import from_25d, global_scale, to_25d

__all__ = [
    'camera_from_fov',
    'check_camera_matrix',
    'from_25d',
    'generalized_procrustes_mean',
    'global_scale',
    'procrustes_align',
    'procrustes_align_with_reflection',
    'project',
    'root_align',
    'rotation_align',
    'scale_translation_align',
    'to_25d',
    'unproject',
]
