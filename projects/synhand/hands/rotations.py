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


def matrix_to_quaternion(matrices: Tensor) -> Tensor:
    """Quaternions (..., 4), w first and not negative, of (..., 3, 3).

    Differentiable: of the four ways to read one, that which divides by the
    largest component.
    """
    m = matrices.flatten(-2).unbind(-1)
    rows = [
        [1 + m[0] + m[4] + m[8], m[7] - m[5], m[2] - m[6], m[3] - m[1]],
        [m[7] - m[5], 1 + m[0] - m[4] - m[8], m[1] + m[3], m[2] + m[6]],
        [m[2] - m[6], m[1] + m[3], 1 - m[0] + m[4] - m[8], m[5] + m[7]],
        [m[3] - m[1], m[2] + m[6], m[5] + m[7], 1 - m[0] - m[4] + m[8]],
    ]
    scaled = torch.stack([torch.stack(row, -1) for row in rows], -2)
    squares = scaled.diagonal(dim1=-2, dim2=-1)
    largest = squares.argmax(-1)[..., None, None].expand(*m[0].shape, 1, 4)
    chosen = scaled.gather(-2, largest)[..., 0, :]
    unit = torch.nn.functional.normalize(chosen, dim=-1)
    return torch.where(unit[..., :1] < 0, -unit, unit)


def quaternion_product(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton's product of quaternions (..., 4), w first."""
    (aw, av), (bw, bv) = a.split([1, 3], -1), b.split([1, 3], -1)
    real = aw * bw - (av * bv).sum(-1, keepdim=True)
    return torch.cat(
        [real, aw * bv + bw * av + torch.linalg.cross(av, bv)], -1
    )


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
