"""3D poses by regression: one head, with priors and likelihoods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn

from synhand.models.heads.pose_head import (
    VIEW_START,
    Feats,
    PoseHead,
    keypoint_targets,
    parallel_projection,
)
from synhand.models.labels import collect_labels
from synhand.models.pose_prior import PosePrior
from synhand.skeleton import NUM_KEYPOINTS, ROOT

_LIKELIHOODS = dict(
    gaussian='GaussianNLLLoss',
    laplace='LaplaceNLLLoss',
    rle='ResidualLikelihoodLoss',
)
_LARGEST_SIGMA = {'2.5d': (1.0, 1.0, 4.0), '3d': (4.0, 4.0, 4.0)}
_PLAIN_SCALE = {'2.5d': (10.0, 10.0, 1.0), '3d': (1.0, 1.0, 1.0)}
_SMALLEST_SIGMA = 1e-3
_UV_WEIGHT = 10.0


@MODELS.register_module()
class PoseRegressionHead(PoseHead):
    """Coordinates from the mean of a feature map, by linear layers.

    With `output='2.5d'` the coordinates are (u, v, z) of `Latent25DLabel`.
    With `'3d'` they are 3D relative to the root, of `RootRelativeLabel`; a
    scaled parallel projection, three more numbers, gives u and v, and its
    loss on them (L1, weight 10) is what samples without 3D train.

    Note:
        - batch size: B
        - keypoint number: K

    Args:
        in_channels: Channels of the feature map.
        num_joints: K.
        in_index: Which feature map.
        hidden: Widths of linear layers, each with ReLU and dropout, before
            the last.
        dropout: Share of their outputs that training drops.
        output: `'2.5d'` or `'3d'`.
        prior: Arguments of `PosePrior`, such as `dict(components=30,
            trainable=True)`: the last layer gives so few numbers, and a
            linear layer that starts as principal components of the training
            set's poses (`FitPriorHook`) turns them into a pose
            (DeepPrior++). None: none.
        likelihood: None for a plain loss; `'gaussian'`, `'laplace'` or
            `'rle'` to predict a sigma for each coordinate, too.
        loss: Further arguments of that loss: of `CoordinateLoss`,
            `GaussianNLLLoss`, `LaplaceNLLLoss` or `ResidualLikelihoodLoss`.
        root: Keypoint whose depth, or 3D, is 0 by definition.
        decoder: The codec, `Latent25DLabel` or `RootRelativeLabel`.
        init_cfg: MMEngine's initialisation.

    Raises:
        ValueError: An unknown `output` or `likelihood`.
    """

    def __init__(
        self,
        in_channels: int,
        num_joints: int = NUM_KEYPOINTS,
        in_index: int = -1,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
        output: str = '2.5d',
        prior: ConfigType | None = None,
        likelihood: str | None = None,
        loss: Mapping[str, object] | None = None,
        root: int = ROOT,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        _check('output', output, tuple(_LARGEST_SIGMA))
        _check('likelihood', likelihood, (None, *_LIKELIHOODS))
        self.num_joints, self.in_index = num_joints, in_index
        self.output, self.likelihood = output, likelihood
        self.trunk, channels = _trunk(in_channels, hidden, dropout)
        self._add_layers(channels, prior)
        self._add_constants(root)
        self.loss_module = _loss(output, likelihood, dict(loss or {}))
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    def _add_layers(self, channels: int, prior: ConfigType | None) -> None:
        features = 3 * self.num_joints
        self.prior = PosePrior(features, **prior) if prior else None
        width = len(self.prior.basis) if self.prior else features
        self.coordinates = _last(channels, width)
        if self.prior is None and self.output == '2.5d':
            start = torch.tensor([0.5, 0.5, 0.0]).repeat(self.num_joints)
            self.coordinates.bias.data.copy_(start)
        if self.output == '3d':
            self.view = _last(channels, 3)
            self.view.bias.data.copy_(torch.tensor(VIEW_START))
        if self.likelihood:
            self.sigma = _last(channels, features)

    def _add_constants(self, root: int) -> None:
        free = torch.ones(self.num_joints, 3)
        free[root, 2 if self.output == '2.5d' else slice(None)] = 0
        self.register_buffer('free', free, persistent=False)
        largest = torch.tensor(_LARGEST_SIGMA[self.output])
        self.register_buffer('largest_sigma', largest, persistent=False)

    def forward(self, feats: Feats) -> dict[str, Tensor]:
        """What the network says of a batch.

        Args:
            feats: Feature maps, each (B, C, H', W').

        Returns:
            `mean` (B, K, 3), see the class; with a likelihood `sigma`
            (B, K, 3) in the same units; with 3D `view` (B, 3): u and v of
            the root, and the logarithm of the crop's widths a reference
            bone takes.
        """
        pooled = self.trunk(feats[self.in_index].mean((-2, -1)))
        mean = self.coordinates(pooled).float()
        if self.prior is not None:
            mean = self.prior(mean)
        found = dict(mean=mean.view(-1, self.num_joints, 3) * self.free)
        if self.likelihood:
            raw = self.sigma(pooled).float().view(-1, self.num_joints, 3)
            found['sigma'] = _SMALLEST_SIGMA + (
                self.largest_sigma * torch.sigmoid(raw)
            )
        if self.output == '3d':
            found['view'] = self.view(pooled).float()
        return found

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_pose`, and with 3D `loss_uv`; see the class."""
        found = self.forward(feats)
        device = found['mean'].device
        position, weights = keypoint_targets(batch_data_samples, device)
        with torch.autocast(device.type, enabled=False):
            target, known = self.targets(batch_data_samples, device)
            names = ('mean', 'sigma') if self.likelihood else ('mean',)
            losses = dict(
                loss_pose=self.loss_module(
                    *(found[name] for name in names), target, known * self.free
                )
            )
            if self.output == '3d':
                errors = (self._project(found) - position).abs().mean(-1)
                losses['loss_uv'] = _UV_WEIGHT * (errors * weights).mean()
        return losses

    def targets(
        self, samples: SampleList, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Coordinates (B, K, 3), and their weights."""
        if self.output == '3d':
            names = ('relative_labels', *['relative_weights'] * 3)
        else:
            flat = 'keypoint_weights'
            names = ('keypoint_labels', flat, flat, 'depth_weights')
        target, *weights = (
            collect_labels(samples, name, device) for name in names
        )
        return target, torch.stack(weights, -1)

    def complete_pose(
        self, sample: PoseDataSample
    ) -> npt.NDArray[np.float32] | None:
        """The label (3 K,) that the prior models; None if a part is unknown.

        Args:
            sample: With labels of one hand.
        """
        target, weights = self.targets([sample], torch.device('cpu'))
        if not bool((weights > 0).all()):
            return None
        return (target * self.free.cpu()).flatten().numpy()

    def _project(self, found: dict[str, Tensor]) -> Tensor:
        """u, v (B, K, 2) of root-relative 3D."""
        return parallel_projection(
            found['mean'], found['view'], self.decoder.input_size
        )

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        """Pose and scores; `sigmas`, and with 3D `relative` (B, K, 3).

        The score is 1 less the mean share that the sigmas of the first two
        coordinates have of the largest possible; without a likelihood 1.
        """
        found = self.forward(feats)
        pose = found['mean']
        result = dict(pose=pose, scores=torch.ones_like(pose[..., 0]))
        if self.output == '3d':
            flat = self._project(found)
            result['pose'] = torch.cat([flat, pose[..., 2:]], -1)
            result['relative'] = pose
        if self.likelihood:
            share = (found['sigma'] - _SMALLEST_SIGMA) / self.largest_sigma
            result['scores'] = 1 - share[..., :2].mean(-1)
            result['sigmas'] = found['sigma']
        return result


def _check(name: str, value: object, allowed: tuple) -> None:
    if value not in allowed:
        raise ValueError(f'{name}: expected one of {allowed}, got {value!r}')


def _trunk(
    channels: int, hidden: Sequence[int], dropout: float
) -> tuple[nn.Sequential, int]:
    """Layers before the last, and the channels that they give."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(channels, width), nn.ReLU(), nn.Dropout(dropout)]
        channels = width
    return nn.Sequential(*layers), channels


def _last(channels: int, features: int) -> nn.Linear:
    """A layer that starts near 0."""
    layer = nn.Linear(channels, features)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def _loss(output: str, likelihood: str | None, options: dict) -> nn.Module:
    if likelihood:
        return MODELS.build(dict(type=_LIKELIHOODS[likelihood], **options))
    options.setdefault('scale', _PLAIN_SCALE[output])
    return MODELS.build(dict(type='CoordinateLoss', **options))
