"""2D keypoints, of a model or given, lifted to 3D."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.model import BaseModel
from mmengine.runner import load_checkpoint
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from synhand.geometry.placement import place_hand
from synhand.geometry.pose25d import from_25d
from synhand.models.estimators.cameras import camera_of
from synhand.models.labels import known_side
from synhand.models.lifters.base import Lifter, canonical_poses, whole_poses
from synhand.skeleton import HAND_SIDES, MEAN_BONE_LENGTHS_MM


@MODELS.register_module()
class LiftingEstimator(BaseModel):
    """A lifter behind a 2D model, or behind keypoints that are the input.

    The prediction's fields are those of `HandPoseEstimator`.

    Args:
        lifter: Config of the lifter.
        pose2d: Config of a top-down estimator; None where the input is
            keypoints (`PackHandKeypoints`).
        pose2d_checkpoint: Its weights: a file, or `synhand://NAME`. They are
            not part of this model's checkpoints.
        warp: Take u and v from the 2D keypoints and only z from the lifter;
            else the lifted shape as it is, placed where it projects nearest
            to the keypoints. Better for exact, worse for noisy 2D.
        assumed_fov: See `HandPoseEstimator`.
        mean_bone_lengths_mm: (20,), lengths of the skeleton's bones of a
            mean hand; None for those of the literature.
        data_preprocessor: Of the inputs.
    """

    def __init__(
        self,
        lifter: dict,
        pose2d: dict | None = None,
        pose2d_checkpoint: str | None = None,
        warp: bool = False,
        assumed_fov: float = 60.0,
        mean_bone_lengths_mm: Sequence[float] | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.lifter: Lifter = MODELS.build(lifter)
        # kept out of the modules, so out of checkpoints
        self._pose2d = [MODELS.build(pose2d)] if pose2d else []
        for model in self._pose2d:
            model.eval().requires_grad_(False)
            if pose2d_checkpoint:
                load_checkpoint(model, pose2d_checkpoint, map_location='cpu')
        self.warp = warp
        self.assumed_fov = assumed_fov
        self.mean_bone_lengths_mm = np.asarray(
            mean_bone_lengths_mm or MEAN_BONE_LENGTHS_MM
        )

    def _apply(self, fn: Any, recurse: bool = True) -> LiftingEstimator:
        for model in self._pose2d:
            model._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def forward(
        self,
        inputs: Tensor,
        data_samples: SampleList | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Losses (`'loss'`) or predictions (`'predict'`).

        Args:
            inputs: Crops (B, 3, H, W) for a 2D model; else keypoints
                (B, K, 3) as u, v in px of the image and a score.
            data_samples: Their samples.
            mode: MMEngine's.

        Raises:
            ValueError: Another mode.
        """
        if mode == 'predict':
            return self.predict(inputs, data_samples or [])
        if mode == 'loss':
            return self.loss(data_samples or [])
        raise ValueError(f"mode: expected 'loss' or 'predict', got {mode!r}")

    # ---- learning ------------------------------------------------------

    def loss(self, data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of a lifter that learns from batches.

        Hands with unknown keypoints are left out.
        """
        return self.lifter.view_loss(whole_poses(*_labels(data_samples)))

    def fit(self, batches: Iterable[dict], limit: int | None) -> int:
        """Fit the lifter to the labels of a loader's batches.

        Args:
            batches: What the loader gives.
            limit: Most hands; None for all.

        Returns:
            The number of hands.

        Raises:
            ValueError: See `canonical_poses`.
        """
        labels = (_labels(batch['data_samples']) for batch in batches)
        poses = canonical_poses(labels, limit)
        self.lifter.fit(poses)
        return len(poses)

    # ---- lifting -------------------------------------------------------

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Samples with `pred_instances`."""
        if self._pose2d:
            data_samples = self._pose2d[0].predict(inputs, data_samples)
            for sample in data_samples:
                found = sample.pred_instances
                for name in ('keypoints_25d', 'keypoints_cam'):
                    if name in found:
                        found.pop(name)
        else:
            for given, sample in zip(inputs, data_samples, strict=True):
                sample.pred_instances = _given(given, sample)
        self._lift(data_samples)
        return data_samples

    def _lift(self, samples: SampleList) -> None:
        keypoints = np.concatenate(
            [s.pred_instances.keypoints for s in samples]
        ).astype(np.float64)
        cameras = np.concatenate(
            [camera_of(s, self.assumed_fov) for s in samples]
        )
        mirrored = np.array([_is_left(s) for s in samples])
        scales = np.concatenate(
            [s.metainfo.get('bone_scale', np.full(1, np.nan)) for s in samples]
        )
        shapes = self.lifter.lift(keypoints, cameras, mirrored)
        place = self._warped if self.warp else self._placed
        points = place(shapes, keypoints, cameras, scales)
        for sample, point, shape in zip(samples, points, shapes, strict=True):
            found = sample.pred_instances
            found.keypoints_25d = np.concatenate(
                [found.keypoints, shape[None, :, 2:]], -1
            )
            found.keypoints_cam = point[None].astype(np.float32)

    def _warped(self, shapes, keypoints, cameras, scales) -> np.ndarray:
        pose = np.concatenate([keypoints, shapes[..., 2:]], -1)
        lengths = self.mean_bone_lengths_mm
        return from_25d(pose, cameras, scales, mean_bone_lengths_mm=lengths)

    def _placed(self, shapes, keypoints, cameras, scales) -> np.ndarray:
        offset, scale = place_hand(
            shapes, keypoints, cameras, scales, self.mean_bone_lengths_mm
        )
        return (shapes + offset[:, None]) * scale[:, None, None]


def _given(keypoints: Tensor, sample: Any) -> InstanceData:
    """Keypoints (K, 3) of the input as a prediction; misses are NaN."""
    values = keypoints.cpu().numpy()[None]
    return InstanceData(
        keypoints=values[..., :2],
        keypoint_scores=values[..., 2],
        bboxes=sample.gt_instances.bboxes,
        bbox_scores=sample.gt_instances.bbox_scores,
    )


def _is_left(sample: Any) -> bool:
    """Left hands are lifted as mirrored right ones."""
    return known_side(sample) == HAND_SIDES['left']


def _labels(samples: SampleList) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (B, K, 3) mm and which are left hands (B,)."""
    points = np.concatenate([s.gt_instances.keypoints_cam for s in samples])
    return points, np.array([_is_left(s) for s in samples])
