"""Bones of a hand's lengths: against a general solver, and on noise."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from synhand.geometry.bone_fit import fit_bone_lengths
from synhand.geometry.cameras import project
from synhand.geometry.pose25d import bone_lengths, from_25d
from synhand.hands.anatomy import NUM_DOFS
from synhand.hands.anny_hand import default_hand
from synhand.recipes.models import mean_bone_lengths

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


def test_a_misread_hand_is_not_magnified_before_the_lens():
    """What a network read of a fist at the edge of a wide lens."""
    read = np.array(
        [[135, 100, 0.0], [148, 166, -0.33], [156, 184, -0.94],
         [125, 198, -1.55], [102, 202, -2.01], [198, 166, -1.47],
         [166, 189, -2.28], [123, 198, -2.32], [117, 209, -2.47],
         [188, 127, -1.67], [154, 155, -2.44], [117, 175, -2.35],
         [129, 149, -2.03], [167, 100, -1.63], [131, 114, -2.15],
         [117, 124, -1.81], [115, 125, -1.56], [149, 72, -1.6],
         [120, 89, -2.02], [105, 98, -1.79], [92, 98, -1.58]]
    )  # fmt: skip
    camera = np.array([[1148.5, 0, 1104.9], [0, 1148.5, 28.3], [0, 0, 1]])
    lengths = mean_bone_lengths()
    points = from_25d(read, camera, mean_bone_lengths_mm=lengths)
    assert points[:, 2].min() > 70
    fitted = fit_bone_lengths(points, lengths)
    moved = project(fitted, camera) - read[:, :2]
    side = np.ptp(read[:, :2], axis=0).max()
    assert np.linalg.norm(moved, axis=1).max() < side / 2
