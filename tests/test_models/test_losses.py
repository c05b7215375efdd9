"""Losses of coordinates, densities and flows."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from synhand.models.losses import (
    CoordinateLoss,
    GaussianNLLLoss,
    LaplaceNLLLoss,
    RealNVP,
    ResidualLikelihoodLoss,
)
from synhand.models.losses.likelihoods import (
    gaussian_log_prob,
    laplace_log_prob,
)


def _flow(dimensions, spread=0.5):
    """A bent flow in float64."""
    torch.manual_seed(dimensions)
    flow = RealNVP(dimensions, hidden=16).double()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=spread)
    return flow


def _grid(dimensions, edge, steps):
    """Points of a cube and the volume that each stands for."""
    line = torch.linspace(-edge, edge, steps, dtype=torch.float64)
    axes = torch.meshgrid(*[line] * dimensions, indexing='ij')
    volume = (2 * edge / (steps - 1)) ** dimensions
    return torch.stack(axes, -1).view(-1, dimensions), volume


def _batch(requires_grad=False, dtype=torch.float64):
    generator = torch.Generator().manual_seed(4)
    shape = (2, 5, 3)
    mean, target = (
        torch.randn(shape, generator=generator, dtype=dtype) for _ in range(2)
    )
    sigma = 0.3 + torch.rand(shape, generator=generator, dtype=dtype)
    weight = torch.ones(shape, dtype=dtype)
    weight[0, 0] = 0
    weight[0, 1, 2] = 0
    weight[1, 2, :2] = 0
    for value in (mean, sigma):
        value.requires_grad_(requires_grad)
    return mean, sigma, target, weight


@pytest.mark.parametrize('density', [gaussian_log_prob, laplace_log_prob])
@pytest.mark.parametrize('sigma', [0.2, 1.7])
def test_densities_of_errors_integrate_to_one(density, sigma):
    points, volume = _grid(1, 40 * sigma, 80_001)
    mass = density(points, torch.tensor(sigma)).exp().sum() * volume
    assert mass.item() == pytest.approx(1, abs=1e-5)


def test_sigma_is_the_deviation_or_the_mean_error():
    points, volume = _grid(1, 30, 40_001)
    sigma = torch.tensor(0.7)
    normal = gaussian_log_prob(points, sigma).exp()
    laplace = laplace_log_prob(points, sigma).exp()
    variance = (normal * points**2).sum() * volume
    assert variance.sqrt().item() == pytest.approx(0.7, rel=1e-4)
    mean_error = (laplace * points.abs()).sum() * volume
    assert mean_error.item() == pytest.approx(0.7, rel=1e-4)


@pytest.mark.parametrize(
    ('dimensions', 'edge', 'steps'), [(2, 18, 301), (3, 9, 55)]
)
def test_flow_density_integrates_to_one(dimensions, edge, steps):
    flow = _flow(dimensions, spread=0.25)
    points, volume = _grid(dimensions, edge, steps)
    with torch.no_grad():
        mass = flow.log_prob(points).exp().sum() * volume
    assert mass.item() == pytest.approx(1, abs=3e-3)


@pytest.mark.parametrize('dimensions', [2, 3])
def test_flow_is_invertible_and_knows_its_volume(dimensions):
    flow = _flow(dimensions)
    latent = torch.randn(6, dimensions, dtype=torch.float64)
    points, log_det = flow(latent)
    back, back_log_det = flow.inverse(points)
    torch.testing.assert_close(back, latent, atol=1e-9, rtol=0)
    torch.testing.assert_close(back_log_det, -log_det)
    assert (points - latent).abs().max() > 0.1
    for index, start in enumerate(latent):
        jacobian = torch.autograd.functional.jacobian(
            lambda x: flow(x[None])[0][0], start
        )
        assert log_det[index].item() == pytest.approx(
            jacobian.det().abs().log().item(), abs=1e-8
        )


def test_a_fresh_flow_is_nearly_normal_and_a_strange_one_refused():
    flow = RealNVP(3)
    points = torch.randn(50, 3)
    expected = gaussian_log_prob(points, torch.ones(())).sum(-1)
    assert (flow.log_prob(points) - expected).abs().max() < 0.05
    with pytest.raises(ValueError, match='dimensions: expected'):
        RealNVP(4)


def _slow_residual(loss, mean, sigma, target, weight):
    total = 0.0
    for index in np.ndindex(*mean.shape[:2]):
        error = (target[index] - mean[index]) / sigma[index]
        for axis in range(3):
            base = math.log(2) + error[axis].abs() + sigma[index][axis].log()
            total = total + weight[index][axis] * base
        if weight[index].all():
            total = total - loss.flow3d.log_prob(error[None])[0]
        elif weight[index][:2].all():
            total = total - loss.flow2d.log_prob(error[None, :2])[0]
    return total / mean.shape[:2].numel()


def test_residual_likelihood_against_a_slow_one():
    batch = _batch()
    for free_sigma in (False, True):
        loss = ResidualLikelihoodLoss(free_sigma, hidden=16).double()
        loss.flow2d, loss.flow3d = _flow(2), _flow(3)
        expected = _slow_residual(loss, *batch)
        torch.testing.assert_close(loss(*batch), expected)


def test_other_losses_against_torch():
    mean, sigma, target, weight = _batch()
    count = mean.shape[:2].numel()
    known = weight > 0
    gaussian = F.gaussian_nll_loss(
        mean[known], target[known], sigma[known] ** 2, True, reduction='sum'
    )
    found = GaussianNLLLoss()(mean, sigma, target, weight)
    torch.testing.assert_close(found, gaussian / count)
    density = torch.distributions.Laplace(mean[known], sigma[known])
    found = LaplaceNLLLoss()(mean, sigma, target, weight)
    expected = -density.log_prob(target[known]).sum() / count
    torch.testing.assert_close(found, expected)
    scale = torch.tensor([2.0, 2.0, 0.5]).double()
    expected = (weight * scale * (mean - target).abs()).sum() / count
    found = CoordinateLoss(scale.tolist())(mean, target, weight)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    'loss',
    [
        GaussianNLLLoss(),
        LaplaceNLLLoss(),
        ResidualLikelihoodLoss(free_sigma=True, hidden=8),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_gradients_in_float64_and_none_where_unknown(loss):
    mean, sigma, target, weight = _batch(requires_grad=True)
    loss = loss.double()
    assert torch.autograd.gradcheck(
        lambda m, s: loss(m, s, target, weight), (mean, sigma)
    )
    loss(mean, sigma, target, weight).backward()
    for gradient in (mean.grad, sigma.grad):
        assert (gradient[0, 0] == 0).all()
        assert (gradient[0, 1, :2] != 0).all()
        assert gradient[0, 1, 2] == 0


def test_gradients_of_the_flow_reach_its_weights():
    flow = _flow(3)
    points = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    weights = [
        flow.couplings[0].scale[0].weight,
        flow.couplings[1].shift[4].bias,
    ]
    assert torch.autograd.gradcheck(
        lambda *inputs: flow.log_prob(inputs[0]), (points, *weights)
    )


def _learn_sigma(loss, errors, steps):
    """Sigmas (K,) for errors (N, K, 3) of a mean of 0."""
    raw = torch.zeros(errors.shape[1], 1, requires_grad=True)
    optimizer = torch.optim.Adam([raw, *loss.parameters()], lr=0.06)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    mean, weight = torch.zeros_like(errors), torch.ones_like(errors)
    for _ in range(steps):
        value = loss(mean, raw.exp().expand_as(errors), errors, weight)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        decay.step()
    return raw.exp()[:, 0].detach()


_TRUE = torch.tensor([0.2, 0.5, 1.5])


def test_gaussian_likelihood_recovers_the_noise():
    torch.manual_seed(0)
    errors = torch.randn(2000, 3, 3) * _TRUE[:, None]
    found = _learn_sigma(GaussianNLLLoss(), errors, steps=150)
    torch.testing.assert_close(found, _TRUE, rtol=0.03, atol=0)


def _sigma_of_residual_likelihood(free_sigma):
    torch.manual_seed(0)
    errors = torch.randn(200, 3, 3) * _TRUE[:, None]
    loss = ResidualLikelihoodLoss(free_sigma, pairs=1, hidden=16)
    mean_errors = errors.abs().mean((0, 2))
    return _learn_sigma(loss, errors, steps=150), mean_errors


def test_residual_likelihood_recovers_the_noise():
    """Sigma is the mean absolute error: .8 deviations of normal noise."""
    found, mean_errors = _sigma_of_residual_likelihood(free_sigma=False)
    torch.testing.assert_close(found, mean_errors, rtol=0.01, atol=0)
    torch.testing.assert_close(
        found / math.sqrt(2 / math.pi), _TRUE, rtol=0.1, atol=0
    )


def test_the_published_residual_likelihood_only_ranks_the_noise():
    found, mean_errors = _sigma_of_residual_likelihood(free_sigma=True)
    assert (found > 2 * mean_errors).all()
    assert (found.diff() > 0).all()
