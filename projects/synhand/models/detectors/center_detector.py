"""Hands as points (CenterNet), over mmdet's parts.

X. Zhou, D. Wang, P. Krähenbühl: Objects as Points, 2019. Two classes: left
and right hands.
"""

from __future__ import annotations

from typing import Any

import torch
from mmdet.models.dense_heads import CenterNetHead
from mmdet.models.detectors import CenterNet
from mmpose.registry import MODELS
from torch import Tensor


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
    """mmdet's CenterNet that can train in another type.

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

    def loss(self, batch_inputs: Tensor, batch_data_samples: list) -> dict:
        with torch.autocast(
            batch_inputs.device.type,
            dtype=getattr(torch, self.autocast) if self.autocast else None,
            enabled=bool(self.autocast),
        ):
            return super().loss(_prepared(batch_inputs), batch_data_samples)

    def predict(
        self, batch_inputs: Tensor, batch_data_samples: list, **kwargs: Any
    ) -> list:
        return super().predict(
            _prepared(batch_inputs), batch_data_samples, **kwargs
        )


def _prepared(inputs: Tensor) -> Tensor:
    return inputs.contiguous(memory_format=torch.channels_last)
