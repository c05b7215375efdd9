"""Parameters of a hand model by regression, through to its mesh.

A. Boukhayma, R. de Bem, P. H. S. Torr: 3D hand shape and pose from images in
the wild, CVPR 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn
from torch.nn import functional as F

from synhand.hands.rotations import to_matrices
from synhand.models.heads.pose_head import (
    VIEW_START,
    Feats,
    changed_weights,
    keypoint_targets,
    relative_targets,
    weighted_losses,
)
from synhand.models.labels import collect_labels
from synhand.models.mesh.mesh_head import (
    MeshHead,
    absolute_error,
    buffer_of,
    squared_error,
)
from synhand.models.mesh.template import hand_faces, hand_layer, in_bones

_ROTATIONS = {
    'axis_angle': (0.0, 0.0, 0.0),
    '6d': (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
}
_UPRIGHT = (1.0, -1.0, -1.0)
_LOSS_WEIGHTS = dict(uv=10.0, pose=1.0, mask=10.0, prior=0.1, limits=1.0)


@MODELS.register_module()
class ParametricHandHead(MeshHead):
    """Camera, pose and shape of a hand model from the mean of a feature map.

    One linear layer gives the camera (u and v of the wrist, logarithm of the
    scale), the hand's rotation, principal components of its pose in their
    standard deviations, and shape coefficients in theirs. It starts as the
    mean hand, fingers up, palm to the camera. The hand model makes keypoints
    and vertices of them; a scaled parallel projection brings them to the
    crop. The crop has to show right hands (`MirrorHand`).

    Losses and their weights: L1 of projected keypoints (`uv`, in the crop's
    width); squared error of 3D keypoints (`pose`, in reference bones); how
    far vertices project outside of the mask (`mask`, in the crop's width,
    for samples with a mask: the paper compares silhouettes by rendering);
    squared parameters (`prior`) and squared radians beyond the limits of
    the joints (`limits`). The paper states no weights.

    Note:
        - batch size: B
        - keypoint number: K
        - vertices of the hand without forearm: V

    Args:
        in_channels: Channels of the feature map.
        in_index: Which feature map.
        mano: MANO file of a right hand; None for the free hand.
        joint_family: `'anatomical'` or `'mano'`.
        pose_components: Numbers of the pose; the paper has 6.
        shape_components: Numbers of the shape; the paper has 10.
        rotation: `'axis_angle'` (the paper's) or `'6d'`.
        loss_weights: Changes of the weights above.
        decoder: The codec, `HandMeshLabel`.
        init_cfg: MMEngine's initialisation.

    Raises:
        ValueError: An unknown rotation or loss, or more components than the
            hand has.
        FileNotFoundError: There is no such MANO file.
    """

    def __init__(
        self,
        in_channels: int,
        in_index: int = -1,
        mano: str | None = None,
        joint_family: str = 'anatomical',
        pose_components: int = 6,
        shape_components: int = 10,
        rotation: str = 'axis_angle',
        loss_weights: Mapping[str, float] | None = None,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if rotation not in _ROTATIONS:
            raise ValueError(
                f'rotation: expected one of {tuple(_ROTATIONS)}, got '
                f'{rotation!r}'
            )
        self.loss_weights = changed_weights(_LOSS_WEIGHTS, loss_weights)
        self.hand = hand_layer(mano)
        most = self.hand.num_dofs, self.hand.num_shape
        if pose_components > most[0] or shape_components > most[1]:
            raise ValueError(
                f'pose_components, shape_components: at most {most}, got '
                f'{(pose_components, shape_components)}'
            )
        self.in_index, self.family = in_index, joint_family
        start = (*VIEW_START, *_ROTATIONS[rotation])
        self.sizes = [3, len(start) - 3, pose_components, shape_components]
        self.regressor = nn.Linear(in_channels, sum(self.sizes))
        nn.init.normal_(self.regressor.weight, std=0.001)
        nn.init.zeros_(self.regressor.bias)
        self.regressor.bias.data[: len(start)] = torch.tensor(start)
        for name, values in (
            ('upright', _UPRIGHT),
            ('vertex_ids', hand_faces(mano)[0]),
        ):
            self.register_buffer(name, buffer_of(values), persistent=False)
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    def forward(
        self, feats: Feats, vertices: bool = True
    ) -> dict[str, Tensor]:
        """What the network says of a batch.

        Args:
            feats: Feature maps, each (B, C, H', W').
            vertices: Also the surface.

        Returns:
            `joints` (B, K, 3) and `vertices` (B, V, 3), see `MeshHead`;
            `view` (B, 3); `pose` (B, n) and `shape` (B, m) coefficients;
            `dofs` (B, D), the hand model's degrees of freedom.
        """
        pooled = feats[self.in_index].mean((-2, -1))
        numbers = self.regressor(pooled).float()
        view, turn, pose, shape = numbers.split(self.sizes, -1)
        # rows of a diagonal matrix: the start turned upright
        turn = self.upright[:, None].float() * to_matrices(turn, leading=1)
        with torch.autocast(numbers.device.type, enabled=False):
            dofs = self.hand.from_pca(pose)
            spread = self.hand.shape_std[: self.sizes[3]]
            padding = self.hand.num_shape - self.sizes[3]
            coefficients = F.pad(shape * spread, (0, padding))
            hands = self.hand(coefficients, dofs, turn, vertices=vertices)
        keypoints = hands.keypoints[self.family]
        found = dict(view=view, pose=pose, shape=shape, dofs=dofs)
        found['joints'] = in_bones(keypoints, keypoints)
        if hands.vertices is not None:
            surface = hands.vertices[:, self.vertex_ids]
            found['vertices'] = in_bones(surface, keypoints)
        return found

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_uv`, `loss_pose`, `loss_mask`, `loss_prior`, `loss_limits`;
        see the class."""
        weights = self.loss_weights
        found = self.forward(feats, vertices=weights['mask'] > 0)
        device = found['joints'].device
        position, seen = keypoint_targets(batch_data_samples, device)
        target, known = relative_targets(batch_data_samples, device)
        flat = self._project(found['joints'], found['view'])
        coefficients = torch.cat([found['pose'], found['shape']], 1)
        losses = dict(
            uv=absolute_error(flat, position, seen),
            pose=squared_error(found['joints'], target, known),
            prior=coefficients.square().mean(),
            limits=self._beyond(found['dofs']).square().mean(),
        )
        if weights['mask'] > 0:
            surface = self._project(found['vertices'], found['view'])
            losses['mask'] = _outside(surface, batch_data_samples)
        return weighted_losses(losses, weights)

    def _beyond(self, dofs: Tensor) -> Tensor:
        """Radians (B, D) by which joints are bent too far."""
        low, high = self.hand.lower - dofs, dofs - self.hand.upper
        return torch.maximum(low, high).clamp(min=0)

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        """See `MeshHead`; scores are 1."""
        found = self.forward(feats)
        return self._pose(found['joints'], found['vertices'], found['view'])


def _outside(surface: Tensor, samples: SampleList) -> Tensor:
    """Mean distance of points (B, P, 2) of the crop from the mask.

    Only of samples with a mask; points beyond the crop count as inside.
    """
    maps, weights = (
        collect_labels(samples, name, surface.device)
        for name in ('outside_map', 'outside_weights')
    )
    inside = (surface >= 0) & (surface <= 1)
    found = F.grid_sample(
        maps[:, None], surface[:, None] * 2 - 1, align_corners=True
    )[:, 0, 0]
    counted = inside.all(-1) * weights[:, None]
    return (found * counted).mean()
