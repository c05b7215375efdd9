"""Regression by a cascade whose later stages look closer.

A. Toshev, C. Szegedy: DeepPose, Human pose estimation via deep neural
networks, CVPR 2014, section 3.2.
"""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn

from synhand.models.crops import (
    from_window,
    sample_windows,
    to_window,
    window_sides,
)
from synhand.models.heads.pose_head import Feats, PoseHead, keypoint_targets
from synhand.skeleton import NUM_KEYPOINTS

_FIRST_NOISE = 0.2
_MOMENTUM = 0.02


@MODELS.register_module()
class DeepPoseHead(PoseHead):
    """Positions by regression, refined in windows around earlier estimates.

    The first stage regresses all positions from the features of the whole
    crop. Every later stage has a network of its own, which all keypoints
    share; it sees a window around the earlier estimate of one keypoint, cut
    from the crop on the device, and regresses that keypoint's displacement,
    as in the paper. A window's side follows the extent of the pose.

    As in the paper too, a later stage trains on simulated estimates: the
    true position plus a draw from the normal distribution of the earlier
    stage's errors, by keypoint, in sides of the window. Mean and variance
    follow the errors as training goes on, so all stages train at once.

    Note:
        - batch size: B
        - keypoint number: K
        - stages: S

    Args:
        in_channels: Channels of the map of the whole crop.
        input_size: (W, H) of the crop in pixels.
        num_joints: K.
        num_stages: S, with the first.
        refiner: A backbone; each later stage builds its own.
        refiner_channels: Channels of its last map.
        window_size: Pixels of the windows that the refiners see.
        window_scale: Side of the windows over the longer side of the box
            around the keypoints.
        loss: On positions and displacements, with weights a keypoint.
        decoder: The codec, `Latent25DLabel`.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(
        self,
        in_channels: int,
        input_size: tuple[int, int],
        num_joints: int = NUM_KEYPOINTS,
        num_stages: int = 3,
        refiner: ConfigType | None = None,
        refiner_channels: int = 512,
        window_size: int = 64,
        window_scale: float = 0.5,
        loss: ConfigType | None = None,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_joints = num_joints
        self.window_size = window_size
        self.window_scale = window_scale
        self.first = nn.Linear(in_channels, 2 * num_joints)
        nn.init.normal_(self.first.weight, std=0.01)
        nn.init.constant_(self.first.bias, 0.5)
        self.refiners = nn.ModuleList(
            WindowRefiner(refiner, refiner_channels, num_joints)
            for _ in range(num_stages - 1)
        )
        self.loss_module = MODELS.build(
            loss or dict(type='L1Loss', use_target_weight=True)
        )
        last = torch.tensor(input_size, dtype=torch.float32) - 1
        self.register_buffer('last', last, persistent=False)
        shape = (num_stages - 1, num_joints, 2)
        self.register_buffer('error_mean', torch.zeros(shape))
        self.register_buffer(
            'error_variance', torch.full(shape, _FIRST_NOISE**2)
        )
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    def forward(self, feats: Feats) -> list[Tensor]:
        """Estimates of every stage.

        Args:
            feats: Feature maps of the whole crop, and behind them the crop
                itself (B, 3, H, W).

        Returns:
            S times (B, K, 2): u, v.
        """
        *maps, images = feats
        estimates = [self._coarse(maps)]
        for refiner in self.refiners:
            centre = estimates[-1]
            side = self._sides(centre, torch.ones_like(centre[..., 0]))
            offset = self._offsets(refiner, images, centre, side)
            estimates.append(from_window(offset, centre, side))
        return estimates

    def _coarse(self, maps: Feats) -> Tensor:
        found = self.first(maps[-1].mean((-2, -1)))
        return found.float().view(-1, self.num_joints, 2)

    def _sides(self, position: Tensor, weights: Tensor) -> Tensor:
        return window_sides(position, weights, self.last, self.window_scale)

    def _offsets(
        self, refiner: nn.Module, images: Tensor, centre: Tensor, side: Tensor
    ) -> Tensor:
        """Displacements (B, K, 2) in sides of the windows."""
        windows = sample_windows(images, centre, side, self.window_size)
        return refiner(windows).float()

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_kpt_STAGE` for every stage, see the class."""
        *maps, images = feats
        position, weights = keypoint_targets(batch_data_samples, images.device)
        found = self._coarse(maps)
        losses = dict(loss_kpt_0=self.loss_module(found, position, weights))
        side = self._sides(position, weights)
        for stage, refiner in enumerate(self.refiners):
            self._observe(stage, to_window(found, position, side), weights)
            centre = from_window(self._errors(stage, weights), position, side)
            offset = self._offsets(refiner, images, centre, side)
            target = to_window(position, centre, side)
            losses[f'loss_kpt_{stage + 1}'] = self.loss_module(
                offset, target, weights
            )
            found = from_window(offset, centre, side)
        return losses

    @torch.no_grad()
    def _observe(self, stage: int, errors: Tensor, weights: Tensor) -> None:
        """Follow mean and variance of a stage's errors (B, K, 2)."""
        share = (weights / weights.sum(0).clamp(min=1))[..., None]
        known = (weights > 0).any(0)[:, None]
        mean = (share * errors).sum(0)
        variance = (share * (errors - mean) ** 2).sum(0)
        for buffer, seen in (
            (self.error_mean[stage], mean),
            (self.error_variance[stage], variance),
        ):
            buffer.lerp_(torch.where(known, seen, buffer), _MOMENTUM)

    @torch.no_grad()
    def _errors(self, stage: int, weights: Tensor) -> Tensor:
        """Errors (B, K, 2) such as the stage makes."""
        mean = self.error_mean[stage].expand(len(weights), -1, -1)
        deviation = self.error_variance[stage].sqrt()
        return mean + torch.randn_like(mean) * deviation

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        """The last stage's estimate.

        The score says how little the last stage still moved a keypoint: 1
        for not at all, 0 for to the edge of its window or beyond; without
        later stages it is 1.
        """
        estimates = self.forward(feats)
        scores = torch.ones_like(estimates[-1][..., 0])
        if len(estimates) > 1:
            before = estimates[-2]
            side = self._sides(before, scores)
            moved = to_window(estimates[-1], before, side).abs().amax(-1)
            scores = (1 - 2 * moved).clamp(0, 1)
        return dict(pose=estimates[-1], scores=scores)


class WindowRefiner(BaseModule):
    """A later stage's network: windows to displacements.

    Args:
        backbone: Its configuration.
        channels: Channels of its last map.
        num_joints: K; each keypoint has a linear layer of its own.
    """

    def __init__(
        self, backbone: ConfigType, channels: int, num_joints: int
    ) -> None:
        super().__init__()
        self.num_joints = num_joints
        self.backbone = MODELS.build(backbone)
        self.weight = nn.Parameter(torch.randn(num_joints, channels, 2) * 0.01)
        self.bias = nn.Parameter(torch.zeros(num_joints, 2))

    def forward(self, windows: Tensor) -> Tensor:
        """(B * K, 3, n, n) to (B, K, 2) in sides of the windows."""
        features = self.backbone(windows)[-1].mean((-2, -1))
        features = features.view(-1, self.num_joints, features.shape[-1])
        found = torch.einsum('bkc,kcd->bkd', features, self.weight)
        return found + self.bias
