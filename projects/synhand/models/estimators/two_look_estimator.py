"""Two looks at a hand: where it points, then what it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor
from torch.nn import functional as F

from synhand.models.estimators.hand_estimator import (
    HandPoseEstimator,
    autocast_of,
)
from synhand.models.labels import collect_labels
from synhand.models.upright import UprightWindows, upright_windows


@MODELS.register_module()
class TwoLookEstimator(HandPoseEstimator):
    """Reads a hand from the window that a first model finds in the crop.

    The first model sees the whole crop, shrunk; the window around its
    keypoints is turned so that the hand points up, cut from the crop at its
    full resolution, and read by this model's own backbone and head. The
    result is in the crop's pixels, as of any other estimator.

    Args:
        *args: Those of `HandPoseEstimator`.
        first: Config of the first model, a `HandPoseEstimator` of square
            crops. It is not trained here.
        window_size: Pixels of a window's side: the input size of the own
            network.
        padding: Side of a window in longer sides of the turned keypoints'
            box.
        **kwargs: Those of `HandPoseEstimator`. `test_cfg` may hold
            `flip_test` and `looks`, the number of windows: from the third
            look on the last look's keypoints make the window.
    """

    def __init__(
        self,
        *args: Any,
        first: dict,
        window_size: int,
        padding: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.first = MODELS.build(first)
        self.first.requires_grad_(False)
        self.window_size = window_size
        self.padding = padding

    def train(self, mode: bool = True) -> TwoLookEstimator:
        super().train(mode)
        self.first.eval()
        return self

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of the own network on the first model's windows."""
        inputs = self._prepare(inputs)
        windows = self._first_windows(inputs, self.train_cfg)
        _relabel(data_samples, windows)
        views = self._prepare(windows.cut(inputs, self.window_size))
        # windows are computed outside: half precision would move them
        with autocast_of(inputs, self.train_cfg):
            feats = self.extract_feat(views)
            return self.head.loss(feats, data_samples, self.train_cfg)

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        inputs = self._prepare(inputs)
        windows = self._first_windows(inputs, self.test_cfg)
        found = self._read(windows, inputs, data_samples)
        for _ in range(self.test_cfg.get('looks', 2) - 2):
            windows = upright_windows(found['pose'][..., :2], self.padding)
            found = self._read(windows, inputs, data_samples)
        return self.add_pred_to_datasample(
            self.head.deliver(found, data_samples), None, data_samples
        )

    def _first_windows(self, crops: Tensor, cfg: dict) -> UprightWindows:
        """Windows around what the first model finds in crops (B, 3, H, H)."""
        size = self.first.head.decoder.input_size[::-1]
        small = self._prepare(F.interpolate(crops, tuple(size), mode='area'))
        with torch.no_grad(), autocast_of(crops, cfg):
            found = self.first.head.read_out(self.first.extract_feat(small))
        return upright_windows(found['pose'][..., :2].float(), self.padding)

    def _read(
        self, windows: UprightWindows, crops: Tensor, samples: SampleList
    ) -> dict[str, Tensor]:
        """What the own network sees in windows, in positions of the crops."""
        views = self._prepare(windows.cut(crops, self.window_size))
        with autocast_of(crops, self.test_cfg):
            feats = self.extract_feat(views)
            if self.test_cfg.get('flip_test', False):
                feats = [feats, self.extract_feat(views.flip(-1))]
            found = self.head.see(feats, samples, self.test_cfg)
        position, depth = found['pose'].float().split([2, 1], -1)
        pose = torch.cat([windows.outside(position), depth], -1)
        return {**found, 'pose': pose}


def _relabel(samples: SampleList, windows: UprightWindows) -> None:
    """Bring the labels (u, v) of samples from crops to windows, in place.

    Keypoints outside the window lose the weight of their u and v.
    """
    device = windows.centre.device
    labels = collect_labels(samples, 'keypoint_labels', device)
    weights = collect_labels(samples, 'keypoint_weights', device)
    position = windows.inside(labels[..., :2])
    weights = weights * ((position >= 0) & (position <= 1)).all(-1)
    position = torch.where(weights[..., None] > 0, position, 0)
    labels = torch.cat([position, labels[..., 2:]], -1).cpu().numpy()
    for sample, label, weight in zip(
        samples, labels, weights.cpu().numpy(), strict=True
    ):
        about = sample.gt_instance_labels
        about.keypoint_labels = label[None]
        about.keypoint_weights = weight[None].astype(np.float32)
