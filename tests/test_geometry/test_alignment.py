import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from helpers import random_local_hands, random_rotations
from synhand.geometry.alignment import (
    generalized_procrustes_mean,
    procrustes_align,
    procrustes_align_with_reflection,
    root_align,
    rotation_align,
    scale_translation_align,
)

BOTH = [procrustes_align, procrustes_align_with_reflection]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def hands(rng):
    return random_local_hands(rng, 30)


@pytest.fixture
def noisy(rng, hands):
    return hands + rng.normal(0, 20, hands.shape)


def similarity(rng, points):
    """A random similarity transform of every instance."""
    count = len(points)
    turned = points @ random_rotations(rng, count)
    scale = rng.uniform(0.2, 5, (count, 1, 1))
    return turned * scale + rng.normal(0, 300, (count, 1, 3))


def mean_distance(first, second):
    return np.linalg.norm(first - second, axis=-1).mean()


def slow_reflecting(source, target):
    """Centre, unit norm, scipy's orthogonal matrix: one instance."""
    source_centre, target_centre = source.mean(0), target.mean(0)
    source = source - source_centre
    target = target - target_centre
    source_size, target_size = np.linalg.norm(source), np.linalg.norm(target)
    matrix, scale = orthogonal_procrustes(
        source / source_size, target / target_size
    )
    return source / source_size @ matrix * scale * target_size + target_centre


def test_root_align(hands):
    for root in (0, 9):
        aligned = root_align(hands, root)
        assert (aligned[:, root] == 0).all()
        np.testing.assert_allclose(
            aligned[:, 5] - aligned[:, 3], hands[:, 5] - hands[:, 3]
        )


def test_scale_translation_fits_root_and_one_bone(rng, hands, noisy):
    scaled = hands * 3.7 + rng.normal(0, 100, (30, 1, 3))
    aligned = scale_translation_align(scaled, hands)
    np.testing.assert_allclose(aligned, hands, atol=1e-9)

    aligned = scale_translation_align(noisy, hands)
    np.testing.assert_allclose(aligned[:, 0], hands[:, 0], atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(aligned[:, 9] - aligned[:, 0], axis=-1),
        np.linalg.norm(hands[:, 9] - hands[:, 0], axis=-1),
    )


def test_scale_translation_takes_any_bone_and_root(hands, noisy):
    aligned = scale_translation_align(noisy, hands, root=9, bone=(9, 10))
    np.testing.assert_allclose(aligned[:, 9], hands[:, 9], atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(aligned[:, 9] - aligned[:, 10], axis=-1),
        np.linalg.norm(hands[:, 9] - hands[:, 10], axis=-1),
    )


def test_rotation_align_undoes_a_turn_but_no_change_of_size(rng, hands):
    turned = hands @ random_rotations(rng, len(hands)) + [5, 6, 7]
    np.testing.assert_allclose(rotation_align(turned, hands), hands, atol=1e-9)
    aligned = rotation_align(1.5 * turned, hands)
    np.testing.assert_allclose(
        root_align(aligned), 1.5 * root_align(hands), atol=1e-9
    )


def test_rotation_align_is_the_best_turn_about_the_root(rng, hands, noisy):
    best = ((rotation_align(noisy, hands) - hands) ** 2).sum()
    for _ in range(50):
        turn = random_rotations(rng, len(hands))
        other = root_align(noisy) @ turn + hands[:, :1]
        assert best < ((other - hands) ** 2).sum()


@pytest.mark.parametrize('align', BOTH)
def test_other_points_move_with_the_keypoints(align, rng, hands, noisy):
    """A mesh whose vertices are keypoints ends where these do."""
    vertices = rng.integers(0, 21, 50)
    moved = align(noisy, hands, points=noisy[:, vertices])
    np.testing.assert_allclose(moved, align(noisy, hands)[:, vertices])


def test_scale_translation_of_a_point_lands_on_the_root(hands):
    aligned = scale_translation_align(np.zeros_like(hands), hands)
    np.testing.assert_allclose(aligned, hands[:, :1].repeat(21, 1))


@pytest.mark.parametrize('align', BOTH)
def test_a_similarity_is_undone(align, rng, hands):
    aligned = align(similarity(rng, hands), hands)
    np.testing.assert_allclose(aligned, hands, atol=1e-9)


def test_reflecting_alignment_matches_scipy(hands, noisy):
    for mirror in ([1, 1, 1], [-1, 1, 1]):
        source = noisy * mirror
        expected = [
            slow_reflecting(*pair) for pair in zip(source, hands, strict=True)
        ]
        np.testing.assert_allclose(
            procrustes_align_with_reflection(source, hands),
            expected,
            atol=1e-8,
        )


def test_only_the_official_alignment_mirrors(hands):
    mirrored = hands * [-1, 1, 1]
    official = procrustes_align_with_reflection(mirrored, hands)
    assert mean_distance(official, hands) < 1e-9
    assert mean_distance(procrustes_align(mirrored, hands), hands) > 3


