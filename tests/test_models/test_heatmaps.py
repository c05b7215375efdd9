"""Soft-argmax and its companions against slow, obvious versions."""

import numpy as np
import pytest
import torch

from synhand.models.heatmaps import (
    gaussian_divergence,
    gaussian_misfit,
    log_probabilities,
    mass_around,
    peak_expectation,
    soft_argmax,
    spatial_median,
)


@pytest.fixture
def maps():
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, 5, 7)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64) * 3
    softness = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    return logits, softness


def _slow_probability(logits, softness):
    logits, softness = logits.numpy(), softness.numpy()
    exponent = np.exp(logits * softness[None, :, None, None])
    return exponent / exponent.sum((-2, -1), keepdims=True)


def test_soft_argmax_is_the_expected_position(maps):
    slow = _slow_probability(*maps)
    fast = log_probabilities(*maps).exp()
    np.testing.assert_allclose(fast.numpy(), slow, atol=1e-12)
    expected = np.zeros((2, 3, 2))
    for row in range(5):
        for column in range(7):
            cell = np.array([column / 6, row / 4])
            expected += slow[:, :, row, column, None] * cell
    np.testing.assert_allclose(soft_argmax(fast).numpy(), expected, atol=1e-12)


def test_a_single_cell_is_found_exactly():
    probability = torch.zeros(1, 1, 5, 7)
    probability[0, 0, 3, 6] = 1
    assert soft_argmax(probability)[0, 0].tolist() == [1.0, 0.75]


def test_no_place_has_less_expected_distance_than_the_median(maps):
    probability = log_probabilities(*maps).exp()
    found = spatial_median(probability).numpy() * [6, 4]
    cells = np.stack(np.meshgrid(np.arange(7), np.arange(5)), -1)

    def expected_distance(place):
        away = np.linalg.norm(cells - place[:, :, None, None], axis=-1)
        return (probability.numpy() * away).sum((-2, -1))

    least = expected_distance(found)
    mean = soft_argmax(probability).numpy() * [6, 4]
    assert (least < expected_distance(mean)).all()
    # a smoothed distance and a dozen rounds miss the very least by a little
    for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
        step = 0.5 * np.array([np.cos(angle), np.sin(angle)])
        assert (least < expected_distance(found + step)).all()


def test_the_median_stays_at_the_higher_of_two_peaks():
    probability = torch.zeros(1, 1, 9, 9)
    probability[0, 0, 4, 1], probability[0, 0, 4, 7] = 0.7, 0.3
    u, v = spatial_median(probability)[0, 0].tolist()
    assert u == pytest.approx(1 / 8, abs=0.05)
    assert v == pytest.approx(0.5)
    assert soft_argmax(probability)[0, 0, 0] == pytest.approx(2.8 / 8)


def test_the_median_of_a_single_cell_is_its_centre():
    probability = torch.zeros(1, 1, 5, 7)
    probability[0, 0, 3, 6] = 1
    assert spatial_median(probability)[0, 0].tolist() == [1.0, 0.75]


def test_mass_counts_the_cells_around(maps):
    probability = log_probabilities(*maps).exp()
    position = soft_argmax(probability)
    found = mass_around(probability, position, radius=1.0)
    for b in range(2):
        for k in range(3):
            u, v = position[b, k] * torch.tensor([6.0, 4.0])
            mass = sum(
                float(probability[b, k, row, column])
                for row in range(5)
                for column in range(7)
                if abs(row - v) <= 1 and abs(column - u) <= 1
            )
            assert float(found[b, k]) == pytest.approx(mass)


def test_confidence_is_high_for_one_peak_and_low_for_two():
    probability = torch.zeros(1, 3, 9, 9)
    probability[0, 0, 4, 4] = 1
    probability[0, 1, 4, 0] = probability[0, 1, 4, 8] = 0.5
    probability[0, 2] = 1 / 81
    scores = mass_around(probability, soft_argmax(probability), 2.5)[0]
    assert scores[0] == 1
    assert scores[1] == 0
    assert float(scores[2]) == pytest.approx(25 / 81, rel=1e-5)


def test_divergence_against_a_whole_gaussian_map(maps):
    logits, softness = maps
    position = torch.rand(2, 3, 2, dtype=torch.float64)
    log_probability = log_probabilities(logits, softness)
    found = gaussian_divergence(log_probability, position, sigma=0.8)
    p = _slow_probability(logits, softness)
    rows, columns = np.mgrid[:5, :7]
    for b in range(2):
        for k in range(3):
            u, v = position[b, k].numpy() * [6, 4]
            squared = (columns - u) ** 2 + (rows - v) ** 2
            target = np.exp(-squared / 2 / 0.8**2)
            target /= target.sum()
            divergence = (target * np.log(target / p[b, k])).sum()
            assert float(found[b, k]) == pytest.approx(divergence)


