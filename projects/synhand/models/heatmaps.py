"""Soft-argmax and its companions, as functions of maps and volumes.

Positions are (u, v) of maps (B, K, H, W) and (u, v, w) of volumes
(B, K, D, H, W), with 0 and 1 at the centres of the first and last cell of
an axis. B batch, K keypoints; A axes: 2 or 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_MEDIAN_ROUNDS = 12
_MEDIAN_SMOOTH = 0.4  # cells


def log_probabilities(logits: Tensor, softness: Tensor) -> Tensor:
    """Logarithm of the softmax over the cells.

    Args:
        logits: (B, K, H, W) or (B, K, D, H, W).
        softness: (K,) or (B, K), factor of each keypoint's logits.

    Returns:
        As `logits`; its exponential sums to 1 over the cells.
    """
    scaled = logits.flatten(2) * softness[..., None]
    return scaled.log_softmax(-1).view(logits.shape)


def soft_argmax(probability: Tensor) -> Tensor:
    """Expected position.

    Args:
        probability: (B, K, H, W) or (B, K, D, H, W), sums to 1 over the
            cells.

    Returns:
        (B, K, A): u, v (, w).
    """
    return probability.flatten(2) @ _cells(probability)


def spatial_median(probability: Tensor) -> Tensor:
    """Position of the least expected distance.

    Where a map has a tail or a second, lower peak, the expected position is
    drawn aside by how far it lies, this one by how much it weighs (E.
    Weiszfeld, Tohoku Mathematical Journal 1937; near 0 distances are
    smoothed, by less than a cell).

    Args:
        probability: (B, K, H, W), sums to 1 over the cells.

    Returns:
        (B, K, 2): u, v.
    """
    dims, cells = probability.dim(), _cells(probability)
    position = probability.flatten(2) @ cells
    for _ in range(_MEDIAN_ROUNDS):
        squares = sum(
            _along(_offsets(position[..., axis], count).square(), axis, dims)
            for axis, count in enumerate(probability.shape[:1:-1])
        )
        weights = probability * (squares + _MEDIAN_SMOOTH**2).rsqrt()
        total = weights.sum((-2, -1), keepdim=True)
        position = (weights / total).flatten(2) @ cells
    return position


def mass_around(
    probability: Tensor, position: Tensor, radius: float
) -> Tensor:
    """Probability in a square or cube around a position: a confidence.

    It is near 1 for one sharp peak and falls for wide maps and for maps with
    several peaks, where the expected position lies between them.

    Args:
        probability: (B, K, H, W) or (B, K, D, H, W), sums to 1 over the
            cells.
        position: (B, K, A): u, v (, w).
        radius: Half the side of the square, in cells.

    Returns:
        (B, K) from 0 to 1.
    """
    windows = _windows(probability, position, radius)
    return _contract(probability, windows).clamp(0, 1)


def peak_expectation(maps: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Centre of what is positive around each map's largest value.

    It reads maps that were drawn to Gaussians of height 1, where a softmax
    over all cells would be flat.

    Args:
        maps: (B, K, H, W) or (B, K, D, H, W).
        radius: Half the side of the window, in cells.

    Returns:
        (B, K, A): u, v (, w); and the weights of the cells, as `maps`,
        which sum to 1.
    """
    peak = _cell_positions(maps.flatten(2).argmax(-1), maps.shape[2:])
    inside = maps.clamp(min=0)
    for axis, window in enumerate(_windows(maps, peak, radius)):
        inside = inside * _along(window, axis, maps.dim())
    total = inside.flatten(2).sum(-1).clamp(min=1e-12)
    weights = inside / total.view(*total.shape, *[1] * (maps.dim() - 2))
    return soft_argmax(weights), weights