def test_proper_alignment_is_the_best_similarity(rng, hands, noisy):
    """No random nearby similarity has a smaller squared error."""
    source = noisy * [1, -1, 1]
    aligned = procrustes_align(source, hands)
    least = ((aligned - hands) ** 2).sum(axis=(1, 2))
    centre = aligned.mean(axis=1, keepdims=True)
    for size in (1e-3, 0.03, 0.3):
        for _ in range(20):
            turn = random_rotations(rng, 30)
            turn = np.eye(3) + size * (turn - np.swapaxes(turn, 1, 2))
            turn, _ = np.linalg.qr(turn)
            turn = turn * np.sign(np.linalg.det(turn))[:, None, None]
            scale = 1 + size * rng.normal(size=(30, 1, 1))
            other = (aligned - centre) @ turn * scale + centre
            other = other + size * rng.normal(size=(30, 1, 3))
            squares = ((other - hands) ** 2).sum(axis=(1, 2))
            assert (squares >= least - 1e-9).all()


@pytest.mark.parametrize('align', BOTH)
def test_alignment_preserves_shape_and_handedness(align, hands, noisy):
    aligned = align(noisy, hands)
    before = np.linalg.norm(noisy[:, :, None] - noisy[:, None], axis=-1)
    after = np.linalg.norm(aligned[:, :, None] - aligned[:, None], axis=-1)
    ratio = after[:, 0, 1:] / before[:, 0, 1:]
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(20, 1), rtol=1e-9)
    handedness = [
        np.sign(np.linalg.det(points[:, [5, 17, 1]] - points[:, :1]))
        for points in (noisy, aligned)
    ]
    same = handedness[0] == handedness[1]
    assert same.all() or align is procrustes_align_with_reflection


@pytest.mark.parametrize('align', BOTH)
def test_masked_keypoints_do_not_count(align, rng, hands, noisy):
    valid = rng.random(hands.shape[:2]) < 0.7
    valid[:, :4] = True
    source, target = noisy.copy(), hands.copy()
    source[~valid] = np.nan
    target[~valid] = np.nan
    aligned = align(source, target, valid)
    for i, mask in enumerate(valid):
        expected = align(noisy[i, mask], hands[i, mask])
        np.testing.assert_allclose(aligned[i, mask], expected, atol=1e-8)
    # a masked keypoint is moved with the others
    moved = align(noisy, target, valid)
    assert np.isfinite(moved).all()
    np.testing.assert_allclose(moved[valid], aligned[valid], atol=1e-8)


@pytest.mark.parametrize('align', BOTH)
def test_nan_spoils_its_own_instance_only(align, hands, noisy):
    source = noisy.copy()
    source[3, 7, 1] = np.nan
    source[5, 0, 0] = np.inf
    aligned = align(source, hands)
    assert np.isnan(aligned[[3, 5]]).all()
    good = np.setdiff1d(np.arange(30), [3, 5])
    np.testing.assert_allclose(aligned[good], align(noisy, hands)[good])
    nothing = align(noisy, hands, np.zeros(hands.shape[:2]))
    assert np.isnan(nothing).all()


@pytest.mark.parametrize('align', BOTH)
def test_all_zero_lands_on_the_centroid(align, hands):
    aligned = align(np.zeros_like(hands), hands)
    centroid = hands.mean(axis=1, keepdims=True).repeat(21, axis=1)
    np.testing.assert_allclose(aligned, centroid, atol=1e-12)


@pytest.mark.parametrize('align', BOTH)
def test_leading_dimensions_are_batched(align, hands, noisy):
    flat = align(noisy, hands)
    shaped = align(noisy.reshape(5, 6, 21, 3), hands.reshape(5, 6, 21, 3))
    np.testing.assert_allclose(shaped.reshape(30, 21, 3), flat)
    np.testing.assert_allclose(align(noisy[0], hands[0]), flat[0])


def test_generalized_mean_of_one_shape_is_that_shape(rng, hands):
    shape = hands[0] - hands[0].mean(axis=0)
    size = np.linalg.norm(shape)
    copies = similarity(rng, np.repeat(shape[None], 20, axis=0))
    mean = generalized_procrustes_mean(copies)
    sizes = np.linalg.norm(
        copies - copies.mean(axis=1, keepdims=True), axis=(1, 2)
    )
    assert np.linalg.norm(mean) == pytest.approx(sizes.mean())
    np.testing.assert_allclose(
        procrustes_align(mean, shape), shape, atol=1e-9 * size
    )


def test_generalized_mean_is_a_fixed_point_and_a_good_constant(rng, hands):
    turned = similarity(rng, hands)
    mean = generalized_procrustes_mean(turned)
    centred = turned - turned.mean(axis=1, keepdims=True)
    again = procrustes_align(
        centred, np.broadcast_to(mean, centred.shape)
    ).mean(axis=0)
    again *= np.linalg.norm(mean) / np.linalg.norm(again)
    np.testing.assert_allclose(again, mean, atol=1e-6)

    def score(constant):
        constants = np.broadcast_to(constant, hands.shape)
        return mean_distance(procrustes_align(constants, hands), hands)

    assert score(mean) < min(score(hand) for hand in hands)


def test_generalized_mean_refuses_what_is_no_set_of_shapes(hands):
    for wrong in (hands[:0], hands[0], np.full_like(hands, np.nan)):
        with pytest.raises(ValueError, match='finite array'):
            generalized_procrustes_mean(wrong)
