"""What a renderer is given and gives back, and its uniform blocks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synhand.synthesis import environment

SKIN, CLOTH, PLAIN = 0, 1, 2
# Shadows are as sharp as the map of this much of the hand and arm allows.
_SHADOWED_ARM_MM = 80.0
# SurfaceBlock of blocks.glsl: names in order and their numbers of floats.
_SURFACE_BLOCK = (
    ('base_color', 3),
    ('sharpness', 1),
    ('second_color', 3),
    ('specular', 1),
    ('nail_color', 3),
    ('paint', 1),
    ('noise_offset', 3),
    ('identity', 1),
    ('blotch', 1),
    ('redness', 1),
    ('wrinkle', 1),
    ('vein', 1),
    ('hair', 1),
    ('oil', 1),
    ('pattern', 1),
    ('gloss_level', 1),
    ('clip', 2),
    ('variant', 1),
    ('detail_lod', 1),
)
UNCLIPPED = (-1e6, 1e6)
_ZEROS = {1: 0.0, 2: (0.0,) * 2, 3: (0.0,) * 3}
FRAME_FLOATS = 2 * 16 + 3 * 4 + 9 * 4 + 4
SURFACE_FLOATS = sum(size for _, size in _SURFACE_BLOCK)
# Things as far as this many radii before the hand cast shadows too.
_SHADOW_DEPTH = 4.0


@dataclass
class Surface:
    """One mesh with its material.

    Attributes:
        vertices: (V, 3) mm, camera frame.
        normals: (V, 3) unit, outward.
        faces: (F, 3).
        rest: (V, 3) mm, where patterns are drawn: they move with the mesh.
        mask: (V, 4) nail, palm, tip and knuckle shares of skin.
        crease: (V, 4) mm along the finger from MCP, PIP, DIP; on a finger.
        identity: Written to the label image, 1 to 63.
        region: (V,) whole numbers up to 30, written beside the identity.
        clip: Lowest and highest y of `rest` that is drawn, mm.
        closed: The mesh has no holes, and its faces run counter-clockwise
            seen from outside; those turned away are not drawn.
        material: Kind and values of ``SurfaceBlock`` in ``blocks.glsl`` by
            name; what is missing is 0.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    rest: np.ndarray
    identity: int
    material: dict
    mask: np.ndarray | None = None
    crease: np.ndarray | None = None
    region: np.ndarray | None = None
    clip: tuple[float, float] = UNCLIPPED
    closed: bool = True


@dataclass
class Lighting:
    """Directional lights and an environment, linear RGB.

    Attributes:
        directions: (L, 3) unit, from the hand to the light, camera frame.
        colors: (L, 3) irradiance over pi.
        radiance: (N, 3) towards ``environment.DIRECTIONS``. All lights but
            the first are in it: that one alone casts a shadow.
        shadow: Share of the first light that a shadow takes, 0 to 1.
        softness: Width of the shadow's edge in parts of what is shadowed.
        exposure: What all light is multiplied by.
    """

    directions: np.ndarray
    colors: np.ndarray
    radiance: np.ndarray = field(
        default_factory=lambda: np.full_like(environment.DIRECTIONS, 0.3)
    )
    shadow: float = 0.8
    softness: float = 0.01
    exposure: float = 1.0


@dataclass(frozen=True)
class Frame:
    """What was drawn.

    Attributes:
        color: (H, W, 3) uint8 sRGB in RGB order, premultiplied by alpha.
        alpha: (H, W) uint8 coverage of all surfaces.
        depth: (h, w) float32 mm, to 1 mm beyond 1 m, 0 where nothing is;
            drawn (larger) size.
        identity: (h, w) uint8 of the nearest surface, 0 where nothing is.
        region: (h, w) uint8 of the nearest surface's region.
    """

    color: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    identity: np.ndarray
    region: np.ndarray


def frame_block(
    projection: np.ndarray,
    shadow: np.ndarray,
    lighting: Lighting,
    reflection_unit: float,
) -> bytes:
    """``FrameBlock`` of ``blocks.glsl``.

    Args:
        projection: (4, 4) camera frame to clip space.
        shadow: (4, 4) camera frame to the shadow map's.
        lighting: In the camera frame.
        reflection_unit: What a full texel of the reflections stands for.
    """
    harmonics = np.zeros((9, 4), np.float32)
    harmonics[:, :3] = environment.irradiance_coefficients(lighting.radiance)
    harmonics[0, 3] = reflection_unit
    light = np.zeros((3, 4), np.float32)
    light[0, :3] = lighting.directions[0]
    light[1, :3] = lighting.colors[0]
    y, z, x = harmonics[1:4, :3].sum(1) / max(harmonics[0, :3].sum(), 1e-6)
    light[2, :3] = x, y, z
    facts = (0.0, lighting.shadow, lighting.softness, lighting.exposure)
    parts = (projection.T, shadow.T, light, harmonics, facts)
    block = np.concatenate([np.ravel(part) for part in parts])
    return block.astype('f4').tobytes()


def surface_block(surface: Surface, mm_per_px: float) -> bytes:
    """``SurfaceBlock`` of ``blocks.glsl``.

    Args:
        surface: What is drawn.
        mm_per_px: How large a drawn pixel is there.
    """
    roughness = surface.material['roughness']
    values = {
        **surface.material,
        'identity': surface.identity,
        'clip': surface.clip,
        'sharpness': 0.5 / roughness**2,
        'gloss_level': environment.gloss_level(roughness),
        'detail_lod': max(np.log2(mm_per_px), -2.0),
    }
    floats: list[float] = []
    for name, size in _SURFACE_BLOCK:
        value = values.get(name, _ZEROS[size])
        if size == 1:
            floats.append(value)
        else:
            floats.extend(value)
    return np.array(floats, 'f4').tobytes()


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The product of two vectors (3,); for stacks of them NumPy is quicker."""
    ax, ay, az = a
    bx, by, bz = b
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def shadow_matrix(
    surfaces: list[Surface], direction: np.ndarray
) -> np.ndarray:
    """Orthographic view (4, 4) along a light that holds the hands.

    Without hands it holds everything.
    """
    hands = [
        surface.vertices[surface.rest[:, 1] > -_SHADOWED_ARM_MM]
        for surface in surfaces
        if surface.mask is not None
    ]
    vertices = np.concatenate(hands or [s.vertices for s in surfaces])
    center = (vertices.min(0) + vertices.max(0)) / 2
    radius = np.sqrt(((vertices - center) ** 2).sum(1).max())
    helper = np.eye(3)[np.argmin(np.abs(direction))]
    x = cross(helper, direction)
    x /= np.linalg.norm(x)
    rows = np.stack([x, cross(direction, x), -direction]) / radius
    rows[2] /= _SHADOW_DEPTH
    matrix = np.eye(4)
    matrix[:3, :3] = rows
    matrix[:3, 3] = -rows @ center
    return matrix
