"""What lies behind a hand: crops of photos, or drawn shapes and noise."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

_MAX_SIDE = 640


@lru_cache(maxsize=512)
def _photo(path: Path) -> np.ndarray:
    """A photo (H, W, 3) RGB, its longer side at most 640 px."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f'{path}: not a readable image; expected a photo')
    scale = _MAX_SIDE / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def photo_background(
    rng: np.random.Generator, path: Path, size: int
) -> np.ndarray:
    """A random square (S, S, 3) uint8 RGB of a photo, flipped at times."""
    photo = _photo(path)
    short = min(photo.shape[:2])
    side = int(short * rng.uniform(0.35, 1.0))
    y = rng.integers(photo.shape[0] - side + 1)
    x = rng.integers(photo.shape[1] - side + 1)
    crop = photo[y : y + side, x : x + side]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    shrinks = side > size
    return cv2.resize(
        crop,
        (size, size),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )


def procedural_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise of several sizes and a few shapes (S, S, 3) uint8 RGB."""
    small = -(-size // 4)  # the finest noise has 40 cells
    image = np.zeros((small, small, 3), np.float32)
    weight = 1.0
    for cells in (2, 5, 13, 40):
        patch = rng.random((cells, cells, 3), np.float32)
        image += weight * cv2.resize(
            patch, (small, small), interpolation=cv2.INTER_CUBIC
        )
        weight *= rng.uniform(0.2, 0.8)
    image -= image.min()
    image *= rng.uniform(120, 255) / max(image.max(), 1e-6)
    picture = cv2.resize(image.astype(np.uint8), (size, size))
    for _ in range(rng.integers(0, 9)):
        _draw_shape(rng, picture)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3))
    return picture


def _draw_shape(rng: np.random.Generator, image: np.ndarray) -> None:
    size = len(image)
    color = tuple(float(c) for c in rng.uniform(0, 255, 3))
    center = tuple(int(c) for c in rng.integers(0, size, 2))
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
        points = rng.integers(0, size, (rng.integers(3, 6), 2))
        cv2.fillPoly(image, [points.astype(np.int32)], color, cv2.LINE_AA)
    else:
        end = tuple(int(c) for c in rng.integers(0, size, 2))
        cv2.line(
            image,
            center,
            end,
            color,
            int(rng.integers(1, size // 8)),
            cv2.LINE_AA,
        )
