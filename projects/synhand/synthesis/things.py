"""What is drawn of a scene: skin, garments, jewellery, things, bodies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.synthesis.appearance import (
    sample_cloth,
    sample_metal,
    sample_plain,
    sample_skin,
)
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.mask_layers import BODY, GARMENT, HAND, LAYERS, OBJECT
from synhand.synthesis.primitives import box, cylinder, ring, sphere
from synhand.synthesis.scene_hands import SceneHand
from synhand.synthesis.skin_map import SkinMap
from synhand.synthesis.surfaces import UNCLIPPED, Surface

_FACE_MM = 30.0  # longer than the edges of the arm's faces
_CUFF_MM = (-90.0, 5.0)  # beyond the wrist; negative: up the arm
_GLOVE_MM = (0.3, 6.0)  # thickness
_TWO_COLOURS = 0.5
_CUFF_END_MM = (5.0, 40.0)  # beyond the wrist
_PATCH_MM = 0.6  # that a part of another colour is thicker


@dataclass(frozen=True)
class Outfit:
    """What a person wears.

    Attributes:
        cloth: Its uniforms.
        sleeve: ``long``, ``short`` or ``none``.
    """

    cloth: dict
    sleeve: str


class HandDresser:
    """Draws a placed hand with what its owner wears.

    Args:
        config: Shares of garments.
        skin_map: Of the hand model's mesh.
    """

    def __init__(self, config: SynthesisConfig, skin_map: SkinMap) -> None:
        self.config = config
        self.map = skin_map

    def surfaces(
        self,
        rng: np.random.Generator,
        placed: SceneHand,
        skin: dict,
        number: int = 0,
        outfit: Outfit | None = None,
    ) -> list[Surface]:
        """The hand, and at times a glove, a sleeve, a band, rings.

        Args:
            placed: The hand in the camera frame.
            skin: Uniforms of its skin.
            number: Which hand of the image it is, 0 for the target.
            outfit: Says whether there is a sleeve; None: chance does.
        """
        config, layer = self.config, LAYERS * number
        surfaces = [self._hand(placed, skin, layer)]
        gloved = rng.random() < config.glove
        if gloved:
            surfaces += self._glove(rng, placed, layer)
        cloth = self._sleeve(rng, outfit)
        if cloth is not None:
            reach = (-1e6, -rng.uniform(8, 110))
            surfaces.append(
                self._garment(rng, placed, reach, (3, 11), cloth, layer)
            )
        if rng.random() < config.band:
            top = -rng.uniform(5, 35)
            reach = (top - rng.uniform(6, 28), top)
            surfaces.append(
                self._garment(
                    rng, placed, reach, (1.5, 4), sample_cloth(rng), layer
                )
            )
        if not gloved and rng.random() < config.ring:
            surfaces += self._rings(rng, placed, layer)
        return surfaces

    def _sleeve(
        self, rng: np.random.Generator, outfit: Outfit | None
    ) -> dict | None:
        """The cloth around the forearm."""
        if outfit is not None:
            return outfit.cloth if outfit.sleeve == 'long' else None
        return sample_cloth(rng) if rng.random() < self.config.sleeve else None

    def _hand(self, placed: SceneHand, material: dict, layer: int) -> Surface:
        return Surface(
            placed.vertices,
            placed.normals,
            placed.faces,
            self.map.rest,
            layer + HAND,
            material,
            self.map.mask,
            self.map.crease,
            self.map.region,
        )

    def _glove(
        self, rng: np.random.Generator, placed: SceneHand, layer: int
    ) -> list[Surface]:
        """Thin or thick cloth or leather that ends somewhere about the wrist.

        At times a part is of another. It counts as the hand that it hides.
        """
        cuff, thickness = rng.uniform(*_CUFF_MM), rng.uniform(*_GLOVE_MM)
        reach = cuff, UNCLIPPED[1]
        shells = [
            self._shell(placed, reach, thickness, _glove_cloth(rng), layer)
        ]
        if rng.random() < _TWO_COLOURS:
            part = self._glove_part(rng)
            patch = self._shell(
                placed, reach, thickness + _PATCH_MM, _glove_cloth(rng), layer
            )
            faces = patch.faces[part[patch.faces].all(1)]
            shells.append(replace(patch, faces=faces))
        return [
            replace(shell, identity=layer + HAND, region=self.map.region)
            for shell in shells
        ]

    def _glove_part(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) whether a vertex is of the palm, or fingers, or cuff."""
        parts = (
            self.map.mask[:, 1] > 0.5,
            self.map.digit > 0,
            self.map.rest[:, 1] < rng.uniform(*_CUFF_END_MM),
        )
        return parts[rng.integers(len(parts))]

    def _garment(
        self,
        rng: np.random.Generator,
        placed: SceneHand,
        reach_mm: tuple[float, float],
        thickness_mm: tuple[float, float],
        cloth: dict,
        layer: int,
    ) -> Surface:
        """Cloth around the arm between two heights of the rest hand."""
        y = self.map.rest[:, 1]
        folds = np.sin(y * rng.uniform(0.08, 0.3))
        offset = rng.uniform(*thickness_mm) * (1 + 0.3 * folds)
        return self._shell(placed, reach_mm, offset[:, None], cloth, layer)

    def _rings(
        self, rng: np.random.Generator, placed: SceneHand, layer: int
    ) -> list[Surface]:
        """One to three rings on the proximal bones of fingers."""
        metal = sample_metal(rng)
        digits = rng.choice([2, 3, 4, 5], rng.integers(1, 4), replace=False)
        return [
            self._ring(rng, placed, digit, metal, layer) for digit in digits
        ]

    def _ring(
        self,
        rng: np.random.Generator,
        placed: SceneHand,
        digit: int,
        metal: dict,
        layer: int,
    ) -> Surface:
        """A ring around the flesh of a finger's proximal bone."""
        mcp, pip = placed.keypoints['anatomical'][4 * digit - 3 :][:2]
        axis = (pip - mcp) / np.linalg.norm(pip - mcp)
        along = self.map.crease[:, 0]
        near = (self.map.digit == digit) & (along > 16) & (along < 40)
        offset = placed.vertices[near] - mcp
        height = (offset @ axis).mean() + rng.uniform(-3, 3)
        across = offset - (offset @ axis)[:, None] * axis
        middle = across.mean(0)
        radius = np.linalg.norm(across - middle, axis=1).mean()
        tube = rng.uniform(0.7, 1.5)
        vertices, normals, faces = ring(radius + 0.4 * tube, tube)
        turn = Rotation.align_vectors([axis], [[0, 1, 0]])[0].as_matrix()
        return Surface(
            vertices @ turn.T + mcp + height * axis + middle,
            normals @ turn.T,
            faces,
            vertices,
            layer + GARMENT,
            metal,
        )

    def _shell(
        self,
        placed: SceneHand,
        reach_mm: tuple[float, float],
        offset: np.ndarray | float,
        material: dict,
        layer: int,
    ) -> Surface:
        """The hand and arm between two heights of the rest hand, lifted by
        mm."""
        y = self.map.rest[:, 1]
        # Faces that cross an edge are drawn as far as the edge.
        inside = (y > reach_mm[0] - _FACE_MM) & (y < reach_mm[1] + _FACE_MM)
        return Surface(
            placed.vertices + offset * placed.normals,
            placed.normals,
            placed.faces[inside[placed.faces].all(1)],
            self.map.rest,
            layer + GARMENT,
            material,
            clip=reach_mm,
            closed=False,
        )


