"""What all lifters share: 2D keypoints in, a shape before the camera out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synhand.models.lifters.views import canonical, view_of

VIEW_DISTANCES = (5.0, 30.0)
"""In reference bones: about 20 cm to 1.3 m."""


class Lifter(nn.Module):
    """From 2D keypoints to a root-relative shape in reference bones.

    A subclass gives shapes of views (`lift_views`) and either learns from
    losses (`view_loss`) or is fitted once to a set of poses (`fit`). What
    it is fitted to are buffers, so it is kept in ordinary checkpoints.
    """

    def lift(
        self, keypoints: np.ndarray, cameras: np.ndarray, mirrored: np.ndarray
    ) -> np.ndarray:
        """Shapes of hands.

        Args:
            keypoints: (B, K, 2) px.
            cameras: (B, 3, 3) px.
            mirrored: (B,) true for left hands.

        Returns:
            (B, K, 3) in reference bones, camera frame, wrist at the origin;
            NaN for hands with a keypoint that is not finite.
        """
        lifted = np.full((*keypoints.shape[:2], 3), np.nan)
        known = np.isfinite(keypoints).all((1, 2))
        if known.any():
            given = keypoints[known], cameras[known], mirrored[known]
            lifted[known] = self._lift_known(*given)
        return lifted

    def _lift_known(self, *given: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            view = view_of(*given)
            shapes = self.lift_views(view.points.to(self.device))
            return view.to_camera(shapes.cpu()).double().numpy()

    def lift_views(self, points: Tensor) -> Tensor:
        """Shapes (B, K, 3) of `View.points` (B, K, 2), in their frame."""
        raise NotImplementedError

    def fit(self, poses: Tensor) -> None:
        """Take poses (P, K, 3) as `canonical` gives them."""
        raise NotImplementedError

    def view_loss(self, poses: Tensor) -> dict[str, Tensor]:
        """Losses on canonical poses (B, K, 3)."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        tensors = (*self.parameters(), *self.buffers())
        return tensors[0].device

    def _load_from_state_dict(
        self, state_dict: dict, prefix: str, *args: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        self.on_load()

    def on_load(self) -> None:
        """Forget what was derived from the tensors before."""


def whole_poses(points: np.ndarray, mirrored: np.ndarray) -> Tensor:
    """Canonical poses (P, K, 3) of the hands that have all keypoints.

    Args:
        points: (B, K, 3) in mm; NaN where a keypoint is unknown.
        mirrored: (B,) true for left hands.
    """
    whole = np.isfinite(points).all((1, 2))
    return canonical(
        torch.from_numpy(points[whole]).float(),
        torch.from_numpy(mirrored[whole]),
    )


def canonical_poses(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], limit: int | None
) -> Tensor:
    """Canonical poses (P, K, 3) of batches of labels.

    Args:
        batches: Keypoints (B, K, 3) in mm and which are left hands (B,).
        limit: Most poses; None for all.

    Raises:
        ValueError: No hand with all keypoints is among them.
    """
    found: list[Tensor] = []
    count = 0
    for points, mirrored in batches:
        poses = whole_poses(points, mirrored)
        found.append(poses)
        count += len(poses)
        if limit is not None and count >= limit:
            break
    if not count:
        raise ValueError(
            'no hand to fit to: expected `keypoints_cam` of all keypoints'
        )
    return torch.cat(found)[:limit]
