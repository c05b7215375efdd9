"""Lifting by a mixture of linear pose models over all rotations.

D. Tome, C. Russell, L. Agapito: *Lifting from the Deep*, CVPR 2017. Theirs
turns a body about the vertical; a hand is seen from everywhere, so the grid
here covers the sphere of directions, with rolls about the upright one.
"""

from __future__ import annotations

import math

import torch
from mmpose.registry import MODELS
from torch import Tensor

from synhand.hands.rotations import axis_angle_to_matrix
from synhand.models.lifters.base import Lifter
from synhand.models.lifters.mixture import Mixture, fit_mixture
from synhand.models.lifters.views import relative, upright

_KEYPOINTS = 21
_CHUNK = 256


@MODELS.register_module()
class PPCALifter(Lifter):
    """The most probable pose over clusters, directions and coefficients.

    Orthographic: 2D is scale times the first two rows of the turned pose.
    For each cluster and rotation the best scale and coefficients are linear
    least squares with the cluster's prior; the best few are refined by
    Gauss-Newton over rotation, scale and coefficients.

    Args:
        clusters: C.
        components: M, learnt directions of each cluster.
        directions: Views over the sphere.
        rolls: Degrees about the upright roll that are tried.
        noise: Standard deviation of 2D keypoints, of the hand's root mean
            square size.
        refined: Candidates that are refined.
        steps: Gauss-Newton steps.
        poses: Most poses that are fitted to.
        rounds: Of expectation maximisation.
        seed: Of its start.
    """

    def __init__(
        self,
        clusters: int = 16,
        components: int = 20,
        directions: int = 256,
        rolls: tuple[float, ...] = (-30.0, 0.0, 30.0),
        noise: float = 0.2,
        refined: int = 8,
        steps: int = 8,
        poses: int = 20_000,
        rounds: int = 15,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.clusters, self.components = clusters, components
        self.directions, self.rolls = directions, tuple(rolls)
        self.noise, self.refined, self.steps = noise, refined, steps
        self.poses, self.rounds, self.seed = poses, rounds, seed
        size = 3 * _KEYPOINTS
        self.register_buffer('shares', torch.zeros(clusters))
        self.register_buffer('means', torch.zeros(clusters, size))
        self.register_buffer('bases', torch.zeros(clusters, size, components))
        self.register_buffer('spread', torch.zeros(clusters))
        self.on_load()

    shares: Tensor
    means: Tensor
    bases: Tensor
    spread: Tensor

    def on_load(self) -> None:
        self._grid: tuple[Tensor, ...] | None = None

    def fit(self, poses: Tensor) -> None:
        poses = poses - poses.mean(1, keepdim=True)
        some = torch.linspace(0, len(poses) - 1, min(len(poses), self.poses))
        values = poses[some.long()].flatten(1).double()
        found: Mixture = fit_mixture(
            values, self.clusters, self.components, self.rounds, self.seed
        )
        for name, value in (
            ('shares', found.shares),
            ('means', found.means),
            ('bases', found.bases),
            ('spread', found.noise),
        ):
            setattr(self, name, value.to(getattr(self, name)))
        self.on_load()

    # ---- the grid ------------------------------------------------------

    def grid(self) -> tuple[Tensor, ...]:
        """What a query is compared with; made when it is first asked for.

        Returns:
            Rotations (G, 3, 3) and their clusters (G,), whitened models of
            the 2D, and the offsets of the log posterior (G,).

        Raises:
            RuntimeError: The lifter was not fitted.
        """
        if self._grid is None:
            if not self.shares.any():
                raise RuntimeError(
                    'PPCALifter: not fitted; run tools/train.py or load a '
                    'checkpoint'
                )
            parts = [self._cluster_grid(c) for c in range(self.clusters)]
            self._grid = tuple(
                torch.cat(values) for values in zip(*parts, strict=True)
            )
        return self._grid

    def _cluster_grid(self, cluster: int) -> tuple[Tensor, ...]:
        mean = self.means[cluster].view(_KEYPOINTS, 3)
        basis = self.bases[cluster].view(_KEYPOINTS, 3, self.components)
        rotations = self._rotations(mean)
        rows = rotations[:, :2]
        model = torch.einsum('gij,kj->gki', rows, mean).flatten(1)
        size = (model.square().sum(1) / _KEYPOINTS).sqrt()
        slopes = torch.einsum('gij,kjm->gkim', rows, basis).flatten(1, 2)
        # the noise is relative to the size of the projected hand
        variance = (self.noise * size).square() + self.spread[cluster]
        eye = torch.eye(self.components).to(slopes)
        inner = slopes.mT @ slopes + variance[:, None, None] * eye
        factor = torch.linalg.cholesky(inner)
        seen = torch.linalg.solve_triangular(factor, slopes.mT, upper=False)
        white = model - ((seen @ model[..., None]).mT @ seen)[:, 0]
        features = 2 * _KEYPOINTS
        volume = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
        volume = volume + (features - self.components) * variance.log()
        offset = self.shares[cluster].log() - volume / 2
        # densities are compared in units of the query
        offset = offset + features * size.log()
        clusters = torch.full_like(size, cluster).long()
        fixed = (model * white).sum(1)
        return rotations, clusters, seen, white, fixed, variance, offset

    def _rotations(self, mean: Tensor) -> Tensor:
        """Directions on a spiral, each in the upright roll and near it."""
        count = self.directions
        step = torch.arange(count, device=mean.device) + 0.5
        z = 1 - 2 * step / count
        around = step * math.pi * (3 - math.sqrt(5))
        radius = (1 - z.square()).sqrt()
        axis = torch.stack(
            [radius * around.cos(), radius * around.sin(), z], 1
        )
        other = torch.eye(3).to(axis)[axis.abs().argmin(1)]
        x = torch.nn.functional.normalize(torch.linalg.cross(other, axis))
        rotations = torch.stack([x, torch.linalg.cross(axis, x), axis], 1)
        _, roll = upright((mean @ rotations.mT)[..., :2])
        turns = [_roll(math.radians(degrees)) for degrees in self.rolls]
        turns = torch.stack(turns).to(roll)[:, None]
        return (turns @ (roll @ rotations)).flatten(0, 1)

    # ---- lifting -------------------------------------------------------

    def lift_views(self, points: Tensor) -> Tensor:
        return torch.cat([self._lift(part) for part in points.split(_CHUNK)])

    def _lift(self, points: Tensor) -> Tensor:
        rotations, clusters, *model = self.grid()
        scores = self._scores(points.flatten(1), *model)
        _, best = scores.topk(self.refined, dim=1)
        flat = best.flatten()
        queries = points.repeat_interleave(self.refined, 0)
        shapes, costs = self._refine(
            queries, rotations[flat], clusters[flat], model[3][flat]
        )
        costs = costs.view(best.shape)
        winner = costs.argmin(1)
        rows = torch.arange(len(points), device=points.device)
        chosen = shapes.unflatten(0, best.shape)[rows, winner]
        return relative(chosen)

    def _scores(
        self,
        query: Tensor,
        seen: Tensor,
        white: Tensor,
        fixed: Tensor,
        variance: Tensor,
        offset: Tensor,
    ) -> Tensor:
        """Log posterior (B, G) at the best inverse scale."""
        columns = seen.flatten(0, 1) @ query.T
        lost = columns.view(*seen.shape[:2], -1).square().sum(1)
        own = query.square().sum(1) - lost
        both = white @ query.T
        gap = fixed[:, None] - both.clamp(min=0).square() / own.clamp(min=1e-9)
        return (offset[:, None] - gap / variance[:, None] / 2).T

    def _refine(
        self,
        query: Tensor,
        rotation: Tensor,
        cluster: Tensor,
        variance: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Shapes (N, K, 3) in the frame of the query, and costs (N,)."""
        mean = self.means[cluster].unflatten(1, (_KEYPOINTS, 3))
        basis = self.bases[cluster].unflatten(1, (_KEYPOINTS, 3))
        count = len(query)
        pose = query.new_zeros(count, self.components)
        scale = query.new_ones(count)
        weight = variance.rsqrt()
        for _ in range(self.steps):
            shape = _posed(mean, basis, pose, rotation)
            flat = shape[..., :2].flatten(1)
            turned = torch.einsum('nij,nkjm->nkim', rotation, basis)
            residual = scale[:, None] * query.flatten(1) - flat
            columns = torch.cat(
                [
                    -_turn_slopes(shape),
                    query.flatten(1)[..., None],
                    -turned[:, :, :2].flatten(1, 2),
                ],
                -1,
            )
            step = _solve(columns, residual, pose, weight)
            rotation = axis_angle_to_matrix(step[:, :3]) @ rotation
            scale = scale + step[:, 3]
            pose = pose + step[:, 4:]
        shape = _posed(mean, basis, pose, rotation)
        residual = scale[:, None] * query.flatten(1) - shape[..., :2].flatten(
            1
        )
        cost = (residual * weight[:, None]).square().sum(1)
        cost = cost + pose.square().sum(1) - 2 * self.shares[cluster].log()
        return shape, cost


def _roll(angle: float) -> Tensor:
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _posed(
    mean: Tensor, basis: Tensor, pose: Tensor, rotation: Tensor
) -> Tensor:
    """Turned poses (N, K, 3) of coefficients (N, M)."""
    return (mean + torch.einsum('nkim,nm->nki', basis, pose)) @ rotation.mT


def _turn_slopes(shape: Tensor) -> Tensor:
    """d (x, y) / d rotation vector, (N, 2 K, 3), of turned points."""
    x, y, z = shape.unbind(-1)
    zero = torch.zeros_like(x)
    first = torch.stack([zero, z, -y], -1)
    second = torch.stack([-z, zero, x], -1)
    return torch.stack([first, second], 2).flatten(1, 2)


def _solve(
    columns: Tensor, residual: Tensor, pose: Tensor, weight: Tensor
) -> Tensor:
    """One damped Gauss-Newton step (N, 4 + M) with the prior of the pose."""
    scaled = columns * weight[:, None, None]
    normal = scaled.mT @ scaled
    gradient = (scaled.mT @ (residual * weight[:, None])[..., None])[..., 0]
    prior = torch.ones_like(gradient)
    prior[:, :4] = 0
    gradient[:, 4:] += pose
    damping = 1e-3 * normal.diagonal(dim1=1, dim2=2) + 1e-6
    system = normal + torch.diag_embed(prior + damping)
    return -torch.linalg.solve(system, gradient)
