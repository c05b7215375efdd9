"""A small network that lifts: the reference of the classical lifters."""

from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from synhand.models.lifters.base import VIEW_DISTANCES, Lifter
from synhand.models.lifters.views import random_views, upright
from synhand.skeleton import NUM_KEYPOINTS


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norms[0](self.first(x)))
        return x + F.relu(self.norms[1](self.second(y)))


@MODELS.register_module()
class MLPLifter(Lifter):
    """Two residual blocks (J. Martinez et al., ICCV 2017) on a view.

    Trained on random views of the poses of each batch, with noise that
    varies from view to view.

    Args:
        width: Of the blocks.
        blocks: How many.
        views: Of each pose in a batch.
        noise: Largest standard deviation of the 2D noise, of the longer side
            of the keypoints' box.
        distances: Of the views, in reference bones.
    """

    def __init__(
        self,
        width: int = 512,
        blocks: int = 2,
        views: int = 8,
        noise: float = 0.05,
        distances: tuple[float, float] = VIEW_DISTANCES,
    ) -> None:
        super().__init__()
        self.views, self.noise = views, noise
        self.distances = tuple(distances)
        self.first = nn.Linear(2 * NUM_KEYPOINTS, width)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.last = nn.Linear(width, 3 * NUM_KEYPOINTS)

    def lift_views(self, points: Tensor) -> Tensor:
        features = self.blocks(F.relu(self.first(points.flatten(1))))
        shapes = self.last(features).unflatten(-1, (NUM_KEYPOINTS, 3))
        return shapes - shapes[:, :1]

    def view_loss(self, poses: Tensor) -> dict[str, Tensor]:
        """Mean distance to the true shapes, in reference bones."""
        seed = torch.randint(2**31, (1,)).item()
        generator = torch.Generator().manual_seed(seed)
        poses = poses.repeat_interleave(self.views, 0).cpu()
        points, shapes = self._noisy_views(poses, generator)
        found = self.lift_views(points.to(self.device))
        error = (found - shapes.to(self.device)).norm(dim=-1)
        return dict(loss_lift=error.mean())

    def _noisy_views(
        self, poses: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Points (B, K, 2) with noise, and shapes (B, K, 3) in their roll."""
        _, shapes, plane = random_views(poses, self.distances, generator)
        _, clean = upright(plane)
        side = (plane.amax(1) - plane.amin(1)).amax(1)[:, None, None]
        share = torch.rand(len(plane), 1, 1, generator=generator)
        noise = torch.randn(plane.shape, generator=generator)
        points, roll = upright(plane + self.noise * share * side * noise)
        return points, shapes @ (roll @ clean.mT).mT
