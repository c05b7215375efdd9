"""Losses of coordinates with and without a predicted uncertainty.

All are means over batch and keypoints of sums over coordinates, take a weight
for each coordinate, and ignore what has weight 0. B batch, K keypoints, D
coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from synhand.models.losses.flows import RealNVP


def _mean(values: Tensor) -> Tensor:
    return values.sum(-1).mean()


@MODELS.register_module()
class CoordinateLoss(nn.Module):
    """L1, or smooth L1, of coordinates.

    Args:
        scale: (D,), weights of the coordinates; None: all 1.
        beta: Below this error the loss is quadratic; 0 for L1.
    """

    def __init__(
        self, scale: Sequence[float] | None = None, beta: float = 0.0
    ) -> None:
        super().__init__()
        self.scale, self.beta = scale, beta

    def forward(self, mean: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Loss of positions.

        Args:
            mean: (B, K, D), the prediction.
            target: (B, K, D).
            weight: (B, K, D).
        """
        errors = F.smooth_l1_loss(
            mean, target, reduction='none', beta=self.beta
        )
        if self.scale is not None:
            errors = errors * errors.new_tensor(self.scale)
        return _mean(weight * errors)


def gaussian_log_prob(error: Tensor, sigma: Tensor) -> Tensor:
    """Logarithm of the normal density, a coordinate; any one shape."""
    constant = math.log(2 * math.pi) / 2
    return -((error / sigma) ** 2) / 2 - sigma.log() - constant


def laplace_log_prob(error: Tensor, sigma: Tensor) -> Tensor:
    """Logarithm of the Laplace density of scale sigma, a coordinate."""
    return -(error / sigma).abs() - (2 * sigma).log()


@MODELS.register_module()
class GaussianNLLLoss(nn.Module):
    """Negative log-likelihood of independent normal errors."""

    def forward(
        self, mean: Tensor, sigma: Tensor, target: Tensor, weight: Tensor
    ) -> Tensor:
        """Loss of predicted distributions.

        Args:
            mean: (B, K, D).
            sigma: (B, K, D), standard deviations, > 0.
            target: (B, K, D).
            weight: (B, K, D).
        """
        return _mean(-weight * gaussian_log_prob(target - mean, sigma))


@MODELS.register_module()
class LaplaceNLLLoss(nn.Module):
    """Negative log-likelihood of independent Laplace errors.

    Sigma is the scale: the mean absolute error. The arguments are those of
    `GaussianNLLLoss`.
    """

    def forward(
        self, mean: Tensor, sigma: Tensor, target: Tensor, weight: Tensor
    ) -> Tensor:
        return _mean(-weight * laplace_log_prob(target - mean, sigma))


@MODELS.register_module()
class ResidualLikelihoodLoss(nn.Module):
    """Residual log-likelihood estimation (RLE) in two and three dimensions.

    J. Li et al.: Human pose regression with residual log-likelihood
    estimation, ICCV 2021. With e = (target - mean) / sigma,

        loss = -log Q(e) - log G(e) + sum log sigma,

    Q a Laplace density of scale 1 and G a flow that all keypoints share. A
    keypoint whose three coordinates are known goes through a flow in 3D, one
    whose first two are known through a flow in 2D; any other known
    coordinate counts by Q alone. This is the paper's equation: MMPose's
    `RLELoss`, which is 2D only, counts log sigma and log G twice.

    The factor that makes Q G a density counts as a constant and is left out,
    as in the paper. The paper's loss is therefore no likelihood: the flow
    learns the density of e whatever sigma is, and every sigma grows until
    its bound or the flow's stops it. With `free_sigma=False` the flow sees
    sigma as a constant: Q alone trains it, so that it is the mean absolute
    error, and the flow shapes the loss of the mean.

    Args:
        free_sigma: Let the flow's term train sigma, too, as in the paper.
        pairs: Pairs of couplings of a flow.
        hidden: Width of a flow's networks.
    """

    def __init__(
        self, free_sigma: bool = False, pairs: int = 3, hidden: int = 64
    ) -> None:
        super().__init__()
        self.free_sigma = free_sigma
        self.flow2d = RealNVP(2, pairs, hidden)
        self.flow3d = RealNVP(3, pairs, hidden)

    def forward(
        self, mean: Tensor, sigma: Tensor, target: Tensor, weight: Tensor
    ) -> Tensor:
        """Loss of predicted distributions.

        Args:
            mean: (B, K, 3).
            sigma: (B, K, 3), > 0.
            target: (B, K, 3).
            weight: (B, K, 3); without depth the last is 0.
        """
        full = weight.amin(-1)
        flat = weight[..., :2].amin(-1) - full
        base = laplace_log_prob(target - mean, sigma)
        scale = sigma if self.free_sigma else sigma.detach()
        error = (target - mean) / scale
        residual = full * self.flow3d.log_prob(error)
        residual = residual + flat * self.flow2d.log_prob(error[..., :2])
        return -((weight * base).sum(-1) + residual).mean()
