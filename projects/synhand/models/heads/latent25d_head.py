"""Latent 2.5D regression on any feature map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.models.heads import HeatmapHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn

from synhand.models.heads.map_readers import READERS, Target
from synhand.models.heads.parts import (
    FamilyAdapter,
    RootDepthRefiner,
    SecondStage,
    SideClassifier,
    camera_points,
    first_root_depth,
    rays_of,
)
from synhand.models.heads.pose_head import (
    PoseHead,
    changed_weights,
    weighted_losses,
)
from synhand.models.labels import collect_labels
from synhand.skeleton import JOINT_FAMILIES, NUM_KEYPOINTS, ROOT

Feats = Sequence[Tensor]
Labels = Callable[[str], Tensor]
_LOSSES = dict(uv=10.0, z=1.0, heatmap=0.25, side=0.1, root_depth=0.1)
_FAMILY_MODES = (None, 'outputs', 'adapter')


@MODELS.register_module()
class Latent25DHead(PoseHead):
    """Heatmaps and depth maps that are read out by expectation.

    A feature map becomes 2K maps: K that a softmax, with a learnt softness a
    keypoint, turns into probabilities, and K of depths. (u, v) is the
    expected position, z the expected depth (U. Iqbal et al., Hand pose
    estimation via latent 2.5D heatmap regression, ECCV 2018). Beside the
    paper's L1 losses the heatmaps can be drawn to Gaussians around the true
    positions, which are made on the device. With `variant='direct'` the maps
    themselves are supervised, as in the paper's comparison.

    Note:
        - batch size: B
        - keypoint number: K
        - stages: S, one a chosen feature map and one a refinement, each with
          a loss; the last predicts
        - joint families: F, 1 without `families`

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
            Gaussian); direct: `heatmap` and `z` (squared errors of the maps
            over the energy of a Gaussian); `side`, `root_depth` (L1) where
            there are such parts. 0 leaves a loss out.
        sigma: Width of that Gaussian in cells of the map.
        score_radius: A keypoint's score is the probability within so many
            cells of its position.
        variant: `'latent'` or `'direct'`.
        refinements: Further stages that read features and earlier maps.
        families: For two joint families: `'outputs'`, maps for each, or
            `'adapter'`, a learnt linear map from the first to the second.
            Labels and metainfo `joint_family` say which is wanted.
        median: Outside of training u and v are the spatial median of the
            heatmap in place of the expectation; z and the scores stay.
        side: `in_channels` and `in_index` of the feature map that a
            classifier reads left or right from; None for no classifier. The
            crops must then not be mirrored by the side.
        root_depth: Arguments of `RootDepthRefiner`; None for none.
        biomechanics: A `BiomechanicalLoss`, for the last stage; None.
        decoder: The codec, `Latent25DLabel`.
        init_cfg: MMEngine's initialisation; default: that of `HeatmapHead`.

    Raises:
        ValueError: `loss`, `variant` or `families` is unknown, or
            constraints, families or medians are asked of the direct
            variant.
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
        variant: str = 'latent',
        refinements: int = 0,
        families: str | None = None,
        median: bool = False,
        side: ConfigType | None = None,
        root_depth: ConfigType | None = None,
        biomechanics: ConfigType | None = None,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        single = isinstance(in_index, int)
        self.in_index = [in_index] if single else list(in_index)
        self.num_joints = num_joints
        self.families = families
        self.loss_weights = changed_weights(_LOSSES, loss)
        self.median = median
        self._check(variant, biomechanics)
        self.reader = READERS[variant](sigma, score_radius)
        outputs = len(JOINT_FAMILIES) if families == 'outputs' else 1
        maps = 2 * outputs * num_joints
        self.stages = nn.ModuleList(
            HeatmapHead(
                in_channels,
                maps,
                deconv_out_channels=tuple(deconv_out_channels),
                deconv_kernel_sizes=tuple(deconv_kernel_sizes),
                final_layer=dict(
                    kernel_size=final_kernel_size,
                    padding=final_kernel_size // 2,
                ),
            )
            for _ in self.in_index
        )
        channels = [in_channels, *deconv_out_channels][-1]
        self.refinements = nn.ModuleList(
            SecondStage(channels, maps) for _ in range(refinements)
        )
        log_softness = torch.full(
            (len(self.in_index) + refinements, outputs * num_joints),
            float(np.log(softness)),
        )
        # the direct variant has none to learn
        self.log_softness = nn.Parameter(log_softness, variant == 'latent')
        not_root = torch.ones(num_joints)
        not_root[root] = 0
        self.register_buffer('not_root', not_root, persistent=False)
        self._add_parts(side, root_depth, biomechanics, root)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    def _check(
        self,
        variant: str,
        biomechanics: ConfigType | None,
    ) -> None:
        if variant not in READERS:
            raise ValueError(
                f'variant: expected one of {tuple(READERS)}, got {variant!r}'
            )
        if self.families not in _FAMILY_MODES:
            raise ValueError(
                f'families: expected one of {_FAMILY_MODES}, got '
                f'{self.families!r}'
            )
        if variant == 'direct' and (
            biomechanics or self.families or self.median
        ):
            raise ValueError(
                'variant: the direct one trains maps, not coordinates; '
                'expected no biomechanics, no families and no median'
            )

    def _add_parts(
        self,
        side: ConfigType | None,
        root_depth: ConfigType | None,
        biomechanics: ConfigType | None,
        root: int,
    ) -> None:
        """Those that are not asked for leave no trace in the state dict."""
        self.adapter = self.side = self.root_depth = self.biomechanics = None
        if self.families == 'adapter':
            self.adapter = FamilyAdapter(
                len(JOINT_FAMILIES), self.num_joints, root
            )
        if side is not None:
            self.side = SideClassifier(side['in_channels'])
            self.side_index = side.get('in_index', -1)
        if root_depth is not None:
            self.root_depth = RootDepthRefiner(self.num_joints, **root_depth)
        if biomechanics is not None:
            self.biomechanics = MODELS.build(biomechanics)

    def forward(self, feats: Feats) -> list[tuple[Tensor, Tensor]]:
        """Maps of every stage.

        Args:
            feats: Feature maps, each (B, C, H', W').

        Returns:
            S pairs of logits and depth maps, each (B, F K, H, W).
        """
        stages = []
        for index, stage in zip(self.in_index, self.stages, strict=True):
            features = stage.conv_layers(stage.deconv_layers(feats[index]))
            stages.append(stage.final_layer(features))
        for refinement in self.refinements:
            features, maps = refinement(features, stages[-1])
            stages.append(maps)
        return [maps.chunk(2, dim=1) for maps in stages]

    def _read(
        self, pair: tuple[Tensor, Tensor], stage: int, family: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pose, what its reader made of the maps, and the depth maps."""
        logits, depths = (_full_precision(maps) for maps in pair)
        softness = self.log_softness[stage].exp()
        if self.families == 'outputs':
            softness = softness.expand(logits.shape[0], -1)
            logits, depths, softness = (
                self._of_family(value, family)
                for value in (logits, depths, softness)
            )
        pose, maps = self.reader.pose(logits, depths, softness)
        z = pose[..., 2] * self.not_root
        pose = torch.cat([pose[..., :2], z[..., None]], -1)
        return pose, maps, depths

    def _of_family(self, values: Tensor, family: Tensor) -> Tensor:
        """(B, K, ...) of (B, F K, ...)."""
        cells = values.shape[2:]
        split = values.reshape(values.shape[0], -1, self.num_joints, *cells)
        number = family.view(-1, 1, 1, *[1] * len(cells))
        number = number.expand(-1, 1, self.num_joints, *cells)
        return split.gather(1, number)[:, 0]  # which ONNX has

    def _adapted(self, pose: Tensor, family: Tensor | None) -> Tensor:
        return pose if self.adapter is None else self.adapter(pose, family)

    def conditions(self, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """The wanted joint families; the first where a sample is silent."""
        if self.families is None:
            return {}
        family = [
            int(np.ravel(s.metainfo.get('joint_family', 0))[0])
            for s in batch_data_samples
        ]
        return dict(family=torch.tensor(family, device=self.not_root.device))

    def read_out(
        self, feats: Feats, family: Tensor | None = None
    ) -> dict[str, Tensor]:
        """What the last stage sees.

        Args:
            feats: Feature maps.
            family: (B,), the wanted joint families; None: the first.

        Returns:
            `pose` (B, K, 3), `scores` (B, K), with a side classifier `side`
            (B,): probability of a right hand.
        """
        pair = self.forward(feats)[-1]
        if family is None and self.families is not None:
            family = torch.zeros_like(pair[0][:, 0, 0, 0], dtype=torch.long)
        with torch.autocast(pair[0].device.type, enabled=False):
            pose, maps, _ = self._read(pair, -1, family)
            scores = self.reader.scores(pose, maps)
            if self.median:
                median = self.reader.median(maps)
                pose = torch.cat([median, pose[..., 2:]], -1)
            found = dict(pose=self._adapted(pose, family), scores=scores)
        if self.side is not None:
            logit = self.side(feats[self.side_index])
            found['side'] = logit.float().sigmoid()
        return found

    def mirror(self, found: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `read_out` would give for the mirrored crops."""
        mirrored = super().mirror(found)
        if 'side' in found:
            mirrored['side'] = 1 - found['side']
        return mirrored

    def _pack(self, found: dict[str, Tensor]) -> list[InstanceData]:
        """Adds `hand_side` (1,) and `hand_side_scores` (1,), 0.5 to 1."""
        side = found.pop('side', None)
        predictions = super()._pack(found)
        if side is not None:
            for prediction, right in zip(
                predictions, side.detach().cpu().numpy(), strict=True
            ):
                prediction.hand_side = np.array([right > 0.5], np.int8)
                prediction.hand_side_scores = np.array([max(right, 1 - right)])
        return predictions

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
            there are several), means over batch and keypoints; and those of
            the parts.
        """
        pairs = self.forward(feats)

        def label(name: str) -> Tensor:
            return collect_labels(batch_data_samples, name, pairs[0][0].device)

        family = label('joint_family') if self.families else None
        target = self._target(label, family)
        losses = {}
        with torch.autocast(pairs[0][0].device.type, enabled=False):
            for stage, pair in enumerate(pairs):
                suffix = f'_{stage}' if len(pairs) > 1 else ''
                pose, maps, depths = self._read(pair, stage, family)
                pose = self._adapted(pose, family)
                found = self.reader.losses(
                    pose, maps, depths, target, self.loss_weights
                )
                losses.update(
                    weighted_losses(found, self.loss_weights, suffix)
                )
            losses.update(self._part_losses(feats, pose, family, label))
        return losses

    def _target(self, label: Labels, family: Tensor | None) -> Target:
        weights = label('keypoint_weights')
        map_weights = weights
        if self.adapter is not None:
            # the maps are those of the first family
            map_weights = weights * (family == 0)[:, None]
        return Target(
            label('keypoint_labels'),
            weights,
            label('depth_weights'),
            map_weights,
        )

    def _part_losses(
        self,
        feats: Feats,
        pose: Tensor,
        family: Tensor | None,
        label: Labels,
    ) -> dict[str, Tensor]:
        """Of the side classifier, the root's depth and the constraints."""
        losses, side = {}, None
        if self.side is not None:
            side = label('side_labels'), label('side_weights')
            losses['side'] = self.side.loss(feats[self.side_index], *side)
        if self.root_depth is None and self.biomechanics is None:
            return weighted_losses(losses, self.loss_weights)
        rays = rays_of(pose, label('crop_cameras'))
        known = label('camera_weights') * label('root_depth_weights')
        true = label('root_depths')
        if self.root_depth is not None:
            depth = self.root_depth(rays)
            losses['root_depth'] = ((depth - true).abs() * known).mean()
        losses = weighted_losses(losses, self.loss_weights)
        if self.biomechanics is not None:
            weight = label('camera_weights')
            if family is not None:
                weight = weight * (family == 0)
            depth = torch.where(known > 0, true, first_root_depth(rays))
            points = camera_points(rays, depth)
            losses.update(self._constraints(points, weight, side))
        return losses

    def _constraints(
        self,
        points: Tensor,
        weight: Tensor,
        side: tuple[Tensor, Tensor] | None,
    ) -> dict[str, Tensor]:
        """Losses of points (B, K, 3), which show right hands or a `side`."""
        if side is not None:
            mirror = torch.ones_like(points[:, :1])
            mirror[:, 0, 0] = 2 * side[0] - 1
            points, weight = points * mirror, weight * side[1]
        return self.biomechanics(points, weight)


def _full_precision(maps: Tensor) -> Tensor:
    half = maps.dtype in (torch.bfloat16, torch.float16)
    return maps.float() if half else maps
