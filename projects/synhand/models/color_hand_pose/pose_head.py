"""PosePrior and ViewPoint: from score maps to 3D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from synhand.hands.rotations import axis_angle_to_matrix
from synhand.models.color_hand_pose.canonical import (
    from_articulation,
    from_canonical,
    to_articulation,
    to_canonical,
)
from synhand.models.gaussian_maps import map_peaks
from synhand.models.heads.pose_head import Feats, PoseHead
from synhand.models.labels import collect_labels, known_side
from synhand.skeleton import HAND_SIDES, NUM_KEYPOINTS

VARIANTS = ('proposed', 'direct', 'bottleneck', 'local')
_BOTTLENECK = 30
_SLOPE = 0.01
_SIDES = 2


class MapNet(nn.Module):
    """Score maps and the side of a hand to a few numbers.

    Pairs of 3 x 3 convolutions, the second of stride 2, then fully
    connected layers, the first of which also sees the side.

    Args:
        map_size: Cells n of a side of the maps.
        widths: Channels of each pair.
        hidden: Features of the hidden layers.
        outputs: N numbers.
        dropout: Share of hidden features left out in training.
        bottleneck: Features of a linear layer before the last; 0: none.
        num_joints: K maps.
    """

    def __init__(
        self,
        map_size: int,
        widths: Sequence[int],
        hidden: Sequence[int],
        outputs: int,
        dropout: float,
        bottleneck: int = 0,
        num_joints: int = NUM_KEYPOINTS,
    ) -> None:
        super().__init__()
        self.convolutions = _convolutions(num_joints, widths)
        cells = map_size // 2 ** len(widths)
        channels = widths[-1] * cells**2 + _SIDES
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [
                nn.Linear(channels, width),
                nn.LeakyReLU(_SLOPE),
                nn.Dropout(dropout),
            ]
            channels = width
        if bottleneck:
            layers.append(nn.Linear(channels, bottleneck))
            channels = bottleneck
        self.layers = nn.Sequential(*layers, nn.Linear(channels, outputs))

    def forward(self, maps: Tensor, sides: Tensor) -> Tensor:
        """(B, N) of maps (B, K, n, n) and one-hot sides (B, 2)."""
        seen = self.convolutions(maps).flatten(1)
        return self.layers(torch.cat([seen, sides.to(seen)], 1))


def _convolutions(channels: int, widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        for stride in (1, 2):
            layers += [
                nn.Conv2d(channels, width, 3, stride, padding=1),
                nn.LeakyReLU(_SLOPE),
            ]
            channels = width
    return nn.Sequential(*layers)


@MODELS.register_module()
class CanonicalPoseHead(PoseHead):
    """3D of score maps, relative to the root and in reference bones.

    C. Zimmermann, T. Brox, ICCV 2017. The side of the hand is an input, left
    and right one-hot. Variants:

    - `'proposed'`: PosePrior gives the hand in the canonical frame,
      ViewPoint the rotation from there (axis times angle, Rodrigues).
    - `'local'`: PosePrior gives length and two angles of each bone in the
      frame of the bone before it; ViewPoint as above.
    - `'direct'`: one network gives the 3D as the crop shows it.
    - `'bottleneck'`: as `'direct'`, through a linear layer of 30 features
      (M. Oberweger et al. 2015).

    Losses are mean squares, of the canonical pose (or the bones, or the 3D)
    and of the rotation matrix.

    Note:
        - batch size: B
        - keypoint number: K
        - cells of a side of the score maps: n

    Args:
        variant: See above.
        map_size: n; larger maps are averaged to it.
        width: Channels of PosePrior's first pair of convolutions (then
            twice and four times as many); ViewPoint has twice as many.
        hidden: Features of PosePrior's two hidden layers.
        view_hidden: Features of ViewPoint's hidden layers.
        dropout: Of PosePrior's hidden features.
        view_dropout: Of ViewPoint's.
        decoder: The codec, `RootRelativeLabel` with the extra `'side'`.
        init_cfg: MMEngine's initialisation.

    Raises:
        ValueError: An unknown `variant`.
    """

    def __init__(
        self,
        variant: str = 'proposed',
        map_size: int = 32,
        width: int = 32,
        hidden: Sequence[int] = (512, 512),
        view_hidden: Sequence[int] = (256, 128),
        dropout: float = 0.2,
        view_dropout: float = 0.25,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if variant not in VARIANTS:
            raise ValueError(
                f'variant: expected one of {VARIANTS}, got {variant!r}'
            )
        self.variant, self.map_size = variant, map_size
        widths = (width, 2 * width, 4 * width)
        numbers = 3 * (NUM_KEYPOINTS - 1)  # the root is 0
        self.pose_prior = MapNet(
            map_size,
            widths,
            hidden,
            numbers,
            dropout,
            _BOTTLENECK if variant == 'bottleneck' else 0,
        )
        if self.has_viewpoint:
            wider = [2 * channels for channels in widths]
            self.viewpoint = MapNet(
                map_size, wider, view_hidden, 3, view_dropout
            )
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    @property
    def has_viewpoint(self) -> bool:
        return self.variant in ('proposed', 'local')

    def forward(self, feats: Feats, right: Tensor) -> dict[str, Tensor]:
        """What the networks say.

        Args:
            feats: The last holds score maps (B, K, H', W').
            right: (B,) bool, true where the crop shows a right hand.

        Returns:
            `relative` (B, K, 3), axes of the crop; with a viewpoint
            `canonical` (B, K, 3) and `rotation` (B, 3, 3); for `'local'`
            `bones` (B, K - 1, 3), see `to_articulation`.
        """
        maps = F.adaptive_avg_pool2d(feats[-1], self.map_size)
        sides = torch.stack([~right, right], -1)
        numbers = self.pose_prior(maps, sides).float()
        pose = numbers.unflatten(-1, (NUM_KEYPOINTS - 1, 3))
        found = {}
        if self.variant == 'local':
            found['bones'] = pose
            points = from_articulation(pose)
        else:
            points = F.pad(pose, (0, 0, 1, 0))
        if not self.has_viewpoint:
            return dict(relative=points)
        turn = axis_angle_to_matrix(self.viewpoint(maps, sides).float())
        found.update(canonical=points, rotation=turn)
        return dict(found, relative=from_canonical(points, turn, right))

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_pose`, and `loss_view` with a viewpoint; see the class."""
        device = feats[-1].device
        target, weights, side = (
            collect_labels(batch_data_samples, name, device)
            for name in ('relative_labels', 'relative_weights', 'side_labels')
        )
        right = side > 0.5
        found = self.forward(feats, right)
        known = (weights > 0).all(1)
        with torch.autocast(device.type, enabled=False):
            return self._losses(found, target, right, known)

    def _losses(
        self,
        found: dict[str, Tensor],
        target: Tensor,
        right: Tensor,
        known: Tensor,
    ) -> dict[str, Tensor]:
        if not self.has_viewpoint:
            return dict(loss_pose=_mse(found['relative'], target, known))
        canonical, rotation = to_canonical(target, right)
        if self.variant == 'local':
            name, pose = 'bones', to_articulation(canonical)
        else:
            name, pose = 'canonical', canonical
        return dict(
            loss_pose=_mse(found[name], pose, known),
            loss_view=_mse(found['rotation'], rotation, known),
        )

    def predict(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        test_cfg: ConfigType | None = None,
    ) -> list[InstanceData]:
        """See `PoseHead`.

        Raises:
            ValueError: `flip_test` is asked for: the mirrored maps would be
                read as of the hand's own side.
        """
        if test_cfg and test_cfg.get('flip_test', False):
            raise ValueError(
                f'{type(self).__name__}: expected flip_test=False'
            )
        return super().predict(feats, batch_data_samples, test_cfg)

    def conditions(self, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Sides of the hands as the crops show them; unknown ones: right."""
        sides = [known_side(sample) for sample in batch_data_samples]
        mirrored = [
            s.metainfo.get('mirrored', False) for s in batch_data_samples
        ]
        right = np.array(sides) != HAND_SIDES['left']
        return dict(right=torch.from_numpy(right ^ np.array(mirrored)))

    def read_out(self, feats: Feats, right: Tensor) -> dict[str, Tensor]:
        """Peaks of the maps with the 3D's depth; and `relative`."""
        maps = feats[-1].float()
        relative = self.forward(feats, right.to(maps.device))['relative']
        position, height = map_peaks(maps)
        return dict(
            pose=torch.cat([position, relative[..., 2:]], -1),
            scores=height.clamp(0, 1),
            relative=relative,
        )


def _mse(found: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Mean square over the samples (B,) that are known."""
    target = torch.where(known[:, None, None], target, 0.0)
    errors = (found - target).square().mean((1, 2)) * known
    return errors.sum() / known.sum().clamp(min=1)
