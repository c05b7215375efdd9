"""How heatmaps and depth maps are read, and what they are trained with.

B batch, K keypoints; logits and depth maps are (B, K, H, W), a pose is
(B, K, 3): u, v, z as `Latent25DLabel` defines them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from synhand.models.gaussian_maps import map_peaks
from synhand.models.heatmaps import (
    gaussian_divergence,
    gaussian_misfit,
    log_probabilities,
    mass_around,
    peak_expectation,
    soft_argmax,
    spatial_median,
)


class Target(NamedTuple):
    """Labels of a batch.

    Attributes:
        pose: (B, K, 3).
        weights: (B, K), of u and v.
        depth_weights: (B, K), of z.
        map_weights: (B, K), of what is asked of the maps themselves.
    """

    pose: Tensor
    weights: Tensor
    depth_weights: Tensor
    map_weights: Tensor


class LatentReader:
    """Expectations under a softmax; losses on coordinates.

    Args:
        sigma: Width of the Gaussians that the heatmaps may be drawn to.
        score_radius: A score is the probability within so many cells.
    """

    def __init__(self, sigma: float, score_radius: float) -> None:
        self.sigma = sigma
        self.score_radius = score_radius

    def pose(
        self, logits: Tensor, depths: Tensor, softness: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Pose, and the logarithms of the probabilities (B, K, H, W).

        Args:
            logits: (B, K, H, W).
            depths: (B, K, H, W).
            softness: (K,) or (B, K), factor of the logits.
        """
        log_probability = log_probabilities(logits, softness)
        probability = log_probability.exp()
        z = (probability * depths).sum((-2, -1))
        position = soft_argmax(probability)
        return torch.cat([position, z[..., None]], -1), log_probability

    def median(self, log_probability: Tensor) -> Tensor:
        """(B, K, 2): u, v of the least expected distance."""
        return spatial_median(log_probability.exp())

    def scores(self, pose: Tensor, log_probability: Tensor) -> Tensor:
        """(B, K) from 0 to 1."""
        return mass_around(
            log_probability.exp(), pose[..., :2], self.score_radius
        )

    def losses(
        self,
        pose: Tensor,
        log_probability: Tensor,
        depths: Tensor,
        target: Target,
        factors: Mapping[str, float],
    ) -> dict[str, Tensor]:
        """`uv` and `z` (L1) and `heatmap`, as far as factors are not 0."""
        losses = coordinate_losses(pose, target)
        if factors['heatmap'] > 0:
            divergence = gaussian_divergence(
                log_probability, target.pose[..., :2], self.sigma
            )
            losses['heatmap'] = (divergence * target.map_weights).mean()
        return losses


class DirectReader:
    """Peaks of heatmaps that are drawn to Gaussians of height 1.

    The depth maps are drawn to z times the Gaussian. A position is the
    highest peak; its depth the ratio of depth map and heatmap around it, so
    that a peak between two cells is no nearer to 0.

    Args:
        sigma: Width of the Gaussians in cells.
        score_radius: Depths are read within so many cells.
    """

    def __init__(self, sigma: float, score_radius: float) -> None:
        self.sigma = sigma
        self.score_radius = score_radius

    def pose(
        self, logits: Tensor, depths: Tensor, softness: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Pose, and the heatmaps; there is no softness."""
        position, _ = map_peaks(logits)
        _, weights = peak_expectation(logits, self.score_radius)
        ratio = (weights * depths).sum((-2, -1))
        ratio = ratio / (weights * logits).sum((-2, -1)).clamp(min=1e-6)
        return torch.cat([position, ratio[..., None]], -1), logits

    def scores(self, pose: Tensor, logits: Tensor) -> Tensor:
        """(B, K) from 0 to 1: the height of the peak."""
        return logits.flatten(2).amax(-1).clamp(0, 1)

    def losses(
        self,
        pose: Tensor,
        logits: Tensor,
        depths: Tensor,
        target: Target,
        factors: Mapping[str, float],
    ) -> dict[str, Tensor]:
        """`heatmap` and `z`: squared errors of the maps."""
        position = target.pose[..., :2]
        heat = gaussian_misfit(logits, position, self.sigma)
        depth = gaussian_misfit(
            depths, position, self.sigma, target.pose[..., 2]
        )
        known = target.depth_weights * target.weights
        return dict(
            heatmap=(heat * target.map_weights).mean(),
            z=(depth * known).mean(),
        )


READERS = dict(latent=LatentReader, direct=DirectReader)


def coordinate_losses(pose: Tensor, target: Target) -> dict[str, Tensor]:
    """L1 of u and v (`uv`) and of z (`z`), means over batch and keypoints."""
    error = (pose - target.pose).abs()
    return dict(
        uv=(error[..., :2].mean(-1) * target.weights).mean(),
        z=(error[..., 2] * target.depth_weights).mean(),
    )
