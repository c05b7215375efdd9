"""Bodies of people: head, torso and upper arms of plain shapes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.hands.anny_hand import ADULT_LENGTH_MM
from synhand.synthesis.appearance import sample_cloth, sample_skin
from synhand.synthesis.figures import Figure
from synhand.synthesis.primitives import Mesh, lathe, sphere
from synhand.synthesis.scene_hands import SceneHand
from synhand.synthesis.surfaces import Surface
from synhand.synthesis.things import BODY, Outfit

# Radii and heights in mm, from the bottom to the top.
_TORSO = ((0, -900), (184, -890), (185, -700), (172, -430), (190, -210),
          (186, -110), (150, -35), (62, 5), (0, 8))  # fmt: skip
_TORSO_DEPTH = 0.62  # of its width
_NECK = ((0, -30), (58, -28), (54, 40), (56, 110), (0, 112))
_HEAD = ((0, 45), (34, 50), (58, 80), (72, 130), (76, 180), (70, 230),
         (48, 268), (0, 280))  # fmt: skip
_HEAD_DEPTH = 1.22
_HEAD_AHEAD = 20.0
# Middle and radii in mm.
_NOSE = ((0, 148, 116), (15, 26, 18))
_MOUTH = ((0, 105, 92), (27, 8, 12))
_EYES = (((32, 176, 92), (15, 9, 9)), ((-32, 176, 92), (15, 9, 9)))
_PUPILS = (((32, 176, 99), (6, 6, 4)), ((-32, 176, 99), (6, 6, 4)))
_EARS = (((77, 165, 15), (8, 30, 17)), ((-77, 165, 15), (8, 30, 17)))
_HAIR = ((0, 200, -2), (82, 92, 100))
_LONG_HAIR = ((0, 120, -30), (92, 170, 74))
_LEGS = ((90, -860), (95, -1650))  # to the left and down, from hip to foot
_THIGH_MM, _ANKLE_MM = 82.0, 50.0
_ELBOW_MM, _SHOULDER_MM = 45.0, 56.0
_CLOTH_MM = 9.0


@dataclass(frozen=True)
class Look:
    """What a person looks like.

    Attributes:
        skin: Uniforms of the skin.
        tone: On Monk's scale.
        hair: Uniforms of the hair, None for a bald head.
        long_hair: It falls to the shoulders.
        outfit: What covers torso and arms, of those whose body is drawn.
        trousers: Uniforms of what covers the legs.
    """

    skin: dict
    tone: float
    hair: dict | None = None
    long_hair: bool = False
    outfit: Outfit | None = None
    trousers: dict | None = None


def sample_look(rng: np.random.Generator) -> Look:
    """Skin, hair and clothes of a person."""
    skin, tone = sample_skin(rng)
    hair = None
    if rng.random() < 0.9:
        hair = sample_cloth(rng)
        dark = np.exp(rng.normal(-3.2, 0.9)) * np.array([1.15, 0.9, 0.7])
        hair |= {'base_color': dark, 'second_color': dark, 'pattern': 0.0}
    kinds = ('long', 'short', 'none')
    sleeve = kinds[rng.choice(3, p=(0.45, 0.4, 0.15))]
    outfit = Outfit(sample_cloth(rng), sleeve)
    long_hair = rng.random() < 0.4
    return Look(skin, tone, hair, long_hair, outfit, sample_cloth(rng))


def body_surfaces(figure: Figure, look: Look) -> list[Surface]:
    """Torso and head of a person; no head where the camera is."""
    bare = look.outfit.sleeve == 'none'
    torso = look.skin if bare and look.hair is None else look.outfit.cloth
    parts = [_part(figure, _turned(_TORSO, _TORSO_DEPTH), torso)]
    for side in (-1, 1):
        ends = np.array([[side * x, y, 0] for x, y in _LEGS])
        radii = figure.scale * np.array([_THIGH_MM, _ANKLE_MM])
        hip, foot = figure.to_camera(figure.scale * ends)
        parts.append(_limb(hip, foot, radii, look.trousers))
    if figure.egocentric:
        return parts
    parts += [
        _part(figure, mesh, look.skin)
        for mesh in (_turned(_NECK, 1.0), _head(), *_balls(_NOSE, *_EARS))
    ]
    dark = {**look.skin, 'base_color': np.full(3, 0.02)}
    white = {**look.skin, 'base_color': np.full(3, 0.6)}
    for details, material in (
        ((_MOUTH,), _lips(look.skin)),
        (_EYES, {**white, 'second_color': white['base_color']}),
        (_PUPILS, {**dark, 'second_color': dark['base_color']}),
    ):
        parts += [_part(figure, mesh, material) for mesh in _balls(*details)]
    if look.hair is not None:
        hair = (_HAIR, _LONG_HAIR) if look.long_hair else (_HAIR,)
        parts += [_part(figure, mesh, look.hair) for mesh in _balls(*hair)]
    return parts


def upper_arm(placed: SceneHand, look: Look) -> list[Surface]:
    """From the shoulder to the elbow, in skin and in a sleeve."""
    scale = placed.shape[-1] / ADULT_LENGTH_MM
    ends = placed.shoulder, placed.elbow
    radii = scale * np.array([_SHOULDER_MM, _ELBOW_MM])
    sleeve = look.outfit.sleeve
    if sleeve == 'long':
        return [_limb(*ends, radii + _CLOTH_MM, look.outfit.cloth)]
    arm = [_limb(*ends, radii, look.skin)]
    if sleeve == 'short':
        end = ends[0] + 0.6 * (ends[1] - ends[0])
        wide = radii + 2 * _CLOTH_MM
        arm.append(_limb(ends[0], end, wide, look.outfit.cloth))
    return arm


def _lips(skin: dict) -> dict:
    red = skin['base_color'] * np.array([1.1, 0.6, 0.6])
    return {**skin, 'base_color': red, 'second_color': red}


@cache
def _turned(profile: tuple, depth: float) -> Mesh:
    """A profile turned about y and flattened from front to back."""
    return _scaled(lathe(np.array(profile, float), 24), (1.0, 1.0, depth))


@cache
def _head() -> Mesh:
    vertices, normals, faces = _turned(_HEAD, _HEAD_DEPTH)
    return vertices + [0, 0, _HEAD_AHEAD], normals, faces


@cache
def _balls(*parts: tuple) -> list[Mesh]:
    """Ellipsoids of middles and radii."""
    meshes = []
    for middle, radii in parts:
        vertices, normals, faces = _scaled(sphere(1.0, 16), radii)
        meshes.append((vertices + middle, normals, faces))
    return meshes


def _scaled(mesh: Mesh, factors: tuple[float, float, float]) -> Mesh:
    vertices, normals, faces = mesh
    normals = normals / factors
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return vertices * factors, normals, faces


def _part(figure: Figure, mesh: Mesh, material: dict) -> Surface:
    vertices, normals, faces = mesh
    placed = figure.to_camera(figure.scale * vertices)
    return Surface(
        placed, normals @ figure.rotation.T, faces, vertices, BODY, material
    )


def _limb(
    start: np.ndarray, end: np.ndarray, radii: np.ndarray, material: dict
) -> Surface:
    """A round-ended cone between two points of the camera frame, in mm."""
    axis = end - start
    length = np.linalg.norm(axis)
    first, last = radii
    angle = np.linspace(0, np.pi / 2, 5)
    below = np.stack([first * np.sin(angle), -first * np.cos(angle)], 1)
    above = np.stack([last * np.cos(angle), length + last * np.sin(angle)], 1)
    vertices, normals, faces = lathe(np.concatenate([below, above]), 20)
    turn = Rotation.align_vectors([axis], [[0, 1, 0]])[0].as_matrix()
    return Surface(
        vertices @ turn.T + start,
        normals @ turn.T,
        faces,
        vertices,
        BODY,
        material,
    )
