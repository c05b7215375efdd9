"""Random light: an environment, one to four lights, an exposure."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synhand.synthesis.environment import (
    DIRECTIONS,
    SOLID_ANGLES,
    harmonics,
    irradiance_coefficients,
    load_hdr,
    look_up,
    room,
    sky,
    spot,
    surroundings,
)
from synhand.synthesis.surfaces import Lighting, Surface, cross

_HDR_SHARE = 0.6
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
_MAX_EXPOSURE = 6.0


def sample_lighting(
    rng: np.random.Generator,
    background: np.ndarray | None,
    surfaces: list[Surface],
    environments: list[Path],
) -> Lighting:
    """One to four lights and what is all around, exposed for a hand.

    Args:
        background: (H, W, 3) uint8 sRGB that the light takes its colours
            from, or None.
        surfaces: What is lit; the first is exposed for.
        environments: HDR images, used for a share when there are any.
    """
    up = np.array([0, -1.0, 0]) + rng.normal(0, 0.35, 3)
    up /= np.linalg.norm(up)
    radiance, sun = _environment(rng, up, environments)
    if background is not None:
        around = surroundings(background, DIRECTIONS)
        radiance = 0.35 * radiance + around / around.mean()
    radiance /= (
        (radiance * SOLID_ANGLES[:, None]).mean()
        * len(DIRECTIONS)
        / (4 * np.pi)
    )
    directions = _directions(rng, up, radiance, sun)
    share = rng.uniform(0.15, 0.8)  # of the lights
    weights = np.sort(rng.dirichlet(np.full(len(directions), 1.2)))[::-1]
    colors = np.stack([_light_color(rng) for _ in directions])
    colors *= 3.2 * share * weights[:, None]
    radiance = radiance * (1.25 * (1 - share))
    cast = colors.sum(0) / 3 + radiance.mean(0)
    balance = (cast / cast.mean()) ** -rng.uniform(0.5, 1.0)
    colors, radiance = colors * balance, radiance * balance
    for direction, color in zip(directions[1:], colors[1:], strict=True):
        radiance += spot(direction)[:, None] * color
    lighting = Lighting(
        directions=directions,
        colors=colors,
        radiance=radiance.astype(np.float32),
        shadow=rng.uniform(0.45, 1.0),
        softness=np.exp(rng.uniform(np.log(0.004), np.log(0.05))),
    )
    lighting.exposure = _exposure(rng, lighting, surfaces)
    return lighting


def _environment(
    rng: np.random.Generator, up: np.ndarray, environments: list[Path]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Radiance (N, 3) and the direction of its brightest spot, if any."""
    world = DIRECTIONS @ _camera_to_world(rng, up).T
    if environments and rng.random() < _HDR_SHARE:
        path = environments[rng.integers(len(environments))]
        radiance = look_up(load_hdr(path), world)
        bright = radiance.sum(1)
        spot = DIRECTIONS[bright.argmax()]
        # Its highest lights act as a lamp with a shadow instead.
        ceiling = 8 * radiance.mean()
        radiance = np.minimum(radiance, ceiling)
        return radiance, spot if bright.max() > 3 * ceiling else None
    kind = sky if rng.random() < 0.45 else room
    return kind(rng, world), None


def _camera_to_world(rng: np.random.Generator, up: np.ndarray) -> np.ndarray:
    """A rotation (3, 3) that takes ``up`` to +z, at random about it."""
    side = rng.normal(size=3)
    side -= (side @ up) * up
    side /= np.sqrt(side @ side)
    return np.array([side, cross(up, side), up])


def _directions(
    rng: np.random.Generator,
    up: np.ndarray,
    radiance: np.ndarray,
    sun: np.ndarray | None,
) -> np.ndarray:
    """Unit vectors (L, 3) towards the lights, most of them above."""
    count = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.35, 0.17, 0.08]))
    directions = rng.normal(size=(count, 3))
    directions[:, 2] -= 0.5  # most lights are on the camera's side
    directions += 0.7 * up
    if sun is not None:
        directions[0] = sun
    elif rng.random() < 0.5:  # the first light is the brightest window
        brightest = DIRECTIONS[radiance.sum(1).argmax()]
        directions[0] = brightest + rng.normal(0, 0.15, 3)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def _light_color(rng: np.random.Generator) -> np.ndarray:
    """From candle light to blue sky, mean 1."""
    warmth = rng.normal(0.1, 0.2)
    color = np.exp(np.array([1.0, 0.1, -1.1]) * warmth)
    if rng.random() < 0.03:
        color *= np.exp(rng.normal(0, 0.4, 3))
    return color / color.mean()


def _exposure(
    rng: np.random.Generator, lighting: Lighting, surfaces: list[Surface]
) -> float:
    """What the first surface's light is multiplied by.

    A camera exposes for the whole picture: skin in strong light is held
    back, more than dark skin is lifted.
    """
    error = np.exp(rng.normal(0, 0.22))
    if not surfaces:
        return error
    first = surfaces[0]
    normals = first.normals[::29]
    to_camera = -first.vertices[::29]
    seen = normals[(normals * to_camera).sum(1) > 0]
    light = harmonics(seen) @ irradiance_coefficients(lighting.radiance)
    facing = np.maximum(seen @ lighting.directions[0], 0)[:, None]
    light = light.clip(0) + facing * lighting.colors[0]
    lit = light * first.material['base_color'] @ _LUMINANCE
    bright = np.quantile(lit, 0.85) if len(lit) else 1.0
    power = 0.85 if bright > 0.45 else 0.55
    return min(error * (0.45 / bright) ** power, _MAX_EXPOSURE)
