"""What lies behind a hand: crops of photos, or drawn shapes and noise."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from synhand.photos import read_small

_MAX_SIDE = 640


@lru_cache(maxsize=512)
def _photo(path: Path) -> np.ndarray:
    """A photo (H, W, 3) RGB, its longer side at most 640 px."""
    return cv2.cvtColor(read_small(path, _MAX_SIDE), cv2.COLOR_BGR2RGB)


def photo_background(
    rng: np.random.Generator, path: Path, size: tuple[int, int]
) -> np.ndarray:
    """A random part (H, W, 3) uint8 RGB of a photo, flipped at times.

    Args:
        path: Of the photo.
        size: W and H; the part has their ratio.
    """
    photo = _photo(path)
    largest = min(photo.shape[1] / size[0], photo.shape[0] / size[1])
    scale = largest * rng.uniform(0.35, 1.0)
    width, height = (max(1, int(scale * side)) for side in size)
    y = rng.integers(photo.shape[0] - height + 1)
    x = rng.integers(photo.shape[1] - width + 1)
    crop = photo[y : y + height, x : x + width]
    if rng.random() < 0.5:
        crop = cv2.flip(crop, 1)  # a view would be copied, slowly
    shrinks = scale > 1
    return cv2.resize(
        crop,
        size,
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )


def procedural_background(
    rng: np.random.Generator, size: tuple[int, int]
) -> np.ndarray:
    """Noise of several sizes and a few shapes (H, W, 3) uint8 RGB."""
    small = [-(-side // 4) for side in size]  # the finest noise has 40 cells
    image = np.zeros((small[1], small[0], 3), np.float32)
    weight = 1.0
    for cells in (2, 5, 13, 40):
        patch = rng.random((cells, cells, 3), np.float32)
        image += weight * cv2.resize(
            patch, small, interpolation=cv2.INTER_CUBIC
        )
        weight *= rng.uniform(0.2, 0.8)
    image -= image.min()
    image *= rng.uniform(120, 255) / max(image.max(), 1e-6)
    picture = cv2.resize(image.astype(np.uint8), size)
    for _ in range(rng.integers(0, 9)):
        _draw_shape(rng, picture)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3))
    return picture


def _draw_shape(rng: np.random.Generator, image: np.ndarray) -> None:
    corner = image.shape[1::-1]
    size = min(corner)
    color = tuple(float(c) for c in rng.uniform(0, 255, 3))
    center = tuple(int(c) for c in rng.integers(0, corner))
    kind = rng.integers(3)
    if kind == 0:
        axes = tuple(int(a) for a in rng.integers(4, size // 2, 2))
        cv2.ellipse(
            image,
            center,
            axes,
            rng.uniform(0, 180),
            0,
            360,
            color,
            -1,
            cv2.LINE_AA,
        )
    elif kind == 1:
        points = rng.integers(0, corner, (rng.integers(3, 6), 2))
        cv2.fillPoly(image, [points.astype(np.int32)], color, cv2.LINE_AA)
    else:
        end = tuple(int(c) for c in rng.integers(0, corner))
        cv2.line(
            image,
            center,
            end,
            color,
            int(rng.integers(1, size // 8)),
            cv2.LINE_AA,
        )
