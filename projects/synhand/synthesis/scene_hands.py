"""Hands of people, in the camera frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.hands.anny_hand import (
    ADULT_LENGTH_MM,
    AnnyHand,
    PosedHand,
    RestHand,
)
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.figures import LEFT, RIGHT, SIDES, Figure
from synhand.synthesis.poses import SampledPose, sample_pose
from synhand.synthesis.touch import arm_spheres
from synhand.synthesis.views import sample_view

# Hand lengths, wrist joint to middle tip: mean and deviation, and a range.
_ADULT_LENGTH_MM = (ADULT_LENGTH_MM, 11.0)
_CHILD_LENGTH_MM = (105.0, 165.0)
_NAIL_MM = 4.0
_FOREARM_KEPT_MM = 170.0
_FOREARM_STRETCH = 3.5


@dataclass(frozen=True)
class Person:
    """What all hands of a person have in common.

    Attributes:
        rest: The hand at rest, right.
        shape: Shape coefficients (C,) and the length in mm, (C + 1,).
    """

    rest: RestHand
    shape: np.ndarray

    @property
    def scale(self) -> float:
        """Size over that of an adult of mean size."""
        return float(self.shape[-1] / ADULT_LENGTH_MM)

    @property
    def forearm_mm(self) -> float:
        return float(np.linalg.norm(self.rest.vertices[-1]))


@dataclass(frozen=True)
class SceneHand:
    """One hand in the camera frame.

    Attributes:
        side: 0 left, 1 right.
        pose: The drawn pose.
        shape: Shape coefficients (C,) and the length in mm, (C + 1,).
        vertices: (V, 3) mm; the last one is the elbow.
        normals: (V, 3).
        faces: (F, 3), counter-clockwise seen from outside.
        keypoints: Per family (K, 3) mm.
        rotation: (3, 3) right-hand frame to camera.
        owner: Whose hand it is, from 0.
        shoulder: (3,) mm, where the upper arm is drawn, too.
    """

    side: int
    pose: SampledPose
    shape: np.ndarray
    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    keypoints: dict[str, np.ndarray]
    rotation: np.ndarray
    owner: int = 0
    shoulder: np.ndarray | None = None

    @property
    def elbow(self) -> np.ndarray:
        return self.vertices[-1]

    def spheres(self) -> tuple[np.ndarray, np.ndarray]:
        """Centres (P, 3) and radii (P,) in mm that fill hand and forearm."""
        return arm_spheres(self.keypoints['anatomical'], self.elbow)

    def shifted(self, offset: np.ndarray) -> SceneHand:
        """The hand with its forearm, moved by (3,) mm."""
        keypoints = {k: v + offset for k, v in self.keypoints.items()}
        vertices = self.vertices + offset
        return replace(self, vertices=vertices, keypoints=keypoints)


def sample_person(
    rng: np.random.Generator, config: SynthesisConfig, hand: AnnyHand
) -> Person:
    """Draw the shape and the size of a person's hands."""
    shape, length = _sample_shape(rng, config, hand)
    rest = hand.rest(shape, length)
    if rng.random() < config.long_nails:
        rest = hand.grow_nails(rest, rng.uniform(1, _NAIL_MM))
    return Person(rest, np.append(shape, length))


def sample_hand(
    rng: np.random.Generator,
    config: SynthesisConfig,
    hand: AnnyHand,
    center: np.ndarray,
    owner: int = 0,
) -> SceneHand:
    """A random person's hand in a random pose and view about ``center``."""
    person = sample_person(rng, config, hand)
    pose = sample_pose(rng, hand, person.rest, config.poses)
    posed = _stretch_forearm(hand, hand.pose(person.rest, pose.angles))
    side = LEFT if rng.random() < config.left_share else RIGHT
    rotation = sample_view(rng, config)
    keypoints = posed.keypoints['anatomical']
    middle = (keypoints.min(0) + keypoints.max(0)) / 2
    turn = rotation @ _mirror(side)
    offset = center - turn @ middle
    placed = _place(hand, person, pose, posed, side, turn, offset)
    return replace(placed, owner=owner)


def hand_on_arm(
    rng: np.random.Generator,
    config: SynthesisConfig,
    hand: AnnyHand,
    person: Person,
    figure: Figure,
    side: int,
) -> SceneHand:
    """A random pose at the end of a person's arm, turned about it at random.

    Hands near each other face each other half of the time.
    """
    pose = sample_pose(rng, hand, person.rest, config.poses)
    posed = hand.pose(person.rest, pose.angles)
    shoulder, elbow, wrist = figure.to_camera(figure.arms[SIDES.index(side)])
    mirror = _mirror(side)
    start = mirror @ posed.vertices[-1]
    along, _ = Rotation.align_vectors([elbow - wrist], [start])
    axis = (elbow - wrist) / np.linalg.norm(elbow - wrist)
    roll = rng.uniform(0, 2 * np.pi)
    if figure.near and rng.random() < 0.5:
        other = figure.to_camera(figure.arms[1 - SIDES.index(side), 2])
        palm = along.apply(mirror @ [0.0, 0, 1])
        roll = _angle_about(axis, palm, other - wrist) + rng.normal(0, 0.3)
    turn = Rotation.from_rotvec(roll * axis).as_matrix() @ along.as_matrix()
    placed = _place(hand, person, pose, posed, side, turn @ mirror, wrist)
    return replace(placed, shoulder=shoulder)


def _mirror(side: int) -> np.ndarray:
    """A left hand is a right one mirrored in its own frame, then turned."""
    return np.diag([-1.0 if side == LEFT else 1.0, 1, 1])


def _place(
    hand: AnnyHand,
    person: Person,
    pose: SampledPose,
    posed: PosedHand,
    side: int,
    turn: np.ndarray,
    offset: np.ndarray,
) -> SceneHand:
    """A posed hand in the camera frame."""
    return SceneHand(
        side=side,
        pose=pose,
        shape=person.shape,
        vertices=posed.vertices @ turn.T + offset,
        normals=hand.vertex_normals(posed.vertices) @ turn.T,
        faces=hand.faces if side == RIGHT else hand.faces[:, ::-1],
        keypoints={k: v @ turn.T + offset for k, v in posed.keypoints.items()},
        rotation=turn,
    )


def _angle_about(
    axis: np.ndarray, start: np.ndarray, end: np.ndarray
) -> float:
    """Radians that turn one direction towards another about an axis."""
    return float(
        np.arctan2(
            axis @ np.cross(start, end),
            start @ end - (start @ axis) * (end @ axis),
        )
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
    elbow = posed.vertices[-1]  # the wrist's joint is the origin
    axis = elbow / np.linalg.norm(elbow)
    along = posed.vertices @ axis
    forearm = hand.forearm_weight > 0.5
    extra = np.clip(along - _FOREARM_KEPT_MM, 0, None) * forearm
    vertices = posed.vertices + (_FOREARM_STRETCH * extra)[:, None] * axis
    return PosedHand(vertices, posed.keypoints)
