"""Draws one scene: hands, camera, things, light; all from one generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.hands.anny_hand import (
    ADULT_LENGTH_MM,
    AnnyHand,
    PosedHand,
)
from synhand.skeleton import HAND_SIDES
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.gestures import HOLDS
from synhand.synthesis.poses import SampledPose, sample_pose

LEFT, RIGHT = HAND_SIDES['left'], HAND_SIDES['right']
# Hand lengths, wrist joint to middle tip: mean and deviation, and a range.
_ADULT_LENGTH_MM = (ADULT_LENGTH_MM, 11.0)
_CHILD_LENGTH_MM = (105.0, 165.0)
_NAIL_MM = 4.0
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
    if rng.random() < config.long_nails:
        rest = hand.grow_nails(rest, rng.uniform(1, _NAIL_MM))
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
    kind = rng.random()
    if kind < config.egocentric_views:
        return _egocentric_view(rng)
    if kind < config.egocentric_views + config.upright_views:
        return _upright_view(rng)
    return Rotation.random(random_state=rng).as_matrix()


def _upright_view(rng: np.random.Generator) -> np.ndarray:
    """Palm or back to the camera, fingers roughly upwards."""
    palm_to_camera = Rotation.from_matrix(np.diag([1.0, -1, -1]))
    turn = Rotation.from_euler('y', 180 * rng.integers(2), degrees=True)
    tilt = Rotation.from_rotvec(rng.normal(0, np.radians(28), 3))
    return (palm_to_camera * tilt * turn).as_matrix()


def _egocentric_view(rng: np.random.Generator) -> np.ndarray:
    """One's own hand: away from the eyes, up in the picture, any roll."""
    fingers = np.array([0, -0.55, 0.8]) + rng.normal(0, 0.3, 3)
    fingers /= np.linalg.norm(fingers)
    aligned, _ = Rotation.align_vectors([fingers], [[0, 1, 0]])
    roll = Rotation.from_euler('y', rng.uniform(0, 360), degrees=True)
    return (aligned * roll).as_matrix()


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
