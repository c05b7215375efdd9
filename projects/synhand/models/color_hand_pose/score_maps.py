"""Score maps without an image network: drawn from keypoints."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor

from synhand.models.gaussian_maps import gaussian_maps

CROP_PIXELS = 256
"""Side of the paper's crops, which its noise is told for."""


@MODELS.register_module()
class ScoreMapRenderer(BaseModule):
    """In the place of a backbone: keypoints of crops as Gaussians.

    Zimmermann and Brox (ICCV 2017) train their lifting this way.

    Args:
        size: (H, W) cells of a map.
        sigma: Width of the Gaussians in cells.
        noise: Standard deviation of the noise in training on u and v, in
            pixels of a crop of 256 x 256.
    """

    def __init__(
        self,
        size: tuple[int, int] = (32, 32),
        sigma: float = 2.0,
        noise: float = 2.5,
    ) -> None:
        super().__init__()
        self.size, self.sigma = tuple(size), sigma
        self.noise = noise / (CROP_PIXELS - 1)

    def forward(self, inputs: Tensor) -> tuple[Tensor]:
        """Maps (B, K, H, W) of height 1, or 0 where nothing is seen.

        Args:
            inputs: (B, 3, K, 1): u, v as fractions of the crop, and whether
                the keypoint is to be drawn, as `CropKeypoints` packs them.
        """
        u, v, seen = inputs[..., 0].unbind(1)
        position = torch.stack([u, v], -1).nan_to_num()
        if self.training:
            position = position + self.noise * torch.randn_like(position)
        maps = gaussian_maps(position, self.size, self.sigma)
        return (maps * seen[..., None, None],)
