"""What heads share whose result is a mesh with its keypoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpose.utils.typing import SampleList
from torch import Tensor

from synhand.hands.layer import HandModel
from synhand.models.heads.pose_head import PoseHead, parallel_projection
from synhand.models.labels import collect_labels


class MeshHead(PoseHead):
    """Mix-in of heads that give keypoints and vertices in one frame.

    `relative` (B, K + V, 3) of :meth:`read_out` holds the keypoints and,
    behind them, the vertices: 3D of `RootRelativeLabel`, so in reference
    bones, relative to the wrist, in the frame of the camera that looks at
    the crop's centre.
    """

    def _project(self, relative: Tensor, view: Tensor) -> Tensor:
        """u, v (B, P, 2) of 3D (B, P, 3); see `parallel_projection`."""
        return parallel_projection(relative, view, self.decoder.input_size)

    def _pose(
        self, joints: Tensor, vertices: Tensor | None, view: Tensor
    ) -> dict[str, Tensor]:
        """What :meth:`read_out` gives."""
        flat = self._project(joints, view)
        parts = [joints] if vertices is None else [joints, vertices]
        return dict(
            pose=torch.cat([flat, joints[..., 2:]], -1),
            scores=torch.ones_like(joints[..., 0]),
            relative=torch.cat(parts, 1),
        )


def squared_error(found: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean squared distance over batch and points.

    Args:
        found: (B, P, D).
        target: (B, P, D).
        weights: (B, P), 0 leaves a point out.
    """
    return (weights * (found - target).square().sum(-1)).mean()


def absolute_error(found: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Mean absolute error over batch and points, summed over D."""
    return (weights * (found - target).abs().sum(-1)).mean()


@torch.no_grad()
def mesh_targets(
    hand: HandModel,
    family: str,
    samples: SampleList,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """True vertices of a batch, from the hands' parameters, on the device.

    Args:
        hand: Makes the meshes.
        family: Joint family of the labels.
        samples: With labels of `HandMeshLabel`.
        device: Of the result.

    Returns:
        (B, V, 3), the hand model's whole mesh in the frame and unit of
        `RootRelativeLabel`; and weights (B,).
    """
    pose, shape, target, weights = (
        collect_labels(samples, name, device)
        for name in (
            'pose_labels',
            'shape_labels',
            'relative_labels',
            'mesh_weights',
        )
    )
    hands = hand(shape, pose)
    source = hands.keypoints[family]
    return similarity_align(source, target, hands.vertices), weights


def similarity_align(source: Tensor, target: Tensor, points: Tensor) -> Tensor:
    """Points moved by the similarity that brings source to target.

    The twin of :func:`synhand.geometry.alignment.procrustes_align` on
    tensors.

    Args:
        source: (B, K, 3).
        target: (B, K, 3).
        points: (B, P, 3), in the frame of `source`.

    Returns:
        (B, P, 3), in the frame and unit of `target`.
    """
    start, centre = (x.mean(1, keepdim=True) for x in (source, target))
    inside, outside = source - start, target - centre
    left, singular, right = torch.linalg.svd(inside.mT @ outside)
    signs = torch.ones_like(singular)
    signs[:, 2] = torch.linalg.det(left @ right).sign()
    rotation = (left * signs[:, None]) @ right
    gain = (singular * signs).sum(-1) / inside.square().sum((1, 2))
    return gain[:, None, None] * ((points - start) @ rotation) + centre


def buffer_of(values: Sequence | np.ndarray) -> Tensor:
    """A tensor of its own, on the device that models are built on."""
    return torch.tensor(np.asarray(values))
