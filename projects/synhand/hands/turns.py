"""How the bones of the baked hand turn."""

from __future__ import annotations

import numpy as np

from synhand.hands.anatomy import DOF, FINGERS
from synhand.hands.bake import BONES
from synhand.hands.joints import FINGER_CHAINS, WRIST_BONE

_FINGER_DOF_NAMES = (
    'mcp_flexion',
    'mcp_abduction',
    'pip_flexion',
    'dip_flexion',
)
_ARCH_BONES = [BONES.index('metacarpal3'), BONES.index('metacarpal4')]
_THUMB_DOFS = [i for name, i in DOF.items() if name.startswith('thumb')]
_FINGER_DOFS = np.array(
    [
        [DOF[f'{finger}_{dof}'] for dof in _FINGER_DOF_NAMES]
        for finger in FINGERS
    ]
)
X, _, Z = np.eye(3)
# Bent fingers converge: degrees towards the thumb, index to little, of the
# first phalanx at 90 degrees of MCP flexion, and of the second one, which then
# points to the wrist, at 90 more of the PIP. The latter differ from finger to
# finger as Tan et al. measured on 30 people (J Hand Surg 2005, "Variation in
# digital rotation and alignment in normal subjects"): 11, 0, 9 and 19 degrees
# to the middle finger.
_FIRST_PHALANX = np.array([-3, 1, 6, 11])
_SECOND_PHALANX = np.array([-9, 2, 11, 21])
# How far the PIP's own axis, square to the pulp, turns it the other way.
_PIP_AXIS = np.array([-6, -6, -7, -6])
_SLANT = np.radians(_FIRST_PHALANX + _SECOND_PHALANX - _PIP_AXIS) / 2
_TILT = np.radians(_FIRST_PHALANX) - _SLANT
_FLEXION_AXES = np.stack(
    [
        np.sqrt(1 - np.sin(_SLANT) ** 2 - np.sin(_TILT) ** 2),
        np.sin(_SLANT),
        -np.sin(_TILT),
    ],
    axis=1,
)


