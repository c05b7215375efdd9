"""The stock InterNet head, read as one of a single hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.structures import InstanceData
from mmpose.models.heads import InternetHead
from mmpose.registry import MODELS
from mmpose.utils.typing import ConfigType, SampleList
from torch import Tensor

from synhand.skeleton import NUM_KEYPOINTS, ROOT, to_standard


@MODELS.register_module()
class OneHandInternetHead(InternetHead):
    """Stock network, losses and decoding; the surer hand is the result.

    Args:
        *args: Those of `InternetHead`.
        bone_mm: Length of the reference bone of a mean hand, which brings
            depths from mm to reference bones.
        **kwargs: Those of `InternetHead`.
    """

    def __init__(self, *args: Any, bone_mm: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bone_mm = bone_mm

    def predict(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: SampleList,
        test_cfg: ConfigType | None = None,
    ) -> list[InstanceData]:
        """Poses of a batch.

        Args:
            feats: Feature maps; the last is read.
            batch_data_samples: Not used.
            test_cfg: `flip_test` is not supported: the stock head's own
                treats hand type and root depth wrongly.

        Returns:
            B times `keypoints` (1, K, 2) in pixels of the crop,
            `keypoint_scores` (1, K), `keypoints_z` (1, K) relative to the
            wrist in reference bones, `hand_side` (1,): 0 left, 1 right.

        Raises:
            ValueError: `flip_test` is asked for.
        """
        if test_cfg and test_cfg.get('flip_test', False):
            raise ValueError('InterNet: expected flip_test=False')
        return [
            self._one_hand(found)
            for found in super().predict(feats, batch_data_samples, {})
        ]

    def _one_hand(self, found: InstanceData) -> InstanceData:
        right, left = found.hand_type[0]
        scores = found.keypoint_scores / self.decoder.max_bound
        halves = scores[:, :NUM_KEYPOINTS], scores[:, NUM_KEYPOINTS:]
        side = int(right > left)
        if right == left:
            side = int(halves[0].mean() >= halves[1].mean())
        start = 0 if side else NUM_KEYPOINTS
        hand = slice(start, start + NUM_KEYPOINTS)
        pose = to_standard(found.keypoints[:, hand], 'interhand')
        score = to_standard(scores[:, hand], 'interhand', axis=-1)
        depth = pose[..., 2] - pose[:, ROOT, None, 2]
        # The stock decoder counts 0 to W - 1, the stock estimator 0 to W.
        size = np.array(self.decoder.image_size, np.float32)
        return InstanceData(
            keypoints=pose[..., :2] * size / (size - 1),
            keypoint_scores=score.clip(0, 1),
            keypoints_z=(depth / self.bone_mm).astype(np.float32),
            hand_side=np.array([side], np.int8),
        )
