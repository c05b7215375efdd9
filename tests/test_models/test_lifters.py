"""Lifters on hands whose 3D is known."""

import numpy as np
import pytest
import torch

from helpers import random_hands, random_rotations
from synhand.evaluation.functional import procrustes_errors
from synhand.geometry.cameras import camera_from_fov, project
from synhand.geometry.pose25d import reference_length
from synhand.models.lifters import MLPLifter, NeighbourLifter, PPCALifter
from synhand.models.lifters.base import canonical_poses
from synhand.models.lifters.mixture import Mixture, fit_mixture
from synhand.models.lifters.views import (
    canonical,
    draw_views,
    look,
    quaternion_to_matrix,
    random_views,
    upright,
    view_of,
)
from synhand.synthesis.pose_space import sample_poses

CAMERA = camera_from_fov(256, 256, 60.0)


@pytest.fixture(scope='module')
def poses():
    """Canonical poses of the free hand."""
    from synhand.hands.anny_layer import AnnyLayer

    layer = AnnyLayer()
    dofs = torch.tensor(sample_poses(900, seed=1), dtype=torch.float32)
    shape = torch.zeros(len(dofs), layer.num_shape)
    points = layer(shape, dofs, vertices=False).keypoints['anatomical']
    return canonical(points, torch.zeros(len(points), dtype=torch.bool))


@pytest.fixture(scope='module')
def seen(poses):
    """Some of them, turned, before a camera: 3D in mm, 2D, cameras."""
    rng = np.random.default_rng(0)
    points = poses[:60].numpy() * 45 @ random_rotations(rng, 60)
    place = rng.uniform([-80, -80, 400], [80, 80, 800], (60, 3))
    points = points - points.mean(1, keepdims=True) + place[:, None]
    cameras = np.repeat(CAMERA[None], 60, 0)
    return points, project(points, cameras), cameras


RIGHT = np.zeros(60, bool)


# ---- views -------------------------------------------------------------


def test_a_view_has_no_place_size_and_roll():
    rng = np.random.default_rng(0)
    plane = torch.tensor(rng.normal(size=(7, 21, 2)))
    points, turn = upright(plane)
    assert points.mean(1).abs().max() < 1e-12
    size = points.square().sum((1, 2)) / 21
    torch.testing.assert_close(size, torch.ones_like(size))
    up = points[:, [5, 9, 13, 17]].mean(1) - points[:, 0]
    assert up[:, 0].abs().max() < 1e-12
    assert (up[:, 1] < 0).all()
    angle = np.radians(40)
    roll = torch.tensor(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    moved, _ = upright(3 * plane @ roll.T + 5)
    torch.testing.assert_close(moved, points)
    centred = plane - plane.mean(1, keepdim=True)
    back = centred @ turn[:, :2, :2].mT
    torch.testing.assert_close(
        back / back.norm(dim=(1, 2), keepdim=True) * 21**0.5, points
    )


def test_a_view_is_that_of_the_camera_which_looks_at_the_hand(seen):
    """Any turn of the camera about its centre leaves the view as it is."""
    points, pixels, cameras = seen
    expected = view_of(pixels, cameras, RIGHT)
    angle = np.radians(15)
    turn = np.array(
        [
            [np.cos(angle), 0, np.sin(angle)],
            [0, 1, 0],
            [-np.sin(angle), 0, np.cos(angle)],
        ]
    )
    found = view_of(project(points @ turn.T, cameras), cameras, RIGHT)
    torch.testing.assert_close(
        found.points, expected.points, atol=0.02, rtol=0
    )
    shapes = torch.randn(60, 21, 3, generator=torch.Generator().manual_seed(0))
    a = expected.to_camera(shapes).numpy() @ turn.T
    np.testing.assert_allclose(found.to_camera(shapes), a, atol=0.12)


def test_left_hands_are_lifted_as_mirrored_right_ones(seen):
    points, pixels, cameras = seen
    mirrored = points * [-1, 1, 1]
    right = view_of(pixels, cameras, RIGHT)
    left = view_of(project(mirrored, cameras), cameras, ~RIGHT)
    torch.testing.assert_close(left.points, right.points, atol=1e-4, rtol=0)
    shapes = torch.randn(60, 21, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        left.to_camera(shapes) * torch.tensor([-1.0, 1, 1]),
        right.to_camera(shapes),
        atol=1e-4,
        rtol=0,
    )


def test_canonical_poses_know_no_motion_no_size_and_no_side():
    rng = np.random.default_rng(0)
    hands, _ = random_hands(rng, 5)
    no, yes = torch.zeros(5).bool(), torch.ones(5).bool()
    expected = canonical(torch.tensor(hands), no)
    turned = hands @ random_rotations(rng, 5) * 2 + 9
    for points, side in ((turned, no), (turned * [-1, 1, 1], yes)):
        found = canonical(torch.tensor(points), side)
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)
    np.testing.assert_allclose(reference_length(expected.numpy()), 1)