def gaussian_divergence(
    log_probability: Tensor,
    position: Tensor,
    sigma: float | Sequence[float],
) -> Tensor:
    """Divergence of a map from a Gaussian around the true position.

    The cross-entropy less the Gaussian's own entropy (a constant), so that
    0 is a perfect map.

    Args:
        log_probability: (B, K, H, W) or (B, K, D, H, W).
        position: (B, K, A): u, v (, w).
        sigma: Width of the Gaussian in cells, one or one an axis.

    Returns:
        (B, K), not negative.
    """
    lines = [
        line.log_softmax(-1)
        for line in _exponents(log_probability, position, sigma)
    ]
    entropy = -sum((line.exp() * line).sum(-1) for line in lines)
    cross = _contract(log_probability, [line.exp() for line in lines])
    return -cross - entropy


def gaussian_misfit(
    maps: Tensor,
    position: Tensor,
    sigma: float | Sequence[float],
    height: Tensor | None = None,
) -> Tensor:
    """Squared error against Gaussians, over the sum of their squares.

    The target |maps - height g|^2 is expanded, so that no map or volume of
    it is ever made: g is a product of one factor an axis.

    Args:
        maps: (B, K, H, W) or (B, K, D, H, W).
        position: (B, K, A) of the Gaussians g of height 1: u, v (, w).
        sigma: Their width in cells, one or one an axis.
        height: (B, K), factor of each Gaussian; None: 1.

    Returns:
        (B, K); 0 for a perfect map, `height` squared for an empty one.
    """
    lines = [line.exp() for line in _exponents(maps, position, sigma)]
    energy = 1.0
    for line in lines:
        energy = energy * (line**2).sum(-1)
    cross = _contract(maps, lines)
    if height is None:
        height = torch.ones_like(cross)
    own = maps.flatten(2).square().sum(-1)
    return (own - 2 * height * cross) / energy + height**2


def _cells(maps: Tensor) -> Tensor:
    """Positions (cells, A) of all cells of maps, row by row."""
    axes = torch.meshgrid(
        *(
            torch.linspace(0, 1, cells, dtype=maps.dtype, device=maps.device)
            for cells in maps.shape[2:]
        ),
        indexing='ij',
    )
    return torch.stack(axes[::-1], -1).view(-1, len(axes))


def _offsets(position: Tensor, cells: int) -> Tensor:
    """Distances (B, K, cells) in cells from positions (B, K)."""
    centres = torch.arange(cells, device=position.device)
    return centres - position[..., None] * (cells - 1)


def _exponents(
    maps: Tensor, position: Tensor, sigma: float | Sequence[float]
) -> list[Tensor]:
    """Logarithms (B, K, cells) of a Gaussian, for u, v (, w)."""
    sizes = maps.shape[:1:-1]
    sigmas = [sigma] * len(sizes) if isinstance(sigma, (int, float)) else sigma
    return [
        -((_offsets(position[..., axis], cells) / width) ** 2) / 2
        for axis, (cells, width) in enumerate(zip(sizes, sigmas, strict=True))
    ]


def _windows(maps: Tensor, position: Tensor, radius: float) -> list[Tensor]:
    """1 within a radius of a position, else 0: (B, K, cells) an axis."""
    return [
        (_offsets(position[..., axis], cells).abs() <= radius).to(maps.dtype)
        for axis, cells in enumerate(maps.shape[:1:-1])
    ]


def _along(line: Tensor, axis: int, dims: int) -> Tensor:
    """(B, K, cells) of u (0), v (1) or w (2), to be multiplied with maps."""
    shape = [*line.shape[:2], *[1] * (dims - 2)]
    shape[-1 - axis] = line.shape[-1]
    return line.view(shape)


def _contract(maps: Tensor, lines: Sequence[Tensor]) -> Tensor:
    """Sum (B, K) over cells of maps times one factor (B, K, cells) an axis."""
    for line in lines:
        flat = maps.flatten(2, -2) if maps.dim() > 3 else maps[:, :, None]
        flat = (flat @ line[..., None]).squeeze(-1)
        maps = flat.view(maps.shape[:-1])
    return maps


def _cell_positions(index: Tensor, sizes: Sequence[int]) -> Tensor:
    """Positions (B, K, A) of flat cell numbers (B, K)."""
    positions = []
    for cells in reversed(sizes):
        positions.append((index % cells) / max(cells - 1, 1))
        index = index // cells
    return torch.stack(positions, -1)
