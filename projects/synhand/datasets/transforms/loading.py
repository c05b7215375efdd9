"""From a file or a shard's bytes to pixels."""

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
            image = _with_coverage(image, alpha, f'{path}: alpha')
        results['img'] = image
        return results


def _with_coverage(
    image: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8], where: str
) -> npt.NDArray[np.uint8]:
    """(H, W, 3) and (H, W) as (H, W, 4)."""
    if alpha.shape != image.shape[:2]:
        raise ValueError(
            f'{where}: expected the size of the image, {image.shape[:2]}, '
            f'got {alpha.shape}'
        )
    image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
    cv2.insertChannel(alpha, image, 3)
    return image


@TRANSFORMS.register_module()
class LoadHandImage(BaseTransform):
    """Reads a photo, with the set's mask as coverage if wanted.

    Required Key: `img_path`; `mask_path` (8-bit image, 255 = hand) where the
    set has masks. Added Keys: as `LoadShardImage`.

    Args:
        coverage: Probability that the mask is read too, and so the
            background replaced by a later `ReplaceBackground`.

    Raises:
        FileNotFoundError: The image or its mask is missing.
        ValueError: One cannot be decoded, or their sizes differ.
    """

    def __init__(self, coverage: float = 0.0) -> None:
        self.coverage = coverage

    def transform(self, results: dict) -> dict:
        image = _read(results['img_path'], cv2.IMREAD_COLOR)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        mask = results.get('mask_path')
        if mask and np.random.rand() < self.coverage:
            alpha = _read(mask, cv2.IMREAD_GRAYSCALE)
            image = _with_coverage(image, alpha, mask)
        results['img'] = image
        return results


def _read(path: str, flags: int) -> npt.NDArray[np.uint8]:
    try:
        with open(path, 'rb') as file:
            return decode_image(file.read(), flags, path)
    except FileNotFoundError:
        raise FileNotFoundError(f'{path}: no such image') from None
