"""Windows of crops in which the hand points up, on the device.

The torch twin of `synhand.geometry.upright`. Positions (u, v) are fractions
of a square crop: 0 and 1 are the centres of its first and last pixel. B
batch, K keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from synhand.geometry.upright import KNUCKLES
from synhand.skeleton import ROOT

_SMALLEST = 0.1
_SHORTEST = 1e-6


@dataclass(frozen=True, eq=False)
class UprightWindows:
    """Turned square parts of crops.

    Attributes:
        centre: (B, 2): u, v in the crop.
        side: (B,), in sides of the crop.
        turn: (B, 2, 2): rotation from the crop's axes to the window's.
    """

    centre: Tensor
    side: Tensor
    turn: Tensor

    def inside(self, position: Tensor) -> Tensor:
        """(B, K, 2) of the crop, as fractions of the window."""
        offset = position - self.centre[:, None]
        turned = offset @ self.turn.transpose(1, 2)
        return turned / self.side[:, None, None] + 0.5

    def outside(self, position: Tensor) -> Tensor:
        """(B, K, 2) of the window, as fractions of the crop."""
        offset = (position - 0.5) * self.side[:, None, None]
        return offset @ self.turn + self.centre[:, None]

    def take(self, rows: Tensor) -> UprightWindows:
        """The windows of these `rows` (N,)."""
        return UprightWindows(
            self.centre[rows], self.side[rows], self.turn[rows]
        )

    def where(
        self, condition: Tensor, other: UprightWindows
    ) -> UprightWindows:
        """These windows where `condition` (B,) holds, else the others."""
        return UprightWindows(
            torch.where(condition[:, None], self.centre, other.centre),
            torch.where(condition, self.side, other.side),
            torch.where(condition[:, None, None], self.turn, other.turn),
        )

    def turned(self, degrees: Sequence[float]) -> UprightWindows:
        """The windows turned about their centres by each of A angles.

        Args:
            degrees: From x (right) towards y (down).

        Returns:
            A * B windows, all of the first angle first.
        """
        angles = torch.deg2rad(self.side.new_tensor(degrees))
        turn = _matrices(angles.cos(), angles.sin())
        return UprightWindows(
            self.centre.repeat(len(degrees), 1),
            self.side.repeat(len(degrees)),
            (turn[:, None] @ self.turn).flatten(0, 1),
        )

    def cut(self, crops: Tensor, size: int) -> Tensor:
        """The windows' pixels, bilinear; the border continues what is outside.

        Args:
            crops: (B, C, H, H).
            size: Pixels of a window's side.

        Returns:
            (B, C, size, size), in the memory order of `crops`.
        """
        line = torch.linspace(0, 1, size, device=crops.device)
        v, u = torch.meshgrid(line, line, indexing='ij')
        places = torch.stack([u, v], -1).to(crops.dtype).view(1, -1, 2)
        grid = 2 * self.outside(places) - 1
        return F.grid_sample(
            crops,
            grid.view(-1, size, size, 2),
            padding_mode='border',
            align_corners=True,
        )


def upright_windows(position: Tensor, padding: float) -> UprightWindows:
    """Windows around hands, turned so that these point up.

    Args:
        position: (B, K, 2): u, v of the keypoints.
        padding: Side of a window in longer sides of the turned keypoints'
            box; a hand counts as at least a tenth of the crop.
    """
    towards = position[:, list(KNUCKLES)].mean(1) - position[:, ROOT]
    length = towards.norm(dim=-1)
    x, y = (towards / length.clamp(min=_SHORTEST)[:, None]).unbind(-1)
    points = length > _SHORTEST
    cos, sin = torch.where(points, -y, 1.0), torch.where(points, -x, 0.0)
    turn = _matrices(cos, sin)
    turned = position @ turn.transpose(1, 2)
    low, high = turned.amin(1), turned.amax(1)
    centre = ((low + high)[:, None] / 2 @ turn)[:, 0]
    side = (high - low).amax(-1).clamp(min=_SMALLEST) * padding
    return UprightWindows(centre, side, turn)


def towards_box(position: Tensor, side: float, shares: Tensor) -> Tensor:
    """Keypoints moved and scaled part of the way to a box about the centre.

    Args:
        position: (B, K, 2): u, v of the keypoints.
        side: The box's longer side, in sides of the crop.
        shares: (B,), of the way: 0 leaves the keypoints; 1 gives their box
            the longer side and the centre of the other.

    Returns:
        (B, K, 2).
    """
    low, high = position.amin(1), position.amax(1)
    centre = (low + high) / 2
    longer = (high - low).amax(-1).clamp(min=_SMALLEST)
    scale = (side / longer) ** shares
    middle = centre + shares[:, None] * (0.5 - centre)
    offset = position - centre[:, None]
    return middle[:, None] + offset * scale[:, None, None]


def _matrices(cos: Tensor, sin: Tensor) -> Tensor:
    """Rotations (N, 2, 2) of angles whose cosines and sines are (N,)."""
    return torch.stack(
        [torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1
    )
