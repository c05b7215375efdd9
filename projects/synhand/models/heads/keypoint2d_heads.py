"""MMPose's 2D heads, with targets on the device and decoding in torch.

The labels are positions: a loader ships 42 numbers a hand, and what a
representation makes of them, K maps of 64 x 64 cells a stage for instance,
never leaves the device. Parameters and losses are those of the stock heads.
"""

from __future__ import annotations

from typing import Any

import torch
from mmpose.models.heads import CPMHead, HeatmapHead, RTMCCHead
from mmpose.registry import MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn

from synhand.models.gaussian_maps import (
    gaussian_lines,
    gaussian_maps,
    line_peaks,
    map_peaks,
)
from synhand.models.heads.pose_head import Feats, PoseHead, keypoint_targets


@MODELS.register_module()
class HandHeatmapHead(PoseHead, HeatmapHead):
    """One heatmap a keypoint (SimpleBaseline, HRNet).

    Args:
        *args: Those of `HeatmapHead`.
        sigma: Width of the targets in cells.
        **kwargs: Those of `HeatmapHead`; `decoder` is `Latent25DLabel`.
    """

    def __init__(self, *args: Any, sigma: float = 2.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sigma = sigma

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_kpt`, see `HeatmapHead`."""
        maps = self.forward(feats)
        position, weights = keypoint_targets(batch_data_samples, maps.device)
        with torch.autocast(maps.device.type, enabled=False):
            targets = gaussian_maps(position, maps.shape[-2:], self.sigma)
            loss = self.loss_module(maps.float(), targets, weights)
        return dict(loss_kpt=loss)

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        position, height = map_peaks(self.forward(feats).float())
        return dict(pose=position, scores=height.clamp(0, 1))


@MODELS.register_module()
class HandStagesHead(PoseHead, CPMHead):
    """Heatmaps of several stages, each with a loss; the last one predicts.

    Intermediate supervision of convolutional pose machines (Wei et al., CVPR
    2016) and stacked hourglasses (Newell et al., ECCV 2016).

    Args:
        *args: Those of `CPMHead`.
        sigma: Width of the targets in cells.
        **kwargs: Those of `CPMHead`; `decoder` is `Latent25DLabel`.
    """

    def __init__(self, *args: Any, sigma: float = 2.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sigma = sigma

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_kpt_STAGE` for every stage."""
        stages = self.forward(feats)
        device = stages[0].device
        position, weights = keypoint_targets(batch_data_samples, device)
        losses = {}
        with torch.autocast(device.type, enabled=False):
            for stage, maps in enumerate(stages):
                targets = gaussian_maps(position, maps.shape[-2:], self.sigma)
                losses[f'loss_kpt_{stage}'] = self._criterion(stage)(
                    maps.float(), targets, weights
                )
        return losses

    def _criterion(self, stage: int) -> nn.Module:
        several = isinstance(self.loss_module, nn.ModuleList)
        return self.loss_module[stage] if several else self.loss_module

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        position, height = map_peaks(self.forward(feats)[-1].float())
        return dict(pose=position, scores=height.clamp(0, 1))


@MODELS.register_module()
class HandSimCCHead(PoseHead, RTMCCHead):
    """Two lines of bins a keypoint, one a coordinate (RTMPose).

    Y. Li et al., SimCC, ECCV 2022; T. Jiang et al., RTMPose, 2023. The first
    and last bin are the first and last pixel. The loss is the stock one's
    mean over the batch (the stock class sums over it).

    Args:
        *args: Those of `RTMCCHead`.
        sigma: Width of the targets in bins.
        **kwargs: Those of `RTMCCHead`; `decoder` is `Latent25DLabel`.
    """

    def __init__(self, *args: Any, sigma: float = 5.66, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sigma = sigma

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_kpt`, see `RTMCCHead`."""
        lines = self.forward(feats)
        device = lines[0].device
        position, weights = keypoint_targets(batch_data_samples, device)
        with torch.autocast(device.type, enabled=False):
            targets = [
                gaussian_lines(position[..., axis], line.shape[-1], self.sigma)
                for axis, line in enumerate(lines)
            ]
            found = [line.float() for line in lines]
            loss = self.loss_module(found, targets, weights)
        return dict(loss_kpt=loss / len(position))

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        positions, heights = [], []
        for line in self.forward(feats):
            height, index = line.float().max(-1)
            positions.append(line_peaks(line.float(), index))
            heights.append(height)
        scores = torch.minimum(*heights).clamp(0, 1)
        return dict(pose=torch.stack(positions, -1), scores=scores)
