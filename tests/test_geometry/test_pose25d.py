import numpy as np
import pytest

from helpers import random_hands
from synhand.geometry import cameras, pose25d
from synhand.skeleton import BONES, MEAN_BONE_LENGTHS_MM, REFERENCE_BONE

COUNT = 2000


@pytest.fixture(scope='module')
def hands():
    """2,000 hands: points, cameras, 2.5D, reference length, ratios."""
    points, matrices = random_hands(np.random.default_rng(0), COUNT)
    scale = pose25d.reference_length(points)
    ratios = pose25d.bone_lengths(points) / scale[:, None]
    return points, matrices, pose25d.to_25d(points, matrices), scale, ratios


def noisy(pose, scale, pixels=1.0, depth_mm=2.0):
    """2.5D with Gaussian noise; the root's z stays 0."""
    rng = np.random.default_rng(1)
    pose = pose.copy()
    pose[..., :2] += rng.normal(0, pixels, pose[..., :2].shape)
    pose[:, 1:, 2] += rng.normal(0, depth_mm, (len(pose), 20)) / scale[:, None]
    return pose


def slow_cost(pose, matrix, depth, lengths, weights, prior):
    """The least squares cost by the book, f by a dense search."""
    points = cameras.unproject(pose[:, :2], pose[:, 2] + depth, matrix)
    factors = np.linspace(0.3, 2.5, 4401)
    costs = 0.0 if np.isinf(prior) else prior * (factors - 1) ** 2
    for index, (parent, child) in enumerate(BONES):
        fixed = np.isinf(prior) or (parent, child) == REFERENCE_BONE
        length = lengths[index] * (1.0 if fixed else factors)
        bone = np.linalg.norm(points[child] - points[parent])
        costs = costs + weights[index] * (bone - length) ** 2
    return np.min(costs)


def test_to_25d_by_the_definition(hands):
    points, matrices, pose, scale, _ = hands
    np.testing.assert_allclose(
        pose[..., :2], cameras.project(points, matrices)
    )
    for i in range(5):
        expected = [(p[2] - points[i, 0, 2]) / scale[i] for p in points[i]]
        np.testing.assert_allclose(pose[i, :, 2], expected)
    other = pose25d.to_25d(points, matrices, root=9, bone=(0, 9))
    length = np.linalg.norm(points[:, 0] - points[:, 9], axis=-1)
    np.testing.assert_allclose(
        other[:, 4, 2], (points[:, 4, 2] - points[:, 9, 2]) / length
    )


def test_z_does_not_change_with_size_crop_and_mirroring(hands):
    points, matrices, pose, _, _ = hands
    larger = pose25d.to_25d(points * 1.3, cameras.crop(matrices, 30, 40))
    np.testing.assert_allclose(larger[..., 2], pose[..., 2], atol=1e-12)
    mirrored = pose25d.to_25d(
        points * [-1, 1, 1], cameras.mirror(matrices, 256)
    )
    np.testing.assert_allclose(mirrored[..., 2], pose[..., 2], atol=1e-12)


def test_round_trip_by_least_squares_is_exact_for_every_hand(hands):
    points, matrices, pose, scale, ratios = hands
    back = pose25d.from_25d(pose, matrices, scale, bone_lengths=ratios)
    np.testing.assert_allclose(back, points, atol=1e-6, rtol=0)


def test_round_trip_by_single_bone_but_for_wrong_roots(hands):
    points, matrices, pose, scale, _ = hands
    back = pose25d.from_25d(pose, matrices, scale, method='single_bone')
    right = np.abs(back - points).max(axis=(1, 2)) < 1e-6
    assert 0.99 < right.mean() < 1
    # where it fails, the smaller root was the right one
    parents, children = np.array([REFERENCE_BONE]).T
    smaller, _ = pose25d._roots(
        pose25d._quadratics(pose, matrices, parents, children), np.ones(1)
    )
    true = points[:, 0, 2] / scale
    np.testing.assert_allclose(smaller[~right, 0], true[~right], rtol=1e-6)


