"""Light from all around: procedural skies and rooms, folders of HDR images.

An environment is radiance towards ``DIRECTIONS``, the texels of an octahedral
map (Praun and Hoppe 2003), linear RGB. Diffuse light is its second-order
spherical harmonics (Ramamoorthi and Hanrahan 2001), mirrored light its
convolution with lobes of four widths.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np

from synhand.photos import find_files

SIDE = 16
ROUGHNESSES = (0.15, 0.3, 0.5, 0.8)
_TILE = 12  # as in surface.frag, with a border of one texel
BLURRED_SHAPE = len(ROUGHNESSES) * (_TILE + 2), _TILE + 2
_HDR_SHAPE = (32, 64)
HDR_SUFFIXES = ('.hdr', '.exr')


def octahedral_directions(side: int, border: int = 0) -> np.ndarray:
    """Unit vectors (side + 2 border, side + 2 border, 3) of a map's texels.

    The border's texels continue the map across its edges.
    """
    at = (np.arange(-border, side + border) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(at, at)
    over_x, over_y = np.abs(x) > 1, np.abs(y) > 1
    # Across an edge the map goes on turned about the middle of that edge.
    x, y = (
        np.where(over_x, np.sign(x) * 2 - x, np.where(over_y, -x, x)),
        np.where(over_y, np.sign(y) * 2 - y, np.where(over_x, -y, y)),
    )
    z = 1 - np.abs(x) - np.abs(y)
    fold_x = (1 - np.abs(y)) * np.where(x < 0, -1, 1)
    fold_y = (1 - np.abs(x)) * np.where(y < 0, -1, 1)
    d = np.stack(
        [np.where(z < 0, fold_x, x), np.where(z < 0, fold_y, y), z], axis=-1
    )
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


def _solid_angles(side: int) -> np.ndarray:
    """Steradians (side * side,) of the texels of an octahedral map."""
    fine = 8
    d = octahedral_directions(side * fine).reshape(-1, 3)
    area = np.abs(d).sum(1) ** 3  # of the octahedron's faces, up to a factor
    blocks = area.reshape(side, fine, side, fine).sum((1, 3)).ravel()
    return 4 * np.pi * blocks / blocks.sum()


DIRECTIONS = octahedral_directions(SIDE).reshape(-1, 3)
SOLID_ANGLES = _solid_angles(SIDE)


def harmonics(directions: np.ndarray) -> np.ndarray:
    """The nine polynomials of ``surface.frag`` at unit vectors (..., 3)."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    one = np.ones_like(x)
    return np.stack(
        [one, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y],
        axis=-1,
    )


# Squared norms of those polynomials over the sphere, and what a cosine lobe
# over pi leaves of each band.
_NORMS = 4 * np.pi * np.array(
    [1, 1 / 3, 1 / 3, 1 / 3, 1 / 15, 1 / 15, 4 / 5, 1 / 15, 4 / 15]
)  # fmt: skip
_COSINE = np.array([1, *[2 / 3] * 3, *[1 / 4] * 5])
_PROJECTION = (
    (harmonics(DIRECTIONS) * SOLID_ANGLES[:, None]).T
    * (_COSINE / _NORMS)[:, None]
).astype(np.float32)


def irradiance_coefficients(radiance: np.ndarray) -> np.ndarray:
    """Coefficients (9, 3) of irradiance over pi for ``harmonics``.

    Args:
        radiance: (N, 3) towards ``DIRECTIONS``.
    """
    return _PROJECTION @ radiance


def spot(direction: np.ndarray) -> np.ndarray:
    """Radiance (N,) of a small light of irradiance pi from (3,) unit."""
    lobe = np.exp(24 * (DIRECTIONS @ direction - 1))
    return np.pi * lobe / (lobe @ SOLID_ANGLES)


@cache
def _lobes() -> np.ndarray:
    """Weights (4 * 14 * 14, N) of the blurred maps' texels."""
    towards = octahedral_directions(_TILE, 1).reshape(-1, 3)
    cosine = np.clip(towards @ DIRECTIONS.T, 1e-6, 1)
    rows = []
    for roughness in ROUGHNESSES:
        lobe = cosine ** (2 / roughness**2 / 4) * SOLID_ANGLES
        rows.append(lobe / lobe.sum(1, keepdims=True))
    return np.concatenate(rows).astype(np.float32)


def blurred_maps(radiance: np.ndarray) -> np.ndarray:
    """Mirrored radiance (4 * 14, 14, 3): the maps of four roughnesses.

    Args:
        radiance: (N, 3) towards ``DIRECTIONS``.
    """
    maps = _lobes() @ radiance.astype(np.float32)
    return maps.reshape(*BLURRED_SHAPE, 3)


def gloss_level(roughness: float) -> int:
    """Which of ``ROUGHNESSES`` is next."""
    return int(np.argmin(np.abs(np.array(ROUGHNESSES) - roughness)))


# ---- procedural ------------------------------------------------------------


