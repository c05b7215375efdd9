"""Normalising flows of few dimensions.

L. Dinh, J. Sohl-Dickstein, S. Bengio: Density estimation using Real NVP,
ICLR 2017.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_MASKS = {
    2: [[0, 1], [1, 0]],
    3: [[0, 0, 1], [1, 1, 0]],
}


class RealNVP(nn.Module):
    """A density of D dimensions: a normal one, bent by affine couplings.

    Note:
        - points: N
        - dimensions: D

    Args:
        dimensions: D: 2 or 3.
        pairs: Pairs of couplings; those of a pair change complementary
            coordinates.
        hidden: Width of the networks in them.

    Raises:
        ValueError: Another number of dimensions.
    """

    def __init__(
        self, dimensions: int, pairs: int = 3, hidden: int = 64
    ) -> None:
        super().__init__()
        if dimensions not in _MASKS:
            raise ValueError(
                f'dimensions: expected one of {tuple(_MASKS)}, got '
                f'{dimensions}'
            )
        self.dimensions = dimensions
        self.couplings = nn.ModuleList(
            _Coupling(mask, hidden) for mask in _MASKS[dimensions] * pairs
        )

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """From normal points to points of the density.

        Args:
            latent: (N, D).

        Returns:
            (N, D), and the logarithm of the Jacobian's determinant (N,).
        """
        points, log_det = latent, latent.new_zeros(len(latent))
        for coupling in self.couplings:
            log_scale, shift = coupling(points)
            points = points * log_scale.exp() + shift
            log_det = log_det + log_scale.sum(-1)
        return points, log_det

    def inverse(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse of :meth:`forward`, with its own determinant."""
        latent, log_det = points, points.new_zeros(len(points))
        for coupling in reversed(self.couplings):
            log_scale, shift = coupling(latent)
            latent = (latent - shift) * (-log_scale).exp()
            log_det = log_det - log_scale.sum(-1)
        return latent, log_det

    def log_prob(self, points: Tensor) -> Tensor:
        """Logarithm of the density.

        Args:
            points: (..., D).

        Returns:
            (...); its exponential integrates to 1.
        """
        latent, log_det = self.inverse(points.reshape(-1, self.dimensions))
        constant = self.dimensions / 2 * math.log(2 * math.pi)
        log_normal = -(latent**2).sum(-1) / 2 - constant
        return (log_normal + log_det).view(points.shape[:-1])


class _Coupling(nn.Module):
    """Scale and shift of some coordinates by functions of the others."""

    def __init__(self, mask: list[int], hidden: int) -> None:
        super().__init__()
        mask_values = torch.tensor(mask, dtype=torch.float32)
        self.register_buffer('mask', mask_values, persistent=False)
        self.scale = _network(len(mask), hidden)
        self.shift = _network(len(mask), hidden)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Log scale in -1..1 and shift (N, D); 0 where the mask is 1."""
        kept, free = points * self.mask, 1 - self.mask
        return torch.tanh(self.scale(kept)) * free, self.shift(kept) * free


def _network(dimensions: int, hidden: int) -> nn.Sequential:
    """Nearly 0 at first, so that the density starts as a normal one."""
    layers = (
        nn.Linear(dimensions, hidden),
        nn.LeakyReLU(),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(),
        nn.Linear(hidden, dimensions),
    )
    for layer in layers[::2]:
        nn.init.xavier_uniform_(layer.weight, gain=0.01)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)
