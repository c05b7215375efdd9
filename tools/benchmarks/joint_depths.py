"""How deep the centres of the synthetic hand's joints lie.

Prints for each joint of the fingers the distances in mm, of the mean adult's
hand, from its centre to the skin on the outside of the bend and on the inside,
straight and bent by 90 degrees. Real joints keep theirs as they bend.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from synhand.hands.anatomy import DOF
from synhand.hands.anatomy import FINGERS as FINGER_NAMES
from synhand.hands.anny_hand import (
    ADULT_LENGTH_MM,
    AnnyHand,
    RestHand,
    default_hand,
)
from synhand.hands.joints import FINGER_CHAINS
from synhand.skeleton import FINGERS, ROOT

JOINTS = ('mcp', 'pip', 'dip')


def way_out(
    vertices: NDArray, faces: NDArray, start: NDArray, direction: NDArray
) -> float:
    """From a point inside a closed mesh to its surface.

    Args:
        vertices: (V, 3) mm.
        faces: (F, 3).
        start: (3,) mm.
        direction: (3,) unit.

    Raises:
        ValueError: The mesh does not lie in that direction.
    """
    a, b, c = vertices[faces.T]
    sides = np.stack([b - a, c - a, np.broadcast_to(-direction, a.shape)], -1)
    faced = np.abs(np.linalg.det(sides)) > 1e-9
    found = np.linalg.solve(sides[faced], (start - a[faced])[..., None])
    u, v, distance = found[..., 0].T
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)
    if not hit.any():
        raise ValueError('start: expected a point inside the mesh')
    return float(distance[hit].min())


def depths(hand: AnnyHand, finger: str, joint: str) -> NDArray[np.float64]:
    """Skin of the mean hand around a joint's centre.

    Args:
        hand: The hand model.
        finger: `'index'` to `'little'`.
        joint: One of `JOINTS`.

    Returns:
        (2, 2) mm: straight and bent by 90 degrees, to the outside and to the
        inside along the bisector of the bones.
    """
    rest = hand.rest(np.zeros(hand.num_components), ADULT_LENGTH_MM)
    at = 1 + JOINTS.index(joint)
    bent = np.zeros(len(DOF))
    bent[DOF[f'{finger}_{joint}_flexion']] = np.pi / 2
    poses = (0 * bent, bent)
    hands = [hand.pose(rest, angles) for angles in poses]
    centres = [
        _centres(hand, rest, angles, one.keypoints['anatomical'], finger)
        for angles, one in zip(poses, hands, strict=True)
    ]
    bones = [np.diff(points[at - 1 : at + 2], axis=0) for points in centres]
    axis = np.cross(*bones[1])
    found = np.empty((2, 2))
    for i, (one, points, (before, after)) in enumerate(
        zip(hands, centres, bones, strict=True)
    ):
        before = before / np.linalg.norm(before)
        outside = np.cross(before + after / np.linalg.norm(after), axis)
        outside /= np.linalg.norm(outside)
        for j, direction in enumerate((outside, -outside)):
            found[i, j] = way_out(
                one.vertices, hand.faces, points[at], direction
            )
    return found


def _centres(
    hand: AnnyHand,
    rest: RestHand,
    angles: NDArray,
    keypoints: NDArray,
    finger: str,
) -> NDArray[np.float64]:
    """Wrist, centres of a finger's joints, tip (5, 3) mm, as posed."""
    points = keypoints[[ROOT, *FINGERS[finger]]]
    # the base alone is labelled off its centre
    bone = FINGER_CHAINS[1 + FINGER_NAMES.index(finger), 0]
    turns, moves = hand.turns.transforms(rest.pivots, angles)
    points[1] = turns[bone] @ rest.pivots[bone] + moves[bone]
    return points


def main(argv: list[str] | None = None) -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(
        argv
    )
    print('joint: straight, bent; to the skin outside, inside (mm)')
    for finger in FINGER_NAMES:
        for joint in JOINTS:
            straight, bent = depths(default_hand(), finger, joint)
            print(
                f'{finger} {joint}: {straight[0]:.1f}, {bent[0]:.1f}; '
                f'{straight[1]:.1f}, {bent[1]:.1f}'
            )


if __name__ == '__main__':
    main()
