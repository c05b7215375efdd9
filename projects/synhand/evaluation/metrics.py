"""Metrics of 2D and 3D hand keypoints for MMPose's evaluators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.evaluation.functional import (
    keypoint_auc,
    keypoint_epe,
    keypoint_nme,
    keypoint_pck_accuracy,
)
from mmpose.registry import METRICS

from synhand.evaluation import functional
from synhand.skeleton import KEYPOINT_NAMES, ROOT

_AUC_2D_RANGE = 30
"""Pixels; the range that MMPose's hand configs use."""

_MIN_VALID = 4


def _array(
    instances: Mapping[str, Any], key: str, shape: tuple[int, ...]
) -> np.ndarray:
    """Field of the given shape; NaN where it is absent or shaped otherwise."""
    value = instances.get(key)
    array = np.full(shape, np.nan) if value is None else np.asarray(value)
    if array.shape != shape:
        array = np.full(shape, np.nan)
    return array.astype(np.float64)


def _flags(instances: Mapping[str, Any], key: str) -> np.ndarray:
    """(N, K) flags, also from MMPose's (N, K, 2) with weights behind."""
    flags = np.asarray(instances[key])
    return (flags[..., 0] if flags.ndim == 3 else flags) > 0


def _stack(results: Sequence[dict]) -> dict[str, np.ndarray]:
    return {
        key: np.concatenate([result[key] for result in results])
        for key in results[0]
    }


