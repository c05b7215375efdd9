"""From a shard's bytes to pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS


def decode_image(data: bytes, flags: int, where: str) -> npt.NDArray[np.uint8]:
    """Decode an image file held in memory.

    Args:
        data: The file's bytes.
        flags: One of `cv2.IMREAD_*`.
        where: What to name if it fails.

    Returns:
        (H, W, 3) blue, green, red, or (H, W), by `flags`.

    Raises:
        ValueError: The bytes are not an image.
    """
    image = None
    if data:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        raise ValueError(f'{where}: the stored image cannot be decoded')
    return image


@TRANSFORMS.register_module()
class LoadShardImage(BaseTransform):
    """Decodes the image of a synthetic sample.

    Required Keys: `image_bytes` (JPEG), `alpha_bytes` (8-bit PNG of the same
    size, 255 = hand), `img_path`. Added Keys: `img` (H, W, 3) uint8 blue,
    green, red, or (H, W, 4) with the coverage as fourth channel; `img_shape`
    and `ori_shape` (H, W).

    Args:
        coverage: Probability that the coverage is decoded too, and so the
            background replaced by a later `ReplaceBackground`.
    """

    def __init__(self, coverage: float = 0.0) -> None:
        self.coverage = coverage

    def transform(self, results: dict) -> dict:
        path = results['img_path']
        image = decode_image(
            results.pop('image_bytes'), cv2.IMREAD_COLOR, f'{path}: image'
        )
        alpha_bytes = results.pop('alpha_bytes')
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        if np.random.rand() < self.coverage:
            alpha = decode_image(
                alpha_bytes, cv2.IMREAD_GRAYSCALE, f'{path}: alpha'
            )
            if alpha.shape != image.shape[:2]:
                raise ValueError(
                    f'{path}: alpha: expected the size of the image, '
                    f'{image.shape[:2]}, got {alpha.shape}'
                )
            image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
            cv2.insertChannel(alpha, image, 3)
        results['img'] = image
        return results
