"""Bones of a hand's lengths: against a general solver, and on noise."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from synhand.geometry.bone_fit import fit_bone_lengths
from synhand.geometry.pose25d import bone_lengths
from synhand.hands.anatomy import NUM_DOFS
from synhand.hands.anny_hand import default_hand

_STIFFNESS, _SIDEWAYS = 0.7, 3.0


@pytest.fixture(scope='module')
def hand():
    """A hand (21, 3) in mm, half a metre before the camera."""
    model = default_hand()
    rest = model.rest(model.people[0])
    points = model.pose(rest, np.zeros(NUM_DOFS)).keypoints['anatomical']
    return points - points.mean(0) + [20, -30, 500]


def test_right_proportions_stay(hand):
    lengths = bone_lengths(hand)
    found = fit_bone_lengths(1.3 * hand, lengths / 7)
    np.testing.assert_allclose(found, 1.3 * hand, atol=1e-6)


def test_no_stiffness_changes_nothing(hand):
    found = fit_bone_lengths(hand, np.ones(20), stiffness=0)
    np.testing.assert_allclose(found, hand, atol=1e-9)


def test_it_is_the_minimum_that_a_general_solver_finds(hand):
    rng = np.random.default_rng(0)
    lengths = bone_lengths(hand)
    noisy = hand + rng.normal(0, 3, hand.shape)
    weights = np.sqrt([_SIDEWAYS, _SIDEWAYS, 1.0])

    def residuals(unknown):
        moves, scale = unknown[:-1].reshape(-1, 3), unknown[-1]
        miss = bone_lengths(noisy + moves) - scale * lengths
        return np.append((weights * moves).ravel(), _STIFFNESS**0.5 * miss)

    solved = least_squares(residuals, np.append(np.zeros(63), 1.0))
    found = fit_bone_lengths(
        noisy, lengths, _STIFFNESS, _SIDEWAYS, iterations=30
    )
    expected = noisy + solved.x[:-1].reshape(-1, 3)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_noise_is_reduced_most_in_depth(hand):
    rng = np.random.default_rng(1)
    noise = rng.normal(0, [2, 2, 8], (200, 21, 3))
    found = fit_bone_lengths(hand + noise, bone_lengths(hand))
    before, after = (
        np.abs(noise).mean((0, 1)),
        np.abs(found - hand).mean((0, 1)),
    )
    assert after[2] < 0.97 * before[2]
    assert (after[:2] < 1.15 * before[:2]).all()


def test_hands_with_nan_stay_and_others_do_not_mind(hand):
    hands = np.stack([[hand], [hand]])
    hands[0, 0, 3, 1] = np.nan
    found = fit_bone_lengths(hands, np.arange(1.0, 21))
    np.testing.assert_array_equal(found[0], hands[0])
    alone = fit_bone_lengths(hand, np.arange(1.0, 21))
    np.testing.assert_allclose(found[1, 0], alone, atol=1e-9)
    assert np.abs(alone - hand).max() > 1
