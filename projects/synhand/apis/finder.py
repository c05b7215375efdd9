"""Boxes of hands in whole pictures, with a trained detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope

from synhand.apis.loading import load_model, model_device, model_files
from synhand.geometry.boxes import without_overlaps
from synhand.skeleton import SIDE_NAMES
from synhand.zoo import DEFAULT_FINDER, FINDERS

Image = npt.NDArray[np.uint8]
MIN_SCORE = 0.1
"""Low, for what reads the places tells which are hands."""

_SAME = 0.6  # overlap of boxes


@dataclass(frozen=True, eq=False)
class FoundHand:
    """A place where a hand is.

    Attributes:
        bbox: (4,) tight box x1, y1, x2, y2 in pixels of the image.
        hand: `'left'`, `'right'` or `'unknown'`.
        score: 0 to 1.
    """

    bbox: npt.NDArray[np.float32]
    hand: str = 'unknown'
    score: float = 1.0


class HandFinder:
    """A trained detector of hands.

    Args:
        model: Name of a released finder; None without `config` means
            `synhand.zoo.DEFAULT_FINDER`.
        config: A config file, with `checkpoint` in place of `model`.
        checkpoint: Its weights.
        device: See `HandPredictor`.
        min_score: Places below it are left out.
        max_hands: Most hands an image, the surest.

    Raises:
        FileNotFoundError: The config or the checkpoint is missing.
        ValueError: The finder, its checkpoint or the device is unknown or
            does not fit.
    """

    def __init__(
        self,
        model: str | None = None,
        config: str | Path | None = None,
        checkpoint: str | Path | None = None,
        device: str = 'auto',
        min_score: float = MIN_SCORE,
        max_hands: int = 8,
    ) -> None:
        self.min_score = min_score
        self.max_hands = max_hands
        config, checkpoint = model_files(
            model, config, checkpoint, DEFAULT_FINDER, FINDERS
        )
        cfg = Config.fromfile(config)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        self.model = load_model(cfg, checkpoint).to(model_device(device))
        steps = cfg.test_dataloader.dataset.pipeline
        self._compose = Compose(
            [step for step in steps if step['type'] != 'LoadShardImage']
        )

    def __call__(self, image: Image) -> list[FoundHand]:
        """Hands of one image (H, W, 3) uint8 blue, green, red."""
        return self.find([image])[0]

    def find(self, images: Sequence[Image]) -> list[list[FoundHand]]:
        """Hands of each image, the surest first."""
        samples = [self._compose(_sample(image)) for image in images]
        if not samples:
            return []
        with torch.inference_mode():
            found = self.model.test_step(pseudo_collate(samples))
        return [
            self._hands(sample.pred_instances, image)
            for sample, image in zip(found, images, strict=True)
        ]

    def _hands(self, found: object, image: Image) -> list[FoundHand]:
        last = np.tile(np.array(image.shape[1::-1]) - 1, 2)
        boxes = np.clip(found.bboxes.cpu().numpy(), 0, last)
        scores, labels = found.scores.cpu().numpy(), found.labels.tolist()
        order = np.argsort(-scores, kind='stable')
        hands = [
            FoundHand(
                boxes[i].astype(np.float32),
                SIDE_NAMES[labels[i]],
                float(scores[i]),
            )
            for i in order
            if scores[i] >= self.min_score
            and (boxes[i, 2:] - boxes[i, :2]).min() >= 2
        ]
        apart = without_overlaps([hand.bbox for hand in hands], _SAME)
        return [hands[number] for number in apart[: self.max_hands]]


def _sample(image: Image) -> dict:
    return dict(
        img=image,
        hands_keypoints=np.zeros((0, 21, 2), np.float32),
        hands_side=np.zeros(0, np.int64),
        hands_seen=np.zeros(0, np.float32),
        img_path=None,
        img_id=0,
    )
