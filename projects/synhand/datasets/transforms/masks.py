"""Which pixels are hand."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from synhand.datasets.transforms.frames import FloatArray, FrameAffine
from synhand.datasets.transforms.geometric import warp
from synhand.datasets.transforms.loading import decode_image
from synhand.synthesis.mask_layers import HAND, LAYERS


@TRANSFORMS.register_module()
class LoadHandMask(BaseTransform):
    """Decodes the mask of a synthetic picture.

    Required Keys: `mask_bytes`, an 8-bit PNG, and `img_path`. Added Key:
    `mask` (H, W) uint8, 255 where any hand is seen, without its forearm,
    garments and held things; 0 elsewhere.
    """

    def transform(self, results: dict) -> dict:
        layers = decode_image(
            results.pop('mask_bytes'),
            cv2.IMREAD_GRAYSCALE,
            f'{results["img_path"]}: mask',
        )
        results['mask'] = np.where(layers % LAYERS == HAND, 255, 0).astype(
            np.uint8
        )
        return results


@TRANSFORMS.register_module()
class FrameMaskAffine(FrameAffine):
    """`FrameAffine` that takes the mask with the picture.

    Required Key beside those: `mask` (H, W). Added Key: `gt_seg_map`, 1 for
    hand, of the input's size. Boxes are those of the keypoints, as there.
    """

    def _add_boxes(
        self,
        results: dict,
        size: FloatArray,
        matrix: FloatArray,
        mirror: bool,
    ) -> None:
        super()._add_boxes(results, size, matrix, mirror)
        area = abs(np.linalg.det(matrix[:, :2]))
        mask = warp(
            results.pop('mask'),
            matrix,
            self.input_size,
            max(1, int(1 / np.sqrt(area))),
        )
        results['gt_seg_map'] = (mask > 127).astype(np.uint8)
