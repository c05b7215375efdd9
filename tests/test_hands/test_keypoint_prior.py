"""The likeliest hand: against the textbook's formula, and on noise."""

import numpy as np
import pytest

from synhand.geometry.alignment import procrustes_align
from synhand.hands import keypoint_prior
from synhand.hands.anatomy import NUM_DOFS
from synhand.hands.anny_hand import default_hand
from synhand.hands.keypoint_prior import NOISE, USUAL_SCORE, KeypointPrior

_SURE = USUAL_SCORE


@pytest.fixture(scope='module')
def hands():
    """Hands (120, 21, 3) in mm, any pose within small angles."""
    rng = np.random.default_rng(0)
    model = default_hand()
    rest = model.rest(model.people[0])
    angles = rng.normal(0, 0.3, (120, NUM_DOFS))
    points = [model.pose(rest, a).keypoints['anatomical'] for a in angles]
    return np.stack(points) + [20, -30, 500]


@pytest.fixture(scope='module')
def prior(hands):
    return KeypointPrior.fit(hands[:100], components=40)


def _scores(hands, value=_SURE):
    return np.full(hands.shape[:-1], value)


def _miss(found, hands):
    return np.linalg.norm(found - hands, axis=-1).mean()


def test_modes_are_orthogonal_and_sorted(prior):
    flat = prior.modes.reshape(40, -1)
    spread = np.linalg.norm(flat, axis=1)
    assert (np.diff(spread) <= 0).all()
    np.testing.assert_allclose(
        flat @ flat.T, np.diag(spread**2), atol=1e-12 * spread[0]
    )
    assert 0.7 < np.linalg.norm(prior.mean) < 1


def test_a_saved_prior_is_the_same_to_single_precision(prior, tmp_path):
    prior.save(tmp_path / 'prior.npz')
    loaded = KeypointPrior.load(tmp_path / 'prior.npz')
    np.testing.assert_allclose(loaded.mean, prior.mean, rtol=1e-6)
    np.testing.assert_allclose(loaded.modes, prior.modes, atol=1e-7)


def test_one_round_is_the_mean_of_a_gaussian_given_the_reading(
    prior, hands, monkeypatch
):
    """Covariance form, in the frame of the camera, hand by hand."""
    monkeypatch.setattr(keypoint_prior, '_ROUNDS', 1)
    rng = np.random.default_rng(1)
    seen = hands[:5] + rng.normal(0, 6, hands[:5].shape)
    scores = rng.uniform(0.2, 0.9, seen.shape[:2])
    found = prior.likeliest(seen, scores)
    for given, score, result in zip(seen, scores, found, strict=True):
        mean = procrustes_align(prior.mean, given)
        modes = [
            procrustes_align(prior.mean, given, points=prior.mean + mode)
            - mean
            for mode in prior.modes
        ]
        modes = np.reshape(modes, (len(modes), -1))
        size = np.linalg.norm(given - given.mean(0))
        noise = np.outer(USUAL_SCORE / score, size * np.array(NOISE)).ravel()
        spread = modes.T @ modes
        gain = spread @ np.linalg.inv(spread + np.diag(noise**2))
        expected = mean.ravel() + gain @ (given - mean).ravel()
        np.testing.assert_allclose(result.ravel(), expected, atol=1e-6)


def test_noise_is_reduced_more_where_scores_are_low(prior, hands):
    rng = np.random.default_rng(2)
    held_out = hands[100:]
    noise = rng.normal(0, 6, held_out.shape)
    before = _miss(held_out + noise, held_out)
    low, high = (
        _miss(
            prior.likeliest(held_out + noise, _scores(held_out, s)), held_out
        )
        for s in (0.3, 0.95)
    )
    assert low < high < 0.9 * before


def test_sure_hands_of_the_prior_stay(prior):
    numbers = np.random.default_rng(3).normal(size=(10, 40))
    hands = 200 * (prior.mean + np.tensordot(numbers, prior.modes, 1))
    sure, usual = (
        _miss(prior.likeliest(hands, _scores(hands, s)), hands)
        for s in (1.0, 0.45)
    )
    assert sure < 0.6 * usual < 2  # mm


def test_place_size_and_turns_about_the_axis_do_not_matter(prior, hands):
    angle = 0.7
    turn = np.array(
        [
            [np.cos(angle), np.sin(angle), 0],
            [-np.sin(angle), np.cos(angle), 0],
            [0, 0, 1],
        ]
    )
    found = prior.likeliest(hands[:4], _scores(hands[:4]))
    other = prior.likeliest(
        0.8 * hands[:4] @ turn + [5, 6, 7], _scores(hands[:4])
    )
    np.testing.assert_allclose(other, 0.8 * found @ turn + [5, 6, 7])


def test_hands_with_nan_stay_and_others_do_not_mind(prior, hands):
    broken = hands[:2].copy()
    broken[0, 3, 1] = np.nan
    found = prior.likeliest(broken, _scores(broken))
    np.testing.assert_array_equal(found[0], broken[0])
    alone = prior.likeliest(hands[1:2], _scores(hands[1:2]))
    np.testing.assert_allclose(found[1:], alone)


def test_the_package_has_a_prior_of_its_own():
    prior = keypoint_prior.default_keypoint_prior()
    assert prior.modes.shape == (40, 21, 3)
    assert 0.7 < np.linalg.norm(prior.mean) < 1
