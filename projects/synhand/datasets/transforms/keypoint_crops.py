"""Crops without pixels, and pictures as a whole."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.datasets.transforms.geometric import AntialiasedTopdownAffine

_BLANK = np.zeros((1, 1, 3), np.uint8)


@TRANSFORMS.register_module()
class CropKeypoints(AntialiasedTopdownAffine):
    """The crop's keypoints in the place of its pixels.

    For models that draw score maps themselves (`ScoreMapRenderer`). Geometry,
    keys and labels are those of `AntialiasedTopdownAffine`; no picture is
    read. Added Key: `img` (K, 1, 3) float32, for each keypoint u and v as
    fractions of the crop (0 and 1: its first and last pixel) and whether it
    is labelled.

    Args:
        input_size: (W, H) of the crop in pixels.
        noise: Standard deviation of normal noise on u and v, as a share of
            the crop; a function of the sample's id.
    """

    def __init__(
        self, input_size: tuple[int, int], noise: float = 0.0
    ) -> None:
        super().__init__(input_size)
        self.noise = noise

    def transform(self, results: dict) -> dict:
        results = super().transform(dict(results, img=_BLANK))
        points = results['transformed_keypoints'][0]
        fractions = points / (np.array(self.input_size) - 1)
        if self.noise:
            rng = np.random.default_rng(results['id'])
            fractions = fractions + self.noise * rng.normal(
                size=fractions.shape
            )
        seen = np.asarray(results['keypoints_visible'][0])[:, None] > 0
        rows = np.concatenate([fractions, seen], -1).astype(np.float32)
        results['img'] = rows[:, None]
        return results


@TRANSFORMS.register_module()
class WholePictureBox(BaseTransform):
    """Makes the whole picture the box, whatever box a sample has.

    Required Key: `img` (H, W, C). Modified Key: `bbox` (1, 4) x1, y1, x2, y2
    px, the borders of the outer pixels.
    """

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        box = np.float32([[-0.5, -0.5, width - 0.5, height - 0.5]])
        return dict(results, bbox=box)