class BoneTurns:
    """Degrees of freedom to the rotations and places of the bones.

    Note:
        - bones: B, degrees of freedom: D, turns about fixed axes: T

    Args:
        parents: (B,) numbers of the bones before, -1 for the root.
        axes: (5, 3, 3) of finger, joint, xyz: bending is positive.
        rest: (5, 4) angles in radians that the hand at rest already holds.
            Fingers: MCP, PIP, DIP flexion and abduction. Thumb: elevation,
            MCP and IP flexion and azimuth.
        thumb: (3,) direction of the thumb's metacarpal at rest.
    """

    def __init__(
        self,
        parents: np.ndarray,
        axes: np.ndarray,
        rest: np.ndarray,
        thumb: np.ndarray,
    ) -> None:
        self.parents = parents
        self._axes, self._rest, self._thumb = axes, rest, thumb
        self._generations = _generations(parents)
        self._zero = self.vectors(np.zeros(len(DOF)))
        self._slope = (
            np.stack([self.vectors(one) for one in np.eye(len(DOF))]).reshape(
                len(DOF), -1
            )
            - self._zero.ravel()
        )

    def vectors(self, angles: np.ndarray) -> np.ndarray:
        """Rotation vectors (T, 3): wrist, arch, thumb, then fingers.

        Args:
            angles: (D,) radians.
        """
        rest, axes = self._rest, self._axes
        thumb = angles[_THUMB_DOFS]
        direction = self._thumb
        lift = unit(np.cross(direction, Z))
        single = [
            X * angles[DOF['wrist_flexion']],
            Z * angles[DOF['wrist_deviation']],
            X * angles[DOF['ring_arch']],
            X * angles[DOF['little_arch']],
            -Z * (thumb[0] - rest[0, 3]),
            lift * (thumb[1] - rest[0, 0]),
            direction * thumb[2],
            axes[0, 1] * (thumb[3] - rest[0, 1]),
            np.cross(axes[0, 1], direction) * thumb[4],
            axes[0, 2] * (thumb[5] - rest[0, 2]),
        ]
        mcp, abduction, pip, dip = angles[_FINGER_DOFS].T[..., None]
        fingers = [
            -Z * abduction,
            _FLEXION_AXES * mcp,
            -X * rest[1:, :1],
            Z * rest[1:, 3:],
            axes[1:, 1] * (pip - rest[1:, 1:2]),
            axes[1:, 2] * (dip - rest[1:, 2:3]),
        ]
        return np.concatenate([single, *fingers])

    def transforms(
        self, pivots: np.ndarray, angles: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (..., B, 3, 3) and moves (..., B, 3) of rest points.

        The wrist keeps its place and direction.

        Args:
            pivots: (B, 3) mm.
            angles: (..., D) radians.
        """
        local = self._local_rotations(angles)
        turned = (local @ pivots[..., None])[..., 0]
        steps = np.concatenate([local, (pivots - turned)[..., None]], axis=-1)
        placed = np.empty_like(steps)
        root, *generations = self._generations
        placed[..., root, :, :] = steps[..., root, :, :]
        for bones in generations:
            parent = placed[..., self.parents[bones], :, :]
            product = parent[..., :3] @ steps[..., bones, :, :]
            product[..., 3] += parent[..., 3]
            placed[..., bones, :, :] = product
        turns, moves = placed[..., :3], placed[..., 3]
        back = turns[..., WRIST_BONE, :, :].swapaxes(-1, -2)
        offset = moves - moves[..., WRIST_BONE, None, :]
        return back[..., None, :, :] @ turns, offset @ back.swapaxes(-1, -2)

    def _local_rotations(self, angles: np.ndarray) -> np.ndarray:
        """Rotations (..., B, 3, 3) of each bone against its parent.

        Each is a product of turns about fixed axes. The turns' vectors are
        linear in the angles, and all turns are made in one call.
        """
        vectors = (angles @ self._slope).reshape(*np.shape(angles)[:-1], -1, 3)
        turns = np.moveaxis(_rotations(vectors + self._zero), -3, 0)
        local = np.empty((len(BONES), *turns.shape[1:]))
        local[:] = np.eye(3)
        local[WRIST_BONE] = turns[0] @ turns[1]
        local[_ARCH_BONES] = turns[2:4]
        cmc, mcp = FINGER_CHAINS[0, :2]
        local[cmc] = turns[4] @ turns[5] @ turns[6]
        local[mcp] = turns[7] @ turns[8]
        local[FINGER_CHAINS[0, 2]] = turns[9]
        a, b, c, d, pip, dip = turns[10:].reshape(6, 4, *turns.shape[1:])
        local[FINGER_CHAINS[1:, 0]] = a @ b @ c @ d
        local[FINGER_CHAINS[1:, 1]] = pip
        local[FINGER_CHAINS[1:, 2]] = dip
        return np.moveaxis(local, 0, -3)


def _generations(parents: np.ndarray) -> list[np.ndarray]:
    """Bones by their number of ancestors, the root first."""
    depth = np.zeros(len(parents), int)
    for bone, parent in enumerate(parents):
        depth[bone] = 0 if parent < 0 else depth[parent] + 1
    return [np.flatnonzero(depth == d) for d in range(depth.max() + 1)]


def _rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of vectors (..., 3) in radians."""
    angle = np.sqrt((vectors * vectors).sum(-1))
    sine = np.sinc(angle / np.pi)
    versine = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    out = versine[..., None, None] * (
        vectors[..., :, None] * vectors[..., None, :]
    )
    diagonal = np.cos(angle)
    sx, sy, sz = sine * x, sine * y, sine * z
    for i, j, value in ((2, 1, sx), (0, 2, sy), (1, 0, sz)):
        out[..., i, j] += value
        out[..., j, i] -= value
    for i in range(3):
        out[..., i, i] += diagonal
    return out


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) of length 1."""
    return v / np.sqrt((v * v).sum(-1, keepdims=True))
