"""The self-check: silent on hands, and a cause for every contradiction."""

import numpy as np
import pytest

from helpers import random_rotations
from synhand.geometry.cameras import project
from synhand.hands.anatomy import DOF, LOWER, UPPER
from synhand.hands.anny_hand import default_hand
from synhand.synthesis.checks import chirality, hand_faults, in_order
from synhand.synthesis.poses import PoseShares, sample_pose

CAMERA = np.array([[300.0, 0, 150], [0, 300, 110], [0, 0, 1]])
SIZE = np.array([320, 240])


@pytest.fixture(scope='module')
def hands():
    """60 right hands of all kinds of poses and shapes, and their angles."""
    hand, rng = default_hand(), np.random.default_rng(0)
    turns = random_rotations(rng, 60)
    points, poses = [], []
    for turn in turns:
        shape = hand.people[rng.integers(len(hand.people))]
        rest = hand.rest(shape, rng.uniform(110, 200))
        poses.append(sample_pose(rng, hand, rest, PoseShares()).angles)
        keypoints = hand.pose_keypoints(rest, poses[-1])['anatomical']
        points.append((keypoints - keypoints[9]) @ turn.T + [0, 0, 500])
    return np.stack(points), np.stack(poses)


def faults(points, poses, strict=True, **changes):
    count = len(points)
    labels = {
        'pixels': project(points, CAMERA),
        'points': points,
        'camera': np.broadcast_to(CAMERA, (count, 3, 3)),
        'side': np.ones(count, int),
        'pose': poses,
        'occluded': np.zeros((count, 21), int),
        'size': np.broadcast_to(SIZE, (count, 2)),
        'strict': np.full(count, strict),
    }
    found = hand_faults(**{**labels, **changes})
    return {cause for cause, failed in found.items() if failed.any()}


def test_hands_of_all_kinds_pass(hands):
    assert faults(*hands) == set()


def test_every_contradiction_has_its_cause(hands):
    points, poses = hands
    pixels = project(points, CAMERA)
    bent = points[chirality(points) == 1]
    over, under = poses.copy(), poses.copy()
    over[:, DOF['index_pip_flexion']] = UPPER[DOF['index_pip_flexion']] + 0.01
    under[:, DOF['thumb_azimuth']] = LOWER[DOF['thumb_azimuth']] - 0.01
    hidden = np.ones((len(points), 21), int)
    assert faults(points, poses, pixels=pixels + 0.01) == {'projection'}
    assert faults(bent * [-1, 1, 1], poses[: len(bent)]) == {'side'}
    assert faults(points, over) == {'limits'}
    assert faults(points, under) == {'limits'}
    assert faults(points, poses * np.nan) == {'limits'}
    assert faults(points - [0, 0, 600], poses) >= {'behind'}
    assert faults(points + [600, 0, 0], poses) == {'outside'}
    assert faults(points, poses, occluded=hidden) == {'hidden'}


def test_other_hands_need_one_keypoint_in_the_image(hands):
    """Hands shifted until only their leftmost keypoint is in the image."""
    points, poses = hands
    left = (points[..., 0] / points[..., 2]).min(1)
    moved = points.copy()
    # The right border is at (319.5 - 150) / 300 of the depth.
    moved[..., 0] += (0.564 - left)[:, None] * points[..., 2]
    hidden = np.ones((len(points), 21), int)
    assert faults(moved, poses) >= {'outside'}
    found = faults(moved, poses, False, occluded=hidden)
    assert not found & {'outside', 'hidden'}
    assert faults(points + [900, 0, 0], poses, False) == {'outside'}


def test_swapped_keypoints_are_out_of_order(hands):
    points, _ = hands
    fingers = np.arange(1, 21).reshape(5, 4)
    for a in range(5):
        for b in range(a):
            order = np.arange(21)
            order[fingers[a]], order[fingers[b]] = fingers[b], fingers[a]
            assert not in_order(points[:, order]).any(), (a, b)
    for finger in range(1, 5):
        order = np.arange(21)
        order[fingers[finger]] = fingers[finger][::-1]
        assert not in_order(points[:, order]).any(), finger
        order[fingers[finger]] = fingers[finger][[0, 2, 1, 3]]
        assert in_order(points[:, order]).mean() < 0.2, finger


def test_chirality_is_that_of_a_slow_loop(hands):
    points, _ = hands
    for sign in (1, -1):
        mirrored = points * [sign, 1, 1]
        told = chirality(mirrored)
        for hand, found in zip(mirrored, told, strict=True):
            assert found == _chirality(hand)
        assert set(told) <= {0, sign}


def _chirality(hand):
    to_thumb = hand[5] - hand[17]
    best = 0
    for base in (5, 9, 13, 17):
        a, b = hand[base + 1] - hand[base], hand[base + 2] - hand[base + 1]
        bend = np.cross(a, b) @ to_thumb
        bend /= np.prod([np.linalg.norm(v) for v in (a, b, to_thumb)])
        best = bend if abs(bend) > abs(best) else best
    return 0 if abs(best) < 0.15 else np.sign(best)
