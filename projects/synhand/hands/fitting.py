"""Hand parameters from keypoints, in 3D or in a photo, batched.

A maximum of the posterior by Levenberg-Marquardt: keypoints with normal
noise; as priors the shapes and lengths of people, natural poses (the model's
PCA) and the limits of the joints. All hands of a batch step together, each
with a damping of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from synhand.hands.layer import HandModel
from synhand.hands.rotations import axis_angle_to_matrix
from synhand.skeleton import FINGERS, ROOT

_PALM = [ROOT, *(chain[0] for chain in FINGERS.values())]
_LIMIT_SPREAD = 0.03
"""How far a joint may be beyond its limit, radians (standard deviation)."""
_LENGTH_SPREAD = 0.15
"""Of a hand's length relative to the mean adult's."""
_STARTS = 16
_TRIAL_STEPS = 5
_DOUBTS = (10.0, 3.0, 1.0)
_SETTLED = 1e-5


@dataclass(frozen=True)
class HandParameters:
    """What :class:`synhand.hands.layer.HandModel` takes, for N hands.

    Attributes:
        shape: (N, C) coefficients.
        dofs: (N, D) degrees of freedom.
        rotation: (N, 3, 3) about the wrist.
        translation: (N, 3) mm.
        length: (N,) mm, wrist joint to tip of the middle finger.
    """

    shape: Tensor
    dofs: Tensor
    rotation: Tensor
    translation: Tensor
    length: Tensor

    def values(self) -> tuple[Tensor, ...]:
        return (
            self.shape,
            self.dofs,
            self.rotation,
            self.translation,
            self.length,
        )

    def keypoints(self, model: HandModel, family: str) -> Tensor:
        """(N, K, 3) mm."""
        posed = model(*self.values(), vertices=False)
        return posed.keypoints[family]

    def moved(self, step: Tensor, components: int) -> HandParameters:
        """After a step (N, P): pose, rotation, translation, length, shape."""
        count = self.dofs.shape[1]
        pose, turn, shift, size, shape = step.split(
            [count, 3, 3, 1, components], dim=1
        )
        padding = self.shape.shape[1] - components
        return HandParameters(
            self.shape + torch.nn.functional.pad(shape, (0, padding)),
            self.dofs + pose,
            axis_angle_to_matrix(turn) @ self.rotation,
            self.translation + shift,
            self.length * size[:, 0].exp(),
        )


@dataclass(frozen=True)
class _Problem:
    """What is fitted to what."""

    model: HandModel
    family: str
    evidence: Callable[..., Tensor]
    data: tuple[Tensor, ...]
    components: int

    def residuals(self, hands: HandParameters) -> Tensor:
        points = hands.keypoints(self.model, self.family)
        found = self.evidence(points, *self.data)
        return torch.cat([found, self._priors(hands)], 1)

    def _priors(self, hands: HandParameters) -> Tensor:
        model = self.model
        beyond = (hands.dofs - model.upper).clamp(min=0) + (
            hands.dofs - model.lower
        ).clamp(max=0)
        size = (hands.length / model.mean_length).log()[:, None]
        return torch.cat(
            [
                beyond / _LIMIT_SPREAD,
                model.to_pca(hands.dofs),
                size / _LENGTH_SPREAD,
                (hands.shape / model.shape_std)[:, : self.components],
            ],
            1,
        )

    def linearize(self, hands: HandParameters) -> tuple[Tensor, Tensor]:
        """Residuals (N, R) and their Jacobian (N, R, P)."""
        count = self.model.num_dofs + 7 + self.components
        zero = self.model.mean.new_zeros(count)

        def one(step: Tensor, values: list[Tensor], data: list[Tensor]):
            single = HandParameters(*(value[None] for value in values))
            problem = replace(self, data=tuple(value[None] for value in data))
            moved = single.moved(step[None], self.components)
            found = problem.residuals(moved)[0]
            return found, found

        jacobian, residuals = torch.func.vmap(
            torch.func.jacfwd(one, has_aux=True), in_dims=(None, 0, 0)
        )(zero, list(hands.values()), list(self.data))
        return residuals, jacobian


def _minimize(
    problem: _Problem, hands: HandParameters, steps: int
) -> tuple[HandParameters, Tensor]:
    """Levenberg-Marquardt; the hands and their costs (N,)."""
    damping = hands.length.new_full(hands.length.shape, 1e-2)
    residuals, jacobian = problem.linearize(hands)
    cost = residuals.square().sum(1)
    for _ in range(steps):
        normal = jacobian.mT @ jacobian
        scale = normal.diagonal(dim1=1, dim2=2).clamp(min=1e-6)
        system = normal + torch.diag_embed(damping[:, None] * scale)
        gradient = (jacobian.mT @ residuals[..., None])[..., 0]
        step = -torch.linalg.solve(system, gradient)
        trial = hands.moved(step, problem.components)
        trial_cost = problem.residuals(trial).square().sum(1)
        better = trial_cost < cost
        hands = _choose(better, trial, hands)
        damping = torch.where(better, damping / 5, damping * 4)
        settled = (cost - trial_cost).abs() <= _SETTLED * cost
        cost = torch.where(better, trial_cost, cost)
        if settled.all():
            break
        if better.any():
            residuals, jacobian = problem.linearize(hands)
    return hands, cost


def _anneal(
    problem: _Problem, hands: HandParameters, steps: int
) -> HandParameters:
    """Trusts the keypoints more and more, so that joints bend the right way.

    With exact keypoints from the start, a finger can end beyond its limits.
    """
    target, weights, *others = problem.data
    for doubt in _DOUBTS:
        data = (target, weights / doubt, *others)
        stage = replace(problem, data=data)
        hands, _ = _minimize(stage, hands, -(-steps // len(_DOUBTS)))
    return hands


def _choose(
    which: Tensor, a: HandParameters, b: HandParameters
) -> HandParameters:
    pairs = zip(a.values(), b.values(), strict=True)
    return HandParameters(
        *(
            torch.where(which.view(-1, *[1] * (x.ndim - 1)), x, y)
            for x, y in pairs
        )
    )


@torch.no_grad()
def fit_3d(
    model: HandModel,
    keypoints: Tensor,
    valid: Tensor | None = None,
    family: str = 'anatomical',
    noise_mm: float = 0.5,
    components: int = 10,
    steps: int = 24,
) -> HandParameters:
    """Hands whose keypoints are near given ones.

    Args:
        model: Right or left, of the side of all the hands.
        keypoints: (N, K, 3) mm.
        valid: (N, K), 0 for keypoints that do not count.
        family: Joint family of the keypoints.
        noise_mm: Their standard deviation; the larger, the more the priors
            decide.
        components: Shape coefficients that are fitted.
        steps: Iterations.
    """
    target = keypoints.to(model.mean)
    weights = _weights(target, valid) / noise_mm

    def evidence(points: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        return ((points - target) * weights[..., None]).flatten(1)

    problem = _Problem(
        model,
        family,
        evidence,
        (torch.nan_to_num(target), weights),
        components,
    )
    return _anneal(problem, _start_3d(model, family, problem), steps)


@torch.no_grad()
def fit_2d(
    model: HandModel,
    keypoints: Tensor,
    camera_matrix: Tensor,
    valid: Tensor | None = None,
    family: str = 'anatomical',
    noise_px: float = 1.0,
    components: int = 10,
    steps: int = 24,
) -> HandParameters:
    """Hands whose projections are near given pixels, camera frame, mm.

    Several orientations are tried. Size and distance are told apart by the
    prior of a hand's length alone.

    Args:
        model: Right or left, of the side of all the hands.
        keypoints: (N, K, 2) px.
        camera_matrix: (N, 3, 3) px.
        valid: (N, K), 0 for keypoints that do not count.
        family: Joint family of the keypoints.
        noise_px: Their standard deviation.
        components: Shape coefficients that are fitted.
        steps: Iterations.
    """
    target = keypoints.to(model.mean)
    cameras = camera_matrix.to(model.mean)
    weights = _weights(target, valid) / noise_px

    def evidence(points, target, weights, cameras) -> Tensor:
        depth = points[..., 2:].clamp(min=1.0)
        pixels = (points / depth) @ cameras.mT[..., :2]
        return ((pixels - target) * weights[..., None]).flatten(1)

    data = (torch.nan_to_num(target), weights, cameras)
    problem = _Problem(model, family, evidence, data, components)
    count = len(target)
    tried = replace(
        problem, data=tuple(_repeat(value, _STARTS) for value in data)
    )
    rotations = _even_rotations(_STARTS).to(target)
    rotations = rotations.repeat_interleave(count, 0)
    trials, costs = _minimize(
        tried, _start_2d(model, family, tried, rotations), _TRIAL_STEPS
    )
    best = costs.view(_STARTS, count).argmin(0)
    chosen = best * count + torch.arange(count, device=best.device)
    hands = HandParameters(*(value[chosen] for value in trials.values()))
    return _anneal(problem, hands, steps)


def _repeat(values: Tensor, count: int) -> Tensor:
    return values.repeat(count, *[1] * (values.ndim - 1))


def _weights(target: Tensor, valid: Tensor | None) -> Tensor:
    finite = target.isfinite().all(-1)
    if valid is not None:
        finite = finite & (valid.to(finite.device) > 0)
    return finite.to(target.dtype)


def _mean_hands(model: HandModel, count: int) -> HandParameters:
    """Hands of mean shape and pose at the origin."""
    like = model.mean
    return HandParameters(
        like.new_zeros(count, model.num_shape),
        model.pose_mean.repeat(count, 1),
        torch.eye(3, dtype=like.dtype, device=like.device).repeat(count, 1, 1),
        like.new_zeros(count, 3),
        model.mean_length.repeat(count),
    )


def _start_3d(
    model: HandModel, family: str, problem: _Problem
) -> HandParameters:
    """The mean hand, its palm turned onto that of the target."""
    target, weights = problem.data
    hands = _mean_hands(model, len(target))
    palm = hands.keypoints(model, family)[:, _PALM]
    wanted, share = target[:, _PALM], weights[:, _PALM, None]
    share = share / share.sum(1, keepdim=True).clamp(min=1e-12)
    middle = (wanted * share).sum(1, keepdim=True)
    own = (palm * share).sum(1, keepdim=True)
    turn = _rotation((palm - own) * share, wanted - middle)
    wrist = hands.keypoints(model, family)[:, ROOT]
    placed = wrist + ((own[:, 0] - wrist)[:, None] @ turn.mT)[:, 0]
    return replace(hands, rotation=turn, translation=middle[:, 0] - placed)


def _rotation(source: Tensor, target: Tensor) -> Tensor:
    """Proper rotations (N, 3, 3) that turn source (N, P, 3) onto target."""
    left, _, right = torch.linalg.svd(target.mT @ source)
    sign = torch.linalg.det(left @ right).sign()
    left = torch.cat([left[..., :2], left[..., 2:] * sign[:, None, None]], -1)
    return left @ right


def _even_rotations(count: int) -> Tensor:
    """Rotations (count, 3, 3) spread over all: a spiral of quaternions.

    M. Alexa, *Super-Fibonacci Spirals*, CVPR 2022.
    """
    steps = torch.arange(count, dtype=torch.float64) + 0.5
    share, root_two, psi = steps / count, 2.0**0.5, 1.533751168755204288118041
    a, b = 2 * torch.pi * steps / root_two, 2 * torch.pi * steps / psi
    r, s = share.sqrt(), (1 - share).sqrt()
    x, y, z, w = r * a.sin(), r * a.cos(), s * b.sin(), s * b.cos()
    vector = torch.stack([x, y, z], 1)
    length = vector.norm(dim=1, keepdim=True).clamp(min=1e-12)
    angle = 2 * torch.atan2(length[:, 0], w)
    return axis_angle_to_matrix(vector / length * angle[:, None])


def _start_2d(
    model: HandModel, family: str, problem: _Problem, rotation: Tensor
) -> HandParameters:
    """The mean hand, turned, where it covers the keypoints."""
    target, weights, cameras = problem.data
    hands = _mean_hands(model, len(target))
    hands = replace(hands, rotation=rotation)
    points = hands.keypoints(model, family)
    ones = torch.ones_like(target[..., :1])
    rays = torch.cat([target, ones], -1) @ torch.linalg.inv(cameras).mT
    share = (weights / weights.sum(1, keepdim=True))[..., None]
    ray = (rays * share).sum(1, keepdim=True)
    own = (points * share).sum(1, keepdim=True)
    apart = ((rays - ray).square() * share).sum((1, 2)).sqrt()
    extent = ((points - own)[..., :2].square() * share).sum((1, 2)).sqrt()
    depth = (extent / apart.clamp(min=1e-9)).clamp(100.0, 5000.0)
    place = ray[:, 0] * depth[:, None] - own[:, 0]
    return replace(hands, translation=place)
