"""Necks between a backbone and a head that reads tokens."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmpose.models.backbones.resnet import Bottleneck
from mmpose.registry import MODELS
from torch import Tensor, nn

_WIDTHS = (128, 256, 512, 1024)
_FINAL = 2048


@MODELS.register_module()
class HRNetClassificationNeck(BaseModule):
    """The four maps of HRNet joined as for classification.

    Each map goes through a bottleneck block; from fine to coarse each is
    halved and added to the next (J. Wang et al., Deep high-resolution
    representation learning for visual recognition, TPAMI 2020, HRNetV2-C).

    Args:
        in_channels: Channels of the four maps, strides 4 to 32.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(
        self, in_channels: Sequence[int], init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.widen = nn.ModuleList(
            _bottleneck(*pair)
            for pair in zip(in_channels, _WIDTHS, strict=True)
        )
        self.halve = nn.ModuleList(
            _conv(fine, coarse, 3, stride=2)
            for fine, coarse in zip(_WIDTHS[:-1], _WIDTHS[1:], strict=True)
        )
        self.final = _conv(_WIDTHS[-1], _FINAL, 1)

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Two maps of stride 32 of four maps.

        Args:
            feats: (B, C, H / 4, W / 4) to (B, 8 C, H / 32, W / 32).

        Returns:
            (B, 1024, H / 32, W / 32) and (B, 2048, H / 32, W / 32).
        """
        joined = self.widen[0](feats[0])
        for finer, wider, feat in zip(
            self.halve, self.widen[1:], feats[1:], strict=True
        ):
            joined = wider(feat) + finer(joined)
        return joined, self.final(joined)


def _bottleneck(channels: int, width: int) -> Bottleneck:
    shortcut = ConvModule(
        channels,
        width,
        1,
        norm_cfg=dict(type='BN'),
        act_cfg=None,
        bias=False,
    )
    return Bottleneck(channels, width, downsample=shortcut)


def _conv(channels: int, width: int, size: int, stride: int = 1) -> ConvModule:
    """As the classification models have them, with a bias before the norm."""
    return ConvModule(
        channels,
        width,
        size,
        stride=stride,
        padding=size // 2,
        norm_cfg=dict(type='BN'),
        bias=True,
    )
