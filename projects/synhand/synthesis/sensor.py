"""What a camera does to a picture: exposure, colour, blur, noise, JPEG."""

from __future__ import annotations

import cv2
import numpy as np


def expose(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """A photograph (H, W, 3) uint8 of a clean picture (H, W, 3) uint8."""
    out = image.astype(np.float32) / 255
    gains = np.exp(rng.normal(0, 0.06, 3) + rng.normal(0, 0.12))
    gamma = np.exp(rng.normal(0, 0.12))
    out = np.clip(out * gains.astype(np.float32), 0, 1) ** np.float32(gamma)
    out = _blur(rng, out)
    if rng.random() < 0.2:
        out = _resample(rng, out)
    read, shot = rng.uniform(0, 0.012), rng.uniform(0, 0.02)
    level = np.sqrt(read**2 + shot**2 * out)
    noise = rng.standard_normal(out.shape, np.float32)
    return (np.clip(out + level * noise, 0, 1) * 255 + 0.5).astype(np.uint8)


def _blur(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    kind = rng.random()
    if kind < 0.35:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3))
    if kind < 0.45:
        length = int(rng.integers(3, 8))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        arm = np.array([np.cos(angle), np.sin(angle)]) * (length / 2)
        middle = (length - 1) / 2
        a, b = np.rint([middle - arm, middle + arm]).astype(int)
        cv2.line(kernel, tuple(a.tolist()), tuple(b.tolist()), 1.0)
        return cv2.filter2D(image, -1, kernel / kernel.sum())
    return image


def _resample(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    factor = rng.uniform(0.35, 0.9)
    small = cv2.resize(
        image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA
    )
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """JPEG bytes of (H, W, 3) uint8 RGB."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def encode_png(image: np.ndarray) -> bytes:
    """PNG bytes of (H, W) uint8, packed quickly rather than tightly."""
    _, data = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()
