"""An estimator whose head looks at the crop again."""

from __future__ import annotations

from typing import Any

from mmpose.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from synhand.models.estimators.hand_estimator import HandPoseEstimator


@MODELS.register_module()
class CascadeEstimator(HandPoseEstimator):
    """Shows the backbone a coarse crop and the head, beside it, the full one.

    Args:
        *args: Those of `HandPoseEstimator`.
        coarse_factor: Pixels of the crop that are averaged, in each
            direction, to one of the coarse crop.
        **kwargs: Those of `HandPoseEstimator`.
    """

    def __init__(
        self, *args: Any, coarse_factor: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.coarse_factor = coarse_factor

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """The backbone's maps of the coarse crop, then the crop itself."""
        coarse = F.avg_pool2d(inputs, self.coarse_factor)
        return (*super().extract_feat(coarse), inputs)
