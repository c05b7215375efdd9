"""Soft-argmax and its companions, as functions of maps.

Positions are (u, v) with 0 and 1 at the centres of a map's first and last
cell. B batch, K keypoints, H and W cells.
"""

from __future__ import annotations

import torch
from torch import Tensor


def log_probabilities(logits: Tensor, softness: Tensor) -> Tensor:
    """Logarithm of the softmax over the cells.

    Args:
        logits: (B, K, H, W).
        softness: (K,), factor of each keypoint's logits.

    Returns:
        (B, K, H, W); its exponential sums to 1 over H and W.
    """
    scaled = (logits * softness[:, None, None]).flatten(2)
    return scaled.log_softmax(-1).view(logits.shape)


def soft_argmax(probability: Tensor) -> Tensor:
    """Expected position.

    Args:
        probability: (B, K, H, W), sums to 1 over H and W.

    Returns:
        (B, K, 2): u, v.
    """
    v, u = torch.meshgrid(
        *(
            torch.linspace(
                0, 1, cells, dtype=probability.dtype, device=probability.device
            )
            for cells in probability.shape[-2:]
        ),
        indexing='ij',
    )
    return probability.flatten(2) @ torch.stack([u, v], -1).view(-1, 2)


def mass_around(
    probability: Tensor, position: Tensor, radius: float
) -> Tensor:
    """Probability in a square around a position: a confidence.

    It is near 1 for one sharp peak and falls for wide maps and for maps with
    several peaks, where the expected position lies between them.

    Args:
        probability: (B, K, H, W), sums to 1 over H and W.
        position: (B, K, 2): u, v.
        radius: Half the side of the square, in cells.

    Returns:
        (B, K) from 0 to 1.
    """
    height, width = probability.shape[-2:]
    inside = [
        (_offsets(position[..., axis], cells).abs() <= radius)
        for axis, cells in enumerate((width, height))
    ]
    columns, rows = (mask.to(probability.dtype) for mask in inside)
    mass = torch.einsum('bkhw,bkh,bkw->bk', probability, rows, columns)
    return mass.clamp(0, 1)


def _offsets(position: Tensor, cells: int) -> Tensor:
    """Distances (B, K, cells) in cells from positions (B, K)."""
    centres = torch.arange(cells, device=position.device)
    return centres - position[..., None] * (cells - 1)


def gaussian_divergence(
    log_probability: Tensor, position: Tensor, sigma: float
) -> Tensor:
    """Divergence of a map from a Gaussian around the true position.

    The cross-entropy less the Gaussian's own entropy (a constant), so that
    0 is a perfect map.

    Args:
        log_probability: (B, K, H, W).
        position: (B, K, 2): u, v.
        sigma: Width of the Gaussian in cells.

    Returns:
        (B, K), not negative.
    """
    height, width = log_probability.shape[-2:]
    columns = _gaussian(position[..., 0], width, sigma)
    rows = _gaussian(position[..., 1], height, sigma)
    target = rows.exp()[..., None] * columns.exp()[..., None, :]
    entropy = -sum((line.exp() * line).sum(-1) for line in (rows, columns))
    return -(target * log_probability).sum((-2, -1)) - entropy


def _gaussian(position: Tensor, cells: int, sigma: float) -> Tensor:
    """Logarithms (B, K, cells) of weights that sum to 1."""
    exponent = -((_offsets(position, cells) / sigma) ** 2) / 2
    return exponent.log_softmax(-1)
