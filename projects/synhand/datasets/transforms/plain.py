"""A background that shows nothing."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.datasets.transforms.background import composite


@TRANSFORMS.register_module()
class PlainBackground(BaseTransform):
    """Puts one random colour behind the hand, through its coverage.

    What training without backgrounds is; otherwise as `ReplaceBackground`.

    Required and Modified Key: `img`, (H, W, 4) uint8 before, (H, W, 3)
    after; one of three channels stays as it is.
    """

    def transform(self, results: dict) -> dict:
        image = results['img']
        if image.shape[2] == 4:
            front = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
            colour = np.random.randint(0, 256, 3)
            back = np.full(front.shape, colour, np.uint8)
            results['img'] = composite(front, back, image[..., 3])
        return results