def _glove_cloth(rng: np.random.Generator) -> dict:
    """Cloth, or leather or rubber."""
    return sample_cloth(rng) if rng.random() < 0.5 else sample_plain(rng)


def sample_occluder(rng: np.random.Generator, placed: SceneHand) -> Surface:
    """A thing between the camera and a part of the hand."""
    points = placed.keypoints['anatomical']
    target = points[rng.integers(len(points))]
    extent = np.ptp(points, axis=0).max()
    center = target * rng.uniform(0.7, 0.93) + rng.normal(0, 0.25, 3) * extent
    return _thing(rng, extent * rng.uniform(0.06, 0.25), center, None)


def sample_furniture(
    rng: np.random.Generator, camera: np.ndarray, size: tuple[int, int]
) -> Surface:
    """A thing of any size somewhere in a whole picture (camera matrix, px)."""
    depth = np.exp(rng.uniform(np.log(400), np.log(3000)))
    pixel = rng.uniform(0, 1, 2) * size
    ray = (pixel - camera[:2, 2]) / camera[0, 0]
    radius = depth * size[0] / camera[0, 0] * rng.uniform(0.01, 0.12)
    return _thing(rng, radius, depth * np.array([*ray, 1.0]), None)


def _thing(
    rng: np.random.Generator,
    radius: float,
    center: np.ndarray,
    axis: np.ndarray | None,
) -> Surface:
    kind = rng.integers(3)
    if kind == 0:
        mesh = cylinder(radius, radius * rng.uniform(2, 14))
    elif kind == 1:
        mesh = sphere(radius)
    else:
        mesh = box(
            2 * radius * np.array([1, rng.uniform(1, 8), rng.uniform(0.1, 1)])
        )
    turn = Rotation.random(random_state=rng).as_matrix()
    if axis is not None:
        turn = Rotation.align_vectors([axis], [[0, 1, 0]])[0].as_matrix()
    vertices, normals, faces = mesh
    return Surface(
        vertices @ turn.T + center,
        normals @ turn.T,
        faces,
        vertices,
        OBJECT,
        sample_plain(rng),
    )


def sample_body(rng: np.random.Generator, placed: SceneHand) -> Surface:
    """Something of skin behind the hand: a face, an arm, a chest."""
    points = placed.keypoints['anatomical']
    behind = points.mean(0) * rng.uniform(1.15, 1.8)
    radii = rng.uniform(70, 150) * rng.uniform(0.7, 1.2, 3)
    vertices, normals, faces = sphere(1.0, 28)
    turn = Rotation.random(random_state=rng).as_matrix()
    normals = normals / radii
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    center = behind + np.array([*rng.normal(0, 90, 2), radii.max()])
    skin, _ = sample_skin(rng)
    return Surface(
        (vertices * radii) @ turn.T + center,
        normals @ turn.T,
        faces,
        vertices * radii,
        BODY,
        skin,
    )
