"""Draws one scene: hands, camera, people; all from one generator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from synhand.hands.anny_hand import AnnyHand
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.figures import (
    SIDES,
    Figure,
    place_figure,
    sample_arms,
    sample_camera,
    sample_figures,
)
from synhand.synthesis.scene_hands import (
    Person,
    SceneHand,
    hand_on_arm,
    sample_hand,
    sample_person,
)
from synhand.synthesis.touch import contact, overlap
from synhand.synthesis.views import crop_camera, ray, sample_center

# Farther than this no two hands of a scene are pushed together or apart.
_MAX_SHIFT_MM = 160.0
# Flesh gives way so far.
_SOFT_MM = 6.0
_SMALL_HAND_MM = (500.0, 3000.0)


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
    point = np.exp(rng.uniform(low, high)) * ray(rng, config.off_axis_degrees)
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