def test_divergence_is_zero_for_the_gaussian_itself():
    position = torch.tensor([[[0.4, 0.6]]])
    grid = torch.meshgrid(torch.arange(9), torch.arange(9), indexing='ij')
    squared = (grid[1] - 0.4 * 8) ** 2 + (grid[0] - 0.6 * 8) ** 2
    map_ = log_probabilities(-squared[None, None] / 2, torch.ones(1))
    found = gaussian_divergence(map_, position, sigma=1.0)
    assert abs(float(found)) < 1e-5


def test_gradients(maps):
    logits, softness = (t.clone().requires_grad_() for t in maps)
    position = torch.rand(2, 3, 2, dtype=torch.float64)

    def losses(logits, softness):
        maps = log_probabilities(logits, softness)
        return (
            soft_argmax(maps.exp()),
            gaussian_divergence(maps, position, 0.8),
        )

    assert torch.autograd.gradcheck(losses, (logits, softness))


def _volumes(seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, 3, 4, 5, 7)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64)
    place = torch.rand(2, 3, 3, generator=generator, dtype=torch.float64)
    return logits, place


def _slow_gaussian(place, sigmas, shape=(4, 5, 7)):
    """Gaussians of height 1 at u, v, w on volumes of D, H, W cells."""
    grids = np.mgrid[tuple(slice(0, n) for n in shape)][::-1]
    exponent = 0.0
    for axis, (grid, cells) in enumerate(zip(grids, shape[::-1], strict=True)):
        centre = place[..., axis].numpy()[..., None, None, None] * (cells - 1)
        exponent = exponent + ((grid - centre) / sigmas[axis]) ** 2
    return np.exp(-exponent / 2)


def test_volumes_are_read_like_maps():
    logits, _ = _volumes()
    softness = torch.tensor([[0.5, 1.0, 2.0], [1.0, 3.0, 0.2]]).double()
    exponent = np.exp(logits.numpy() * softness.numpy()[..., None, None, None])
    slow = exponent / exponent.sum((2, 3, 4), keepdims=True)
    fast = log_probabilities(logits, softness).exp()
    np.testing.assert_allclose(fast.numpy(), slow, atol=1e-12)
    w, v, u = np.mgrid[:4, :5, :7]
    expected = [(slow * g / g.max()).sum((2, 3, 4)) for g in (u, v, w)]
    position = soft_argmax(fast)
    np.testing.assert_allclose(position.numpy(), np.stack(expected, -1))
    near = [
        np.abs(g - position[..., a, None, None, None].numpy() * g.max()) <= 1
        for a, g in enumerate((u, v, w))
    ]
    mass = (slow * near[0] * near[1] * near[2]).sum((2, 3, 4))
    np.testing.assert_allclose(mass_around(fast, position, 1.0), mass)


def test_divergence_of_volumes_and_of_each_axis():
    logits, place = _volumes()
    sigmas = (1.0, 1.5, 0.7)
    target = _slow_gaussian(place, sigmas)
    target /= target.sum((2, 3, 4), keepdims=True)
    log_p = log_probabilities(logits, torch.ones(3).double())
    slow = (target * (np.log(target + 1e-300) - log_p.numpy())).sum((2, 3, 4))
    found = gaussian_divergence(log_p, place, sigmas)
    np.testing.assert_allclose(found.numpy(), slow, atol=1e-9)


def test_misfit_is_the_relative_squared_error():
    maps, place = _volumes()
    height = torch.tensor([[1.0, -2.0, 0.5], [3.0, 1.0, 0.0]]).double()
    gaussian = _slow_gaussian(place, (1.2,) * 3)
    target = height.numpy()[..., None, None, None] * gaussian
    slow = ((maps.numpy() - target) ** 2).sum((2, 3, 4))
    slow /= (gaussian**2).sum((2, 3, 4))
    found = gaussian_misfit(maps, place, 1.2, height)
    np.testing.assert_allclose(found.numpy(), slow, atol=1e-9)
    perfect = torch.from_numpy(gaussian)
    assert gaussian_misfit(perfect, place, 1.2).abs().max() < 1e-12
    assert gaussian_misfit(maps * 0, place, 1.2).tolist() == [[1.0] * 3] * 2


def test_the_peak_is_read_alone():
    """A second, lower peak far away moves a soft-argmax, not this."""
    place = torch.tensor([[[0.3, 0.5, 0.4]]], dtype=torch.float64)
    other = torch.tensor([[[0.9, 0.1, 0.9]]], dtype=torch.float64)
    shape = (16, 24, 32)
    maps = torch.from_numpy(
        _slow_gaussian(place, (1.5,) * 3, shape)
        + 0.6 * _slow_gaussian(other, (1.5,) * 3, shape)
    )
    found, weights = peak_expectation(maps, radius=4.0)
    cells = torch.tensor([31, 23, 15])
    assert ((found - place) * cells).abs().max() < 0.05
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights[0, 0, 8:, :, 20:].sum()) == 0
