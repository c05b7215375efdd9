"""Biomechanical constraints: bone lengths, the palm's shape, joint angles.

A. Spurr, U. Iqbal, P. Molchanov, O. Hilliges, J. Kautz: Weakly supervised 3D
hand pose estimation via biomechanical constraints, ECCV 2020.

Points are (B, K, 3), right hands, camera frame (x right, y down, z forward),
in reference bones. B batch, K = 21 keypoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from synhand.hands.anatomy import LOWER, UPPER
from synhand.hands.anny_hand import ADULT_LENGTH_MM, default_hand
from synhand.skeleton import BONES, FINGERS, NUM_KEYPOINTS, REFERENCE_BONE

DIRECTIONS = 16
"""Half-planes that bound the two angles of a joint."""

_EPS = 1e-6
_LIMIT_POSES = 1500
_LIMIT_PEOPLE = 60
_PARENTS = tuple(parent for parent, _ in BONES)
_CHILDREN = tuple(child for _, child in BONES)
_FIRST_BONES = tuple(chain[0] - 1 for chain in FINGERS.values())


class HandShape(NamedTuple):
    """What the constraints bound.

    Attributes:
        bones: (B, 20), lengths of `BONES`.
        palm: (B, 8): curvatures between neighbouring rays of the palm (4, in
            1 / reference bones) and the angles between them (4, radians).
        angles: (B, 15, 2): flexion (towards the palm) and abduction in
            radians of the three joints of each digit, from base to tip.
    """

    bones: Tensor
    palm: Tensor
    angles: Tensor


def hand_shape(points: Tensor) -> HandShape:
    """Bone lengths, palm and joint angles of hands (B, K, 3)."""
    bones = points[:, _CHILDREN] - points[:, _PARENTS]
    rays = bones[:, _FIRST_BONES]
    normals = _ray_normals(rays)
    return HandShape(
        torch.sqrt(bones.square().sum(-1) + _EPS**2),
        torch.cat([_curvatures(rays, normals), _spread(rays)], -1),
        _joint_angles(bones.unflatten(1, (5, 4)), normals),
    )


def _unit(vectors: Tensor) -> Tensor:
    squares = vectors.square().sum(-1, keepdim=True)
    return vectors / torch.sqrt(squares + _EPS**2)


def _ray_normals(rays: Tensor) -> Tensor:
    """Palmar normals (B, 5, 3) at the rays of the palm (B, 5, 3)."""
    planes = _unit(torch.linalg.cross(rays[:, :-1], rays[:, 1:]))
    inner = _unit(planes[:, 1:] + planes[:, :-1])
    return torch.cat([planes[:, :1], inner, planes[:, -1:]], 1)


def _curvatures(rays: Tensor, normals: Tensor) -> Tensor:
    apart = rays[:, 1:] - rays[:, :-1]
    turned = normals[:, 1:] - normals[:, :-1]
    squares = apart.square().sum(-1) + _EPS
    return (turned * apart).sum(-1) / squares


def _spread(rays: Tensor) -> Tensor:
    rays = _unit(rays)
    across = torch.linalg.cross(rays[:, 1:], rays[:, :-1])
    sine = torch.sqrt(across.square().sum(-1) + _EPS**2)
    return torch.atan2(sine, (rays[:, 1:] * rays[:, :-1]).sum(-1))


def _joint_angles(bones: Tensor, normals: Tensor) -> Tensor:
    """Angles (B, 15, 2) from bones (B, 5, 4, 3) and normals (B, 5, 3).

    A frame of the bone before the joint (along, across, palmar) is carried
    from joint to joint; bending about `across` is flexion, leaving the plane
    of `along` and `palmar` is abduction.
    """
    along = _unit(bones[:, :, 0])
    across = _unit(torch.linalg.cross(normals, along))
    angles = []
    for joint in range(1, 4):
        palmar = torch.linalg.cross(along, across)
        bone = _unit(bones[:, :, joint])
        aside = (bone * across).sum(-1)
        level = torch.sqrt((1 - aside**2).clamp(min=_EPS))
        flexion = torch.atan2((bone * palmar).sum(-1), _safe(bone, along))
        angles.append(torch.stack([flexion, torch.atan2(aside, level)], -1))
        across = _unit(across - aside[..., None] * bone)
        along = bone
    return torch.stack(angles, 2).flatten(1, 2)


def _safe(bone: Tensor, along: Tensor) -> Tensor:
    """Their product, away from 0 where atan2 has no gradient."""
    product = (bone * along).sum(-1)
    return torch.where(product.abs() < _EPS, _EPS, product)


def half_planes(like: Tensor) -> Tensor:
    """Unit vectors (`DIRECTIONS`, 2) in the plane of the two angles."""
    turn = torch.arange(DIRECTIONS) * (2 * math.pi / DIRECTIONS)
    return torch.stack([turn.cos(), turn.sin()], -1).to(like)


def measure_limits(points: Tensor) -> dict[str, list]:
    """The limits of `BiomechanicalLoss` that a set of hands keeps.

    Args:
        points: (B, K, 3), see the module.

    Returns:
        `bones` (20, 2) and `palm` (8, 2), smallest and largest values;
        `angles` (15, `DIRECTIONS`), how far the two angles reach in each
        direction: a polygon around the convex hull of all hands.
    """
    shape = hand_shape(points)
    reach = (shape.angles @ half_planes(shape.angles).T).amax(0)
    pairs = {
        name: torch.stack([value.amin(0), value.amax(0)], -1)
        for name, value in (('bones', shape.bones), ('palm', shape.palm))
    }
    found = dict(pairs, angles=reach)
    return {
        name: [[round(v, 4) for v in row] for row in value.tolist()]
        for name, value in found.items()
    }


@MODELS.register_module()
class BiomechanicalLoss(nn.Module):
    """How far hands are outside of what hands can be.

    Args:
        bones: (20, 2), smallest and largest lengths of `BONES` in reference
            bones.
        palm: (8, 2), the same of `HandShape.palm`.
        angles: (15, `DIRECTIONS`), see `measure_limits`; radians.
        weights: Of the losses `bones`, `palm`, `angles`; 0 leaves one out.

    Raises:
        ValueError: A limit has another shape, or a weight another name.
    """

    def __init__(
        self,
        bones: Sequence,
        palm: Sequence,
        angles: Sequence,
        weights: dict[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.weights = {**dict(bones=0.1, palm=0.1, angles=0.1)}
        if not set(weights or {}) <= set(self.weights):
            raise ValueError(
                f'weights: expected some of {tuple(self.weights)}, got '
                f'{weights}'
            )
        self.weights.update(weights or {})
        for name, value, shape in (
            ('bones', bones, (20, 2)),
            ('palm', palm, (8, 2)),
            ('angles', angles, (15, DIRECTIONS)),
        ):
            limits = torch.as_tensor(value, dtype=torch.float32)
            if limits.shape != shape:
                raise ValueError(
                    f'{name}: expected limits of shape {shape}, got '
                    f'{tuple(limits.shape)}'
                )
            self.register_buffer(name, limits, persistent=False)

    def forward(self, points: Tensor, weight: Tensor) -> dict[str, Tensor]:
        """Losses.

        Args:
            points: (B, K, 3), right hands in reference bones, camera frame.
            weight: (B,), 0 leaves a hand out.

        Returns:
            `loss_bones`, `loss_palm`, `loss_angles`: weighted means.
        """
        shape = hand_shape(points)
        reach = shape.angles @ half_planes(points).T
        beyond = dict(
            bones=_outside(shape.bones, self.bones),
            palm=_outside(shape.palm, self.palm),
            angles=(reach - self.angles.to(points)).relu().amax(-1),
        )
        return {
            f'loss_{name}': factor * (beyond[name].mean(-1) * weight).mean()
            for name, factor in self.weights.items()
            if factor > 0
        }


def _outside(values: Tensor, limits: Tensor) -> Tensor:
    low, high = limits.to(values).unbind(-1)
    return (low - values).relu() + (values - high).relu()


def synthetic_limits(joint_family: str) -> dict[str, list]:
    """`measure_limits` of the synthetic hand.

    The joint angles are bounded by what poses drawn from all degrees of
    freedom, limits included, reach, the lengths and the palm by the shapes of
    many people. No statistic of recorded hands goes in.

    Args:
        joint_family: Of the keypoints.
    """
    return dict(_synthetic_limits(joint_family))


@lru_cache
def _synthetic_limits(joint_family: str) -> dict[str, list]:
    return measure_limits(torch.from_numpy(_sampled_hands(joint_family)))


def _sampled_hands(joint_family: str) -> np.ndarray:
    """Keypoints (N, K, 3) in reference bones, right hands."""
    rng = np.random.default_rng(0)
    hand = default_hand()
    people = rng.permutation(len(hand.people))[:_LIMIT_PEOPLE]
    rests = [hand.rest(hand.people[i], ADULT_LENGTH_MM) for i in people]
    share = rng.uniform(-0.1, 1.1, (_LIMIT_POSES, len(LOWER))).clip(0, 1)
    angles = LOWER + share * (UPPER - LOWER)
    points = np.empty((_LIMIT_POSES, NUM_KEYPOINTS, 3))
    for i, pose in enumerate(angles):
        rest = rests[i % len(rests)]
        points[i] = hand.pose_keypoints(rest, pose)[joint_family]
    middle = points[:, REFERENCE_BONE[1]] - points[:, REFERENCE_BONE[0]]
    return points / np.linalg.norm(middle, axis=-1)[:, None, None]
