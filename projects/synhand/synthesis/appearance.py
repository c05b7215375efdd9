"""Random skin, cloth, things and light, as uniforms of the renderer."""

from __future__ import annotations

import numpy as np

from synhand.synthesis.relief import VARIANTS
from synhand.synthesis.surfaces import CLOTH, PLAIN, SKIN

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


_HAIRY = 0.35
_WET = 0.1
_TONES = to_linear(np.stack([_hex(tone) for tone in MONK_TONES]))


def sample_skin(rng: np.random.Generator) -> tuple[dict, float]:
    """Skin uniforms and the tone, a number from 1 to 10 on Monk's scale."""
    position = rng.uniform(0, len(_TONES) - 1)
    low = int(position)
    high = min(low + 1, len(_TONES) - 1)
    t = position - low
    base = (1 - t) * _TONES[low] + t * _TONES[high]
    # The scale is of faces in even light; hands vary in warmth about it.
    base = base * np.array([1.0, 0.86, 0.76]) ** rng.uniform(0.5, 1.8)
    # Blood shows through light skin.
    blood = np.clip(1 - position / 5, 0, 1) * rng.uniform(0.2, 1.4)
    base *= np.array([1.0, 0.86, 0.84]) ** blood
    base *= np.exp(rng.normal(0, 0.1))
    # Palms of dark skin are much lighter than its backs.
    light_palm = np.array([0.55, 0.33, 0.24]) * rng.uniform(0.7, 1.2)
    dark = np.clip((position - 3.5) / 4, 0, 1) * rng.uniform(0.35, 0.75)
    palm = base * np.array([1.08, 0.9, 0.84]) * rng.uniform(0.95, 1.15)
    palm = (1 - dark) * palm + dark * light_palm
    nail = (0.55 * palm + 0.45 * light_palm) * np.array([1.2, 1.0, 0.98])
    paint = rng.random() < 0.12
    if paint:
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
        'paint': float(paint),
        'hair': rng.uniform(0.2, 0.9) if rng.random() < _HAIRY else 0.0,
        'oil': rng.uniform(0, 0.35),
        'variant': int(rng.integers(VARIANTS)),
    }
    if rng.random() < _WET:
        skin.update(oil=rng.uniform(0.4, 0.9), specular=rng.uniform(0.9, 1.7))
    return skin, position + 1


def tone_name(tone: float) -> str:
    """The nearest tone of Monk's scale, ``Monk 01`` to ``Monk 10``.

    Args:
        tone: From :func:`sample_skin`.
    """
    return f'Monk {min(max(round(tone), 1), len(MONK_TONES)):02d}'


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
