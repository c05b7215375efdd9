"""Draws one scene: hands, camera, things, light; all from one generator."""

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
from synhand.synthesis.figures import (
    LEFT,
    RIGHT,
    SIDES,
    Figure,
    place_figure,
    sample_arms,
    sample_camera,
    sample_figures,
)
from synhand.synthesis.poses import SampledPose, sample_pose
from synhand.synthesis.touch import arm_spheres, contact, overlap

# Hand lengths, wrist joint to middle tip: mean and deviation, and a range.
_ADULT_LENGTH_MM = (ADULT_LENGTH_MM, 11.0)
_CHILD_LENGTH_MM = (105.0, 165.0)
_NAIL_MM = 4.0
_FOREARM_KEPT_MM = 170.0
_FOREARM_STRETCH = 3.5
# Farther than this no two hands of a scene are pushed together or apart.
_MAX_SHIFT_MM = 160.0
# Flesh gives way so far.
_SOFT_MM = 6.0
_SMALL_HAND_MM = (500.0, 3000.0)


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


@dataclass(frozen=True)
class Scene:
    """Hands and people before a camera.

    Attributes:
        kind: ``crop``, ``wide``, ``people`` or ``egocentric``.
        camera: (3, 3) px.
        hands: The target first, if it is already known.
        figures: People whose bodies are drawn.
        touching: Two hands touch.
    """

    kind: str
    camera: np.ndarray
    hands: list[SceneHand]
    figures: list[Figure]
    touching: bool


def sample_scene(
    rng: np.random.Generator, config: SynthesisConfig, hand: AnnyHand
) -> Scene:
    """What a set of the given configuration shows."""
    if config.mode == 'frame':
        return _frame_scene(rng, config, hand)
    if rng.random() < config.wide_crops:
        return _wide_scene(rng, config, hand)
    return _crop_scene(rng, config, hand)


def _crop_scene(
    rng: np.random.Generator, config: SynthesisConfig, hand: AnnyHand
) -> Scene:
    """A hand in any view, at times another one beside it."""
    target = sample_hand(rng, config, hand, sample_center(rng, config))
    scale = config.crop_scale
    if rng.random() < config.tight_crops:
        scale = config.tight_scale
    camera = crop_camera(rng, config, target.keypoints['anatomical'], scale)
    hands, touching = [target], False
    if rng.random() < config.second_hand:
        center = second_hand_center(rng, target)
        other = sample_hand(rng, config, hand, center, 1)
        near = rng.random() < config.interacting
        other, touching = approach(rng, target, other, near)
        hands.append(other)
    return Scene('crop', camera, hands, [], touching)


def _wide_scene(
    rng: np.random.Generator, config: SynthesisConfig, hand: AnnyHand
) -> Scene:
    """A person whose one hand is small in the crop's middle."""
    person = sample_person(rng, config, hand)
    near = rng.random() < config.second_hand
    arms = sample_arms(rng, person.scale, person.forearm_mm, near)
    low, high = np.log(_SMALL_HAND_MM)
    point = np.exp(rng.uniform(low, high)) * _ray(rng, config.off_axis_degrees)
    figure = place_figure(rng, arms, person.scale, point, near)
    hands, touching = _hands_of(rng, config, hand, person, figure, 0)
    lead = np.linalg.norm(figure.hand_middles() - point, axis=1).argmin()
    hands = [hands[lead], hands[1 - lead]]
    usual = config.crop_scale[1]
    widest = max(config.image_size / config.smallest_px, usual)
    low, high = np.log([usual, widest])
    scale = np.exp(rng.uniform(low, high))
    camera = crop_camera(
        rng, config, hands[0].keypoints['anatomical'], (scale, scale)
    )
    return Scene('wide', camera, hands, [figure], touching)


def _frame_scene(
    rng: np.random.Generator, config: SynthesisConfig, hand: AnnyHand
) -> Scene:
    """Up to two people with the drawn number of hands in the picture."""
    shares = np.array(config.frame_hands)
    wanted = int(rng.choice(len(shares), p=shares / shares.sum()))
    pairs = rng.random() < (0.3 if wanted == 2 else 0.08 * (wanted < 2))
    count = 2 if wanted > 2 or pairs else 1
    if wanted == 0 and rng.random() < 0.3:
        count = 0
    people = [sample_person(rng, config, hand) for _ in range(count)]
    camera, distance = sample_camera(rng, config)
    sizes = [(person.scale, person.forearm_mm) for person in people]
    figures = sample_figures(rng, config, sizes, camera, distance, wanted)
    hands, touching = [], False
    for owner, (person, figure) in enumerate(
        zip(people, figures, strict=False)
    ):
        pair, touch = _hands_of(rng, config, hand, person, figure, owner)
        hands += pair
        touching |= touch
    egocentric = any(figure.egocentric for figure in figures)
    kind = 'egocentric' if egocentric else 'people'
    return Scene(kind, camera, hands, figures, touching)


