"""People as stick figures: where they stand and how they hold their arms.

The body frame of a person has its origin between the shoulders, x to the
person's left, y up, z to the front; mm. Lengths are those of an adult of mean
size and follow the length of the hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from synhand.geometry.cameras import project
from synhand.hands.anny_hand import ADULT_LENGTH_MM
from synhand.skeleton import HAND_SIDES
from synhand.synthesis.config import SynthesisConfig

LEFT, RIGHT = HAND_SIDES['left'], HAND_SIDES['right']
SIDES = (LEFT, RIGHT)
UPPER_ARM_MM = 290.0
EYES_MM = np.array([0.0, 170.0, 95.0])
# Middle and radii of ellipsoids around torso and head.
TORSO_MM = np.array([[0, -300, 0], [200, 340, 135.0]])
HEAD_MM = np.array([[0, 165, 25], [85, 125, 110.0]])
_SHOULDER_MM = np.array([182.0, -20.0, 0.0])
# Of the left wrist: lowest and highest x, y, z, and how often.
_RAISED = np.array([[0, -150, 170], [420, 300, 480.0]])
_IN_FRONT = np.array([[-120, -420, 170], [380, 0, 480.0]])
_HANGING = np.array([[200, -560, -40], [320, -430, 160.0]])
_WIDE = np.array([[300, -300, -50], [650, 350, 300.0]])
_REACHES = (_RAISED, _IN_FRONT, _HANGING, _WIDE)
_REACH_SHARES = (0.35, 0.4, 0.15, 0.1)
_MIN_DEPTH_MM = 200.0
_HAND_MM = 80.0  # from the wrist to about the middle of the hand
_APART_MM = 430.0
_TRIES = 60


@dataclass(frozen=True)
class Figure:
    """A person in the camera frame.

    Attributes:
        rotation: (3, 3) body frame to camera frame.
        origin: (3,) mm, between the shoulders, camera frame.
        scale: Size over that of an adult of mean size.
        arms: (2, 3, 3) mm, body frame: left and right; shoulder, elbow,
            wrist.
        egocentric: The camera is at this person's eyes.
        near: The hands are near each other.
    """

    rotation: np.ndarray
    origin: np.ndarray
    scale: float
    arms: np.ndarray
    egocentric: bool
    near: bool

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) mm of the body frame in the camera frame."""
        return points @ self.rotation.T + self.origin

    def hand_middles(self) -> np.ndarray:
        """About the middle of the left and the right hand, (2, 3) mm."""
        return self.to_camera(_hand_middles(self.arms, self.scale))

    def encloses(self, points: np.ndarray, slack: float) -> bool:
        """Whether points (..., 3) of the camera frame lie in the body.

        Args:
            slack: Times that head and torso are larger than they are.
        """
        at = (points - self.origin) @ self.rotation / self.scale
        return any(
            ((((at - middle) / (slack * radii)) ** 2).sum(-1) < 1).any()
            for middle, radii in (TORSO_MM, HEAD_MM)
        )


def _hand_middles(arms: np.ndarray, scale: float) -> np.ndarray:
    along = arms[:, 2] - arms[:, 1]
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    return arms[:, 2] + scale * _HAND_MM * along


def sample_arms(
    rng: np.random.Generator, scale: float, forearm_mm: float, near: bool
) -> np.ndarray:
    """Both arms (2, 3, 3) mm in the body frame; with ``near``, hands meet."""
    mirror = np.array([[1, 1, 1], [-1, 1, 1.0]])
    if near:
        meeting = rng.uniform([-120, -330, 220], [120, 160, 420])
        wide = rng.uniform(25, 85) * np.array([1, *rng.normal(0, 0.6, 2)])
        wrists = (meeting + mirror * wide * [1, 0, 0]) + (
            mirror[:, :1] * wide * [0, 1, 1]
        )
    else:
        reaches = rng.choice(4, 2, p=_REACH_SHARES)
        wrists = np.stack([rng.uniform(*_REACHES[reach]) for reach in reaches])
        wrists *= mirror
    arms = [
        _bend_arm(rng, shoulder, wrist, forearm_mm, scale)
        for shoulder, wrist in zip(
            scale * _SHOULDER_MM * mirror, scale * wrists, strict=True
        )
    ]
    return np.stack(arms)


def _bend_arm(
    rng: np.random.Generator,
    shoulder: np.ndarray,
    wrist: np.ndarray,
    forearm: float,
    scale: float,
) -> np.ndarray:
    """Shoulder, elbow and wrist (3, 3); elbows point down and outwards."""
    upper = UPPER_ARM_MM * scale
    along = wrist - shoulder
    distance = np.linalg.norm(along)
    along = along / distance
    nearest = abs(upper - forearm) + 60 * scale
    distance = np.clip(distance, nearest, 0.98 * (upper + forearm))
    before = (upper**2 - forearm**2 + distance**2) / (2 * distance)
    aside = np.sqrt(max(upper**2 - before**2, 0))
    pole = np.array([0.5 * np.sign(shoulder[0]), -1, -0.35])
    pole += rng.normal(0, 0.3, 3)
    pole -= (pole @ along) * along
    pole /= np.linalg.norm(pole)
    elbow = shoulder + before * along + aside * pole
    return np.stack([shoulder, elbow, shoulder + distance * along])


