"""Draws one scene: hands, camera, things, light; all from one generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.hands.anny_hand import AnnyHand, PosedHand
from synhand.synthesis.appearance import (
    sample_cloth,
    sample_plain,
    sample_skin,
)
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.gestures import HOLDS
from synhand.synthesis.poses import SampledPose, sample_pose
from synhand.synthesis.primitives import box, cylinder, sphere
from synhand.synthesis.renderer import Surface
from synhand.synthesis.skin_map import SkinMap

LEFT, RIGHT = 0, 1
HAND, SLEEVE, OBJECT, OTHER_HAND = 1, 2, 3, 4
# Hand lengths, wrist joint to middle tip: adults 183 +- 11 mm (the mean of
# the sexes in hand anthropometry, e.g. Greiner 1991), children from 105 mm.
_ADULT_LENGTH_MM = (183.0, 11.0)
_CHILD_LENGTH_MM = (105.0, 165.0)
_FOREARM_KEPT_MM = 170.0
_FOREARM_STRETCH = 3.5


@dataclass(frozen=True)
class SceneHand:
    """One hand in the camera frame.

    Attributes:
        side: 0 left, 1 right.
        pose: The drawn pose.
        shape: Shape coefficients (C,) and the length in mm, (C + 1,).
        vertices: (V, 3) mm.
        normals: (V, 3).
        faces: (F, 3), counter-clockwise seen from outside.
        keypoints: Per family (K, 3) mm.
        rotation: (3, 3) right-hand frame to camera.
    """

    side: int
    pose: SampledPose
    shape: np.ndarray
    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    keypoints: dict[str, np.ndarray]
    rotation: np.ndarray


def sample_hand(
    rng: np.random.Generator,
    config: SynthesisConfig,
    hand: AnnyHand,
    center: np.ndarray,
) -> SceneHand:
    """A random person's hand in a random pose and view about ``center``."""
    shape, length = _sample_shape(rng, config, hand)
    rest = hand.rest(shape, length)
    pose = sample_pose(rng, hand, rest, config.poses)
    posed = hand.pose(rest, pose.angles)
    posed = _stretch_forearm(hand, posed)
    side = LEFT if rng.random() < config.left_share else RIGHT
    rotation = _sample_view(rng, config)
    keypoints = posed.keypoints['anatomical']
    middle = (keypoints.min(0) + keypoints.max(0)) / 2
    mirror = np.diag([-1.0 if side == LEFT else 1.0, 1, 1])
    # A left hand is a right one mirrored in its own frame, then turned.
    turn = rotation @ mirror

    def place(points: np.ndarray) -> np.ndarray:
        return (points - middle) @ turn.T + center

    normals = hand.vertex_normals(posed.vertices) @ turn.T
    return SceneHand(
        side=side,
        pose=pose,
        shape=np.append(shape, length),
        vertices=place(posed.vertices),
        normals=normals,
        faces=hand.faces if side == RIGHT else hand.faces[:, ::-1],
        keypoints={k: place(v) for k, v in posed.keypoints.items()},
        rotation=turn,
    )


def _sample_shape(
    rng: np.random.Generator, config: SynthesisConfig, hand: AnnyHand
) -> tuple[np.ndarray, float]:
    """A mixture of three people and a hand length in mm."""
    people = hand.people[rng.choice(len(hand.people), 3, replace=False)]
    shape = rng.dirichlet([0.7, 0.7, 0.7]) @ people
    if rng.random() < config.child_share:
        return shape, rng.uniform(*_CHILD_LENGTH_MM)
    return shape, rng.normal(*_ADULT_LENGTH_MM)


def _stretch_forearm(hand: AnnyHand, posed: PosedHand) -> PosedHand:
    """Draw out the elbow end so that the arm seldom ends in the picture."""
    wrist = posed.keypoints['anatomical'][0]
    elbow = posed.vertices[-1]
    axis = (elbow - wrist) / np.linalg.norm(elbow - wrist)
    along = (posed.vertices - wrist) @ axis
    forearm = hand.forearm_weight > 0.5
    extra = np.clip(along - _FOREARM_KEPT_MM, 0, None) * forearm
    vertices = posed.vertices + (_FOREARM_STRETCH * extra)[:, None] * axis
    return PosedHand(vertices, posed.keypoints)


def _sample_view(
    rng: np.random.Generator, config: SynthesisConfig
) -> np.ndarray:
    """A rotation (3, 3) from the hand frame to the camera frame."""
    if rng.random() < config.uniform_views:
        return Rotation.random(random_state=rng).as_matrix()
    palm_to_camera = Rotation.from_matrix(np.diag([1.0, -1, -1]))
    turn = Rotation.from_euler('y', 180 * rng.integers(2), degrees=True)
    tilt = Rotation.from_rotvec(rng.normal(0, np.radians(28), 3))
    return (palm_to_camera * tilt * turn).as_matrix()