@METRICS.register_module()
class HandKeypoint2DMetric(BaseMetric):
    """2D errors over the labelled keypoints (`keypoints_visible` > 0).

    Keys of the result, N instances of K keypoints:

    - `PCK@t`: share of keypoints nearer than t times the longer side of the
      ground truth box `bboxes`, the mean over keypoints of the share over
      instances. A missing keypoint is not near.
    - `AUC`: mean of that share over 20 thresholds from 0 to 30 px of the
      image file (not comparable between sets of different resolution).
    - `EPE`: mean error in pixels of the image file; `NME`: mean of error /
      longer side of the box. Both over the keypoints that are not missing.
    - `misses`: instances with a labelled keypoint but without a finite
      prediction of it.

    Args:
        thresholds: The thresholds t of PCK.
        per_joint: Adds `EPE/<keypoint name>`.
        collect_device: See `mmengine.evaluator.BaseMetric`.
        prefix: Prefix of the keys, `hand2d` when None.
    """

    default_prefix = 'hand2d'

    def __init__(
        self,
        thresholds: Sequence[float] = (0.05, 0.1, 0.2),
        per_joint: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.thresholds = tuple(thresholds)
        self.per_joint = per_joint

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep predictions, ground truth, mask and box of each sample."""
        for sample in data_samples:
            truth = sample['gt_instances']
            true = np.asarray(truth['keypoints'], np.float64)
            labelled = _flags(truth, 'keypoints_visible')
            corners = np.asarray(truth['bboxes'], np.float64)
            side = (corners[:, 2:] - corners[:, :2]).max(axis=1)
            predicted = _array(
                sample['pred_instances'], 'keypoints', true.shape
            )
            missing = ~np.isfinite(predicted).all(axis=-1, keepdims=True)
            self.results.append(
                {
                    'predicted': np.where(missing, np.inf, predicted),
                    'true': true,
                    'labelled': labelled & np.isfinite(true).all(axis=-1),
                    'side': np.stack([side, side], axis=1),
                }
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The metrics over all collected samples."""
        if not results:
            raise ValueError(f'{type(self).__name__}: no sample to evaluate')
        data = _stack(results)
        points = data['predicted'], data['true']
        labelled = data['labelled']
        found = labelled & np.isfinite(data['predicted']).all(axis=-1)
        if not labelled.any():
            raise ValueError(
                f'{type(self).__name__}: no keypoint of the set is labelled'
            )
        metrics = {
            # the stock functions write to the normaliser they are given
            f'PCK@{threshold:g}': float(
                keypoint_pck_accuracy(
                    *points, labelled, threshold, data['side'].copy()
                )[1]
            )
            for threshold in self.thresholds
        }
        metrics['AUC'] = float(keypoint_auc(*points, labelled, _AUC_2D_RANGE))
        metrics['EPE'] = self._epe(*points, found)
        metrics['NME'] = (
            float(keypoint_nme(*points, found, data['side'].copy()))
            if found.any()
            else float('nan')
        )
        metrics['misses'] = int((labelled & ~found).any(axis=1).sum())
        if self.per_joint:
            for index, name in enumerate(KEYPOINT_NAMES):
                only = np.zeros_like(found)
                only[:, index] = found[:, index]
                metrics[f'EPE/{name}'] = self._epe(*points, only)
        return metrics

    @staticmethod
    def _epe(
        predicted: np.ndarray, true: np.ndarray, mask: np.ndarray
    ) -> float:
        if not mask.any():
            return float('nan')
        return float(keypoint_epe(predicted, true, mask))


@METRICS.register_module()
class HandKeypoint3DMetric(BaseMetric):
    """3D errors in mm over the valid keypoints (`keypoints_cam_valid`).

    Keys of the result; means are over all valid keypoints of all samples,
    the root included:

    - `MPJPE`: both roots (wrists) at the origin; `AUC@0-50`, `AUC@20-50`:
      area under the curve of correct keypoints over these thresholds in mm.
    - `PA-MPJPE`, `PA-AUC@0-50`, `PA-AUC@20-50`: after Procrustes alignment
      with a proper rotation. A mirrored hand stays wrong.
    - `PA-MPJPE-official`, `PA-AUC-official@0-50`: alignment that may mirror,
      as in the official scripts of FreiHAND, HO-3D and DexYCB.
    - `camera-MPJPE`: in the camera frame, nothing aligned.
    - `samples`: hands evaluated; `skipped`: hands without a valid root or
      with fewer than 4 valid keypoints; `misses`: hands with a valid
      keypoint but without a finite prediction of it. The means leave misses
      out, the AUCs count them as wrong.

    With `floors`, what needs no model, on the same images (hands with 21
    valid keypoints only):

    - `constant/MPJPE`: the set's own mean root-relative pose (right hands,
      in units of the reference bone) for every hand, with its true bone
      length and side; `constant/PA-MPJPE`: the generalised Procrustes mean
      for every hand.
    - `true-2D-flat/PA-MPJPE`: true 2D keypoints (pixels) and z = 0.

    Args:
        floors: Adds the floors.
        collect_device: See `mmengine.evaluator.BaseMetric`.
        prefix: Prefix of the keys, `hand3d` when None.
    """

    default_prefix = 'hand3d'

    def __init__(
        self,
        floors: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.floors = floors

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep predictions and ground truth of each sample."""
        for sample in data_samples:
            truth = sample['gt_instances']
            pixels = np.asarray(truth['keypoints'], np.float64)
            shape = (*pixels.shape[:2], 3)
            true = _array(truth, 'keypoints_cam', shape)
            valid = np.isfinite(true).all(axis=-1)
            if 'keypoints_cam_valid' in truth:
                valid &= _flags(truth, 'keypoints_cam_valid')
            self.results.append(
                {
                    'predicted': _array(
                        sample['pred_instances'], 'keypoints_cam', shape
                    ),
                    'true': true,
                    'valid': valid,
                    'pixels': np.where(
                        _flags(truth, 'keypoints_visible')[..., None],
                        pixels,
                        np.nan,
                    ),
                    'side': np.asarray(
                        truth.get('hand_side', np.full(shape[:1], -1))
                    ),
                }
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The metrics over all collected samples."""
        if not results:
            raise ValueError(f'{type(self).__name__}: no sample to evaluate')
        data = _stack(results)
        usable = data['valid'][:, ROOT]
        usable = usable & (data['valid'].sum(axis=1) >= _MIN_VALID)
        if not usable.any():
            raise ValueError(
                f'{type(self).__name__}: no hand of the set has valid 3D '
                'keypoints'
            )
        skipped = int((~usable).sum())
        data = {key: value[usable] for key, value in data.items()}
        metrics = _errors_3d(data['predicted'], data['true'], data['valid'])
        metrics['samples'] = int(usable.sum())
        metrics['skipped'] = skipped
        if self.floors:
            metrics.update(_floors(data))
        return metrics


def _errors_3d(
    predicted: np.ndarray, true: np.ndarray, valid: np.ndarray
) -> dict[str, float]:
    absolute = functional.distances(predicted, true)[valid]
    relative = functional.root_aligned_errors(predicted, true)[valid]
    proper = functional.procrustes_errors(predicted, true, valid)[valid]
    official = functional.procrustes_errors(
        predicted, true, valid, allow_reflection=True
    )[valid]
    missing = valid & ~np.isfinite(predicted).all(axis=-1)
    mean, auc = functional.mean_finite, functional.area_under_curve
    return {
        'MPJPE': mean(relative),
        'AUC@0-50': auc(relative, 0, 50),
        'AUC@20-50': auc(relative, 20, 50),
        'PA-MPJPE': mean(proper),
        'PA-AUC@0-50': auc(proper, 0, 50),
        'PA-AUC@20-50': auc(proper, 20, 50),
        'PA-MPJPE-official': mean(official),
        'PA-AUC-official@0-50': auc(official, 0, 50),
        'camera-MPJPE': mean(absolute),
        'misses': int(missing.any(axis=1).sum()),
    }


def _floors(data: dict[str, np.ndarray]) -> dict[str, float]:
    complete = data['valid'].all(axis=1)
    if not complete.any():
        return {}
    true, side = data['true'][complete], data['side'][complete]
    pixels = data['pixels'][complete]
    mean = functional.mean_finite
    return {
        'constant/MPJPE': mean(functional.constant_pose_errors(true, side)),
        'constant/PA-MPJPE': mean(
            functional.constant_shape_errors(true, side)
        ),
        'true-2D-flat/PA-MPJPE': mean(
            functional.flat_pose_errors(true, pixels)
        ),
    }
