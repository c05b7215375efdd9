"""Hands as a camera sees them, without place, size and roll.

2D keypoints are turned to what a camera would see that looks straight at the
hand (perspective is thereby corrected for), mirrored where the hand is a
left one, centred, brought to unit size and turned upright. What is left is
the pose and the direction it is seen from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synhand.geometry.cameras import pixel_rays
from synhand.geometry.placement import virtual_rotation
from synhand.skeleton import FINGERS, REFERENCE_BONE, ROOT

_BASES = [chain[0] for name, chain in FINGERS.items() if name != 'thumb']
_INDEX, _MIDDLE, _LITTLE = (_BASES[i] for i in (0, 1, 3))
_LEAST = 1e-6


@dataclass(frozen=True)
class View:
    """B hands without place, size and roll.

    Attributes:
        points: (B, K, 2), centred, root mean square distance 1, the finger
            bases straight above the wrist (towards -y).
        rotation: (B, 3, 3), from the camera's frame to that of `points`; a
            reflection for hands that were mirrored.
    """

    points: Tensor
    rotation: Tensor

    def to_camera(self, shapes: Tensor) -> Tensor:
        """Shapes (B, K, 3) of the view's frame in the camera's frame."""
        return shapes @ self.rotation.to(shapes)


def view_of(
    keypoints: np.ndarray, cameras: np.ndarray, mirrored: np.ndarray
) -> View:
    """What a camera sees that looks straight at each hand.

    Args:
        keypoints: (B, K, 2) px.
        cameras: (B, 3, 3) px.
        mirrored: (B,) true for left hands, which are mirrored to right ones.
    """
    rotation = virtual_rotation(cameras, keypoints.mean(-2))
    rays = pixel_rays(keypoints, cameras) @ rotation.swapaxes(-1, -2)
    flip = np.where(mirrored, -1.0, 1.0)[:, None]
    plane = rays[..., :2] / np.maximum(rays[..., 2:], _LEAST)
    plane[..., 0] *= flip
    rotation = rotation.copy()
    rotation[:, 0] *= flip
    points, roll = upright(torch.from_numpy(plane).float())
    return View(points, roll @ torch.from_numpy(rotation).float())


def upright(plane: Tensor) -> tuple[Tensor, Tensor]:
    """Centre, scale and turn 2D hands.

    Args:
        plane: (B, K, 2), any unit, y down.

    Returns:
        (B, K, 2) as `View.points`, and the turns (B, 3, 3) about z.
    """
    centred = plane - plane.mean(-2, keepdim=True)
    size = centred.square().sum((-1, -2), keepdim=True) / plane.shape[-2]
    centred = centred / size.sqrt().clamp(min=_LEAST)
    up = centred[:, _BASES].mean(1) - centred[:, ROOT]
    length = up.norm(dim=-1).clamp(min=_LEAST)
    sin, cos = up[:, 0] / length, -up[:, 1] / length
    zero, one = torch.zeros_like(sin), torch.ones_like(sin)
    rows = [cos, sin, zero, -sin, cos, zero, zero, zero, one]
    turn = torch.stack(rows, -1).unflatten(-1, (3, 3))
    return centred @ turn[:, :2, :2].mT, turn


def canonical(points: Tensor, mirrored: Tensor) -> Tensor:
    """Right hands in the frame of their palm, in reference bones.

    Args:
        points: (B, K, 3), any frame and unit.
        mirrored: (B,) true for left hands.

    Returns:
        (B, K, 3): wrist at the origin, y to the middle MCP, x and y in the
        plane of wrist, index and little MCP.
    """
    points = points - points[:, ROOT : ROOT + 1]
    flip = torch.where(mirrored, -1.0, 1.0).to(points)
    points = torch.stack(
        [points[..., 0] * flip[:, None], points[..., 1], points[..., 2]], -1
    )
    y = torch.nn.functional.normalize(points[:, _MIDDLE], dim=-1)
    palm = torch.linalg.cross(points[:, _INDEX], points[:, _LITTLE])
    x = torch.nn.functional.normalize(torch.linalg.cross(y, palm), dim=-1)
    frame = torch.stack([x, y, torch.linalg.cross(x, y)], -1)
    a, b = REFERENCE_BONE
    bone = (points[:, a] - points[:, b]).norm(dim=-1).clamp(min=_LEAST)
    return points @ frame / bone[:, None, None]


def random_views(
    poses: Tensor, distances: tuple[float, float], generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Canonical poses seen from random directions.

    Args:
        poses: (B, K, 3) as `canonical` gives.
        distances: Of the camera in reference bones; log-uniform between.
        generator: Of the random numbers.

    Returns:
        Points (B, K, 2) and root-relative shapes (B, K, 3) in the frame of
        `View.points`, in reference bones; the projections (B, K, 2) with
        nothing taken out that they were made of, in units of the focal
        length times the reference bone over the distance.
    """
    rotations, distance = draw_views(len(poses), distances, generator)
    plane, seen = look(poses, rotations, distance)
    points, roll = upright(plane)
    return points, relative(seen) @ roll.mT, plane


def draw_views(
    count: int, distances: tuple[float, float], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Uniform rotations as quaternions (N, 4), log-uniform distances (N,)."""
    rotations = torch.randn(count, 4, generator=generator)
    rotations = torch.nn.functional.normalize(rotations, dim=-1)
    low, high = np.log(distances)
    share = torch.rand(count, generator=generator)
    return rotations, (low + (high - low) * share).exp()


def look(
    poses: Tensor, rotations: Tensor, distance: Tensor
) -> tuple[Tensor, Tensor]:
    """Project poses whose middle is on the optical axis.

    Args:
        poses: (B, K, 3) in reference bones.
        rotations: (B, 4) unit quaternions, w last.
        distance: (B,) of the middle, in reference bones.

    Returns:
        (B, K, 2) projections times the distance, and (B, K, 3) the turned
        poses.
    """
    seen = poses @ quaternion_to_matrix(rotations).mT
    seen = seen - seen.mean(1, keepdim=True)
    depth = 1 + seen[..., 2:] / distance[:, None, None]
    return seen[..., :2] / depth.clamp(min=0.1), seen


def quaternion_to_matrix(quaternions: Tensor) -> Tensor:
    """(B, 3, 3) of unit quaternions (B, 4), w last."""
    v, w = quaternions[:, :3], quaternions[:, 3:]
    outer = v[:, :, None] * v[:, None]
    eye = torch.eye(3, dtype=v.dtype, device=v.device)
    x, y, z = (v * w).unbind(-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    skew = torch.stack(rows, -1).unflatten(-1, (3, 3))
    square = v.square().sum(-1)[:, None, None]
    return eye * (1 - 2 * square) + 2 * (outer + skew)


def relative(points: Tensor) -> Tensor:
    """(B, K, 3) with the wrist at the origin."""
    return points - points[:, ROOT : ROOT + 1]
