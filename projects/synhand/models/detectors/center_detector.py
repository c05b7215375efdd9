"""Hands as points (CenterNet), over mmdet's parts.

X. Zhou, D. Wang, P. Krähenbühl: Objects as Points, 2019.
"""

from __future__ import annotations

from typing import Any

import torch
from mmdet.models.dense_heads import CenterNetHead
from mmdet.models.detectors import CenterNet
from mmpose.registry import MODELS
from torch import Tensor

from synhand.models.autocast import autocast_as
from synhand.skeleton import HAND_SIDES

UNKNOWN_SIDE = HAND_SIDES['unknown']


@MODELS.register_module()
class HandCenterHead(CenterNetHead):
    """mmdet's head on the finest map; losses in float32 under autocast."""

    def forward(self, x: tuple[Tensor, ...]) -> tuple[list[Tensor], ...]:
        """Heatmap, size and offset maps of the first of the maps."""
        return super().forward(x[:1])

    def forward_single(self, x: Tensor) -> tuple[Tensor, ...]:
        """Heatmap, size and offset maps (B, C, H, W) of one feature map."""
        # What follows views them as rows.
        return tuple(map.contiguous() for map in super().forward_single(x))

    def loss_by_feat(self, *maps: list[Tensor], **kwargs: Any) -> dict:
        """See mmdet; each of `maps` is a list of one (B, C, H, W)."""
        exact = [[level.float() for level in levels] for levels in maps[:3]]
        with torch.autocast(exact[0][0].device.type, enabled=False):
            return super().loss_by_feat(*exact, *maps[3:], **kwargs)


@MODELS.register_module()
class HandCenterDetector(CenterNet):
    """mmdet's CenterNet of hands that can train in another type.

    Of one class it finds hands of either side; their labels are then those
    of an unknown side. Of two it tells left (0) from right (1).

    Args:
        *args: Those of `CenterNet`.
        autocast: Type that the network trains in; None for float32.
        **kwargs: Those of `CenterNet`.
    """

    def __init__(
        self, *args: Any, autocast: str | None = 'bfloat16', **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.autocast = autocast
        self.to(memory_format=torch.channels_last)

    @property
    def tells_side(self) -> bool:
        """Whether left and right hands are classes of their own."""
        return self.bbox_head.num_classes > 1

    def loss(self, batch_inputs: Tensor, batch_data_samples: list) -> dict:
        if not self.tells_side:
            _relabel(batch_data_samples, 'gt_instances', 0)
        with autocast_as(batch_inputs, self.autocast):
            return super().loss(_prepared(batch_inputs), batch_data_samples)

    def predict(
        self, batch_inputs: Tensor, batch_data_samples: list, **kwargs: Any
    ) -> list:
        found = super().predict(
            _prepared(batch_inputs), batch_data_samples, **kwargs
        )
        if not self.tells_side:
            _relabel(found, 'pred_instances', UNKNOWN_SIDE)
        return found


def _relabel(samples: list, name: str, label: int) -> None:
    for sample in samples:
        instances = sample.get(name)
        instances.labels = torch.full_like(instances.labels, label)


def _prepared(inputs: Tensor) -> Tensor:
    return inputs.contiguous(memory_format=torch.channels_last)
