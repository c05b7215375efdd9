"""Necks that MMPose does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpose.models.necks.fpn import FPN
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


class PreActivationBlock(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x)))))), 3 x 3; x may be negative.

    K. He et al.: *Identity mappings in deep residual networks*, ECCV 2016.

    Args:
        channels: Channels of x.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def start_as_identity(self) -> None:
        """Let the block add nothing until it is trained."""
        last = self.layers[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


@MODELS.register_module()
class ResidualFPN(FPN):
    """An FPN whose joined maps pass residual blocks; gives the finest map.

    From the maps of the backbone to that one the stock neck is linear: a fine
    map cannot be read in the light of a coarse one. The blocks start as the
    identity, so with the weights of a stock FPN this neck computes what that
    one does, and training adds to it.

    Args:
        blocks: Blocks at each level, from the finest on.
        in_channels: Channels of the backbone's maps, from the finest on.
        **options: Other ones of `FPN`, but for `num_outs`.

    Raises:
        ValueError: The numbers of blocks are not one a map.
    """

    def __init__(
        self, blocks: Sequence[int], in_channels: list[int], **options: Any
    ) -> None:
        levels = len(in_channels)
        if len(blocks) != levels:
            raise ValueError(
                f'blocks: expected {levels} numbers, one a map, got {blocks!r}'
            )
        super().__init__(in_channels, num_outs=levels, **options)
        self.fpn_convs = self.fpn_convs[:1]
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *(PreActivationBlock(self.out_channels) for _ in range(count))
            )
            for count in blocks
        )

    def init_weights(self) -> None:
        super().init_weights()
        for level in self.blocks:
            for block in level:
                block.start_as_identity()

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor]:
        """The finest map, of maps from fine to coarse.

        Args:
            inputs: (B, C, H, W), (B, C', H / 2, W / 2) and so on.

        Returns:
            (B, `out_channels`, H, W).
        """
        joined = None
        for lateral, blocks, feat in zip(
            reversed(self.lateral_convs),
            reversed(self.blocks),
            reversed(inputs),
            strict=True,
        ):
            here = lateral(feat)
            if joined is not None:
                coarse = F.interpolate(
                    joined, size=here.shape[2:], **self.upsample_cfg
                )
                here = here + coarse
            joined = blocks(here)
        return (self.fpn_convs[0](joined),)