def sky(rng: np.random.Generator, directions: np.ndarray) -> np.ndarray:
    """Radiance (N, 3) of a sky over ground towards (N, 3), up is +z."""
    height = directions[:, 2]
    overcast = rng.random()
    blue = np.array([0.45, 0.68, 1.25]) ** (1.2 * (1 - overcast))
    horizon = np.array([1.15, 1.05, 0.95]) ** rng.uniform(-0.5, 2.0)
    t = np.clip(height, 0, 1)[:, None] ** rng.uniform(0.3, 0.9)
    above = (1 - t) * horizon * rng.uniform(0.6, 1.6) + t * blue
    ground = _tint(rng, 0.25) * rng.uniform(0.12, 0.6)
    edge = np.clip(height / 0.15 + 0.5, 0, 1)[:, None]
    out = edge * above + (1 - edge) * ground
    # Trees, houses or people before a part of the horizon.
    around = np.arctan2(directions[:, 1], directions[:, 0])
    rise = rng.uniform(0, 0.5) * (
        np.sin(around * rng.integers(1, 4) + rng.uniform(0, 6.3)) + 0.6
    )
    return np.where(
        ((height > 0) & (height < rise))[:, None],
        _tint(rng, 0.3) * rng.uniform(0.08, 0.5),
        out,
    )


def room(rng: np.random.Generator, directions: np.ndarray) -> np.ndarray:
    """Radiance (N, 3) inside a box with windows and lamps, up is +z."""
    half = np.array([*rng.uniform(1.5, 4.0, 2), 1.3])
    eye = rng.uniform(-0.6, 0.6, 3) * half
    reach = (np.sign(directions) * half - eye) / np.where(
        np.abs(directions) < 1e-6, 1e-6, directions
    )
    axis = reach.argmin(1)
    hit = eye + directions * np.take_along_axis(reach, axis[:, None], 1)
    wall = 2 * axis + (directions[np.arange(len(axis)), axis] > 0)
    paint = _tint(rng, 0.12) * rng.uniform(0.35, 0.75)
    colors = np.stack([paint * _tint(rng, 0.05) for _ in range(6)])
    colors[4] = _tint(rng, 0.3) * rng.uniform(0.1, 0.4)
    colors[5] = _tint(rng, 0.05) * rng.uniform(0.6, 0.9)
    colors *= rng.uniform(0.75, 1.25, 6)[:, None]
    out = colors[wall]
    for _ in range(rng.integers(1, 5)):
        _add_opening(rng, out, hit / half, wall)
    return out


def _add_opening(
    rng: np.random.Generator,
    out: np.ndarray,
    at: np.ndarray,
    wall: np.ndarray,
) -> None:
    """Brighten a rectangle: a window in a wall or a lamp of the ceiling."""
    lamp = rng.random() < 0.4
    chosen = 5 if lamp else rng.integers(4)
    size = rng.uniform(0.1, 0.4, 2) if lamp else rng.uniform(0.25, 0.8, 2)
    others = [i for i in range(3) if i != chosen // 2]
    offset = at[:, others] - rng.uniform(-0.6, 0.6, 2)
    inside = (wall == chosen) & (np.abs(offset) < size).all(1)
    warm = np.array([1.25, 1.0, 0.7]) ** rng.uniform(0, 1.5)
    day = np.array([0.85, 1.0, 1.2]) ** rng.uniform(-0.3, 1.2)
    out[inside] = (warm if lamp else day) * rng.uniform(2, 9)


def _tint(rng: np.random.Generator, spread: float) -> np.ndarray:
    color = np.exp(rng.normal(0, spread, 3))
    return color / color.mean()


def surroundings(photo: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Radiance (N, 3) as if a photo went on all around, camera frame.

    Args:
        photo: (H, W, 3) uint8 sRGB.
        directions: (N, 3) camera frame.
    """
    small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 2.0)
    at = ((directions[:, :2] + 1) / 2 * (SIDE - 1)).round().astype(int)
    color = (small[at[:, 1], at[:, 0]] / np.float32(255)) ** 2.2 + 0.02
    # Light that has met more than what the photo shows is paler.
    return 0.5 * color + 0.5 * color.mean(1, keepdims=True)


# ---- HDR images ------------------------------------------------------------


@lru_cache(maxsize=64)
def load_hdr(path: Path) -> np.ndarray:
    """An equirectangular HDR image, (32, 64, 3) float32 linear RGB, mean 1.

    Raises:
        ValueError: No image in it, or one that is not linear colour.
    """
    try:
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # formats that this OpenCV was built without
        image = None
    if image is None:
        raise ValueError(
            f'{path}: not a readable HDR image; expected Radiance .hdr, or '
            'OpenEXR where OpenCV reads it (OPENCV_IO_ENABLE_OPENEXR=1)'
        )
    if image.dtype != np.float32 or image.ndim != 3:
        raise ValueError(
            f'{path}: {image.dtype} values of shape {image.shape}; expected '
            'an HDR image of three float channels'
        )
    image = np.nan_to_num(image[..., 2::-1], posinf=0.0).clip(0, 1e4)
    small = cv2.resize(image, _HDR_SHAPE[::-1], interpolation=cv2.INTER_AREA)
    return small / max(float(small.mean()), 1e-6)


def hdr_files(folder: str | Path) -> list[Path]:
    """The HDR images of a folder and those below it, in a fixed order.

    Raises:
        FileNotFoundError: The folder is missing or holds none.
    """
    return find_files(folder, HDR_SUFFIXES, 'environments to light hands with')


def look_up(panorama: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Radiance (N, 3) of an equirectangular image towards (N, 3), up is +z."""
    height, width = panorama.shape[:2]
    around = np.arctan2(directions[:, 1], directions[:, 0])
    column = ((around / (2 * np.pi) + 0.5) * width).astype(int) % width
    down = np.arccos(np.clip(directions[:, 2], -1, 1)) / np.pi
    row = np.minimum((down * height).astype(int), height - 1)
    return panorama[row, column]
