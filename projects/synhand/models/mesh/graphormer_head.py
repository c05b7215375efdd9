"""Mesh Graphormer: keypoints and vertices as tokens of a transformer.

K. Lin, L. Wang, Z. Liu: Mesh Graphormer, ICCV 2021.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor, nn

from synhand.hands.layer import HandModel
from synhand.models.heads.pose_head import (
    VIEW_START,
    Feats,
    changed_weights,
    keypoint_targets,
    relative_targets,
    weighted_losses,
)
from synhand.models.mesh.encoder import EncoderBlock
from synhand.models.mesh.mesh_head import (
    MeshHead,
    absolute_error,
    buffer_of,
    mesh_targets,
    squared_error,
)
from synhand.models.mesh.template import (
    HandTemplate,
    hand_layer,
    hand_template,
)
from synhand.skeleton import ROOT

_LOSS_WEIGHTS = dict(vertices=1.0, pose=1.0, uv=10.0)


@MODELS.register_module()
class MeshGraphormerHead(MeshHead):
    """Tokens through three blocks of encoders of shrinking width.

    The tokens: one for the camera, K keypoints and W coarse vertices of the
    template hand (zero pose, mean shape), each its place in the template
    beside the crop's global vector; and the cells of the feature map. The
    last block's layers convolve over the graph of the mesh. Three numbers
    of each keypoint and vertex are its 3D, those of the camera token a
    scaled parallel projection; a linear layer brings W vertices to V. With
    `mesh_size=None` there are keypoints alone, joined by the skeleton: for
    sets without meshes.

    Losses and their weights: L1 of coarse and of full vertices, half each
    (`vertices`); squared error of 3D keypoints, predicted and regressed
    from the mesh (`pose`), in reference bones; squared error of both
    projected (`uv`), in the crop's width. The paper weighs them alike, in
    metres and in [-1, 1] over the crop (`recipes.graphormer_weights`). It
    has no token for the camera: it combines those of the vertices.

    Note:
        - batch size: B
        - keypoint number: K
        - vertices of the hand without forearm: V, coarse ones: W
        - tokens: T

    Args:
        in_channels: Channels of the feature map whose cells are tokens.
        grid_size: (H', W') of that map.
        global_channels: Channels of the map whose mean is the global
            vector; None: `in_channels`.
        grid_index: Which map the cells are of.
        global_index: Which map the global vector is of.
        mano: MANO file of a right hand; None for the free hand.
        joint_family: `'anatomical'` or `'mano'`.
        mesh_size: W; None for keypoints alone.
        widths: Of the blocks.
        layers: Encoder layers a block.
        heads: Of the attention.
        graph_blocks: Which blocks have the graph.
        ratio: Width between the linear layers of an encoder, relative.
        dropout: In the encoders.
        loss_weights: Changes of the weights above.
        decoder: The codec, `HandMeshLabel` (`RootRelativeLabel` will do
            for keypoints alone).
        init_cfg: MMEngine's initialisation.

    Raises:
        ValueError: An unknown loss, or blocks that do not agree in number.
        FileNotFoundError: There is no such MANO file.
    """

    def __init__(
        self,
        in_channels: int,
        grid_size: Sequence[int] = (7, 7),
        global_channels: int | None = None,
        grid_index: int = -1,
        global_index: int = -1,
        mano: str | None = None,
        joint_family: str = 'anatomical',
        mesh_size: int | None = 195,
        widths: Sequence[int] = (1024, 256, 64),
        layers: int = 4,
        heads: int = 4,
        graph_blocks: Sequence[bool] = (False, False, True),
        ratio: int = 2,
        dropout: float = 0.1,
        loss_weights: Mapping[str, float] | None = None,
        decoder: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.loss_weights = changed_weights(_LOSS_WEIGHTS, loss_weights)
        if len(widths) != len(graph_blocks):
            raise ValueError(
                f'graph_blocks: expected one for each of {len(widths)} '
                f'widths, got {len(graph_blocks)}'
            )
        self.grid_index, self.global_index = grid_index, global_index
        self.family = joint_family
        template = hand_template(mano, joint_family, mesh_size)
        self._add_template(template, mano, mesh_size)
        channels = (global_channels or in_channels) + 3
        self.grid = nn.Linear(in_channels, channels)
        encoder = dict(
            tokens=len(self.template) + grid_size[0] * grid_size[1],
            layers=layers,
            heads=heads,
            ratio=ratio,
            dropout=dropout,
            start=1 + self.num_joints if mesh_size else 1,
        )
        # A block hands on twice the width of the next, the last hands on 3D.
        sizes = [channels, *(2 * width for width in widths[1:]), 3]
        adjacency = buffer_of(template.adjacency)
        self.blocks = nn.Sequential(
            *(
                EncoderBlock(
                    *(size, width, after),
                    adjacency=adjacency if joined else None,
                    **encoder,
                )
                for (size, after), width, joined in zip(
                    pairwise(sizes), widths, graph_blocks, strict=True
                )
            )
        )
        self.register_buffer(
            'view_start', torch.tensor(VIEW_START), persistent=False
        )
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder else None

    def _add_template(
        self, template: HandTemplate, mano: str | None, mesh_size: int | None
    ) -> None:
        joints = torch.tensor(template.joints)
        self.num_joints = len(joints)
        camera = torch.zeros_like(joints[:1])
        queries = torch.cat([camera, joints, torch.tensor(template.coarse)])
        self.register_buffer('template', queries, persistent=False)
        self.hand: HandModel | None = None
        if not mesh_size:
            return
        self.hand = hand_layer(mano)
        self.up = nn.Linear(*reversed(template.up.shape), bias=False)
        self.up.weight.data.copy_(torch.tensor(template.up))
        for name in ('vertex_ids', 'coarse_ids', 'regressor'):
            value = buffer_of(getattr(template, name))
            self.register_buffer(name, value, persistent=False)

    def forward(self, feats: Feats) -> dict[str, Tensor]:
        """What the network says of a batch.

        Args:
            feats: Feature maps, each (B, C, H', W').

        Returns:
            `joints` (B, K, 3), see `MeshHead`; `view` (B, 3); and with a
            mesh `coarse` (B, W, 3), `vertices` (B, V, 3), and `regressed`
            (B, K, 3), the keypoints of those.
        """
        pooled = feats[self.global_index].mean((-2, -1))
        count = len(self.template)
        queries = torch.cat(
            [
                self.template.expand(len(pooled), -1, -1).to(pooled),
                pooled[:, None].expand(-1, count, -1),
            ],
            -1,
        )
        cells = self.grid(feats[self.grid_index].flatten(2).mT)
        tokens = self.blocks(torch.cat([queries, cells], 1)).float()
        camera, joints, coarse, _ = tokens.split(
            [1, self.num_joints, count - 1 - self.num_joints, cells.shape[1]],
            dim=1,
        )
        found = dict(view=self.view_start + camera[:, 0])
        found['joints'] = joints - joints[:, ROOT, None]
        if self.hand is not None:
            found.update(self._mesh(coarse))
        return found

    def _mesh(self, coarse: Tensor) -> dict[str, Tensor]:
        with torch.autocast(coarse.device.type, enabled=False):
            vertices = self.up(coarse.mT).mT
            regressed = self.regressor @ vertices
        root = regressed[:, ROOT, None]
        return dict(
            coarse=coarse - root,
            vertices=vertices - root,
            regressed=regressed - root,
        )

    def loss(
        self,
        feats: Feats,
        batch_data_samples: SampleList,
        train_cfg: ConfigType | None = None,
    ) -> dict[str, Tensor]:
        """`loss_pose`, `loss_uv` and with a mesh `loss_vertices`."""
        found = self.forward(feats)
        device = found['joints'].device
        position, seen = keypoint_targets(batch_data_samples, device)
        target, known = relative_targets(batch_data_samples, device)
        losses = dict.fromkeys(('pose', 'uv'), 0.0)
        for name in ('joints', 'regressed'):
            if name in found:
                flat = self._project(found[name], found['view'])
                losses['pose'] += squared_error(found[name], target, known)
                losses['uv'] += squared_error(flat, position, seen)
        if self.hand is not None:
            losses['vertices'] = self._vertex_loss(found, batch_data_samples)
        return weighted_losses(losses, self.loss_weights)

    def _vertex_loss(
        self, found: dict[str, Tensor], samples: SampleList
    ) -> Tensor:
        device = found['coarse'].device
        with torch.autocast(device.type, enabled=False):
            mesh, weights = mesh_targets(
                self.hand, self.family, samples, device
            )
        true = mesh[:, self.vertex_ids]
        errors = [
            absolute_error(found[name], part, weights[:, None])
            for name, part in (
                ('coarse', true[:, self.coarse_ids]),
                ('vertices', true),
            )
        ]
        return sum(errors) / 2

    def read_out(self, feats: Feats) -> dict[str, Tensor]:
        """See `MeshHead`; with a mesh the keypoints regressed from it.

        Scores are 1.
        """
        found = self.forward(feats)
        joints = found.get('regressed', found['joints'])
        return self._pose(joints, found.get('vertices'), found['view'])
