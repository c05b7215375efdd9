"""From a mesh in a crop's frame to one before the camera."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from synhand.models.estimators.relative_estimator import RelativeHandEstimator
from synhand.models.gaussian_maps import gaussian_maps
from synhand.models.heads.pose_head import keypoint_targets


@MODELS.register_module()
class MeshHandEstimator(RelativeHandEstimator):
    """`RelativeHandEstimator` for a head that is a `MeshHead`.

    Args:
        *args: Those of `RelativeHandEstimator`.
        heatmaps: The network also takes K maps of 2D keypoints, behind the
            colours: Gaussians of `sigma` px (default 5). In training around
            the labels with normal noise of `noise` crop widths (0.02), in
            testing around the metainfo's `input_keypoints`, which
            `KeypointsToCrop` makes. None: colours alone.
        **kwargs: Those of `RelativeHandEstimator`.
    """

    def __init__(
        self, *args: Any, heatmaps: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.heatmaps = None
        if heatmaps is not None:
            self.heatmaps = {'sigma': 5.0, 'noise': 0.02, **heatmaps}

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        if self.heatmaps is not None:
            known, weights = keypoint_targets(data_samples, inputs.device)
            noise = self.heatmaps['noise'] * torch.randn_like(known)
            inputs = self._with_maps(inputs, known + noise, weights)
        return super().loss(inputs, data_samples)

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        if self.heatmaps is not None:
            given = _given_keypoints(data_samples).to(inputs.device)
            inputs = self._with_maps(inputs, given[..., :2], given[..., 2])
        return super().predict(inputs, data_samples)

    def _with_maps(
        self, inputs: Tensor, position: Tensor, weights: Tensor
    ) -> Tensor:
        """(B, 3 + K, H, W)."""
        size = (int(inputs.shape[2]), int(inputs.shape[3]))
        maps = gaussian_maps(position, size, self.heatmaps['sigma'])
        maps = maps * weights.clamp(0, 1)[..., None, None]
        return torch.cat([inputs, maps.to(inputs)], 1)


def _given_keypoints(samples: SampleList) -> Tensor:
    """(B, K, 3): u, v and score."""
    if any('input_keypoints' not in s.metainfo for s in samples):
        raise KeyError(
            'the metainfo has no `input_keypoints`: the network takes '
            'heatmaps; put KeypointsToCrop into the pipeline'
        )
    found = [s.metainfo['input_keypoints'] for s in samples]
    return torch.from_numpy(np.concatenate(found)).float()
