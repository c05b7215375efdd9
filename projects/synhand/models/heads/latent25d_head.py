"""Latent 2.5D regression on any feature map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.heads import HeatmapHead
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn

from synhand.models.heatmaps import (
    gaussian_divergence,
    log_probabilities,
    mass_around,
    soft_argmax,
)
from synhand.skeleton import NUM_KEYPOINTS, ROOT

Feats = Sequence[Tensor]
_LABELS = ('keypoint_labels', 'keypoint_weights', 'depth_weights')
_LOSSES = dict(uv=10.0, z=1.0, heatmap=0.25)


@MODELS.register_module()
class Latent25DHead(BaseHead):
    """Heatmaps and depth maps that are read out by expectation.

    A feature map becomes 2K maps: K that a softmax, with a learnt softness a
    keypoint, turns into probabilities, and K of depths. (u, v) is the
    expected position, z the expected depth (U. Iqbal et al., Hand pose
    estimation via latent 2.5D heatmap regression, ECCV 2018). Beside the
    paper's L1 losses the heatmaps can be drawn to Gaussians around the true
    positions, which are made on the device.

    Note:
        - batch size: B
        - keypoint number: K
        - stages: S, one a chosen feature map, each with a loss; the last
          predicts

    Args:
        in_channels: Channels of the feature map or maps.
        num_joints: K.
        in_index: Which feature map; several for a loss a map, as with
            stacked hourglasses.
        deconv_out_channels: Channels of deconvolutions (each doubles the
            resolution) before the last layer; empty for none.
        deconv_kernel_sizes: Their kernel sizes.
        final_kernel_size: Kernel size of the last convolution.
        softness: Initial factor of the logits.
        root: Keypoint whose z is 0 by definition.
        loss: Weights of the losses: `uv` (L1, of the crop's size), `z` (L1,
            of the reference bone's length), `heatmap` (divergence from a
            Gaussian). 0 leaves a loss out.
        sigma: Width of that Gaussian in cells of the map.
        score_radius: A keypoint's score is the probability within so many
            cells of its position.
        decoder: The codec, `Latent25DLabel`.
        init_cfg: MMEngine's initialisation; default: that of `HeatmapHead`.

    Raises:
        ValueError: `loss` names an unknown loss.
    """

    def __init__(
        self,
        in_channels: int,
        num_joints: int = NUM_KEYPOINTS,
        in_index: int | Sequence[int] = -1,
        deconv_out_channels: Sequence[int] = (),
        deconv_kernel_sizes: Sequence[int] = (),
        final_kernel_size: int = 1,
        softness: float = 1.0,
        root: int = ROOT,
        loss: Mapping[str, float] | None = None,
        sigma: float = 1.0,
        score_radius: float = 2.0,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        single = isinstance(in_index, int)
        self.in_index = [in_index] if single else list(in_index)
        self.num_joints = num_joints
        self.sigma = sigma
        self.score_radius = score_radius
        self.loss_weights = {**_LOSSES, **(loss or {})}
        if set(self.loss_weights) != set(_LOSSES):
            raise ValueError(
                f'loss: expected weights of {tuple(_LOSSES)}, got {loss}'
            )
        self.stages = nn.ModuleList(
            HeatmapHead(
                in_channels,
                2 * num_joints,
                deconv_out_channels=tuple(deconv_out_channels),
                deconv_kernel_sizes=tuple(deconv_kernel_sizes),
                final_layer=dict(
                    kernel_size=final_kernel_size,
                    padding=final_kernel_size // 2,
                ),
            )
            for _ in self.in_index
        )
        log_softness = torch.full(
            (len(self.in_index), num_joints), float(np.log(softness))
        )
        self.log_softness = nn.Parameter(log_softness)
        not_root = torch.ones(num_joints)
        not_root[root] = 0
        self.register_buffer('not_root', not_root, persistent=False)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    def forward(self, feats: Feats) -> list[tuple[Tensor, Tensor]]:
        """Maps of every stage.

        Args:
            feats: Feature maps, each (B, C, H', W').

        Returns:
            S pairs of logits and depth maps, each (B, K, H, W).
        """
        pairs = []
        for index, stage in zip(self.in_index, self.stages, strict=True):
            maps = stage((feats[index],))
            pairs.append(tuple(maps.split(self.num_joints, dim=1)))
        return pairs

    def read_out(
        self, logits: Tensor, depths: Tensor, softness: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Expected positions and depths.

        Args:
            logits: (B, K, H, W).
            depths: (B, K, H, W).
            softness: (K,), factor of the logits.

        Returns:
            (B, K, 3): u, v, z as `Latent25DLabel` defines them, and the
            logarithms of the probabilities (B, K, H, W).
        """
        log_probability = log_probabilities(logits, softness)
        probability = log_probability.exp()
        z = (probability * depths).sum((-2, -1)) * self.not_root
        position = soft_argmax(probability)
        return torch.cat([position, z[..., None]], -1), log_probability

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
            `loss_uv`, `loss_z`, `loss_heatmap` (with `_STAGE` behind where
            there are several), means over batch and keypoints.
        """
        pairs = self.forward(feats)
        target = [
            collect_labels(batch_data_samples, name, pairs[0][0].device)
            for name in _LABELS
        ]
        losses = {}
        for stage, pair in enumerate(pairs):
            suffix = f'_{stage}' if len(pairs) > 1 else ''
            found = self._stage_loss(pair, stage, *target)
            losses.update({f'loss_{k}{suffix}': v for k, v in found.items()})
        return losses

    def _stage_loss(
        self,
        pair: tuple[Tensor, Tensor],
        stage: int,
        labels: Tensor,
        weights: Tensor,
        depth_weights: Tensor,
    ) -> dict[str, Tensor]:
        with torch.autocast(labels.device.type, enabled=False):
            logits, depths = (_full_precision(maps) for maps in pair)
            softness = self.log_softness[stage].exp()
            pose, log_probability = self.read_out(logits, depths, softness)
            error = (pose - labels).abs()
            losses = dict(
                uv=(error[..., :2].mean(-1) * weights).mean(),
                z=(error[..., 2] * depth_weights).mean(),
            )
            if self.loss_weights['heatmap'] > 0:
                divergence = gaussian_divergence(
                    log_probability, labels[..., :2], self.sigma
                )
                losses['heatmap'] = (divergence * weights).mean()
            return {
                name: value * self.loss_weights[name]
                for name, value in losses.items()
                if self.loss_weights[name] > 0
            }

    def predict(
        self,
        feats: Feats | list[Feats],
        batch_data_samples: SampleList,
        test_cfg: ConfigType | None = None,
    ) -> list[InstanceData]:
        """Poses of a batch.

        Args:
            feats: Feature maps; with `flip_test` a list of those of the
                crops and of the mirrored crops.
            batch_data_samples: Their metainfo says which were `mirrored`.
            test_cfg: `flip_test`: average with the mirrored crops.

        Returns:
            B times `keypoints` (1, K, 2) in pixels of the crop as the stock
            estimator counts them, `keypoint_scores` (1, K) from 0 to 1,
            `keypoints_z` (1, K) relative to the root, in reference bones.
        """
        if test_cfg and test_cfg.get('flip_test', False):
            pose, scores = self._predict(feats[0])
            flipped, flipped_scores = self._predict(feats[1])
            u = 1 - flipped[..., :1]
            flipped = torch.cat([u, flipped[..., 1:]], -1)
            pose = (pose + flipped) / 2
            scores = (scores + flipped_scores) / 2
        else:
            pose, scores = self._predict(feats)
        mirrored = torch.tensor(
            [s.metainfo.get('mirrored', False) for s in batch_data_samples],
            device=pose.device,
        )
        if self.decoder is None:
            raise RuntimeError('Latent25DHead: predict needs a `decoder`')
        keypoints, found = self.decoder.batch_decode(pose, scores, mirrored)
        return [
            InstanceData(
                keypoints=k[..., :2], keypoint_scores=s, keypoints_z=k[..., 2]
            )
            for k, s in zip(keypoints, found, strict=True)
        ]

    def _predict(self, feats: Feats) -> tuple[Tensor, Tensor]:
        """Pose (B, K, 3) and scores (B, K) of the last stage."""
        logits, depths = self.forward(feats)[-1]
        with torch.autocast(logits.device.type, enabled=False):
            logits, depths = _full_precision(logits), _full_precision(depths)
            softness = self.log_softness[-1].exp()
            pose, log_probability = self.read_out(logits, depths, softness)
            scores = mass_around(
                log_probability.exp(), pose[..., :2], self.score_radius
            )
        return pose, scores


def _full_precision(maps: Tensor) -> Tensor:
    half = maps.dtype in (torch.bfloat16, torch.float16)
    return maps.float() if half else maps


def collect_labels(
    batch_data_samples: SampleList, name: str, device: torch.device
) -> Tensor:
    """One label of all samples as a tensor (B, ...) on the device.

    Takes labels that are tensors, as stock MMPose packs them, and numpy
    arrays, as :class:`PackHandLabels` does.
    """
    labels = [s.gt_instance_labels.get(name) for s in batch_data_samples]
    if isinstance(labels[0], Tensor):
        return torch.cat(labels).to(device)
    return torch.from_numpy(np.concatenate(labels)).to(device)
