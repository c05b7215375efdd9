import numpy as np
import pytest

from helpers import random_hands
from synhand.evaluation import functional
from synhand.geometry import cameras, pose25d


@pytest.fixture(scope='module')
def hands():
    """True hands (N, 21, 3) mm, predictions of them, cameras."""
    rng = np.random.default_rng(0)
    true, matrices = random_hands(rng, 40)
    return true, true + rng.normal(0, 15, true.shape), matrices


def slow_aligned(source, target, proper):
    """Umeyama's similarity of one instance by the book."""
    source_centre, target_centre = source.mean(0), target.mean(0)
    source = source - source_centre
    covariance = (target - target_centre).T @ source / len(source)
    left, singular, right = np.linalg.svd(covariance)
    signs = np.ones(3)
    if proper and np.linalg.det(left) * np.linalg.det(right) < 0:
        signs[2] = -1
    rotation = left @ np.diag(signs) @ right
    scale = (singular * signs).sum() / (source**2).sum(axis=1).mean()
    return scale * source @ rotation.T + target_centre


def slow_auc(errors, low, high):
    """FreiHAND's curve: share of errors <= threshold, trapezoids."""
    thresholds = np.linspace(low, high, 100)
    share = [np.mean([e <= t for e in errors]) for t in thresholds]
    area = 0.0
    for i in range(99):
        width = thresholds[i + 1] - thresholds[i]
        area += width * (share[i] + share[i + 1]) / 2
    return area / (high - low)


def test_root_aligned_errors_match_loops(hands):
    true, predicted, _ = hands
    errors = functional.root_aligned_errors(predicted, true)
    for n in range(len(true)):
        for k in range(21):
            offset = predicted[n, k] - predicted[n, 0]
            offset = offset - (true[n, k] - true[n, 0])
            expected = np.sqrt((offset**2).sum())
            assert errors[n, k] == pytest.approx(expected)


@pytest.mark.parametrize('reflect', [False, True])
def test_procrustes_errors_match_loops(hands, reflect):
    true, predicted, _ = hands
    predicted = predicted * np.where(np.arange(40) % 2, 1, -1)[:, None, None]
    errors = functional.procrustes_errors(
        predicted, true, allow_reflection=reflect
    )
    expected = [
        np.linalg.norm(slow_aligned(p, t, not reflect) - t, axis=-1)
        for p, t in zip(predicted, true, strict=True)
    ]
    np.testing.assert_allclose(errors, expected, atol=1e-8)


def test_area_under_curve_matches_loops():
    errors = np.random.default_rng(1).gamma(2, 12, 500)
    errors[:5] = np.inf
    errors[5:8] = [0, 50, 20]
    for low, high in ((0, 50), (20, 50)):
        assert functional.area_under_curve(errors, low, high) == pytest.approx(
            slow_auc(errors, low, high)
        )


def test_area_under_curve_bounds():
    assert functional.area_under_curve(np.zeros(3), 0, 50) == 1
    assert functional.area_under_curve([51.0, np.inf], 0, 50) == 0
    assert np.isnan(functional.area_under_curve([], 0, 50))


def test_missing_predictions_are_infinitely_wrong(hands):
    true, predicted, _ = hands
    predicted = predicted.copy()
    predicted[2, 5] = np.nan
    errors = functional.distances(predicted, true)
    assert np.isinf(errors[2, 5]) and np.isfinite(errors).sum() == 839
    assert np.isinf(functional.procrustes_errors(predicted, true)[2]).all()


def test_canonical_poses_are_right_hands_of_unit_bone(hands):
    true, _, _ = hands
    left = true * [-1, 1, 1]
    sides = np.repeat([1, 0], 40)
    both = functional.canonical_poses(np.concatenate([true, left]), sides)
    np.testing.assert_allclose(both[:40], both[40:])
    np.testing.assert_allclose(pose25d.reference_length(both), 1)
    assert (both[:, 0] == 0).all()


def test_constants_are_perfect_where_all_hands_are_one(hands):
    """Sizes, sides and (for the shape) orientations differ; the pose not."""
    rng = np.random.default_rng(2)
    sides = rng.integers(0, 2, 30)
    pose = hands[0][0] - hands[0][0, 0]
    mirror = np.where(sides == 0, -1, 1)[:, None] * [1, 0, 0] + [0, 1, 1]
    same = pose * rng.uniform(0.8, 1.2, (30, 1, 1)) * mirror[:, None]
    same = same + rng.normal(0, 100, (30, 1, 3))
    assert functional.constant_pose_errors(same, sides).max() < 1e-9
    angles = rng.uniform(0, 6, 30)
    zero = np.zeros(30)
    turns = np.stack(
        [
            np.stack([np.cos(angles), np.sin(angles), zero], -1),
            np.stack([-np.sin(angles), np.cos(angles), zero], -1),
            np.stack([zero, zero, zero + 1], -1),
        ],
        axis=1,
    )
    turned = same @ turns
    assert functional.constant_shape_errors(turned, sides).max() < 1e-6
    assert functional.constant_pose_errors(turned, sides).mean() > 10


def test_constant_pose_by_a_loop(hands):
    true, _, _ = hands
    sides = np.arange(40) % 2
    total = np.zeros((21, 3))
    for hand, side in zip(true, sides, strict=True):
        bone = np.linalg.norm(hand[9] - hand[10])
        total += (hand - hand[0]) / bone * ([1, 1, 1] if side else [-1, 1, 1])
    errors = functional.constant_pose_errors(true, sides)
    for n, (hand, side) in enumerate(zip(true, sides, strict=True)):
        bone = np.linalg.norm(hand[9] - hand[10])
        guess = total / 40 * bone * ([1, 1, 1] if side else [-1, 1, 1])
        expected = np.linalg.norm(guess - (hand - hand[0]), axis=-1)
        np.testing.assert_allclose(errors[n], expected)


def test_flat_pose_is_right_for_flat_hands_only(hands):
    true, _, matrices = hands
    flat = true.copy()
    flat[..., 2] = 700
    errors = functional.flat_pose_errors(
        flat, flat[..., :2] * 0.8 + [128, 128]
    )
    assert errors.max() < 1e-9
    pixels = cameras.project(true, matrices)
    assert functional.flat_pose_errors(true, pixels).mean() > 5


def test_palm_errors_as_the_scripts_of_hand3d_count_them():
    """Scaled by the true bone, moved to the true palm, hand by hand."""
    rng = np.random.default_rng(5)
    true, _ = random_hands(rng, 6)
    predicted = true * 1.3 + rng.normal(0, 4, true.shape)
    found = functional.palm_errors(predicted, true)
    for guess, hand, errors in zip(predicted, true, found, strict=True):
        guess, hand = guess.copy(), hand.copy()
        for points in (guess, hand):
            points[0] = (points[0] + points[9]) / 2
        guess, centred = guess - guess[0], hand - hand[0]
        bone = np.linalg.norm(centred[10] - centred[9])
        guess *= bone / np.linalg.norm(guess[10] - guess[9])
        slow = np.linalg.norm(guess - centred, axis=1)
        np.testing.assert_allclose(errors, slow, atol=1e-9)