def _hands_of(
    rng: np.random.Generator,
    config: SynthesisConfig,
    hand: AnnyHand,
    person: Person,
    figure: Figure,
    owner: int,
) -> tuple[list[SceneHand], bool]:
    """The left and the right hand of a person, and whether they touch."""
    pair = [
        hand_on_arm(rng, config, hand, person, figure, side) for side in SIDES
    ]
    pair = [replace(placed, owner=owner) for placed in pair]
    pair[1], touching = approach(rng, *pair, figure.near)
    return pair, touching


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
    rotation = _sample_view(rng, config)
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


def approach(
    rng: np.random.Generator, still: SceneHand, moving: SceneHand, near: bool
) -> tuple[SceneHand, bool]:
    """Two hands that do not penetrate, and whether they touch.

    Args:
        still: Stays.
        moving: Is pushed off the other; with ``near`` half of the time up to
            it, otherwise to a small distance.
    """
    spheres = still.spheres(), moving.spheres()
    middles = [p.keypoints['anatomical'].mean(0) for p in (still, moving)]
    direction = middles[1] - middles[0]
    direction /= np.linalg.norm(direction)
    shift = contact(*spheres, direction)
    gap = 0.0 if rng.random() < 0.5 else rng.exponential(30.0)
    if shift is None or abs(shift + gap) > _MAX_SHIFT_MM:
        return moving, False
    if near:
        return moving.shifted((shift + gap) * direction), gap == 0
    return moving.shifted(max(shift, 0.0) * direction), shift > 0


def penetrates(scene: Scene) -> bool:
    """Whether a hand or forearm shares space with another or with a body."""
    if len(scene.hands) < 2 and not scene.figures:
        return False
    arms = [placed.spheres() for placed in scene.hands]
    for i, arm in enumerate(arms):
        if any(overlap(arm, other) > _SOFT_MM for other in arms[:i]):
            return True
        if any(figure.encloses(arm[0], 1.0) for figure in scene.figures):
            return True
    return False


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
    if rng.random() < config.wide_lens:
        return distance * _border_ray(rng, config)
    return distance * _ray(rng, config.off_axis_degrees)


def _ray(rng: np.random.Generator, degrees: float) -> np.ndarray:
    """A direction (3,) of depth 1 within degrees of the axis, each way."""
    limit = np.tan(np.radians(degrees))
    return np.array([*rng.uniform(-limit, limit, 2), 1.0])


def _border_ray(
    rng: np.random.Generator, config: SynthesisConfig
) -> np.ndarray:
    """A direction (3,) of depth 1 far from the axis of a wide lens."""
    angle = rng.uniform(config.off_axis_degrees, config.wide_off_axis_degrees)
    turn = rng.uniform(0, 2 * np.pi)
    out = np.tan(np.radians(angle))
    return np.array([out * np.cos(turn), out * np.sin(turn), 1.0])


def crop_camera(
    rng: np.random.Generator,
    config: SynthesisConfig,
    keypoints: np.ndarray,
    scale: tuple[float, float],
) -> np.ndarray:
    """The camera matrix (3, 3) of a square crop around a hand.

    The crop is cut from a picture of a camera that looks along z, so its
    principal point lies where that camera's axis meets the crop's plane. Its
    focal length follows from the distance and the crop: a hand of 180 mm that
    takes half of a crop of 224 px has one of 155 px at 250 mm (72 degrees of
    view) and of 747 px at 1.2 m (17 degrees).

    Args:
        keypoints: (K, 3) mm, camera frame.
        scale: Range of the crop's side over the longer side of the hand.
    """
    plane = keypoints[:, :2] / keypoints[:, 2:]
    low, high = plane.min(0), plane.max(0)
    side = (high - low).max() * rng.uniform(*scale)
    middle = (low + high) / 2
    middle = middle + side * rng.uniform(-1, 1, 2) * config.crop_shift
    focal = config.image_size / side
    cx, cy = (config.image_size - 1) / 2 - focal * middle
    return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]])


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
