"""A mixture of probabilistic principal components, fitted by EM.

M. Tipping, C. Bishop: *Mixtures of Probabilistic Principal Component
Analysers*, Neural Computation 11(2), 1999.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_SHARE = 1e-3
_LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Mixture:
    """C Gaussians on F numbers, each of M directions and noise.

    Attributes:
        shares: (C,), sum 1.
        means: (C, F).
        bases: (C, F, M), directions as long as their standard deviations.
        noise: (C,) variance of all other directions.
    """

    shares: Tensor
    means: Tensor
    bases: Tensor
    noise: Tensor

    def log_density(self, values: Tensor) -> Tensor:
        """(N, C) log of share times density of values (N, F)."""
        columns = []
        for share, mean, basis, noise in zip(
            self.shares, self.means, self.bases, self.noise, strict=True
        ):
            centred = values - mean
            inner = torch.eye(basis.shape[1]).to(basis) * noise
            factor = torch.linalg.cholesky(inner + basis.T @ basis)
            seen = torch.linalg.solve_triangular(
                factor, basis.T @ centred.T, upper=False
            )
            square = (centred.square().sum(1) - seen.square().sum(0)) / noise
            features, count = basis.shape
            volume = 2 * factor.diagonal().log().sum()
            volume = volume + (features - count) * noise.log()
            columns.append(share.log() - (square + volume) / 2)
        return torch.stack(columns, 1)


def fit_mixture(
    values: Tensor, clusters: int, components: int, rounds: int, seed: int
) -> Mixture:
    """Expectation maximisation from random starts far apart (k-means++).

    Args:
        values: (N, F) float64.
        clusters: C.
        components: M.
        rounds: Of expectation and maximisation.
        seed: Of the starts.

    Raises:
        ValueError: There are fewer values than a cluster needs.
    """
    if len(values) < clusters * (components + 2):
        raise ValueError(
            f'a mixture of {clusters} clusters with {components} components '
            f'needs {clusters * (components + 2)} poses, got {len(values)}'
        )
    centres = _far_apart(values, clusters, seed)
    nearest = torch.cdist(values, centres).argmin(1)
    belongs = torch.nn.functional.one_hot(nearest, clusters).to(values)
    mixture = _maximize(values, belongs, components)
    for _ in range(rounds):
        belongs = mixture.log_density(values).softmax(1)
        mixture = _maximize(values, belongs, components)
    return mixture


def _far_apart(values: Tensor, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(len(values), (1,), generator=generator)
    chosen = [int(first)]
    apart = (values - values[chosen[0]]).square().sum(1)
    for _ in range(count - 1):
        chosen.append(int(torch.multinomial(apart, 1, generator=generator)))
        new = (values - values[chosen[-1]]).square().sum(1)
        apart = torch.minimum(apart, new)
    return values[chosen]


def _maximize(values: Tensor, belongs: Tensor, components: int) -> Mixture:
    total = belongs.sum(0).clamp(min=_LEAST_SHARE * len(values))
    means = (belongs.T @ values) / total[:, None]
    bases, noise = [], []
    for weight, mean, size in zip(belongs.T, means, total, strict=True):
        centred = (values - mean) * weight.sqrt()[:, None]
        spread, directions = torch.linalg.eigh(centred.T @ centred / size)
        rest = spread[:-components].mean().clamp(min=_LEAST_VARIANCE)
        length = (spread[-components:] - rest).clamp(min=0).sqrt()
        bases.append(directions[:, -components:] * length)
        noise.append(rest)
    shares = total / total.sum()
    return Mixture(shares, means, torch.stack(bases), torch.stack(noise))
