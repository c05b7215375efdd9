"""Contact of spheres, and things as large as the room in a hand."""

import numpy as np
import pytest

from synhand.hands.anny_hand import default_hand
from synhand.synthesis import scene_hands
from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.gestures import GESTURES, HOLDS
from synhand.synthesis.held import held_object, is_hold
from synhand.synthesis.poses import SampledPose
from synhand.synthesis.touch import (
    contact,
    hand_spheres,
    overlap,
    widest_gap,
)

CONFIG = SynthesisConfig()


def random_spheres(rng, middle):
    return rng.normal(0, 20, (12, 3)) + middle, rng.uniform(3, 12, 12)


def test_spheres_moved_to_contact_just_touch():
    rng = np.random.default_rng(0)
    for _ in range(50):
        still = random_spheres(rng, 0)
        moving = random_spheres(rng, rng.normal(0, 50, 3))
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        shift = contact(still, moving, direction)
        if shift is None:
            continue
        moved = moving[0] + shift * direction, moving[1]
        assert overlap(still, moved) == pytest.approx(0, abs=1e-9)
        farther = moving[0] + (shift + 30) * direction, moving[1]
        assert overlap(still, farther) < 0


def test_spheres_that_pass_by_never_touch():
    still = np.zeros((1, 3)), np.array([5.0])
    moving = np.array([[0, 11.0, 0]]), np.array([5.0])
    assert contact(still, moving, np.array([1.0, 0, 0])) is None
    assert overlap(still, moving) == pytest.approx(-1)


def test_widest_gap_finds_the_middle_of_a_ring():
    """The bar inside a ring of balls touches them all."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = 30 * np.stack([np.cos(angle), 0 * angle, np.sin(angle)], 1)
    spheres = ring, np.full(12, 5.0)
    start = np.array([9.0, 40, -6])
    for axis in (np.array([0, 1.0, 0]), None):
        middle, radius = widest_gap(spheres, start * [1, axis is not None, 1],
                                    axis, 40, 20)  # fmt: skip
        distance = np.linalg.norm((middle - ring)[:, [0, 2]], axis=1)
        assert radius == pytest.approx(distance.min() - 5)
        assert 23 < radius <= 25


def gripping(name, seed):
    rng, hand = np.random.default_rng(seed), default_hand()
    person = scene_hands.sample_person(rng, CONFIG, hand)
    pose = SampledPose(GESTURES[name], f'gesture:{name}', 0.0)
    posed = hand.pose(person.rest, pose.angles)
    placed = scene_hands._place(
        hand, person, pose, posed, scene_hands.RIGHT, np.eye(3), np.zeros(3)
    )
    return rng, placed


@pytest.mark.parametrize('name', HOLDS)
def test_held_things_touch_the_hand_and_hardly_enter_it(name):
    depths = []
    for seed in range(6):
        rng, placed = gripping(name, seed)
        assert is_hold(placed.pose)
        thing = held_object(rng, placed, 1)
        assert thing.identity == 8 + 4
        centers, radii = hand_spheres(placed.keypoints['anatomical'])
        depths.append(deepest(thing, centers, radii))
    # A finger's flesh gives way; nothing floats.
    assert np.median(depths) < 9
    assert min(depths) > -8


def deepest(thing, centers, radii):
    """How far the hand's spheres reach into a closed convex mesh, mm."""
    a, b, c = (thing.vertices[thing.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    size = np.linalg.norm(normal, axis=1)
    a, normal = a[size > 1e-6], normal[size > 1e-6] / size[size > 1e-6, None]
    outside = ((centers[:, None] - a) * normal).sum(-1).max(1)
    return float((radii - outside).max())


def test_things_lie_on_an_open_palm():
    for seed in range(8):
        rng, placed = gripping('open', seed)
        thing = held_object(rng, placed)
        points = placed.keypoints['anatomical']
        centers, radii = hand_spheres(points)
        palm = points[[0, 5, 17]].mean(0)
        assert (thing.vertices.mean(0) - palm)[2] > 0
        assert deepest(thing, centers, radii) > -12
