"""Windows around keypoints, cut from images on the device.

Positions are (u, v), fractions of the image: 0 and 1 are the centres of its
first and last pixel. A window is a centre and a side; offsets in it are
fractions of the side, from -0.5 to 0.5. B batch, K keypoints.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_SMALLEST = 0.1


def window_sides(
    position: Tensor, weights: Tensor, last: Tensor, scale: float
) -> Tensor:
    """Sides of square windows that fit a hand's extent.

    Args:
        position: (B, K, 2): u, v.
        weights: (B, K), 0 for keypoints to leave out.
        last: (2,): W - 1, H - 1 in pixels.
        scale: Side of the windows over the longer side of the box around
            the keypoints.

    Returns:
        (B, 1, 2), in fractions of the image's width and height; a hand
        counts as at least a tenth of the width.
    """
    known = (weights > 0)[..., None]
    pixels = position * last
    low = pixels.masked_fill(~known, torch.inf).amin(1)
    high = pixels.masked_fill(~known, -torch.inf).amax(1)
    extent = (high - low).amax(-1).clamp(min=_SMALLEST * float(last[0]))
    return scale * (extent[:, None, None] / last)


def to_window(position: Tensor, centre: Tensor, side: Tensor) -> Tensor:
    """Offsets (B, K, 2) of positions in windows; see the module."""
    return (position - centre) / side


def from_window(offset: Tensor, centre: Tensor, side: Tensor) -> Tensor:
    """Positions (B, K, 2) of offsets in windows: back to the image."""
    return centre + offset * side


def sample_windows(
    images: Tensor, centre: Tensor, side: Tensor, size: int
) -> Tensor:
    """The images within windows, bilinear; 0 outside the image.

    Args:
        images: (B, C, H, W).
        centre: (B, K, 2): u, v.
        side: (B, 1, 2), as `window_sides` gives.
        size: Pixels n of a window; the first and last lie at -0.5 and 0.5.

    Returns:
        (B * K, C, n, n).
    """
    batch, keypoints = centre.shape[:2]
    line = torch.linspace(-0.5, 0.5, size, device=images.device)
    v, u = torch.meshgrid(line, line, indexing='ij')
    offset = torch.stack([u, v], -1).to(centre.dtype).view(1, 1, -1, 2)
    points = from_window(offset, centre[:, :, None], side[:, :, None])
    grid = (2 * points - 1).view(batch, keypoints * size, size, 2)
    found = F.grid_sample(images, grid, align_corners=True)
    found = found.view(batch, -1, keypoints, size, size)
    return found.transpose(1, 2).flatten(0, 1)
