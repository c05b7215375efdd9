"""The degrees of freedom of a hand, their names and limits.

Angles are absolute: all zero is a flat hand, fingers together and straight
along the metacarpals, the thumb's metacarpal beside the index finger's.
Limits follow clinical ranges (finger MCP -30..90, PIP 0..120, DIP -10..90,
thumb MCP 0..55, IP -15..80, wrist -70..80 and -20..35 degrees) with the
metacarpal arch of the ring and little finger; see
``projects/synhand/README.md`` for the table and its sources.
"""

from __future__ import annotations

import numpy as np

FINGERS = ('index', 'middle', 'ring', 'little')

# name: (lower, upper) in degrees. Flexion bends towards the palm, abduction
# is positive towards the thumb, wrist deviation positive to the ulnar side.
LIMITS_DEGREES: dict[str, tuple[float, float]] = {
    'wrist_flexion': (-65, 70),
    'wrist_deviation': (-20, 32),
    'ring_arch': (0, 10),
    'little_arch': (0, 18),
    'thumb_azimuth': (-8, 72),
    'thumb_elevation': (2, 70),
    'thumb_twist': (-25, 45),
    'thumb_mcp_flexion': (-8, 55),
    'thumb_mcp_abduction': (-10, 18),
    'thumb_ip_flexion': (-20, 80),
    'index_mcp_flexion': (-28, 90),
    'index_mcp_abduction': (-14, 25),
    'index_pip_flexion': (0, 116),
    'index_dip_flexion': (-8, 90),
    'middle_mcp_flexion': (-28, 92),
    'middle_mcp_abduction': (-14, 16),
    'middle_pip_flexion': (0, 118),
    'middle_dip_flexion': (-8, 90),
    'ring_mcp_flexion': (-26, 92),
    'ring_mcp_abduction': (-18, 12),
    'ring_pip_flexion': (0, 118),
    'ring_dip_flexion': (-8, 90),
    'little_mcp_flexion': (-28, 92),
    'little_mcp_abduction': (-30, 14),
    'little_pip_flexion': (0, 116),
    'little_dip_flexion': (-8, 90),
}
DOF_NAMES = tuple(LIMITS_DEGREES)
NUM_DOFS = len(DOF_NAMES)
DOF = {name: i for i, name in enumerate(DOF_NAMES)}
LOWER, UPPER = np.radians(np.array(list(LIMITS_DEGREES.values()))).T


def pose_from_degrees(**angles: float) -> np.ndarray:
    """A pose (D,) in radians from named angles in degrees, the rest zero.

    Raises:
        ValueError: A name that is no degree of freedom.
    """
    pose = np.zeros(NUM_DOFS)
    for name, value in angles.items():
        if name not in DOF:
            raise ValueError(
                f'pose: {name!r} is no degree of freedom; one of {DOF_NAMES}'
            )
        pose[DOF[name]] = np.radians(value)
    return pose


def clip_to_limits(pose: np.ndarray) -> np.ndarray:
    """Poses (..., D) in radians with every angle inside its limits."""
    return np.clip(pose, LOWER, UPPER)


def reflect_at_limits(pose: np.ndarray) -> np.ndarray:
    """Poses (..., D) in radians, what is beyond a limit turned back.

    Clipping would pile random angles up at their limits.
    """
    pose = np.where(pose < LOWER, 2 * LOWER - pose, pose)
    pose = np.where(pose > UPPER, 2 * UPPER - pose, pose)
    return clip_to_limits(pose)
