"""Textures of skin, drawn once: palm lines, veins, tendons, grain, hairs."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from synhand.hands.anny_hand import default_hand

VARIANTS = 4
# As in surface.frag: what of the rest hand's plane a tile of the relief shows.
_ORIGIN_MM = np.array([-64.0, -48.0])
_SIZE_MM = np.array([128.0, 192.0])
_PX_PER_MM = 2
_SUBPIXEL_BITS = 4
_GRAIN_SIDE = 256
_GRAIN_PX_PER_MM = 4
_SEED = 20192
# Centre, radius in mm and from which to which angle in degrees: around the
# thumb, across the palm, below the fingers.
_PALM_LINES = (
    ((46, 40), 36, (97, 176)),
    ((5, 160), 92, (-130, -79)),
    ((-30, 145), 62, (-104, -43)),
)


@cache
def relief() -> np.ndarray:
    """Palm and back side by side, one variant below the other.

    Returns:
        (VARIANTS * 384, 2 * 256, 4) uint8: depth of lines, veins, height of
        tendons and knuckles (half is level), unused.
    """
    rng = np.random.default_rng(_SEED)
    rest = default_hand().rest(np.zeros(default_hand().num_components), 190.0)
    knuckles = rest.keypoints['anatomical'][[5, 9, 13, 17], :2]
    rows = [
        np.hstack([_palm(rng), _back(rng, knuckles)]) for _ in range(VARIANTS)
    ]
    return np.ascontiguousarray(np.vstack(rows))


def _empty() -> list[np.ndarray]:
    width, height = (_SIZE_MM * _PX_PER_MM).astype(int)
    return [np.zeros((height, width), np.uint8) for _ in range(4)]


def _stroke(
    image: np.ndarray, points: np.ndarray, width_mm: float, value: float
) -> None:
    """Draw a line through points (P, 2) in mm of the rest hand."""
    px = (points - _ORIGIN_MM) * _PX_PER_MM * 2**_SUBPIXEL_BITS
    cv2.polylines(
        image,
        [np.rint(px).astype(np.int32)],
        False,
        value,
        max(round(width_mm * _PX_PER_MM), 1),
        cv2.LINE_AA,
        _SUBPIXEL_BITS,
    )


def _wiggle(
    rng: np.random.Generator, points: np.ndarray, mm: float
) -> np.ndarray:
    """Points of a line moved smoothly, by a walk without drift."""
    steps = np.cumsum(rng.normal(0, 1, points.shape), axis=0)
    steps -= np.linspace(0, 1, len(points))[:, None] * steps[-1]
    return points + mm * steps / np.sqrt(len(points))


def _palm(rng: np.random.Generator) -> np.ndarray:
    lines, _, level, unused = _empty()
    for center, radius, span in _PALM_LINES:
        low, high = np.radians(np.array(span) + rng.normal(0, 5, 2))
        t = np.linspace(low, high, 24)
        circle = np.stack([np.cos(t), np.sin(t)], axis=1)
        points = center + radius * rng.normal(1, 0.03) * circle
        points += rng.normal(0, 2.0, 2)
        _stroke(lines, _wiggle(rng, points, 2.5), 1.6, rng.uniform(190, 255))
    for _ in range(rng.integers(14, 30)):
        start = rng.uniform([-32, 8], [34, 88])
        angle = rng.normal(np.pi / 2, 0.9)
        reach = rng.uniform(6, 30) * np.array([np.cos(angle), np.sin(angle)])
        points = start + np.linspace(0, 1, 10)[:, None] * reach
        _stroke(lines, _wiggle(rng, points, 1.5), 0.6, rng.uniform(50, 140))
    for y in (-3, -8):  # where the wrist bends
        x = np.linspace(-26, 26, 20)
        points = np.stack([x, y + 0.004 * x * x + rng.normal(0, 1)], axis=1)
        _stroke(lines, _wiggle(rng, points, 1.5), 1.0, rng.uniform(90, 200))
    lines = cv2.GaussianBlur(lines, (0, 0), 0.5 * _PX_PER_MM)
    level += 128
    return cv2.merge([lines, unused, level, unused])


def _back(rng: np.random.Generator, knuckles: np.ndarray) -> np.ndarray:
    lines, veins, level, unused = _empty()
    _draw_veins(rng, veins, knuckles)
    for knuckle in knuckles:
        wrist = knuckle * [0.25, 0] + rng.normal(0, 1.5, 2)
        cord = wrist + np.linspace(0, 1, 12)[:, None] * (knuckle - wrist)
        _stroke(level, _wiggle(rng, cord, 1.0), 5.0, 70)
        _stroke(level, cord[-1:] + [[0, 0], [0, 2]], 11.0, 110)
    for _ in range(90):
        start = rng.uniform([-40, 0], [40, 100])
        angle = rng.choice([0.5, -0.6]) + rng.normal(0, 0.35)
        reach = rng.uniform(2, 7) * np.array([np.cos(angle), np.sin(angle)])
        points = start + np.linspace(0, 1, 4)[:, None] * reach
        _stroke(lines, points, 0.5, rng.uniform(15, 60))
    level = cv2.GaussianBlur(level, (0, 0), 2.5 * _PX_PER_MM)
    veins = cv2.GaussianBlur(veins, (0, 0), 0.8 * _PX_PER_MM)
    lines = cv2.GaussianBlur(lines, (0, 0), 0.3 * _PX_PER_MM)
    return cv2.merge([lines, veins, level + 128, unused])


def _draw_veins(
    rng: np.random.Generator, image: np.ndarray, knuckles: np.ndarray
) -> None:
    """From between the knuckles to the wrist, joining on the way."""
    ends = (knuckles[1:] + knuckles[:-1]) / 2 + rng.normal(0, 2, (3, 2))
    ends = np.vstack([ends, knuckles[3] + [-6, -12]])
    goals = np.array([[14, -40], [4, -40], [-8, -40], [-16, -40]])
    paths = []
    for end, goal in zip(ends, goals, strict=True):
        t = np.linspace(0, 1, 30)[:, None]
        path = _wiggle(rng, (1 - t) * end + t * goal, 9.0)
        paths.append(path)
        _stroke(image, path, rng.uniform(1.5, 2.6), rng.uniform(120, 255))
    for a, b in zip(paths[1:], paths[:-1], strict=True):
        if rng.random() < 0.7:
            i, j = rng.integers(3, 24, 2)
            t = np.linspace(0, 1, 12)[:, None]
            link = _wiggle(rng, (1 - t) * a[i] + t * b[j], 3.0)
            _stroke(image, link, rng.uniform(1.2, 2.0), rng.uniform(90, 200))


@cache
def grain() -> np.ndarray:
    """Fine skin, tileable, 64 mm wide.

    Returns:
        (256, 256, 4) uint8: criss-cross of the back, ridges of the palm (half
        is level), hairs, unused.
    """
    rng = np.random.default_rng(_SEED + 1)
    back = np.maximum.reduce(
        [_streaks(rng, angle, 0.7, 5.0) for angle in (0.55, -0.65, 1.6)]
    )
    palm = _streaks(rng, 0.3, 0.6, 3.0) + 0.5 * _streaks(rng, 1.8, 1.2, 2.0)
    pores = _streaks(rng, 0.0, 1.4, 1.4)
    return cv2.merge([_bytes(-back), _bytes(palm), _hairs(rng), _bytes(pores)])


def _streaks(
    rng: np.random.Generator, angle: float, across_mm: float, along_mm: float
) -> np.ndarray:
    """Noise (256, 256) of unit deviation, longer in one direction."""
    f = np.fft.fftfreq(_GRAIN_SIDE) * _GRAIN_PX_PER_MM  # cycles per mm
    fx, fy = np.meshgrid(f, f)
    u = fx * np.cos(angle) + fy * np.sin(angle)
    v = -fx * np.sin(angle) + fy * np.cos(angle)
    band = np.exp(-((u * along_mm) ** 2 + (v * across_mm) ** 2))
    noise = np.fft.fft2(rng.standard_normal((_GRAIN_SIDE, _GRAIN_SIDE)))
    out = np.fft.ifft2(noise * band).real
    return (out - out.mean()) / out.std()


def _bytes(noise: np.ndarray) -> np.ndarray:
    noise = (noise - noise.mean()) / noise.std()
    return np.clip(128 + 40 * noise, 0, 255).astype(np.uint8)


def _hairs(rng: np.random.Generator) -> np.ndarray:
    """Strokes (256, 256) along the arm that go on over the edges."""
    side = _GRAIN_SIDE
    image = np.zeros((3 * side, 3 * side), np.uint8)
    for _ in range(110):
        angle = rng.normal(np.pi / 2, 0.35)
        turn = rng.normal(0, 0.5)
        t = np.linspace(0, 1, 8)
        heading = angle + turn * t
        step = rng.uniform(4, 10) * _GRAIN_PX_PER_MM / 8
        path = np.cumsum(
            step * np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0
        )
        path += side + rng.uniform(0, side, 2)
        value = rng.uniform(90, 230)
        for dx in (-side, 0, side):
            for dy in (-side, 0, side):
                points = np.rint((path + [dx, dy]) * 16).astype(np.int32)
                cv2.polylines(image, [points], False, value, 1, cv2.LINE_AA, 4)
    return image[side : 2 * side, side : 2 * side]
