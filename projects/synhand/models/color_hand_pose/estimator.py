"""ColorHandPose3D as estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.typing import SampleList
from torch import Tensor

from synhand.geometry.boxes import whole_image
from synhand.models.crops import sample_windows
from synhand.models.estimators.relative_estimator import RelativeHandEstimator


@MODELS.register_module()
class CanonicalPoseEstimator(RelativeHandEstimator):
    """`RelativeHandEstimator` of which parts may stay as they are.

    Args:
        *args: Those of `RelativeHandEstimator`.
        frozen: Names of the modules, such as `'backbone'`, that do not
            learn; their norms keep their statistics.
        **kwargs: Those of `RelativeHandEstimator`.
    """

    def __init__(
        self, *args: Any, frozen: Sequence[str] = (), **kwargs: Any
    ) -> None:
        self.frozen = tuple(frozen)
        super().__init__(*args, **kwargs)
        for name in self.frozen:
            self.get_submodule(name).requires_grad_(False)

    def train(self, mode: bool = True) -> CanonicalPoseEstimator:
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self


@MODELS.register_module()
class ColorHandPose3D(CanonicalPoseEstimator):
    """From a whole picture to the 3D of its largest hand.

    HandSegNet's mask, the box of its largest part, a square crop around it,
    PoseNet's score maps of that (the backbone), PosePrior and ViewPoint (the
    head). The parts are trained alone and joined by `join_parts`. A sample's
    `input_center`, `input_scale` and `input_size` become those of the crop,
    `pred_instances.bboxes` (1, 4) the box that was found, px of the picture,
    with its score (1,) in `bbox_scores`. Without any part of hand the crop
    is the whole picture and the score 0.

    The side of the hand is an input, as in the paper: the sample's
    `hand_side`; an unknown one counts as right.

    Note:
        - batch size: B

    Args:
        *args: Those of `CanonicalPoseEstimator`.
        segmenter: Config of a `HandSegmenter`.
        crop_size: n px, side of the crop.
        padding: Side of the crop over the longer side of the box.
        **kwargs: Those of `CanonicalPoseEstimator`.
    """

    def __init__(
        self,
        *args: Any,
        segmenter: dict,
        crop_size: int = 256,
        padding: float = 1.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.segmenter = MODELS.build(segmenter)
        self.crop_size, self.padding = crop_size, padding

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Not learnt as a whole.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            'ColorHandPose3D: its parts are trained one by one, each by its '
            'own config; tools/join_color_hand_pose.py joins them'
        )

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Samples with `pred_instances`; see the class.

        Args:
            inputs: Whole pictures (B, 3, H, W), normalised.
            data_samples: Their samples.
        """
        boxes, scores = self._boxes(inputs)
        last = np.array(inputs.shape[:-3:-1], np.float32) - 1
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / last
        longer = (boxes[:, 2:] - boxes[:, :2]).max(-1, keepdims=True)
        sides = self.padding * np.maximum(longer, 1) / last
        crops = self._cut(inputs, centres, sides)
        places = zip(data_samples, boxes / np.tile(last, 2), strict=True)
        found = [_in_picture(sample, box) for sample, box in places]
        for sample, centre, side in zip(
            data_samples, centres, sides, strict=True
        ):
            _set_crop(sample, centre, side, self.crop_size)
        samples = super().predict(crops, data_samples)
        for sample, box, score in zip(samples, found, scores, strict=True):
            sample.pred_instances.bboxes = box[None]
            sample.pred_instances.bbox_scores = score[None]
        return samples

    def _boxes(self, inputs: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Box (B, 4) px of the input and score (B,) of the largest parts."""
        height, width = inputs.shape[-2:]
        boxes = np.tile(whole_image(width, height), (len(inputs), 1))
        scores = np.zeros(len(inputs), np.float32)
        parts = self.segmenter.parts(self.segmenter.probability(inputs))
        for number, (found, sure) in enumerate(parts):
            if len(found):
                boxes[number], scores[number] = found[0], sure[0]
        return boxes, scores

    def _cut(
        self, inputs: Tensor, centres: np.ndarray, sides: np.ndarray
    ) -> Tensor:
        """Crops (B, 3, n, n), black beside the pictures."""
        mean, std = self.data_preprocessor.mean, self.data_preprocessor.std
        black = (-mean / std).to(inputs)
        centre, side = (
            torch.from_numpy(values[:, None]).to(inputs)
            for values in (centres, sides)
        )
        lit = inputs - black
        return sample_windows(lit, centre, side, self.crop_size) + black


def _in_picture(sample: PoseDataSample, box: np.ndarray) -> np.ndarray:
    """A box (4,) in fractions of the input in pixels of the picture."""
    scale = np.asarray(sample.metainfo['input_scale'])
    corner = np.asarray(sample.metainfo['input_center']) - scale / 2
    return np.float32(np.tile(corner, 2) + box * np.tile(scale, 2))


def _set_crop(
    sample: PoseDataSample, centre: np.ndarray, side: np.ndarray, size: int
) -> None:
    """Let the crop, told in fractions of the input, be the input."""
    scale = np.asarray(sample.metainfo['input_scale'])
    corner = np.asarray(sample.metainfo['input_center']) - scale / 2
    sample.set_metainfo(
        dict(
            input_center=np.float32(corner + centre * scale),
            input_scale=np.float32(side * scale),
            input_size=(size, size),
        )
    )