def sample_camera(
    rng: np.random.Generator, config: SynthesisConfig
) -> tuple[np.ndarray, float]:
    """A camera matrix (3, 3) of whole pictures and a hand's distance in mm.

    The sizes of hands in the picture are spread evenly over their logarithm,
    within what angles of view and distances allow.
    """
    width, height = config.frame_size
    narrow, wide = np.radians(config.frame_view_degrees)
    near, far = config.frame_distance_mm
    sizes = (1.4 * config.smallest_px, 0.9 * height)
    while True:
        distance = np.exp(rng.uniform(np.log(near), np.log(far)))
        size = np.exp(rng.uniform(*np.log(sizes)))
        focal = size * distance / ADULT_LENGTH_MM
        if narrow <= 2 * np.arctan(width / 2 / focal) <= wide:
            break
    middle = (width - 1) / 2, (height - 1) / 2
    return np.array(
        [[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]]
    ), distance


def place_figure(
    rng: np.random.Generator,
    arms: np.ndarray,
    scale: float,
    point: np.ndarray,
    near: bool,
) -> Figure:
    """A person one of whose hands is at a point (3,) mm before the camera."""
    lead = rng.integers(2)
    rotation = _sample_turn(rng)
    middle = _hand_middles(arms, scale)[lead]
    return Figure(
        rotation, point - rotation @ middle, scale, arms, False, near
    )


def place_eyes(
    rng: np.random.Generator, arms: np.ndarray, scale: float, near: bool
) -> Figure:
    """A person through whose eyes the camera looks, down to the hands."""
    degrees = np.array([rng.uniform(0, 50), rng.normal(0, 20), 0])
    degrees[2] = rng.normal(0, 8)
    forwards = np.diag([-1.0, -1, 1])
    look = Rotation.from_euler('xyz', degrees, degrees=True).as_matrix()
    rotation = look @ forwards
    eyes = scale * (EYES_MM + rng.normal(0, 20, 3))
    return Figure(rotation, -rotation @ eyes, scale, arms, True, near)


def _sample_turn(rng: np.random.Generator) -> np.ndarray:
    """Mostly upright and turned to the camera, at times any way."""
    if rng.random() < 0.25:
        return Rotation.random(random_state=rng).as_matrix()
    turned = rng.normal(0, 35) if rng.random() < 0.6 else rng.uniform(0, 360)
    yaw = Rotation.from_euler('y', turned, degrees=True)
    tilt = Rotation.from_euler('xz', rng.normal(0, [15, 8]), degrees=True)
    facing = Rotation.from_matrix(np.diag([1.0, -1, -1]))
    return (tilt * facing * yaw).as_matrix()


def sample_figures(
    rng: np.random.Generator,
    config: SynthesisConfig,
    people: list[tuple[float, float]],
    camera: np.ndarray,
    distance: float,
    wanted: int,
) -> list[Figure]:
    """People of whom the wanted number of hands is in the picture.

    Args:
        people: The scale and the length of the forearm in mm of each.
        camera: (3, 3) px.
        distance: Of a hand of the first of them, mm.
        wanted: Hands; the closest of some tries is taken.
    """
    if not people:
        return []
    best, best_off = [], np.inf
    egocentric = rng.random() < config.frame_egocentric
    for _ in range(_TRIES):
        figures = []
        for number, (scale, forearm) in enumerate(people):
            near = wanted > 1 and rng.random() < config.interacting
            arms = sample_arms(rng, scale, forearm, near)
            if egocentric and number == 0:
                figures.append(place_eyes(rng, arms, scale, near))
                continue
            depth = distance * np.exp(rng.normal(0, 0.4) if number else 0)
            point = _sample_point(rng, camera, config.frame_size, depth)
            figures.append(place_figure(rng, arms, scale, point, near))
        if not _is_possible(figures):
            continue
        off = abs(_hands_in(figures, camera, config.frame_size) - wanted)
        if off < best_off:
            best, best_off = figures, off
        if off == 0:
            break
    return best


def _sample_point(
    rng: np.random.Generator,
    camera: np.ndarray,
    size: tuple[int, int],
    depth: float,
) -> np.ndarray:
    """A place (3,) mm at a depth, in the picture."""
    pixel = rng.uniform(0.06, 0.94, 2) * size
    ray = (pixel - camera[:2, 2]) / camera[0, 0]
    return depth * np.array([*ray, 1.0])


def _is_possible(figures: list[Figure]) -> bool:
    """Nobody's body is around the camera or in another's."""
    for i, figure in enumerate(figures):
        if not figure.egocentric and figure.encloses(np.zeros(3), 1.4):
            return False
        for other in figures[:i]:
            torsos = [
                f.to_camera(f.scale * TORSO_MM[0]) for f in (figure, other)
            ]
            apart = np.linalg.norm(torsos[0] - torsos[1])
            if apart < _APART_MM * max(figure.scale, other.scale):
                return False
            if figure.encloses(other.hand_middles(), 1.2):
                return False
            if other.encloses(figure.hand_middles(), 1.2):
                return False
    return True


def _hands_in(
    figures: list[Figure], camera: np.ndarray, size: tuple[int, int]
) -> int:
    """How many hands are in the picture; far more if one is too near."""
    middles = np.concatenate([f.hand_middles() for f in figures])
    ahead = middles[:, 2] > 0
    pixels = project(middles[ahead], camera)
    margin = 0.05 * np.array(size)
    inside = ((pixels > -margin) & (pixels < size + margin)).all(1)
    if (middles[ahead][inside, 2] < _MIN_DEPTH_MM).any():
        return 100
    return int(inside.sum())
