"""Rotations as axis-angle vectors, 6 numbers or matrices, on tensors."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-12


def axis_angle_to_matrix(vectors: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of vectors (..., 3) in radians.

    Differentiable everywhere, the zero vector included.
    """
    angle = (vectors.square().sum(-1) + _TINY**2).sqrt()[..., None, None]
    skew = _skew(vectors)
    first = torch.sinc(angle / torch.pi)
    second = torch.sinc(angle / (2 * torch.pi)).square() / 2
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    return eye + first * skew + second * (skew @ skew)


def _skew(vectors: Tensor) -> Tensor:
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def sixd_to_matrix(columns: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of two columns (..., 6), orthonormalised.

    The continuous form of Y. Zhou et al., CVPR 2019.
    """
    a, b = columns.unflatten(-1, (2, 3)).unbind(-2)
    first = torch.nn.functional.normalize(a, dim=-1)
    b = b - (first * b).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(b, dim=-1)
    third = torch.linalg.cross(first, second)
    return torch.stack([first, second, third], -1)


def matrix_to_sixd(matrices: Tensor) -> Tensor:
    """The first two columns, (..., 6), of rotation matrices (..., 3, 3)."""
    return matrices[..., :2].transpose(-1, -2).flatten(-2)


def to_matrices(rotations: Tensor, leading: int) -> Tensor:
    """Rotation matrices of any of the three forms.

    Args:
        rotations: `leading` dimensions, then (3,) axis-angle in radians,
            (6,) two columns, or (3, 3) a matrix.
        leading: Number of dimensions before those of one rotation.

    Returns:
        (..., 3, 3).

    Raises:
        ValueError: The last dimensions are none of the three.
    """
    form = tuple(rotations.shape[leading:])
    if form == (3, 3):
        return rotations
    if form == (3,):
        return axis_angle_to_matrix(rotations)
    if form == (6,):
        return sixd_to_matrix(rotations)
    raise ValueError(
        f'rotations: expected {leading} dimensions and then (3,) axis-angle, '
        f'(6,) columns or (3, 3) matrices, got shape {tuple(rotations.shape)}'
    )
