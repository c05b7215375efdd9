"""The baked Anny hand as a differentiable layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synhand.hands.anatomy import LOWER, NUM_DOFS, UPPER
from synhand.hands.anny_hand import (
    AnnyHand,
    default_hand,
)
from synhand.hands.bake import BONES
from synhand.hands.joints import skin_end
from synhand.hands.layer import HandModel, rigid_skin
from synhand.hands.rotations import axis_angle_to_matrix
from synhand.skeleton import FINGERS, HAND_SIDES, JOINT_FAMILIES

POSE_SPACE_FILE = Path(__file__).parent / 'data' / 'anny_poses.npz'

_WRIST = BONES.index('wrist')
_FOREARM = _WRIST - 1
JOINT_NAMES = tuple(BONES[_WRIST:])
"""The bones that turn; the wrist's rotation moves the forearm."""


class AnnyLayer(HandModel):
    """:class:`synhand.hands.anny_hand.AnnyHand` on tensors.

    D = 26 degrees of freedom in radians (:mod:`synhand.hands.anatomy`),
    J = 20 joints in the order of `JOINT_NAMES`, whose rotations are relative
    to the parent, about the axes of the hand frame, identity at Anny's rest
    pose. The wrist is the origin; bending it moves the forearm.

    Args:
        hand: The baked hand; the package's own when None.
        side: `'right'`, or `'left'`: mirrored in the hand frame's x.
        turn_about: `'anatomical'` centres of rotation, or `'anny'`: the heads
            of Anny's own bones, and skinned linearly as Anny is.
        dtype: Of all tensors.
    """

    def __init__(
        self,
        hand: AnnyHand | None = None,
        side: str = 'right',
        turn_about: str = 'anatomical',
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if turn_about not in ('anatomical', 'anny'):
            raise ValueError(
                f"turn_about: expected 'anatomical' or 'anny', got "
                f'{turn_about!r}'
            )
        hand = hand or default_hand()
        left = HAND_SIDES[side] == HAND_SIDES['left']
        mean, basis = _affine(hand, turn_about == 'anny')
        mirror = np.array([-1.0 if left else 1.0, 1.0, 1.0])
        super().__init__(
            mean=mean * mirror,
            basis=basis * mirror,
            weights=hand.weights,
            faces=hand.faces[:, ::-1] if left else hand.faces,
            parents=_rerooted(hand.parents),
            carriers=np.tile(hand._bone_of_keypoint, len(JOINT_FAMILIES)),
            pose_space=pose_space(),
            limits=(LOWER, UPPER),
            shape_std=hand.people.std(0),
            side=HAND_SIDES[side],
            dtype=dtype,
        )
        self.hand = hand
        self.linear = turn_about == 'anny'
        # Rotation vectors are affine in the angles; a mirror turns them the
        # other way about the axes that it keeps.
        zero = hand.turns.vectors(np.zeros(NUM_DOFS))
        slope = np.stack(
            [hand.turns.vectors(u) - zero for u in np.eye(NUM_DOFS)]
        )
        turned = -mirror if left else mirror
        for name, value in (
            ('_turn_zero', (zero * turned).reshape(-1)),
            ('_turn_slope', (slope * turned).reshape(NUM_DOFS, -1)),
        ):
            tensor = torch.as_tensor(value).to(dtype)
            self.register_buffer(name, tensor, persistent=False)
        self._products = _products(len(zero))

    _turn_zero: Tensor
    _turn_slope: Tensor

    @property
    def num_joints(self) -> int:
        return len(JOINT_NAMES)

    def hand_vertices(self) -> npt.NDArray[np.bool_]:
        return self.hand.forearm_weight < 0.5

    def rotations(self, dofs: Tensor) -> Tensor:
        flat = torch.addmm(self._turn_zero, dofs, self._turn_slope)
        turns = axis_angle_to_matrix(flat.unflatten(-1, (-1, 3)))
        eye = torch.eye(3, dtype=turns.dtype, device=turns.device)
        turns = torch.cat([turns, eye.expand(len(turns), 1, 3, 3)], 1)
        first, *others = self._products
        joints = turns[:, first]
        for factor in others:
            joints = joints @ turns[:, factor]
        return joints

    def _bone_rotations(self, joints: Tensor) -> Tensor:
        """The wrist stays: the forearm turns the other way about it."""
        eye = torch.eye(3, dtype=joints.dtype, device=joints.device)
        still = eye.expand(len(joints), 1, 3, 3)
        forearm = joints[:, :1].transpose(-1, -2)
        return torch.cat([still, forearm, still, joints[:, 1:]], 1)

    def _skin(self, points: Tensor, turns: Tensor, moves: Tensor) -> Tensor:
        if self.linear:
            return super()._skin(points, turns, moves)
        return rigid_skin(
            self.weights, points, turns, moves, self._levels, self._order
        )

    def _middle_end(self, keypoints: Tensor) -> Tensor:
        *_, dip, tip = FINGERS['middle']
        return skin_end(keypoints[:, dip], keypoints[:, tip])

    def _origin(self, pivots: Tensor) -> Tensor:
        return pivots[:, _WRIST : _WRIST + 1]


def pose_space() -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """Mean (D,), components (D, D) and deviations (D,) of synthetic poses.

    Fitted by `python -m synhand.synthesis.pose_space`, in radians.
    """
    with np.load(POSE_SPACE_FILE) as data:
        return data['mean'], data['components'], data['std']


def _affine(
    hand: AnnyHand, anny_pivots: bool
) -> tuple[npt.NDArray, npt.NDArray]:
    """Rest vertices, pivots, keypoints as mean (P, 3) and basis (C, P, 3).

    All of them are affine in the shape, so values at zero and at the unit
    shapes hold everything, and no definition of a joint stands twice.
    """

    def points(shape: npt.NDArray) -> npt.NDArray:
        rest = hand.rest(shape)
        pivots = rest.pivots.copy()
        if anny_pivots:
            data = hand.mean + np.tensordot(shape, hand.basis, 1)
            pivots = data[hand.num_vertices :]
        # The forearm turns about the wrist.
        pivots[_FOREARM] = pivots[_WRIST]
        keypoints = [rest.keypoints[family] for family in JOINT_FAMILIES]
        return np.concatenate([rest.vertices, pivots, *keypoints])

    count = hand.num_components
    mean = points(np.zeros(count))
    return mean, np.stack([points(unit) - mean for unit in np.eye(count)])


def _rerooted(parents: npt.NDArray) -> npt.NDArray:
    """The skeleton with the wrist as its root."""
    parents = np.array(parents)
    chain = [_WRIST]
    while parents[chain[-1]] >= 0:
        chain.append(int(parents[chain[-1]]))
    parents[_WRIST] = -1
    for child, bone in zip(chain, chain[1:], strict=False):
        parents[bone] = child
    return parents


def _products(count: int) -> list[list[int]]:
    """Which turns each joint's rotation is the product of, factor by factor.

    The `count` turns are in the order of `AnnyHand._turn_vectors`; number
    `count` stands for none.
    """
    turns = {'wrist': [0, 1], 'metacarpal3': [2], 'metacarpal4': [3]}
    turns |= {'finger1-1': [4, 5, 6], 'finger1-2': [7, 8], 'finger1-3': [9]}
    for finger in range(4):
        first, *bends = range(10 + finger, count, 4)
        name = f'finger{finger + 2}'
        turns[f'{name}-1'] = [first, *bends[:3]]
        turns[f'{name}-2'], turns[f'{name}-3'] = [bends[3]], [bends[4]]
    longest = max(map(len, turns.values()))
    rows = [turns.get(name, []) for name in JOINT_NAMES]
    padded = [row + [count] * (longest - len(row)) for row in rows]
    return [list(factor) for factor in zip(*padded, strict=True)]