def sample_center(
    rng: np.random.Generator, config: SynthesisConfig
) -> np.ndarray:
    """Where the hand is, (3,) mm in the camera frame."""
    near, far = np.log(config.distance_mm)
    distance = np.exp(rng.uniform(near, far))
    limit = np.tan(np.radians(config.off_axis_degrees))
    x, y = rng.uniform(-limit, limit, 2)
    return distance * np.array([x, y, 1.0])


def crop_camera(
    rng: np.random.Generator, config: SynthesisConfig, keypoints: np.ndarray
) -> np.ndarray:
    """The camera matrix (3, 3) of a square crop around a hand.

    The crop is cut from a picture of a camera that looks along z, so its
    principal point lies where that camera's axis meets the crop's plane.

    Args:
        keypoints: (K, 3) mm, camera frame.
    """
    plane = keypoints[:, :2] / keypoints[:, 2:]
    low, high = plane.min(0), plane.max(0)
    side = (high - low).max() * rng.uniform(*config.crop_scale)
    middle = (low + high) / 2
    middle = middle + side * rng.uniform(-1, 1, 2) * config.crop_shift
    focal = config.image_size / side
    cx, cy = (config.image_size - 1) / 2 - focal * middle
    return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]])


def hand_surfaces(
    rng: np.random.Generator,
    config: SynthesisConfig,
    hand: AnnyHand,
    skin_map: SkinMap,
    placed: SceneHand,
    skin: dict,
    identity: int = HAND,
) -> list[Surface]:
    """The hand, and at times a sleeve or a band around the wrist."""
    surfaces = [
        Surface(
            placed.vertices,
            placed.normals,
            placed.faces,
            skin_map.rest,
            identity,
            skin,
            skin_map.mask,
            skin_map.crease,
        )
    ]
    y = skin_map.rest[:, 1]
    if rng.random() < config.sleeve:
        end = -rng.uniform(8, 110)
        surfaces.append(
            _garment(rng, hand, skin_map, placed, y < end, (3.0, 11.0))
        )
    if rng.random() < config.band:
        top = -rng.uniform(5, 35)
        band = (y < top) & (y > top - rng.uniform(14, 30))
        if band[hand.faces].all(1).any():
            surfaces.append(
                _garment(rng, hand, skin_map, placed, band, (1.5, 4.0))
            )
    return surfaces


def _garment(
    rng: np.random.Generator,
    hand: AnnyHand,
    skin_map: SkinMap,
    placed: SceneHand,
    inside: np.ndarray,
    thickness_mm: tuple[float, float],
) -> Surface:
    """Cloth over the vertices that are ``inside``, (V,) bool."""
    thickness = rng.uniform(*thickness_mm)
    folds = np.sin(skin_map.rest[:, 1] * rng.uniform(0.08, 0.3))
    offset = thickness * (1 + 0.3 * folds)
    vertices = placed.vertices + offset[:, None] * placed.normals
    faces = hand.faces[inside[hand.faces].all(1)]
    return Surface(
        vertices,
        placed.normals,
        faces,
        skin_map.rest,
        SLEEVE,
        sample_cloth(rng),
        closed=False,
    )


def sample_held_object(rng: np.random.Generator, placed: SceneHand) -> Surface:
    """A thing in the palm, as wide as the hand's opening or less."""
    points = placed.keypoints['anatomical']
    size = np.linalg.norm(points[9] - points[0]) / 90.0
    radius = size * rng.uniform(6, 32)
    palm = points[[5, 9, 13, 17]].mean(0) * 0.75 + points[0] * 0.25
    normal = placed.rotation[:, 2]
    across = placed.rotation[:, 0]
    center = palm + normal * (radius + 11 * size)
    tilt = Rotation.from_rotvec(rng.normal(0, 0.35, 3)).as_matrix()
    return _thing(rng, radius, center, tilt @ across)


def sample_occluder(rng: np.random.Generator, placed: SceneHand) -> Surface:
    """A thing between the camera and a part of the hand."""
    points = placed.keypoints['anatomical']
    target = points[rng.integers(len(points))]
    extent = np.ptp(points, axis=0).max()
    center = target * rng.uniform(0.7, 0.93) + rng.normal(0, 0.25, 3) * extent
    return _thing(rng, extent * rng.uniform(0.06, 0.25), center, None)


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


def is_hold(pose: SampledPose) -> bool:
    """Whether the pose is one that grips something."""
    return pose.kind.removeprefix('gesture:') in HOLDS


def second_hand_center(
    rng: np.random.Generator, placed: SceneHand
) -> np.ndarray:
    """A place beside or behind the target hand, (3,) mm."""
    points = placed.keypoints['anatomical']
    middle = (points.min(0) + points.max(0)) / 2
    direction = rng.normal(size=3) * [1, 1, 0.5]
    direction /= np.linalg.norm(direction[:2])
    direction[2] = np.clip(direction[2], -0.3, 2)
    center = middle + direction * rng.uniform(90, 230)
    center[2] = max(center[2], 180.0)
    return center


def second_skin(rng: np.random.Generator, skin: dict) -> dict:
    """The same person's skin most of the time, otherwise another's."""
    return skin if rng.random() < 0.7 else sample_skin(rng)[0]
