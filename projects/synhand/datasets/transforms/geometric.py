"""Boxes, crops and mirroring."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import RandomBBoxTransform, TopdownAffine
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import get_udp_warp_matrix

_MIRROR_MODES = ('right', 'random', 'none')


@TRANSFORMS.register_module()
class RandomHandBox(RandomBBoxTransform):
    """MMPose's `RandomBBoxTransform` with a cheaper draw.

    The distribution is the same (normal, cut at +-1); the stock draw asks
    scipy, which takes longer than the crop itself. A rotation that the box
    has already stays, and the drawn one is added.
    """

    def transform(self, results: dict) -> dict:
        before = results.get('bbox_rotation', 0.0)
        results = super().transform(results)
        results['bbox_rotation'] = results['bbox_rotation'] + before
        return results

    @staticmethod
    def _truncnorm(
        low: float = -1.0, high: float = 1.0, size: tuple = ()
    ) -> npt.NDArray[np.float32]:
        draws = np.random.standard_normal(size)
        outside = (draws < low) | (draws > high)
        while outside.any():
            draws[outside] = np.random.standard_normal(outside.sum())
            outside = (draws < low) | (draws > high)
        return draws.astype(np.float32)


@TRANSFORMS.register_module()
class AntialiasedTopdownAffine(TopdownAffine):
    """MMPose's `TopdownAffine` (UDP) that does not alias large photos.

    Where the box is at least twice as large as the crop, the image around it
    is first shrunk by a whole factor (area average), then warped. Geometry,
    keys and labels are those of the stock transform with `use_udp=True`.

    Args:
        input_size: Width and height of the crop in pixels.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        super().__init__(input_size=tuple(input_size), use_udp=True)

    def transform(self, results: dict) -> dict:
        width, height = self.input_size
        box = results['bbox_scale'][0]
        side = max(float(box[0]), float(box[1]) * width / height)
        scale = np.array([side, side * height / width], np.float32)
        center = results['bbox_center'][0]
        rotation = results.get('bbox_rotation', (0.0,))[0]
        matrix = get_udp_warp_matrix(
            center, scale, rotation, output_size=self.input_size
        )
        results['img'] = warp(
            results['img'], matrix, self.input_size, int(side / width)
        )
        results['transformed_keypoints'] = cv2.transform(
            results['keypoints'], matrix
        )
        results.update(
            bbox_scale=scale[None],
            input_size=self.input_size,
            input_center=center,
            input_scale=scale,
        )
        return results


def warp(
    image: npt.NDArray[np.uint8],
    matrix: npt.NDArray[np.float32],
    size: tuple[int, int],
    factor: int,
) -> npt.NDArray[np.uint8]:
    """Part of an image; large images are averaged before they are sampled.

    Args:
        image: (H, W, C).
        matrix: (2, 3) from pixels of the image to those of the result.
        size: (W, H) of the result in pixels.
        factor: Whole number by which the image is shrunk first.

    Returns:
        (H, W, C), black beside the image.
    """
    region = _region(image, matrix, size, factor) if factor > 1 else None
    if region is not None:
        left, top, image = region
        inner = (factor - 1) / 2
        matrix = matrix.copy()
        matrix[:, 2] += matrix[:, :2] @ (left + inner, top + inner)
        matrix[:, :2] *= factor
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)


def _region(
    image: npt.NDArray[np.uint8],
    matrix: npt.NDArray[np.float32],
    size: tuple[int, int],
    factor: int,
) -> tuple[int, int, npt.NDArray[np.uint8]] | None:
    """Left, top and the shrunk part of the image that the crop touches.

    None if it touches no more than a few pixels.
    """
    (a, b, x0), (c, d, y0) = cv2.invertAffineTransform(matrix).tolist()
    width, height = size
    corners = [
        (a * x + b * y + x0, c * x + d * y + y0)
        for x in (0, width)
        for y in (0, height)
    ]
    margin = 2 * factor
    rows, columns = image.shape[:2]
    left = max(int(min(x for x, _ in corners)) - margin, 0)
    top = max(int(min(y for _, y in corners)) - margin, 0)
    right = min(int(max(x for x, _ in corners)) + margin, columns)
    bottom = min(int(max(y for _, y in corners)) + margin, rows)
    part = ((right - left) // factor, (bottom - top) // factor)
    if min(part) < 1:
        return None
    image = image[top : top + part[1] * factor, left : left + part[0] * factor]
    return left, top, cv2.resize(image, part, interpolation=cv2.INTER_AREA)


@TRANSFORMS.register_module()
class MirrorHand(BaseTransform):
    """Mirrors the crop and the keypoints in it, after `TopdownAffine`.

    What is given in pixels of the image file stays as it is; the model's
    head mirrors its result back. With mode `'right'` a network only ever
    sees right hands. Relative depth does not change.

    Required Keys: `img`, `hand_side` (1,) 0 left, 1 right, -1 unknown;
    `transformed_keypoints` (1, K, 2) px of the crop, optional. Modified
    Keys: the first and the last. Added Key: `mirrored`.

    Args:
        mode: `'right'`: left hands; `'random'`: half of all; `'none'`.

    Raises:
        ValueError: An unknown mode.
    """

    def __init__(self, mode: str = 'right') -> None:
        if mode not in _MIRROR_MODES:
            raise ValueError(
                f'mode: expected one of {_MIRROR_MODES}, got {mode!r}'
            )
        self.mode = mode

    def transform(self, results: dict) -> dict:
        mirrored = self._decide(results)
        results['mirrored'] = mirrored
        if not mirrored:
            return results
        image = results['img']
        results['img'] = cv2.flip(image, 1)
        points = results.get('transformed_keypoints')
        if points is not None and points.ndim == 3:
            points = points.copy()
            points[..., 0] = image.shape[1] - 1 - points[..., 0]
            results['transformed_keypoints'] = points
        return results

    def _decide(self, results: dict) -> bool:
        if self.mode == 'random':
            return bool(np.random.rand() < 0.5)
        return self.mode == 'right' and int(results['hand_side'][0]) == 0
