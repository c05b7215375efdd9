"""Random skin, cloth, things and light, as uniforms of the renderer."""

from __future__ import annotations

import numpy as np

from synhand.synthesis.renderer import CLOTH, PLAIN, SKIN, Lighting

# Monk skin tone scale, tones 1 to 10 (skintone.google), sRGB.
MONK_TONES = (
    'f6ede4',
    'f3e7db',
    'f7ead0',
    'eadaba',
    'd7bd96',
    'a07e56',
    '825c43',
    '604134',
    '3a312a',
    '292420',
)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear light."""
    return np.where(
        srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4
    )


def _hex(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (0, 2, 4)]) / 255


_TONES = to_linear(np.stack([_hex(tone) for tone in MONK_TONES]))


def sample_skin(rng: np.random.Generator) -> tuple[dict, float]:
    """Skin uniforms and the tone, a number from 1 to 10 on Monk's scale."""
    position = rng.uniform(0, len(_TONES) - 1)
    low = int(position)
    high = min(low + 1, len(_TONES) - 1)
    t = position - low
    base = (1 - t) * _TONES[low] + t * _TONES[high]
    # The scale is of faces in even light; hands vary in warmth about it.
    base = base * np.array([1.0, 0.86, 0.76]) ** rng.uniform(0.3, 1.6)
    base *= np.exp(rng.normal(0, 0.1))
    # Palms of dark skin are much lighter than its backs.
    light_palm = np.array([0.55, 0.33, 0.24]) * rng.uniform(0.7, 1.2)
    dark = np.clip((position - 3.5) / 4, 0, 1) * rng.uniform(0.35, 0.75)
    palm = base * np.array([1.08, 0.9, 0.84]) * rng.uniform(0.95, 1.15)
    palm = (1 - dark) * palm + dark * light_palm
    nail = (0.55 * palm + 0.45 * light_palm) * np.array([1.2, 1.0, 0.98])
    if rng.random() < 0.12:
        nail = to_linear(rng.random(3))
    skin = {
        'material': SKIN,
        'base_color': base,
        'second_color': palm,
        'nail_color': nail,
        'noise_offset': rng.random(3),
        'blotch': rng.uniform(0.05, 0.45),
        'redness': rng.uniform(0.4, 1.8),
        'wrinkle': rng.uniform(0.25, 1.1),
        'vein': rng.uniform(0, 1.0),
        'roughness': rng.uniform(0.32, 0.6),
        'specular': rng.uniform(0.15, 0.9),
        'pattern': 0.0,
    }
    return skin, position + 1


def sample_cloth(rng: np.random.Generator) -> dict:
    """Uniforms of a sleeve or a strap."""
    return {
        'material': CLOTH,
        'base_color': _cloth_color(rng),
        'second_color': _cloth_color(rng),
        'noise_offset': rng.random(3),
        'roughness': rng.uniform(0.5, 0.9),
        'specular': rng.uniform(0, 0.3),
        'pattern': rng.uniform(0.02, 0.15) if rng.random() < 0.25 else 0.0,
    }


def _cloth_color(rng: np.random.Generator) -> np.ndarray:
    """Mostly greys and dark tones, sometimes any colour."""
    if rng.random() < 0.5:
        return to_linear(
            rng.uniform(0.03, 0.95) + rng.normal(0, 0.03, 3).clip(-0.03, 0.03)
        )
    return to_linear(rng.random(3))


def sample_plain(rng: np.random.Generator) -> dict:
    """Uniforms of a thing that is held or stands in front."""
    return {
        'material': PLAIN,
        'base_color': _cloth_color(rng),
        'second_color': _cloth_color(rng),
        'noise_offset': rng.random(3),
        'roughness': rng.uniform(0.15, 0.7),
        'specular': rng.uniform(0.1, 1.2),
        'pattern': rng.uniform(0.01, 0.1) if rng.random() < 0.4 else 0.0,
    }


def sample_metal(rng: np.random.Generator) -> dict:
    """Uniforms of a ring: gold, silver, steel or dark."""
    colors = ('e8c36a', 'd9d9de', 'a8adb5', '4a4a50')
    color = to_linear(_hex(colors[rng.integers(4)]))
    return {
        'material': PLAIN,
        'base_color': color,
        'second_color': color,
        'noise_offset': rng.random(3),
        'roughness': rng.uniform(0.1, 0.35),
        'specular': rng.uniform(1.0, 3.0),
        'pattern': 0.0,
    }


def sample_lighting(
    rng: np.random.Generator, background: np.ndarray | None
) -> Lighting:
    """One to four lights and a sky.

    Args:
        background: (H, W, 3) uint8 sRGB that the ambient light takes its
            colours from, or None.
    """
    count = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.35, 0.17, 0.08]))
    up = np.array([0, -1.0, 0]) + rng.normal(0, 0.35, 3)
    up /= np.linalg.norm(up)
    directions = rng.normal(size=(count, 3))
    directions[:, 2] -= 0.5  # most lights are on the camera's side
    directions += 0.7 * up
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    sky, ground = _ambient(rng, background)
    share = rng.uniform(0.25, 0.85)  # of the direct light
    weights = rng.dirichlet(np.full(count, 1.2))
    weights = np.sort(weights)[::-1]
    level = np.exp(rng.normal(0.05, 0.28))
    colors = np.stack([_light_color(rng) for _ in range(count)])
    return Lighting(
        directions=directions,
        colors=colors * weights[:, None] * share * level * 2.0,
        sky=sky * (1 - share) * level * 1.25,
        ground=ground * (1 - share) * level * 1.25,
        up=up,
        shadow=rng.uniform(0.3, 0.95),
    )


def _light_color(rng: np.random.Generator) -> np.ndarray:
    """From candle light to blue sky, mean 1."""
    warmth = rng.normal(0.12, 0.22)
    color = np.exp(np.array([1.0, 0.1, -1.1]) * warmth)
    if rng.random() < 0.04:
        color *= np.exp(rng.normal(0, 0.4, 3))
    return color / color.mean()


def _ambient(
    rng: np.random.Generator, background: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Colours from above and from below, linear, of mean about 1."""
    if background is None:
        sky = _light_color(rng)
        return sky, _light_color(rng) * rng.uniform(0.25, 0.9)
    half = len(background) // 2
    halves = background[:half], background[half:]
    pair = [to_linear(part.mean((0, 1)) / 255) + 0.05 for part in halves]
    brightness = max(color.mean() for color in pair)
    return pair[0] / brightness, pair[1] / brightness
