"""What a camera does to a picture: exposure, colour, blur, noise, JPEG."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

_NOISE_SIDE = 512
_GRAIN_SEED = 7
_GRAIN_UNIT = 1024
_STRENGTH_UNIT = 256
_GREY_SHARE, _FRINGE_SHARE, _SHARP_SHARE = 0.015, 0.1, 0.2
# Runs of equal pixels without a filter: four times as quick as the default,
# and smaller for masks.
_PNG_FLAGS = (
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE),
)


@cache
def _grain() -> np.ndarray:
    """Normal noise (512, 512, 3) int16, `_GRAIN_UNIT` a standard deviation.

    Drawing fresh noise for every image would cost as much as drawing the
    hand; a window at a random place, turned at random, serves as well.
    """
    rng = np.random.default_rng(_GRAIN_SEED)
    noise = rng.standard_normal((_NOISE_SIDE, _NOISE_SIDE, 3))
    return np.rint(noise * _GRAIN_UNIT).astype(np.int16)


def expose(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """A photograph (H, W, 3) uint8 of a clean picture (H, W, 3) uint8."""
    gains = np.exp(rng.normal(0, 0.06, 3) + rng.normal(0, 0.12))
    gamma = np.exp(rng.normal(0, 0.12))
    levels = np.linspace(0, 1, 256)[:, None]
    # Highlights bend instead of being cut off.
    lit = levels * gains
    lit = np.where(lit > 0.8, 0.8 + 0.2 * np.tanh((lit - 0.8) / 0.2), lit)
    curve = 255 * lit**gamma
    out = cv2.LUT(image, curve.astype(np.uint8)[None])
    if rng.random() < _GREY_SHARE:
        out = cv2.merge([cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)] * 3)
    elif rng.random() < _FRINGE_SHARE:
        out = _fringe(rng, out)
    out = _blur(rng, out)
    if rng.random() < 0.25:
        out = _resample(rng, out)
    out = _add_noise(rng, out)
    return _sharpen(rng, out) if rng.random() < _SHARP_SHARE else out


def _fringe(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Red and blue a little larger or smaller: lateral colour of a lens."""
    height, width = image.shape[:2]
    channels = list(cv2.split(image))
    for channel in (0, 2):
        scale = 1 + rng.normal(0, 0.004)
        shift = (1 - scale) * np.array([width - 1, height - 1]) / 2
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        channels[channel] = cv2.warpAffine(
            channels[channel],
            matrix,
            (width, height),
            borderMode=cv2.BORDER_REPLICATE,
        )
    return cv2.merge(channels)


def _sharpen(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """What a phone does to edges, halos included."""
    amount = rng.uniform(0.2, 1.2)
    soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.7, 1.6))
    return cv2.addWeighted(image, 1 + amount, soft, -amount, 0)


def _add_noise(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Read noise of one level, shot noise that grows with brightness."""
    height, width = image.shape[:2]
    grain = _grain()
    if max(height, width) > _NOISE_SIDE:
        repeats = -(-max(height, width) // _NOISE_SIDE)
        grain = np.tile(grain, (repeats, repeats, 1))
    y = rng.integers(grain.shape[0] - height + 1)
    x = rng.integers(grain.shape[1] - width + 1)
    window = grain[y : y + height, x : x + width]
    if rng.random() < 0.5:
        window = window[::-1]
    read, shot = rng.uniform(0, 0.012), rng.uniform(0, 0.02)
    levels = np.linspace(0, 1, 256)
    amount = 255 * np.sqrt(read**2 + shot**2 * levels)
    table = np.rint(amount * _STRENGTH_UNIT).astype(np.int16)
    # Operands of one type: OpenCV is a hundred times slower on mixed ones.
    noise = cv2.multiply(
        cv2.LUT(image, table), window, scale=1 / _GRAIN_UNIT / _STRENGTH_UNIT
    )
    return cv2.add(image, noise, dtype=cv2.CV_8U)


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
    factor = np.exp(rng.uniform(np.log(0.16), np.log(0.9)))
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
    """PNG bytes of (H, W) uint8 with large even areas."""
    _, data = cv2.imencode('.png', image, _PNG_FLAGS)
    return data.tobytes()