def test_random_views_are_projections(poses):
    generator = torch.Generator().manual_seed(0)
    rotations, distances = draw_views(50, (5.0, 30.0), generator)
    assert ((distances >= 5) & (distances <= 30)).all()
    matrices = quaternion_to_matrix(rotations)
    eye = torch.eye(3).expand(50, 3, 3)
    torch.testing.assert_close(matrices @ matrices.mT, eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        torch.det(matrices), torch.ones(50), atol=1e-5, rtol=0
    )
    plane, turned = look(poses[:50], rotations, distances)
    placed = turned.double().numpy()
    placed[..., 2] += distances.numpy()[:, None]
    expected = project(placed, np.eye(3)) * distances.numpy()[:, None, None]
    np.testing.assert_allclose(plane, expected, rtol=1e-4, atol=1e-5)
    points, shapes, _ = random_views(poses[:50], (1e4, 1e4), generator)
    flat, _ = upright(shapes[..., :2])
    torch.testing.assert_close(flat, points, atol=1e-3, rtol=0)


def test_poses_without_all_keypoints_are_left_out(poses):
    points = poses[:4].numpy().copy()
    points[1, 3] = np.nan
    side = np.zeros(4, bool)
    assert len(canonical_poses([(points, side)], None)) == 3
    assert len(canonical_poses([(points, side)] * 3, 4)) == 4
    with pytest.raises(ValueError, match='no hand to fit to'):
        canonical_poses([(points[1:2], side[1:2])], None)


# ---- mixture -----------------------------------------------------------


def test_mixture_density_is_that_of_dense_gaussians():
    g = torch.Generator().manual_seed(0)

    def normal(*size):
        return torch.randn(*size, generator=g, dtype=torch.float64)

    mixture = Mixture(
        torch.tensor([0.3, 0.7], dtype=torch.float64),
        normal(2, 6),
        normal(2, 6, 2),
        torch.tensor([0.5, 0.2], dtype=torch.float64),
    )
    values = normal(9, 6)
    found = mixture.log_density(values)
    for c in range(2):
        basis = mixture.bases[c]
        cover = basis @ basis.T + mixture.noise[c] * torch.eye(6)
        dense = torch.distributions.MultivariateNormal(
            mixture.means[c], cover.double()
        )
        expected = dense.log_prob(values) + mixture.shares[c].log()
        constant = 3 * np.log(2 * np.pi)
        torch.testing.assert_close(found[:, c], expected + constant)


def test_mixture_finds_its_clusters():
    rng = np.random.default_rng(0)
    far = np.array([[10.0] * 5, [-10.0] * 5, [0.0] * 5])
    values = np.concatenate(
        [centre + rng.normal(size=(80, 5)) * [3, 1, 1, 1, 1] for centre in far]
    )
    mixture = fit_mixture(torch.tensor(values), 3, 1, 10, seed=0)
    found = mixture.means[mixture.means[:, 1].argsort(descending=True)]
    np.testing.assert_allclose(found, far[[0, 2, 1]], atol=1.2)
    np.testing.assert_allclose(mixture.shares, 1 / 3, atol=0.02)
    first = mixture.bases[:, :, 0]
    assert (first[:, 0].abs() / first.norm(dim=1) > 0.9).all()
    with pytest.raises(ValueError, match='needs 240 poses, got 10'):
        fit_mixture(torch.zeros(10, 5), 80, 1, 1, seed=0)


# ---- lifters -----------------------------------------------------------


def error(lifter, seen):
    points, pixels, cameras = seen
    found = lifter.lift(pixels, cameras, RIGHT)
    assert np.abs(found[:, 0]).max() < 1e-5
    return procrustes_errors(found, points).mean()


