"""Nearest-neighbour lifting over synthetic poses seen from everywhere.

C.-H. Chen, D. Ramanan: *3D Human Pose Estimation = 2D Pose Estimation +
Matching*, CVPR 2017. The exemplars are (pose, view) pairs; place, size and
roll are taken out of query and exemplars alike, so that views only have to
cover the sphere of directions.
"""

from __future__ import annotations

import torch
from mmpose.registry import MODELS
from scipy.spatial import cKDTree
from torch import Tensor

from synhand.models.lifters.base import VIEW_DISTANCES, Lifter
from synhand.models.lifters.views import (
    draw_views,
    look,
    relative,
    upright,
)
from synhand.skeleton import NUM_KEYPOINTS

_CHUNK = 50_000
_SAMPLE = 20_000


@MODELS.register_module()
class NeighbourLifter(Lifter):
    """Looks the 2D pose up among projected 3D poses.

    The index is a k-d tree over the leading principal components of the 2D
    poses; the candidates it finds are ranked by all keypoints, and the best
    are averaged.

    Args:
        exemplars: (pose, view) pairs N; poses are used again and again.
        poses: P, how many poses are kept. A fit to more takes the first of
            them, to fewer repeats them.
        components: Principal components in the tree.
        candidates: Candidates the tree gives.
        neighbours: How many of them are averaged.
        distances: Of the views, in reference bones.
        seed: Of the views.
    """

    def __init__(
        self,
        exemplars: int = 1_000_000,
        poses: int = 60_000,
        components: int = 10,
        candidates: int = 64,
        neighbours: int = 8,
        distances: tuple[float, float] = VIEW_DISTANCES,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.exemplars = exemplars
        self.components = components
        self.candidates = candidates
        self.neighbours = neighbours
        self.distances = tuple(distances)
        self.seed = seed
        self.register_buffer('poses', torch.zeros(poses, NUM_KEYPOINTS, 3))
        self.register_buffer(
            'numbers', torch.zeros(exemplars, dtype=torch.int32)
        )
        self.register_buffer('rotations', torch.zeros(exemplars, 4))
        self.register_buffer('view_distances', torch.zeros(exemplars))
        self.on_load()

    poses: Tensor
    numbers: Tensor
    rotations: Tensor
    view_distances: Tensor

    def on_load(self) -> None:
        self._tree: cKDTree | None = None
        self._points = torch.zeros(0, 2 * NUM_KEYPOINTS)
        self._basis = torch.zeros(2 * NUM_KEYPOINTS, 0)

    def fit(self, poses: Tensor) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        views = draw_views(self.exemplars, self.distances, generator)
        kept = torch.arange(len(self.poses)) % len(poses)
        self.poses = poses[kept].to(self.device)
        used = min(len(poses), len(kept))
        numbers = torch.arange(self.exemplars, dtype=torch.int32) % used
        self.numbers = numbers.to(self.device)
        self.rotations, self.view_distances = (
            value.to(self.device) for value in views
        )
        self.on_load()

    def exemplar(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Points (N, K, 2) and shapes (N, K, 3) of exemplars."""
        poses = self.poses[self.numbers[numbers].long()]
        plane, seen = look(
            poses, self.rotations[numbers], self.view_distances[numbers]
        )
        points, roll = upright(plane)
        return points, relative(seen) @ roll.mT

    def index(self) -> cKDTree:
        """The tree; made when it is first asked for.

        Raises:
            RuntimeError: The lifter was not fitted.
        """
        if self._tree is None:
            if not self.poses.any():
                raise RuntimeError(
                    'NeighbourLifter: not fitted; run tools/train.py or load '
                    'a checkpoint'
                )
            chunks = torch.arange(len(self.numbers)).split(_CHUNK)
            points = [self.exemplar(part)[0].flatten(1) for part in chunks]
            self._points = torch.cat(points).cpu()
            _, basis = torch.linalg.eigh(self._points[:_SAMPLE].T.cov())
            self._basis = basis.flip(1)[:, : self.components].contiguous()
            self._tree = cKDTree(
                (self._points @ self._basis).numpy(),
                leafsize=32,
                balanced_tree=False,
                compact_nodes=False,
            )
        return self._tree

    def lift_views(self, points: Tensor) -> Tensor:
        tree = self.index()
        query = points.flatten(1).cpu()
        count = min(self.candidates, len(self.numbers))
        _, found = tree.query(
            (query @ self._basis).numpy(), k=[*range(1, count + 1)]
        )
        found = torch.from_numpy(found)
        apart = (self._points[found] - query[:, None]).square().sum(-1)
        count = min(self.neighbours, count)
        apart, best = apart.topk(count, largest=False)
        chosen = found.gather(1, best)
        _, shapes = self.exemplar(chosen.flatten().to(self.device))
        shapes = shapes.unflatten(0, chosen.shape)
        # a neighbour as far as the mean of all counts e^-1 of the nearest
        spread = apart.mean(1, keepdim=True).clamp(min=1e-12)
        weights = torch.softmax(-apart / spread, 1).to(shapes)
        return (shapes * weights[..., None, None]).sum(1)
