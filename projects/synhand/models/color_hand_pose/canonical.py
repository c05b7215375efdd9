"""Hands without viewpoint: the canonical frame, and a chain of bones in it.

The frame is that of C. Zimmermann and T. Brox, ICCV 2017: the root at the
origin, the middle finger's base on +y, and the little finger's base in the
plane of x and y, at +x. A right hand in it is a left one mirrored in z, so
right hands are mirrored in z and all hands are left ones. B batch, K
keypoints, F fingers, J bones a finger; lengths in reference bones.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from synhand.skeleton import FINGERS, NUM_KEYPOINTS, ROOT

_MIDDLE, _LITTLE = FINGERS['middle'][0], FINGERS['little'][0]
_CHAINS = list(FINGERS.values())
_BONES = NUM_KEYPOINTS - 1

_BY_JOINT = [
    ROOT,
    *(k for joints in zip(*_CHAINS, strict=True) for k in joints),
]
_FROM_JOINTS = [_BY_JOINT.index(k) for k in range(NUM_KEYPOINTS)]


def to_canonical(points: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Take the viewpoint out of hands.

    Args:
        points: (B, K, 3), any frame, root at the origin.
        right: (B,) bool, true for right hands.

    Returns:
        Canonical points (B, K, 3) and rotations R (B, 3, 3), so that
        `from_canonical` gives the points back.
    """
    y = F.normalize(points[:, _MIDDLE], dim=-1)
    little = points[:, _LITTLE]
    x = F.normalize(little - (little * y).sum(-1, keepdim=True) * y, dim=-1)
    rotation = torch.stack([x, y, torch.linalg.cross(x, y)], -1)
    return _mirrored(points @ rotation, right), rotation


def from_canonical(points: Tensor, rotation: Tensor, right: Tensor) -> Tensor:
    """Canonical points (B, K, 3) in the frame that R (B, 3, 3) leads to."""
    return _mirrored(points, right) @ rotation.mT


def _mirrored(points: Tensor, right: Tensor) -> Tensor:
    sign = torch.where(right, -1.0, 1.0).to(points)[:, None]
    return torch.stack(
        [points[..., 0], points[..., 1], points[..., 2] * sign], -1
    )


def to_articulation(points: Tensor) -> Tensor:
    """Bones of canonical hands, each in the frame of the bone before it.

    Args:
        points: (B, K, 3), canonical.

    Returns:
        (B, K - 1, 3): length, flexion and abduction in radians. A frame's
        y axis is along its bone; the first bones' is the canonical frame.
    """
    frames = _first_frames(points)
    starts = points[:, [ROOT] * len(_CHAINS)]
    found = points.new_empty(len(points), _BONES, 3)
    for joints in zip(*_CHAINS, strict=True):
        ends = points[:, list(joints)]
        bones = ((ends - starts)[..., None, :] @ frames)[..., 0, :]
        length = bones.norm(dim=-1).clamp(min=1e-6)
        flexion = torch.atan2(bones[..., 2], bones[..., 1])
        abduction = torch.asin((bones[..., 0] / length).clamp(-1, 1))
        found[:, [j - 1 for j in joints]] = torch.stack(
            [length, flexion, abduction], -1
        )
        frames = frames @ _turn(flexion, abduction)
        starts = ends
    return found


def from_articulation(bones: Tensor) -> Tensor:
    """Canonical points (B, K, 3) of `to_articulation`'s (B, K - 1, 3)."""
    frames = _first_frames(bones)
    ends = bones.new_zeros(len(bones), len(_CHAINS), 3)
    points = [bones.new_zeros(len(bones), 1, 3)]
    for joints in zip(*_CHAINS, strict=True):
        length, *angles = bones[:, [j - 1 for j in joints]].unbind(-1)
        frames = frames @ _turn(*angles)
        ends = ends + frames[..., 1] * length[..., None]
        points.append(ends)
    by_joint = torch.cat(points, 1)
    return by_joint[:, _FROM_JOINTS]


def _first_frames(like: Tensor) -> Tensor:
    """(B, F, 3, 3): the canonical frame."""
    eye = torch.eye(3, dtype=like.dtype, device=like.device)
    return eye.expand(len(like), len(_CHAINS), 3, 3)


def _turn(flexion: Tensor, abduction: Tensor) -> Tensor:
    """(..., 3, 3): about x by the flexion, then about -z by the abduction."""
    cos_f, sin_f = flexion.cos(), flexion.sin()
    cos_a, sin_a = abduction.cos(), abduction.sin()
    zero = torch.zeros_like(cos_f)
    rows = [
        *(cos_a, sin_a, zero),
        *(-sin_a * cos_f, cos_a * cos_f, -sin_f),
        *(-sin_a * sin_f, cos_a * sin_f, cos_f),
    ]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))
