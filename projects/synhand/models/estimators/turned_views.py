"""Test-time rotation: crops turned, and poses turned back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn import functional as F

from synhand.geometry.planar import planar_rotation


def rotate_images(images: Tensor, degrees: float) -> Tensor:
    """Images turned about their centre, from x (right) towards y (down).

    Args:
        images: (B, C, H, W).
        degrees: The angle.

    Returns:
        (B, C, H, W), bilinear; the border continues what lay outside.
    """
    height, width = images.shape[-2:]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    aspect = (height - 1) / (width - 1)
    source = images.new_tensor(
        [[cos, sin * aspect, 0], [-sin / aspect, cos, 0]]
    )
    grid = F.affine_grid(
        source.expand(len(images), 2, 3), images.shape, align_corners=True
    )
    return F.grid_sample(
        images, grid, padding_mode='border', align_corners=True
    )


def turn_back(
    prediction: InstanceData, sample: PoseDataSample, degrees: float
) -> None:
    """Undo a rotation of the crop in what a head found there, in place.

    Depth stays as it is. A crop that was mirrored before it was turned has
    been mirrored back by the head: there the turn has the other sign.

    Args:
        prediction: `keypoints` (1, K, 2) in pixels of the crop as the stock
            estimator counts them; `keypoint_relative` (1, K, 3) in the
            crop's axes, if any.
        sample: Its metainfo `mirrored` and `input_size`.
        degrees: How far the crop was turned.
    """
    sign = -1 if sample.metainfo.get('mirrored', False) else 1
    turn = planar_rotation(math.radians(-degrees * sign))
    size = np.asarray(sample.metainfo['input_size'], np.float64)
    offset = (prediction.keypoints / size - 0.5) * (size - 1)
    turned = (offset @ turn.T) / (size - 1) + 0.5
    prediction.keypoints = (turned * size).astype(np.float32)
    if 'keypoint_relative' in prediction:
        relative = prediction.keypoint_relative
        relative[..., :2] = relative[..., :2] @ turn.T.astype(relative.dtype)


def mean_prediction(predictions: Sequence[InstanceData]) -> InstanceData:
    """The mean of every field, and the side that most are sure of."""
    mean = InstanceData()
    for name, _ in predictions[0].items():
        if not name.startswith('hand_side'):
            mean.set_field(np.mean([p[name] for p in predictions], 0), name)
    if 'hand_side' in predictions[0]:
        right = np.mean(
            [
                np.where(
                    p.hand_side == 1,
                    p.hand_side_scores,
                    1 - p.hand_side_scores,
                )
                for p in predictions
            ],
            0,
        )
        mean.hand_side = (right > 0.5).astype(np.int8)
        mean.hand_side_scores = np.maximum(right, 1 - right)
    return mean
