"""Keypoints of one joint family from those of the other."""

import numpy as np
import pytest

from synhand.hands.anatomy import LOWER, UPPER
from synhand.hands.anny_hand import default_hand
from synhand.hands.families import change_family
from synhand.skeleton import FINGERS


@pytest.fixture
def hands():
    """Twenty posed hands of the mean shape, of both families."""
    hand, rng = default_hand(), np.random.default_rng(0)
    rest = hand.rest(np.zeros(hand.num_components))
    return hand.pose_keypoints(rest, rng.uniform(LOWER, UPPER, (20, 26)))


@pytest.mark.parametrize(
    ('source', 'target'), [('anatomical', 'mano'), ('mano', 'anatomical')]
)
def test_a_changed_hand_is_the_generators_own(hands, source, target):
    changed = change_family(hands[source], source, target)
    apart = np.linalg.norm(changed - hands[target], axis=-1)
    before = np.linalg.norm(hands[source] - hands[target], axis=-1)
    fingers = [chain[0] for name, chain in FINGERS.items() if name != 'thumb']
    # the thumb's base is not quite on the line, nor its IP once it is bent
    assert apart[:, fingers].max() < 1e-6
    assert apart.max() < 5
    assert apart.mean() < 0.15 * before.mean()


def test_there_and_back_is_the_same_hand(hands):
    points = hands['anatomical'][:, :, :2].astype(np.float32)
    back = change_family(
        change_family(points, 'anatomical', 'mano'), 'mano', 'anatomical'
    )
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, points, atol=1e-3)
    same = change_family(points, 'mano', 'mano')
    np.testing.assert_allclose(same, points, rtol=1e-6)


def test_an_unknown_family_is_named(hands):
    with pytest.raises(ValueError, match="joint_family: .* got 'smplx'"):
        change_family(hands['mano'], 'mano', 'smplx')
