"""Gaussian targets on the device, and peaks finer than a cell.

Positions are fractions of a map: 0 and 1 are the centres of its first and
last cell, as in :mod:`synhand.models.heatmaps`. B batch, K keypoints, H and W
cells of maps, n cells of a line.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST = 1e-6


def gaussian_lines(position: Tensor, cells: int, sigma: float) -> Tensor:
    """Gaussians of height 1 along one axis.

    Args:
        position: (B, K), a fraction of the line.
        cells: n.
        sigma: Width in cells.

    Returns:
        (B, K, n).
    """
    centres = torch.arange(cells, device=position.device)
    offsets = centres - position[..., None] * (cells - 1)
    return torch.exp(-((offsets / sigma) ** 2) / 2)


def gaussian_maps(
    position: Tensor, size: tuple[int, int], sigma: float
) -> Tensor:
    """Gaussians of height 1 on a map, exactly centred (not rounded).

    Args:
        position: (B, K, 2): u, v.
        size: (H, W).
        sigma: Width in cells.

    Returns:
        (B, K, H, W).
    """
    rows = gaussian_lines(position[..., 1], size[0], sigma)
    columns = gaussian_lines(position[..., 0], size[1], sigma)
    return rows[..., :, None] * columns[..., None, :]


def line_peaks(lines: Tensor, index: Tensor) -> Tensor:
    """Peaks between cells, exact for Gaussians of any width.

    The vertex of the parabola through the logarithms of three cells: Taylor
    expansion of F. Zhang et al., Distribution-aware coordinate
    representation, CVPR 2020, along one axis and without smoothing.

    Args:
        lines: (..., n), n > 2.
        index: (...), the highest cell of each line.

    Returns:
        (...), a fraction of the line, within half a cell of `index`.
    """
    cells = lines.shape[-1]
    centre = index.clamp(1, cells - 2)
    around = centre[..., None] + torch.arange(-1, 2, device=lines.device)
    values = lines.gather(-1, around).clamp(min=_SMALLEST).log()
    before, here, after = values.unbind(-1)
    curvature = 2 * here - before - after
    step = (after - before) / (2 * curvature.clamp(min=_SMALLEST))
    peak = torch.where(curvature > 0, centre + step, index.to(lines.dtype))
    nearest = torch.minimum(torch.maximum(peak, index - 0.5), index + 0.5)
    return nearest / (cells - 1)


def map_peaks(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Highest peak of each map, finer than a cell.

    Args:
        maps: (B, K, H, W).

    Returns:
        Positions (B, K, 2): u, v; and heights (B, K) of the highest cells.
    """
    height, width = maps.shape[-2:]
    highest, index = maps.flatten(2).max(-1)
    row, column = index // width, index % width
    across = maps.gather(2, row[..., None, None].expand(-1, -1, 1, width))
    down = maps.gather(3, column[..., None, None].expand(-1, -1, height, 1))
    u = line_peaks(across[:, :, 0], column)
    v = line_peaks(down[..., 0], row)
    return torch.stack([u, v], -1), highest
