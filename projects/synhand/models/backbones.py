"""Backbones that MMPose does not have."""

from __future__ import annotations

from typing import ClassVar

from mmpose.models.backbones.resnet import BasicBlock, ResNet
from mmpose.registry import MODELS


@MODELS.register_module()
class ResNet32(ResNet):
    """ResNet-34 without the third block of its last, widest stage.

    Every added block ends in a norm of zero weight (`zero_init_residual`)
    and so starts as the identity: with the weights of a ResNet-18 of the
    same width it computes what that one does, and training deepens it.
    """

    arch_settings: ClassVar[dict] = {32: (BasicBlock, (3, 4, 6, 2))}

    def __init__(self, **options) -> None:
        super().__init__(depth=32, **options)
