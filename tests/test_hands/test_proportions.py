"""The proportions of the hand against published lengths of bones."""

import numpy as np
import pytest

from synhand.geometry.pose25d import bone_lengths
from synhand.hands.anny_hand import AnnyHand, default_hand
from synhand.hands.joints import FINGER_CHAINS, skin_end
from synhand.hands.proportions import Proportions
from synhand.skeleton import FINGERTIPS, MEAN_BONE_LENGTHS_MM

FINGERS = np.array(MEAN_BONE_LENGTHS_MM).reshape(5, 4)[1:]
TIPS = np.array(FINGERTIPS)
BASES = TIPS[1:] - 3


@pytest.fixture(scope='module')
def anny_hand():
    return AnnyHand(proportioned=False)


def keypoints(hand, shape):
    """Centres of the joints and ends of the skin (K, 3), 183 mm long.

    The wrist and the bases of the fingers are labelled elsewhere.
    """
    rest = hand.rest(shape, 183.0)
    points = rest.keypoints['anatomical'].copy()
    points[0] = 0
    points[BASES] = rest.pivots[FINGER_CHAINS[1:, 0]]
    points[TIPS] = skin_end(points[TIPS - 1], points[TIPS])
    return points


def finger_bones(points):
    """Wrist to base, then phalanges: (4, 4) mm."""
    return bone_lengths(points).reshape(5, 4)[1:]


def test_phalanges_of_the_mean_hand_are_as_published():
    hand = default_hand()
    bones = finger_bones(keypoints(hand, np.zeros(hand.num_components)))[:, 1:]
    wanted = FINGERS[:, 1:]
    np.testing.assert_allclose(
        bones / bones.mean(), wanted / wanted.mean(), rtol=1e-3
    )


def test_palm_and_breadth_of_the_mean_hand_are_as_published():
    hand = default_hand()
    points = keypoints(hand, np.zeros(hand.num_components))
    bones = finger_bones(points)
    size = bones[:, 1:].mean() / FINGERS[:, 1:].mean()
    metacarpals = FINGERS[:, 0] - FINGERS[1, 0] + 64.6
    carpus = bones[:, 0] / size - metacarpals
    # Half of the whole carpus, 35 mm high; more where it lies aslant.
    np.testing.assert_allclose(carpus, 20, atol=4.5)
    # Breadth of 85 mm, 11 mm at either side of the joints' centres.
    assert (points[5, 0] - points[17, 0]) / size == pytest.approx(63, abs=0.5)
    skin = hand.rest(np.zeros(hand.num_components), 183.0).vertices
    thumb = hand.weights[:, FINGER_CHAINS[0]].sum(1) > 0.3
    level = abs(skin[:, 1] - points[[5, 9, 13, 17], 1].mean()) < 5
    breadth = np.ptp(skin[level & ~thumb, 0]) / size
    assert breadth == pytest.approx(85, rel=0.07)


def test_length_of_the_mean_hand_stays(anny_hand):
    tips = [
        hand.mean[hand._tips[2]].mean(0)
        for hand in (anny_hand, default_hand())
    ]
    before, after = np.linalg.norm(tips, axis=1)
    assert abs(after / before - 1) < 1e-3


def test_the_map_is_linear(anny_hand):
    move = Proportions(anny_hand.mean, anny_hand.weights, anny_hand._tips)
    a, b = anny_hand.mean, anny_hand.basis[:3]
    np.testing.assert_allclose(
        move(2 * a + 3 * b), 2 * move(a) + 3 * move(b), atol=1e-9
    )


def test_the_forearm_stays(anny_hand):
    behind = (anny_hand.mean[:, 1] < 0).nonzero()[0]
    np.testing.assert_allclose(
        default_hand().mean[behind], anny_hand.mean[behind], atol=1e-9
    )
    assert len(behind) > 200


def test_what_sets_people_apart_stays(anny_hand):
    """Bones change by the factor of the mean hand's, within 5 %."""
    zero = np.zeros(anny_hand.num_components)
    hands = anny_hand, default_hand()
    factors = np.divide(*(finger_bones(keypoints(h, zero)) for h in hands))
    for person in anny_hand.people[:20]:
        before, after = (finger_bones(keypoints(h, person)) for h in hands)
        size = (before / after / factors).mean()
        np.testing.assert_allclose(before / after / factors, size, rtol=0.05)


def test_vertices_follow_their_bones(anny_hand):
    """The skin of a bone keeps its place along that bone."""
    hand = default_hand()
    for bone in range(len(hand.parents)):
        own = np.flatnonzero(hand.weights[:, bone] > 0.99)
        if not len(own) or hand.forearm_weight[own].any():
            continue
        head = hand.num_vertices + bone
        before = anny_hand.mean[own] - anny_hand.mean[head]
        after = hand.mean[own] - hand.mean[head]
        moved = np.linalg.norm(after - before, axis=1)
        assert (moved < 0.3 * np.linalg.norm(before, axis=1) + 4).all()
