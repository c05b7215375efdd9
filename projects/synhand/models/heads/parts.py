"""Optional parts of 2.5D heads: families, sides, second stages, root depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from synhand.geometry.pose25d import (
    SIZE_PRIOR,
    bone_ratios,
    root_depth_least_squares,
    root_depth_single_bone,
)
from synhand.skeleton import NUM_KEYPOINTS, ROOT

ROOT_DEPTH_LIMITS = (4.0, 50.0)
"""Limits of the root depth before its refinement, in reference bones."""


class FamilyAdapter(nn.Module):
    """Poses of one joint family as those of others: a learnt linear map.

    Each keypoint becomes a weighted sum of all keypoints relative to the
    root, with the same weights for u, v and z: a joint definition moves
    along the hand's own bones, however the hand is turned.

    Args:
        families: Number of families; the first stays as it is.
        num_joints: K.
        root: Keypoint that stays where it is.
    """

    def __init__(
        self,
        families: int,
        num_joints: int = NUM_KEYPOINTS,
        root: int = ROOT,
    ) -> None:
        super().__init__()
        self.root = root
        shape = (families - 1, num_joints, num_joints)
        self.change = nn.Parameter(torch.zeros(shape))

    def forward(self, pose: Tensor, family: Tensor) -> Tensor:
        """Change the family.

        Args:
            pose: (B, K, 3), u, v, z of the first family.
            family: (B,), number of the wanted family.

        Returns:
            (B, K, 3).
        """
        root = pose[:, self.root, None]
        same = torch.zeros_like(self.change[:1])
        change = torch.cat([same, self.change])[family]
        return pose + change @ (pose - root)


class SideClassifier(nn.Module):
    """Whether a crop shows a right hand, from a mean feature vector.

    Args:
        in_channels: Channels of the feature map.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels, 1)

    def forward(self, feature: Tensor) -> Tensor:
        """Logits (B,) of a right hand, from a feature map (B, C, H, W)."""
        mean = feature.mean((-2, -1)).to(self.layer.weight.dtype)
        return self.layer(mean)[:, 0]

    def loss(self, feature: Tensor, label: Tensor, weight: Tensor) -> Tensor:
        """Binary cross-entropy, the mean over the batch.

        Args:
            feature: (B, C, H, W).
            label: (B,), 1 = right.
            weight: (B,), 0 where the side is unknown.
        """
        entropy = nn.functional.binary_cross_entropy_with_logits(
            self(feature), label, reduction='none'
        )
        return (entropy * weight).mean()


class SecondStage(nn.Module):
    """A further stage: it reads the features and the earlier stage's maps.

    Args:
        channels: Channels of the features.
        maps: Channels of the maps.
    """

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.join = _block(channels + maps, channels)
        self.blocks = nn.Sequential(
            _block(channels, channels), _block(channels, channels)
        )
        self.final_layer = nn.Conv2d(channels, maps, 1)
        nn.init.normal_(self.final_layer.weight, std=0.001)
        nn.init.zeros_(self.final_layer.bias)

    def forward(self, features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, H, W) and maps (B, M, H, W), both made anew."""
        joined = self.join(torch.cat([features, maps], 1))
        features = joined + self.blocks(joined)
        return features, self.final_layer(features)


def _block(in_channels: int, channels: int) -> ConvModule:
    return ConvModule(
        in_channels, channels, 3, padding=1, norm_cfg=dict(type='BN')
    )


class RootDepthRefiner(nn.Module):
    """Correction of a root depth that bones of a noisy pose gave.

    A perceptron of 64, 128, 128 and 1 units reads the pose, in normalised
    camera coordinates, and the clamped depth, and adds a residual; no
    gradient flows into the pose (A. Spurr et al., Weakly supervised 3D hand
    pose estimation via biomechanical constraints, ECCV 2020). It starts
    without a correction.

    Args:
        num_joints: K.
        mean_bone_lengths_mm: (20,), see `first_root_depth`.
        limits: The depth is first clamped to these, in reference bones.
    """

    def __init__(
        self,
        num_joints: int = NUM_KEYPOINTS,
        mean_bone_lengths_mm: Sequence[float] | None = None,
        limits: tuple[float, float] = ROOT_DEPTH_LIMITS,
    ) -> None:
        super().__init__()
        self.mean_bone_lengths_mm = mean_bone_lengths_mm
        self.limits = tuple(limits)
        self.layers = nn.Sequential(
            nn.Linear(3 * num_joints + 1, 128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 1),
        )
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, rays: Tensor) -> Tensor:
        """Refined root depths (B,) in reference bones.

        Args:
            rays: (B, K, 3), see `rays_of`.
        """
        rays = rays.detach()
        depth = first_root_depth(rays, self.mean_bone_lengths_mm)
        depth = depth.clamp(*self.limits)
        inputs = torch.cat([rays.flatten(1), depth[:, None]], 1)
        refined = depth + self.layers(inputs)[:, 0]
        return refined if self.training else refined.clamp(*self.limits)


def first_root_depth(
    rays: Tensor, mean_bone_lengths_mm: Sequence[float] | None = None
) -> Tensor:
    """Root depths that bone lengths give, without a gradient.

    Args:
        rays: (B, K, 3), see `rays_of`.
        mean_bone_lengths_mm: (20,) of a mean hand, for least squares over
            all bones; None: the reference bone alone.

    Returns:
        (B,) in reference bones.
    """
    pose = rays.detach().cpu().double().numpy()
    if mean_bone_lengths_mm is None:
        depth = root_depth_single_bone(pose, np.eye(3))
    else:
        depth = root_depth_least_squares(
            pose,
            np.eye(3),
            bone_ratios(mean_bone_lengths_mm),
            size_prior=SIZE_PRIOR,
        )
    return torch.from_numpy(depth).to(rays)


def rays_of(pose: Tensor, cameras: Tensor) -> Tensor:
    """Normalised camera coordinates of a pose.

    Args:
        pose: (B, K, 3): u, v, z.
        cameras: (B, 3, 3), bring (X / Z, Y / Z, 1) to (u, v, 1).

    Returns:
        (B, K, 3): X / Z, Y / Z, z.
    """
    pixels = torch.cat([pose[..., :2], torch.ones_like(pose[..., :1])], -1)
    inverse = torch.linalg.inv(cameras.double()).to(pose.dtype)
    rays = pixels @ inverse.transpose(1, 2)
    return torch.cat([rays[..., :2], pose[..., 2:]], -1)


def camera_points(rays: Tensor, depth: Tensor) -> Tensor:
    """Points (B, K, 3) in reference bones, camera frame.

    Args:
        rays: (B, K, 3), see `rays_of`.
        depth: (B,), root depth in reference bones.
    """
    z = rays[..., 2:] + depth[:, None, None]
    return torch.cat([rays[..., :2] * z, z], -1)