def test_single_bone_solves_the_printed_quadratic(hands):
    """The corrected equation of Iqbal et al., term by term."""
    _, matrices, pose, _, _ = hands
    depth = pose25d.root_depth_single_bone(pose, matrices)
    (n, m), compared = REFERENCE_BONE, 0
    for i in range(200):
        (fx, _, cx), (_, fy, cy), _ = matrices[i]
        x, y = (pose[i, :, 0] - cx) / fx, (pose[i, :, 1] - cy) / fy
        z = pose[i, :, 2]
        a = (x[n] - x[m]) ** 2 + (y[n] - y[m]) ** 2
        cross = x[n] * x[m] + y[n] * y[m]
        b = 2 * (
            z[n] * (x[n] ** 2 + y[n] ** 2 - cross)
            + z[m] * (x[m] ** 2 + y[m] ** 2 - cross)
        )
        c = (x[n] * z[n] - x[m] * z[m]) ** 2
        c += (y[n] * z[n] - y[m] * z[m]) ** 2 + (z[n] - z[m]) ** 2 - 1
        if a > 1e-6:
            root = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
            assert depth[i] == pytest.approx(root, rel=1e-6)
            compared += 1
    assert compared > 150


def test_least_squares_is_far_better_under_noise(hands):
    points, matrices, pose, scale, ratios = hands
    pose = noisy(pose, scale)
    true = points[:, 0, 2]
    single = pose25d.root_depth_single_bone(pose, matrices)
    exact = pose25d.root_depth_least_squares(pose, matrices, ratios)
    average = pose25d.root_depth_least_squares(pose, matrices)
    single, exact, average = (
        np.abs(depth * scale - true) for depth in (single, exact, average)
    )
    assert np.median(exact) < np.median(single) / 3
    assert exact.mean() < single.mean() / 3
    assert np.median(average) < np.median(single)
    assert average.mean() < single.mean() / 1.5


@pytest.mark.parametrize('prior', [0.0, pose25d.SIZE_PRIOR, np.inf])
def test_least_squares_finds_the_global_minimum(hands, prior):
    """Never worse than a dense search over the root depth."""
    _, matrices, pose, scale, _ = hands
    pose = noisy(pose, scale, 3.0, 8.0)[:12]
    lengths = pose25d.bone_ratios()
    weights = np.random.default_rng(2).uniform(0.5, 2, 20)
    depth = pose25d.root_depth_least_squares(
        pose, matrices[:12], lengths, weights, prior
    )

    def cost(i, at):
        return slow_cost(pose[i], matrices[i], at, lengths, weights, prior)

    for i, found in enumerate(depth):
        low = max(2.0, -pose[i, :, 2].min())
        others = [cost(i, other) for other in np.geomspace(low, 200, 60)]
        assert cost(i, found) <= min(others) + 1e-5


def test_refinement_ends_at_a_stationary_point(hands):
    _, matrices, pose, scale, _ = hands
    pose = noisy(pose, scale, 3.0, 8.0)[:200]
    matrices = matrices[:200]

    def cost(depth):
        points = cameras.unproject(
            pose[..., :2], pose[..., 2] + depth[:, None], matrices
        )
        bones = pose25d.bone_lengths(points)
        return ((bones - pose25d.bone_ratios()) ** 2).sum(axis=1)

    depth = pose25d.root_depth_least_squares(
        pose, matrices, pose25d.bone_ratios()
    )
    for step in (0.999, 1.001):
        assert (cost(depth * step) >= cost(depth)).all()


def test_a_free_size_forgives_another_reference_bone(hands):
    """All other bones 20 % longer than in the average hand."""
    points, matrices, pose, scale, ratios = hands
    wrong = ratios / 1.2
    wrong[:, BONES.index(REFERENCE_BONE)] = 1
    true = points[:, 0, 2] / scale
    errors = [
        np.abs(
            pose25d.root_depth_least_squares(
                pose, matrices, wrong, size_prior=prior
            )
            / true
            - 1
        )
        for prior in (0.0, pose25d.SIZE_PRIOR, np.inf)
    ]
    assert errors[0].max() < 1e-6
    assert np.median(errors[1]) < np.median(errors[2]) / 1.5


