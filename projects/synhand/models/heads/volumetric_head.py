"""Coarse-to-fine volumetric prediction on any feature maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.model import ModuleList
from mmpose.models.heads import HeatmapHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn

from synhand.models.heads.map_readers import Target, coordinate_losses
from synhand.models.heads.pose_head import (
    PoseHead,
    changed_weights,
    weighted_losses,
)
from synhand.models.heatmaps import (
    gaussian_divergence,
    gaussian_misfit,
    log_probabilities,
    mass_around,
    peak_expectation,
    soft_argmax,
)
from synhand.models.labels import collect_labels
from synhand.skeleton import NUM_KEYPOINTS, ROOT

Feats = Sequence[Tensor]
_LOSSES = dict(volume=0.25, uv=10.0, z=1.0)
_VARIANTS = ('latent', 'direct')
_LABELS = ('keypoint_labels', 'keypoint_weights', 'depth_weights')


@MODELS.register_module()
class VolumetricHead(PoseHead):
    """One volume a keypoint, finer in depth from stage to stage.

    Stage s makes K volumes of D_s x H x W cells, D = 1, 2, 4, 64 in the
    paper (G. Pavlakos, X. Zhou, K. Derpanis, K. Daniilidis: Coarse-to-fine
    volumetric prediction for single-image 3D human pose, CVPR 2017). The way
    back of a stage's volumes into the features of the next is a linear
    function of the features they were made of, as the stock hourglass's own
    way back is: it needs no layer of its own.

    `variant='direct'` draws volumes to Gaussians of height 1, the paper's
    squared error, and reads the centre of what is around the highest cell.
    `'latent'` puts a softmax with a learnt softness over the volume, draws it
    to the Gaussian by its divergence, and trains its expectation by L1. No
    volume of targets is made: a Gaussian is a product of three lines.

    Note:
        - batch size: B
        - keypoint number: K
        - stages: S

    Args:
        in_channels: Channels of the feature maps.
        depths: D of each stage.
        in_index: The feature map of each stage.
        z_range: z from -z_range to z_range is what a volume holds, in
            reference bones; its first and last cell lie at the ends.
        num_joints: K.
        deconv_out_channels: Channels of deconvolutions of each stage.
        deconv_kernel_sizes: Their kernel sizes.
        variant: `'latent'` or `'direct'`.
        softness: Initial factor of the logits.
        root: Keypoint whose z is 0 by definition.
        loss: Weights of the losses: `volume` (divergence or squared error);
            for `'latent'` also `uv` and `z` (L1).
        sigma: Width of the Gaussians in cells of the map, and in cells of
            the deepest volume along its depth; coarser ones take their
            share, at least half a cell.
        decoder: The codec, `Latent25DLabel`.
        init_cfg: MMEngine's initialisation; default: that of `HeatmapHead`.

    Raises:
        ValueError: `loss` or `variant` is unknown, or `depths` and
            `in_index` are not of one length.
    """

    def __init__(
        self,
        in_channels: int,
        depths: Sequence[int] = (1, 2, 4, 64),
        in_index: Sequence[int] = (0, 1, 2, 3),
        z_range: float = 4.5,
        num_joints: int = NUM_KEYPOINTS,
        deconv_out_channels: Sequence[int] = (),
        deconv_kernel_sizes: Sequence[int] = (),
        variant: str = 'latent',
        softness: float = 1.0,
        root: int = ROOT,
        loss: Mapping[str, float] | None = None,
        sigma: float = 2.0,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.depths, self.in_index = list(depths), list(in_index)
        self.loss_weights = changed_weights(_LOSSES, loss)
        self.variant = variant
        self._check()
        self.z_range = z_range
        self.num_joints = num_joints
        self.sigma = sigma
        self.stages = ModuleList(
            HeatmapHead(
                in_channels,
                depth * num_joints,
                deconv_out_channels=tuple(deconv_out_channels),
                deconv_kernel_sizes=tuple(deconv_kernel_sizes),
            )
            for depth in self.depths
        )
        log_softness = torch.full(
            (len(self.depths), num_joints), float(np.log(softness))
        )
        # the direct variant has none to learn
        self.log_softness = nn.Parameter(log_softness, variant == 'latent')
        not_root = torch.ones(num_joints)
        not_root[root] = 0
        self.register_buffer('not_root', not_root, persistent=False)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    def _check(self) -> None:
        if self.variant not in _VARIANTS:
            raise ValueError(
                f'variant: expected one of {_VARIANTS}, got {self.variant!r}'
            )
        if len(self.depths) != len(self.in_index):
            raise ValueError(
                f'depths: expected one for each feature map of {self.in_index}'
                f', got {self.depths}'
            )

    def forward(self, feats: Feats) -> list[Tensor]:
        """Volumes (B, K, D, H, W) of every stage, of feature maps."""
        volumes = []
        for index, stage, depth in zip(
            self.in_index, self.stages, self.depths, strict=True
        ):
            maps = stage((feats[index],))
            size = (maps.shape[0], self.num_joints, depth, *maps.shape[2:])
            volumes.append(maps.reshape(size))
        return volumes

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        """What the last stage sees: `pose` (B, K, 3), `scores` (B, K)."""
        volume = self.forward(feats)[-1]
        with torch.autocast(volume.device.type, enabled=False):
            maps = self._maps(volume, -1)
            position = self._position(maps)
            if self.variant == 'latent':
                scores = mass_around(maps.exp(), position, 1.5 * self.sigma)
            else:
                scores = maps.flatten(2).amax(-1).clamp(0, 1)
        return dict(pose=self._pose(position), scores=scores)

    def _maps(self, volume: Tensor, stage: int) -> Tensor:
        """The volume, for `'latent'` as logarithms of probabilities."""
        volume = volume.to(self.log_softness.dtype)
        if self.variant == 'direct':
            return volume
        return log_probabilities(volume, self.log_softness[stage].exp())

    def _position(self, maps: Tensor) -> Tensor:
        """Position (B, K, 3) in the volume."""
        if self.variant == 'direct':
            return peak_expectation(maps, 2 * self.sigma)[0]
        return soft_argmax(maps.exp())

    def _pose(self, position: Tensor) -> Tensor:
        """u, v, z (B, K, 3) of a position (B, K, 3) in the volume."""
        z = (2 * position[..., 2] - 1) * self.z_range * self.not_root
        return torch.cat([position[..., :2], z[..., None]], -1)

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            feats: Feature maps.
            batch_data_samples: With the labels of `Latent25DLabel`.
            train_cfg: Not used.

        Returns:
            `loss_volume_STAGE` and, for `'latent'`, `loss_uv_STAGE` and
            `loss_z_STAGE`: means over batch and keypoints. Samples without
            3D train u and v alone.
        """
        volumes = self.forward(feats)
        device = volumes[0].device
        pose, weights, depth_weights = (
            collect_labels(batch_data_samples, name, device)
            for name in _LABELS
        )
        target = Target(pose, weights, depth_weights, weights)
        losses = {}
        with torch.autocast(device.type, enabled=False):
            for stage, volume in enumerate(volumes):
                found = self._stage_losses(volume, stage, target)
                losses.update(
                    weighted_losses(found, self.loss_weights, f'_{stage}')
                )
        return losses

    def _stage_losses(
        self, volume: Tensor, stage: int, target: Target
    ) -> dict[str, Tensor]:
        maps = self._maps(volume, stage)
        losses = dict(volume=self._volume_loss(maps, target))
        if self.variant == 'latent':
            pose = self._pose(self._position(maps))
            losses.update(coordinate_losses(pose, target))
            if self.depths[stage] == 1:
                del losses['z']  # one cell tells nothing of z
        return losses

    def _volume_loss(self, maps: Tensor, target: Target) -> Tensor:
        """Of a softmax's logarithms or of plain volumes (B, K, D, H, W).

        Where z is unknown the volume is compared after its depth is summed
        (softmax) or its highest cell along the depth is taken.
        """
        fit = (
            gaussian_divergence
            if self.variant == 'latent'
            else gaussian_misfit
        )
        depth = maps.shape[2]
        along = max(0.5, self.sigma * depth / max(self.depths))
        z = target.pose[..., 2] / self.z_range / 2 + 0.5
        within = target.depth_weights * ((z >= 0) & (z <= 1))
        solid = fit(
            maps,
            torch.cat([target.pose[..., :2], z[..., None]], -1),
            (self.sigma, self.sigma, along),
        )
        if bool((within >= target.weights).all()):
            return (solid * target.weights).mean()
        flat = maps.logsumexp(2) if self.variant == 'latent' else maps.amax(2)
        flat = fit(flat, target.pose[..., :2], self.sigma)
        mixed = torch.where(within > 0, solid, flat)
        return (mixed * target.weights).mean()
