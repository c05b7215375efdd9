"""The 21 keypoints of a hand: names, bones, and the orders of datasets.

Standard order: wrist, thumb (CMC, MCP, IP, tip), then index, middle, ring,
little (MCP, PIP, DIP, tip). Every dataset is converted to it on reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

NUM_KEYPOINTS = 21

FINGERS: dict[str, tuple[int, int, int, int]] = {
    'thumb': (1, 2, 3, 4),
    'index': (5, 6, 7, 8),
    'middle': (9, 10, 11, 12),
    'ring': (13, 14, 15, 16),
    'little': (17, 18, 19, 20),
}

_THUMB_JOINTS = ('cmc', 'mcp', 'ip', 'tip')
_FINGER_JOINTS = ('mcp', 'pip', 'dip', 'tip')

KEYPOINT_NAMES: tuple[str, ...] = ('wrist',) + tuple(
    f'{finger}_{joint}'
    for finger in FINGERS
    for joint in (_THUMB_JOINTS if finger == 'thumb' else _FINGER_JOINTS)
)

FINGERTIPS: tuple[int, ...] = tuple(chain[-1] for chain in FINGERS.values())

HAND_SIDES: dict[str, int] = {'left': 0, 'right': 1, 'unknown': -1}
SIDE_NAMES = {number: name for name, number in HAND_SIDES.items()}

JOINT_FAMILIES = ('anatomical', 'mano')
"""Where sets place joints: at centres of rotation, or as MANO does."""

ROOT = 0
"""The wrist."""

REFERENCE_BONE = (9, 10)
"""Middle MCP to middle PIP: the length that FreiHAND supplies as `scale`."""

PARENTS: tuple[int, ...] = (-1,) + tuple(
    ROOT if keypoint == chain[0] else keypoint - 1
    for chain in FINGERS.values()
    for keypoint in chain
)

BONES: tuple[tuple[int, int], ...] = tuple(
    (parent, child) for child, parent in enumerate(PARENTS) if parent >= 0
)
"""(parent, child) pairs; bone b ends at keypoint b + 1."""

# Carpus and metacarpal, then phalanges, of each ray in mm. Bone lengths and
# the soft tissue beyond the last bone: A. Buryanov, V. Kotiuk, 'Proportions
# of hand segments', Int. J. Morphol. 28(3), 2010. Carpal height: 0.54 of the
# third metacarpal (Y. Youm et al., J. Bone Joint Surg. Am. 60, 1978).
_CARPAL_HEIGHT = 0.54 * 64.60

MEAN_BONE_LENGTHS_MM: tuple[float, ...] = (
    *(_CARPAL_HEIGHT, 46.22, 31.57, 21.67 + 5.67),
    *(_CARPAL_HEIGHT + 68.12, 39.78, 22.38, 15.82 + 3.84),
    *(_CARPAL_HEIGHT + 64.60, 44.63, 26.33, 17.40 + 3.95),
    *(_CARPAL_HEIGHT + 58.00, 41.37, 25.65, 17.30 + 3.95),
    *(_CARPAL_HEIGHT + 53.69, 32.74, 18.11, 15.96 + 3.73),
)
"""Lengths of `BONES` in mm of an average adult hand (anatomical joints).

Assumed: joints lie at the ends of the bones; the wrist is the radiocarpal
joint and every ray starts one carpal height away from it, in line with its
metacarpal; fingertips are the ends of the soft tissue.
"""

_IDENTITY = tuple(range(NUM_KEYPOINTS))
_MANO_WITH_TIPS = (
    *(0, 13, 14, 15, 16),
    *(1, 2, 3, 17),
    *(4, 5, 6, 18),
    *(10, 11, 12, 19),
    *(7, 8, 9, 20),
)

ORDERS: dict[str, tuple[int, ...]] = {
    'openpose': _IDENTITY,
    'freihand': _IDENTITY,
    'coco_wholebody_hand': _IDENTITY,
    'onehand10k': _IDENTITY,
    'panoptic': _IDENTITY,
    'dexycb': _IDENTITY,
    'mediapipe': _IDENTITY,
    # wrist, (index, middle, little, ring, thumb) without tips, then the tips
    # of thumb, index, middle, ring, little
    'mano_with_tips': _MANO_WITH_TIPS,
    'ho3d': _MANO_WITH_TIPS,
    # wrist first, each finger from tip to base
    'rhd': (
        *(0, 4, 3, 2, 1),
        *(8, 7, 6, 5),
        *(12, 11, 10, 9),
        *(16, 15, 14, 13),
        *(20, 19, 18, 17),
    ),
    # each finger from tip to base, wrist last
    'interhand': (
        *(20, 3, 2, 1, 0),
        *(7, 6, 5, 4),
        *(11, 10, 9, 8),
        *(15, 14, 13, 12),
        *(19, 18, 17, 16),
    ),
    # fingers from little to thumb, each from base to tip; STB's keypoint 0
    # is the centre of the PALM: the reader must replace it by a wrist
    'stb': (
        *(0, 17, 18, 19, 20),
        *(13, 14, 15, 16),
        *(9, 10, 11, 12),
        *(5, 6, 7, 8),
        *(1, 2, 3, 4),
    ),
}
"""Per dataset the indices with `standard = theirs[indices]`, for one hand.

RHD and InterHand2.6M files hold 42 keypoints: slice out one hand first.
"""


def family_number(family: str, argument: str = 'joint_family') -> int:
    """The place of a name in `JOINT_FAMILIES`.

    Args:
        family: The name.
        argument: What to call it in the error.

    Raises:
        ValueError: There is no such family.
    """
    if family not in JOINT_FAMILIES:
        raise ValueError(
            f'{argument}: expected one of {JOINT_FAMILIES}, got {family!r}'
        )
    return JOINT_FAMILIES.index(family)


def _indices(
    array: npt.NDArray[Any], order: str, axis: int
) -> npt.NDArray[np.int64]:
    if order not in ORDERS:
        raise ValueError(
            f'unknown keypoint order {order!r}: expected one of '
            f'{", ".join(sorted(ORDERS))}'
        )
    if not -array.ndim <= axis < array.ndim or (
        array.shape[axis] != NUM_KEYPOINTS
    ):
        raise ValueError(
            f'expected {NUM_KEYPOINTS} keypoints along axis {axis}, got an '
            f'array of shape {array.shape}'
        )
    return np.array(ORDERS[order])


def to_standard(
    array: npt.ArrayLike, order: str, axis: int = -2
) -> npt.NDArray[Any]:
    """Reorder one hand's keypoints from a dataset's order to the standard.

    Args:
        array: Any shape with 21 keypoints along `axis`; units untouched.
        order: A name in `ORDERS`.
        axis: The keypoint axis, by default that of (..., K, D) coordinates.

    Raises:
        ValueError: The order is unknown or the axis does not hold 21 values.
    """
    array = np.asarray(array)
    return np.take(array, _indices(array, order, axis), axis=axis)


def from_standard(
    array: npt.ArrayLike, order: str, axis: int = -2
) -> npt.NDArray[Any]:
    """Reorder one hand's keypoints from the standard to a dataset's order.

    The inverse of `to_standard`, with the same arguments and errors.
    """
    array = np.asarray(array)
    indices = np.argsort(_indices(array, order, axis))
    return np.take(array, indices, axis=axis)