def test_zero_weights_leave_bones_out(hands):
    points, matrices, pose, scale, ratios = hands
    weights = np.ones(20)
    weights[[3, 7]] = 0
    wrong = ratios.copy()
    wrong[:, [3, 7]] *= 5
    depth = pose25d.root_depth_least_squares(pose, matrices, wrong, weights)
    np.testing.assert_allclose(depth * scale, points[:, 0, 2], rtol=1e-9)


def test_global_scale_is_the_least_squares_scale(hands):
    points, _, _, _, _ = hands
    mean = np.array(MEAN_BONE_LENGTHS_MM)
    for hand in points[:5] / 31.0:
        lengths = pose25d.bone_lengths(hand)
        fitted, *_ = np.linalg.lstsq(lengths[:, None], mean, rcond=None)
        assert pose25d.global_scale(hand) == pytest.approx(fitted[0])
    assert np.isnan(pose25d.global_scale(np.zeros((21, 3))))


def test_unknown_scale_comes_from_mean_bone_lengths():
    points, matrices = random_hands(np.random.default_rng(3), 20, spread=0)
    pose = pose25d.to_25d(points, matrices)
    without = pose25d.from_25d(pose, matrices)
    np.testing.assert_allclose(without, points, atol=1e-6, rtol=0)
    scale = np.where(np.arange(20) % 2, 70.0, np.nan)
    mixed = pose25d.from_25d(pose, matrices, scale)
    factor = 70 / MEAN_BONE_LENGTHS_MM[BONES.index(REFERENCE_BONE)]
    np.testing.assert_allclose(mixed[::2], points[::2], atol=1e-6)
    np.testing.assert_allclose(mixed[1::2], points[1::2] * factor, atol=1e-5)


def test_other_roots_and_bones_and_one_hand(hands):
    points, matrices, _, _, _ = hands
    root, bone = 9, (0, 9)
    pose = pose25d.to_25d(points[:3], matrices[:3], root, bone)
    pose[..., 2] += 0.25  # the root's own z does not matter
    scale = pose25d.reference_length(points[:3], bone)
    ratios = pose25d.bone_lengths(points[:3]) / scale[:, None]
    for i in range(3):
        args = pose[i], matrices[i], scale[i]
        back = pose25d.from_25d(
            *args, bone_lengths=ratios[i], root=root, bone=bone
        )
        np.testing.assert_allclose(back, points[i], atol=1e-6, rtol=0)
        single = pose25d.from_25d(*args, 'single_bone', root=root, bone=bone)
        np.testing.assert_allclose(single, points[i], atol=1e-5, rtol=0)


@pytest.mark.parametrize('method', ['least_squares', 'single_bone'])
def test_nonsense_poses_stay_finite_and_in_front(method):
    rng = np.random.default_rng(4)
    matrix = cameras.camera_from_fov(256, 256, 60)
    poses = rng.normal(0, 1, (50, 21, 3)) * [100, 100, 5] + [128, 128, 0]
    poses[0] = 0
    poses[1, :, :2] = 128
    back = pose25d.from_25d(poses, matrix, np.full(50, 40.0), method)
    assert np.isfinite(back).all() and (back[..., 2] > 0).all()
    assert (back[:, 0, 2] <= pose25d.DEPTH_RANGE[1] * 40).all()
    poses[2, 5] = np.nan
    back = pose25d.from_25d(poses, matrix, np.full(50, 40.0), method)
    assert np.isfinite(np.delete(back, 2, axis=0)).all()
    assert np.isnan(back[2]).any()


def test_wrong_arguments_give_one_clear_line(hands):
    _, matrices, pose, scale, _ = hands
    with pytest.raises(ValueError, match="'least_squares' or 'single_bone'"):
        pose25d.from_25d(pose[0], matrices[0], scale[0], 'guess')
    with pytest.raises(ValueError, match=r'\(9, 11\) is not one of'):
        pose25d.root_depth_least_squares(pose[0], matrices[0], bone=(9, 11))