def floor(poses, seen):
    """What the mean pose scores."""
    mean = poses.mean(0).numpy()[None].repeat(60, 0)
    return procrustes_errors(mean, seen[0]).mean()


@pytest.fixture(scope='module')
def neighbours(poses):
    lifter = NeighbourLifter(20_000, 900, neighbours=4)
    lifter.fit(poses)
    return lifter


@pytest.fixture(scope='module')
def ppca(poses):
    lifter = PPCALifter(clusters=3, components=12, directions=96, rounds=4)
    lifter.fit(poses)
    return lifter


def test_neighbours_are_far_better_than_the_mean(neighbours, poses, seen):
    assert error(neighbours, seen) < 0.6 * floor(poses, seen)


def test_ppca_is_far_better_than_the_mean(ppca, poses, seen):
    assert error(ppca, seen) < 0.6 * floor(poses, seen)


def test_an_exemplar_finds_itself(neighbours):
    numbers = torch.tensor([5, 777, 19_999])
    points, shapes = neighbours.exemplar(numbers)
    neighbours.neighbours, kept = 1, neighbours.neighbours
    found = neighbours.lift_views(points)
    neighbours.neighbours = kept
    torch.testing.assert_close(found, shapes, atol=1e-4, rtol=0)


def test_the_tree_finds_what_a_search_of_all_finds(neighbours, seen):
    view = view_of(seen[1], seen[2], RIGHT)
    query = view.points.flatten(1)
    neighbours.index()
    apart = torch.cdist(query, neighbours._points)
    _, shapes = neighbours.exemplar(apart.argmin(1))
    neighbours.neighbours, kept = 1, neighbours.neighbours
    found = neighbours.lift_views(view.points)
    neighbours.neighbours = kept
    same = (found - shapes).abs().amax((1, 2)) < 1e-4
    assert same.float().mean() > 0.9


@pytest.mark.parametrize('kind', ['neighbours', 'ppca'])
def test_fitted_lifters_live_in_checkpoints(kind, request, seen, tmp_path):
    lifter = request.getfixturevalue(kind)
    torch.save(lifter.state_dict(), tmp_path / 'x.pth')
    fresh = {
        'neighbours': lambda: NeighbourLifter(20_000, 900, neighbours=4),
        'ppca': lambda: PPCALifter(clusters=3, components=12, directions=96),
    }[kind]()
    with pytest.raises(RuntimeError, match='not fitted'):
        fresh.lift(*seen[1:], RIGHT)
    fresh.load_state_dict(torch.load(tmp_path / 'x.pth'))
    np.testing.assert_allclose(
        fresh.lift(*seen[1:], RIGHT), lifter.lift(*seen[1:], RIGHT), atol=1e-5
    )


def test_the_network_learns(poses, seen):
    torch.manual_seed(0)
    lifter = MLPLifter(width=96, blocks=1, views=4, noise=0.01)
    optimiser = torch.optim.AdamW(lifter.parameters(), 3e-3)
    for _ in range(120):
        batch = poses[torch.randint(len(poses), (64,))]
        loss = lifter.view_loss(batch)['loss_lift']
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    lifter.eval()
    assert error(lifter, seen) < 0.85 * floor(poses, seen)


def test_poses_are_cut_or_repeated_to_the_size_of_the_buffer(poses):
    lifter = NeighbourLifter(exemplars=30, poses=20)
    for count in (7, 40):
        lifter.fit(poses[:count])
        assert lifter.poses.shape == (20, 21, 3)
        assert lifter.numbers.unique().numel() == min(count, 20)


@pytest.mark.parametrize('kind', ['neighbours', 'ppca'])
def test_hands_with_unknown_keypoints_are_not_lifted(kind, request, seen):
    lifter = request.getfixturevalue(kind)
    _, pixels, cameras = seen
    whole = lifter.lift(pixels, cameras, ~RIGHT)
    pixels = pixels.copy()
    pixels[3, 7] = np.nan
    found = lifter.lift(pixels, cameras, ~RIGHT)
    assert np.isnan(found[3]).all()
    others = np.arange(len(pixels)) != 3
    np.testing.assert_allclose(found[others], whole[others], atol=1e-5)
