"""Keypoints of one joint family from those of the other.

The families of the synthetic hand differ along bones: at the bases of the
digits and at the thumb's IP (`synhand.hands.joints`). What the mean hand says
of them is taken to any other.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from synhand.hands.anny_hand import default_hand
from synhand.skeleton import FINGERS, NUM_KEYPOINTS, family_number

_, _MCP, _IP, _ = FINGERS['thumb']
# Joints that differ, each with the one that it moves to or from.
_MOVES = (*((chain[0], chain[1]) for chain in FINGERS.values()), (_IP, _MCP))


def change_family(
    points: npt.NDArray, source: str, target: str
) -> npt.NDArray:
    """The keypoints of a hand as another joint family has them.

    Args:
        points: (..., K, D), of `source`, in any unit and frame that straight
            lines stay straight in.
        source: One of `JOINT_FAMILIES`.
        target: Another one, or the same.

    Returns:
        (..., K, D), of `target`, in the type of `points`.

    Raises:
        ValueError: An unknown family.
    """
    return (_matrix(source, target) @ points).astype(points.dtype)


@cache
def _matrix(source: str, target: str) -> npt.NDArray[np.float64]:
    """(K, K) that makes keypoints of the target of the source's."""
    for family in (source, target):
        family_number(family)  # or it raises
    return _from_mano(target) @ np.linalg.inv(_from_mano(source))


def _from_mano(family: str) -> npt.NDArray[np.float64]:
    """(K, K) that makes keypoints of a family of MANO's."""
    hand = default_hand()
    rest = hand.rest(np.zeros(hand.num_components)).keypoints
    theirs, mano = rest[family], rest['mano']
    matrix = np.eye(NUM_KEYPOINTS)
    for joint, other in _MOVES:
        bone = mano[joint] - mano[other]
        share = (theirs[joint] - mano[joint]) @ bone / (bone @ bone)
        matrix[joint, [joint, other]] += share, -share
    return matrix
