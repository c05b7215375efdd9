"""HandSegNet: which pixels of a picture are hand, and boxes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from synhand.models.autocast import autocast_as
from synhand.skeleton import HAND_SIDES

_CLASSES = 2


@MODELS.register_module()
class HandSegmenter(BaseModel):
    """Every pixel as hand or not; every connected part of hand as a box.

    C. Zimmermann, T. Brox, ICCV 2017: the trunk of a convolutional pose
    machine (blocks of 3 x 3 convolutions, halved after all but the last), two
    classes, brought back to the picture's size. Norms are an addition:
    nothing is pretrained.

    Args:
        width: Channels of the first block; each later one has twice as many.
        depths: Convolutions of each block.
        threshold: Probability from which on a pixel is hand.
        min_area: Smallest part, as a share of the picture.
        max_per_img: Most parts.
        hand_weight: Weight of a pixel of a hand in the loss, that of any other
            is 1. The paper's hands are larger and need none; where hands are
            few pixels, calling none of them a hand is a good guess.
        autocast: Type that the network trains in; None for float32.
        data_preprocessor: Of the pictures.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(
        self,
        width: int = 64,
        depths: Sequence[int] = (2, 2, 4, 4),
        threshold: float = 0.5,
        min_area: float = 5e-4,
        max_per_img: int = 20,
        hand_weight: float = 1.0,
        autocast: str | None = 'bfloat16',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.threshold, self.min_area = threshold, min_area
        self.max_per_img, self.autocast = max_per_img, autocast
        self.hand_weight = hand_weight
        self.trunk, channels = _trunk(width, depths)
        self.hidden = ConvModule(
            channels, channels, 1, norm_cfg=dict(type='BN')
        )
        self.classes = nn.Conv2d(channels, _CLASSES, 1)
        self.to(memory_format=torch.channels_last)

    def logits(self, inputs: Tensor) -> Tensor:
        """(B, 2, H, W) of pictures (B, 3, H, W): background, hand."""
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        maps = self.classes(self.hidden(self.trunk(inputs))).float()
        return F.interpolate(maps, inputs.shape[-2:], mode='bilinear')

    def probability(self, inputs: Tensor) -> Tensor:
        """(B, H, W), of each pixel to be hand."""
        return self.logits(inputs).softmax(1)[:, 1]

    def parts(self, probability: Tensor) -> list[tuple]:
        """`mask_parts` of each map of (B, H, W)."""
        return [
            mask_parts(one, self.threshold, self.min_area, self.max_per_img)
            for one in probability.cpu().numpy()
        ]

    def forward(
        self,
        inputs: Tensor,
        data_samples: list | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Logits (`'tensor'`), losses (`'loss'`), samples (`'predict'`).

        A predicted sample has `pred_instances`: `bboxes` (N, 4) px of the
        picture, the surest first, `scores` (N,), `labels` (N,), -1 for the
        side is not known; and `pred_sem_seg.sem_seg` (1, H, W), 1 for hand.

        Args:
            inputs: (B, 3, H, W), normalised.
            data_samples: With `gt_sem_seg` for losses, `scale_factor` in
                the metainfo for predictions.
            mode: MMEngine's.
        """
        if mode == 'loss':
            return self._loss(inputs, data_samples or [])
        if mode == 'predict':
            return self._predict(inputs, data_samples or [])
        return self.logits(inputs)

    def _loss(self, inputs: Tensor, samples: list) -> dict[str, Tensor]:
        with autocast_as(inputs, self.autocast):
            logits = self.logits(inputs)
        masks = [sample.gt_sem_seg.sem_seg[0] for sample in samples]
        true = torch.stack(masks).to(inputs.device, torch.long)
        weight = logits.new_tensor([1.0, self.hand_weight])
        return dict(loss_mask=F.cross_entropy(logits, true, weight))

    def _predict(self, inputs: Tensor, samples: list) -> list:
        probability = self.probability(inputs)
        found = self.parts(probability)
        for sample, (boxes, scores), map_ in zip(
            samples, found, probability, strict=True
        ):
            order = np.argsort(-scores, kind='stable')
            scale = np.tile(sample.metainfo['scale_factor'], 2)
            sample.pred_instances = InstanceData(
                bboxes=torch.from_numpy(boxes[order] / scale).float(),
                scores=torch.from_numpy(scores[order]),
                labels=torch.full((len(order),), HAND_SIDES['unknown']),
            )
            mask = (map_ >= self.threshold)[None].to(torch.uint8)
            sample.pred_sem_seg = PixelData(sem_seg=mask)
        return samples


def _trunk(width: int, depths: Sequence[int]) -> tuple[nn.Sequential, int]:
    """Blocks, and the channels of the last."""
    layers: list[nn.Module] = []
    channels = 3
    for number, depth in enumerate(depths):
        if number:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            wide = width * 2**number
            layers.append(
                ConvModule(
                    channels, wide, 3, padding=1, norm_cfg=dict(type='BN')
                )
            )
            channels = wide
    return nn.Sequential(*layers), channels


def mask_parts(
    probability: npt.NDArray[np.float32],
    threshold: float = 0.5,
    min_area: float = 0.0,
    most: int | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Connected parts of a mask, the largest first.

    Args:
        probability: (H, W).
        threshold: Of pixels that belong to the mask.
        min_area: Smallest part, as a share of the map.
        most: Largest number of parts; None for all.

    Returns:
        Boxes (N, 4) x1, y1, x2, y2 px around the centres of a part's
        pixels, and the mean probability (N,) of those.
    """
    mask = (probability >= threshold).astype(np.uint8)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask)
    areas = facts[1:, cv2.CC_STAT_AREA]
    order = 1 + np.argsort(-areas, kind='stable')
    order = order[facts[order, cv2.CC_STAT_AREA] >= min_area * mask.size]
    order = order[:most]
    corner, size = facts[order, :2], facts[order, 2:4]
    boxes = np.concatenate([corner, corner + size - 1], -1)
    sums = np.bincount(labels.ravel(), probability.ravel(), count)
    scores = sums[order] / facts[order, cv2.CC_STAT_AREA]
    return boxes.astype(np.float32), scores.astype(np.float32)
