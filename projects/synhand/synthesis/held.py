"""Things in hands, as large as the room between fingers and palm."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.synthesis.appearance import sample_plain
from synhand.synthesis.gestures import HOLDS
from synhand.synthesis.mask_layers import LAYERS, OBJECT
from synhand.synthesis.poses import SampledPose
from synhand.synthesis.primitives import Mesh, box, cylinder, sphere
from synhand.synthesis.scene_hands import SceneHand
from synhand.synthesis.surfaces import Surface, cross
from synhand.synthesis.touch import (
    contact,
    hand_size,
    hand_spheres,
    widest_gap,
)

# Skin gives way where a thing is held.
_PRESS_MM = 1.5
_THINNEST_MM, _THICKEST_MM = 3.0, 45.0
_TIP_MM = 8.0  # radius of a finger's tip
_KNUCKLES = [5, 9, 13, 17]
# Around the room inside a bent hand: palm, fingers, thumb.
_GRASP = [5, 9, 13, 17, 6, 10, 14, 18, 8, 12, 16, 20, 3, 4]
_BALLS = ('grip_sphere', 'grip_disk')
_PENS = ('grip_pen', 'grip_pen_open', 'grip_pen_side', 'grip_brush')
_CARDS = ('grip_card', 'grip_spoon', 'grip_pinch')


def is_hold(pose: SampledPose) -> bool:
    """Whether the pose is one that grips something."""
    return _gesture(pose) in HOLDS


def _gesture(pose: SampledPose) -> str:
    return pose.kind.removeprefix('gesture:')


def held_object(
    rng: np.random.Generator, placed: SceneHand, number: int = 0
) -> Surface:
    """A thing that the hand holds, or that lies in its palm.

    Args:
        placed: The hand in the camera frame.
        number: Which hand of the image it is.
    """
    gesture = _gesture(placed.pose)
    if gesture in _PENS:
        mesh = _pen(rng, placed)
    elif gesture in _CARDS:
        mesh = _card(rng, placed)
    else:
        mesh = _filling(rng, placed)
    vertices, normals, faces, rest = mesh
    identity = LAYERS * number + OBJECT
    return Surface(vertices, normals, faces, rest, identity, sample_plain(rng))


def _filling(rng: np.random.Generator, placed: SceneHand) -> tuple:
    """What fills a bent hand, or is pushed against an open palm."""
    points = placed.keypoints['anatomical']
    spheres, size = hand_spheres(points), hand_size(points)
    palm = points[_KNUCKLES].mean(0) * 0.75 + points[0] * 0.25
    normal = placed.rotation[:, 2]
    across = points[5] - points[17]
    across = across / np.linalg.norm(across)
    tilt = rng.normal(0, 0.12 if is_hold(placed.pose) else 0.35, 3)
    axis = Rotation.from_rotvec(tilt).apply(across)
    ball = _gesture(placed.pose) in _BALLS or rng.random() < 0.25
    start = points[_GRASP].mean(0) + 8 * size * normal
    middle, radius = widest_gap(
        spheres, start, None if ball else axis, reach=16 * size
    )
    radius += _PRESS_MM
    wanted = size * rng.uniform(6, 32)
    if not is_hold(placed.pose) and radius > wanted:
        radius, middle = wanted, palm + normal * 60 * size
        shift = contact(spheres, (middle[None], np.array([radius])), normal)
        middle = middle + (-60 * size if shift is None else shift) * normal
    radius = float(np.clip(radius, _THINNEST_MM, _THICKEST_MM * size))
    if ball:
        return _placed(sphere(radius, 28), np.eye(3), middle)
    long = radius * rng.uniform(2, 8) + 60 * size
    slide = rng.uniform(-0.25, 0.25) * long * axis
    return _along(_bar(rng, radius, long), axis, middle + slide)


def _bar(rng: np.random.Generator, radius: float, length: float) -> Mesh:
    """Round, or with edges that lie within the radius."""
    if rng.random() < 0.6:
        return cylinder(radius, length)
    turn = rng.uniform(0.35, 1.2)
    sides = 2 * radius * np.array([np.cos(turn), 0, np.sin(turn)])
    sides[1] = length
    return box(sides)


def _pen(rng: np.random.Generator, placed: SceneHand) -> tuple:
    """A thin bar from between the tips over the web of the thumb."""
    points = placed.keypoints['anatomical']
    size = hand_size(points)
    tips = points[[4, 8, 12]].mean(0)
    web = (points[2] + points[5]) / 2 - 4 * size * placed.rotation[:, 2]
    axis = (web - tips) / np.linalg.norm(web - tips)
    room = np.linalg.norm(points[4] - points[8]) / 2 - _TIP_MM * size
    radius = float(np.clip(room, 2.5, 6.0))
    length = rng.uniform(110, 160)
    middle = tips + (length / 2 - rng.uniform(15, 35)) * axis
    return _along(cylinder(radius, length), axis, middle)


def _card(rng: np.random.Generator, placed: SceneHand) -> tuple:
    """Something flat between the thumb and the side of the index finger."""
    points = placed.keypoints['anatomical']
    finger = points[5:9]
    nearest = finger[np.linalg.norm(finger - points[4], axis=1).argmin()]
    across = nearest - points[4]
    gap = np.linalg.norm(across)
    normal = across / gap
    ahead = points[4] - points[2]
    ahead = ahead - (ahead @ normal) * normal
    ahead /= np.linalg.norm(ahead)
    thick = float(np.clip(gap - 2 * _TIP_MM * hand_size(points), 0.8, 14))
    sides = np.array([rng.uniform(25, 60), rng.uniform(50, 110), thick])
    middle = (points[4] + nearest) / 2 + (sides[1] / 2 - 12) * ahead
    turn = np.stack([cross(ahead, normal), ahead, normal], axis=1)
    return _placed(box(sides), turn, middle)


def _along(mesh: Mesh, axis: np.ndarray, middle: np.ndarray) -> tuple:
    turn = Rotation.align_vectors([axis], [[0, 1, 0]])[0].as_matrix()
    return _placed(mesh, turn, middle)


def _placed(mesh: Mesh, turn: np.ndarray, middle: np.ndarray) -> tuple:
    """Vertices, normals and faces in the camera frame, and at rest."""
    vertices, normals, faces = mesh
    return vertices @ turn.T + middle, normals @ turn.T, faces, vertices
