"""Errors of 3D keypoints, and what needs no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from mmpose.registry import METRICS

from synhand.evaluation import functional
from synhand.evaluation.metrics.base import HandMetric, Row, field, flags
from synhand.evaluation.scores import Score
from synhand.geometry.alignment import HO3D_SCALE_BONE
from synhand.skeleton import REFERENCE_BONE, ROOT

_MIN_VALID = 4
_AREA = (0, 50)
_FAR_AREA = (20, 50)
_FLOOR_KEYS = {'MPJPE', 'PA-MPJPE'}


def row_3d(sample: Mapping[str, Any]) -> Row:
    """What 3D scores need of one data sample (N = 1).

    Returns:
        `predicted` and `true` (N, K, 3) in mm, camera frame, NaN where
        absent; `valid` (N, K); `pixels` (N, K, 2) true 2D keypoints, NaN
        where not labelled; `side` (N,).
    """
    truth = sample['gt_instances']
    pixels = np.asarray(truth['keypoints'], np.float64)[..., :2]
    shape = (*pixels.shape[:2], 3)
    true = field(truth, 'keypoints_cam', shape)
    valid = np.isfinite(true).all(axis=-1)
    if 'keypoints_cam_valid' in truth:
        valid &= flags(truth, 'keypoints_cam_valid')
    labelled = flags(truth, 'keypoints_visible')[..., None]
    return {
        'predicted': field(sample['pred_instances'], 'keypoints_cam', shape),
        'true': true,
        'valid': valid,
        'pixels': np.where(labelled, pixels, np.nan),
        'side': np.asarray(truth.get('hand_side', np.full(shape[:1], -1))),
    }


def usable_hands(data: Row) -> np.ndarray:
    """(N,) hands with a valid root and enough valid keypoints to align."""
    valid = data['valid']
    return valid[:, ROOT] & (valid.sum(axis=1) >= _MIN_VALID)


def errors_3d(data: Row) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Errors (N, K) in mm after each alignment, and where they count.

    Names as in `HandKeypoint3DMetric`, without the measure: '' (roots
    aligned), 'PA', 'PA-official', 'ST', 'bone', 'palm', 'camera'.
    """
    points, valid = (data['predicted'], data['true']), data['valid']

    def scaled(bone: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        errors = functional.scale_translation_errors(*points, bone=bone)
        return errors, valid & valid[:, list(bone)].all(axis=1, keepdims=True)

    bone = scaled(REFERENCE_BONE)
    return {
        '': (functional.root_aligned_errors(*points), valid),
        'PA': (functional.procrustes_errors(*points, valid), valid),
        'PA-official': (
            functional.procrustes_errors(*points, valid, True),
            valid,
        ),
        'ST': scaled(HO3D_SCALE_BONE),
        'bone': bone,
        'palm': (
            functional.palm_errors(*points),
            bone[1] & valid[:, [ROOT]],
        ),
        'camera': (functional.distances(*points), valid),
    }


def _mean(errors: np.ndarray, valid: np.ndarray, macro: bool = False) -> Score:
    return Score(errors, valid & np.isfinite(errors), macro)


def _area(errors: np.ndarray, valid: np.ndarray, far: bool = False) -> Score:
    low, high = _FAR_AREA if far else _AREA
    return Score(functional.curve_areas(errors, low, high), valid)


def scores_3d(data: Row) -> dict[str, Score]:
    """The scores of `HandKeypoint3DMetric` from usable rows of `row_3d`."""
    errors = errors_3d(data)
    return {
        'MPJPE': _mean(*errors['']),
        'MPJPE-macro': _mean(*errors[''], macro=True),
        'AUC@0-50': _area(*errors['']),
        'AUC@20-50': _area(*errors[''], far=True),
        'PA-MPJPE': _mean(*errors['PA']),
        'PA-AUC@0-50': _area(*errors['PA']),
        'PA-AUC@20-50': _area(*errors['PA'], far=True),
        'PA-MPJPE-official': _mean(*errors['PA-official']),
        'PA-AUC-official@0-50': _area(*errors['PA-official']),
        'ST-MPJPE': _mean(*errors['ST']),
        'ST-AUC@0-50': _area(*errors['ST']),
        'bone-MPJPE': _mean(*errors['bone']),
        'bone-AUC@0-50': _area(*errors['bone']),
        'bone-AUC@20-50': _area(*errors['bone'], far=True),
        'palm-MPJPE': _mean(*errors['palm']),
        'palm-AUC@0-50': _area(*errors['palm']),
        'palm-AUC@20-50': _area(*errors['palm'], far=True),
        'camera-MPJPE': _mean(*errors['camera']),
        'camera-AUC@0-50': _area(*errors['camera']),
    }


def floor_scores(data: Row) -> dict[str, dict[str, Score]]:
    """What needs no model, from the complete hands of rows of `row_3d`.

    Returns:
        All scores that mean something of `constant` and of `true-2D-flat`,
        see `HandKeypoint3DMetric`; nothing where no hand is complete.
    """
    complete = data['valid'].all(axis=1)
    if not complete.any():
        return {}
    hands = {key: value[complete] for key, value in data.items()}
    pose = _floor(hands, functional.constant_poses)
    shape = _aligned(_floor(hands, functional.constant_shapes))
    pose = {k: v for k, v in pose.items() if not k.startswith('camera')}
    floors = {'constant': {**pose, **shape}}
    drawn = np.isfinite(hands['pixels']).all(axis=(1, 2))
    if drawn.any():
        flat = {key: value[drawn] for key, value in hands.items()}
        flat['predicted'] = functional.flat_poses(flat['pixels'])
        floors['true-2D-flat'] = _aligned(scores_3d(flat))
    return floors


def _floor(
    hands: Row, constant: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> dict[str, Score]:
    predicted = constant(hands['true'], hands['side'])
    return scores_3d({**hands, 'predicted': predicted})


def _aligned(scores: dict[str, Score]) -> dict[str, Score]:
    """Those that know neither place nor size nor direction of a hand."""
    return {k: v for k, v in scores.items() if k.startswith('PA')}


@METRICS.register_module()
class HandKeypoint3DMetric(HandMetric):
    """3D errors in mm over the valid keypoints (`keypoints_cam_valid`).

    Keys of the result; means are over all valid keypoints of all samples,
    the root included:

    - `MPJPE`: both roots (wrists) at the origin; `AUC@0-50`, `AUC@20-50`:
      area under the curve of correct keypoints over these thresholds in mm.
      `MPJPE-macro`: the mean over keypoints of each one's mean over samples
      (InterHand2.6M; the same where every keypoint is valid).
    - `PA-MPJPE`, `PA-AUC@0-50`, `PA-AUC@20-50`: after Procrustes alignment
      with a proper rotation. A mirrored hand stays wrong.
    - `PA-MPJPE-official`, `PA-AUC-official@0-50`: alignment that may mirror,
      as in the official scripts of FreiHAND, HO-3D and DexYCB.
    - `ST-MPJPE`, `ST-AUC@0-50`: the true place of the wrist and the true
      distance from there to the middle MCP are given (HO-3D's
      scale-translation alignment).
    - `bone-MPJPE`, `bone-AUC@0-50`, `bone-AUC@20-50`: the true place of the
      wrist and the true length of the reference bone are given.
    - `palm-MPJPE`, `palm-AUC@0-50`, `palm-AUC@20-50`: the same with the
      palm's centre, midway from the wrist to the middle MCP, in place of the
      wrist (Zimmermann and Brox 2017 on RHD and STB; their curve has 20
      thresholds, this one 100).
    - `camera-MPJPE`, `camera-AUC@0-50`: in the camera frame, nothing aligned
      (FreiHAND's unaligned, DexYCB's absolute error).
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

    def row(self, sample: Mapping[str, Any]) -> Row:
        return row_3d(sample)

    def summary(self, data: Row) -> dict[str, float]:
        usable = usable_hands(data)
        if not usable.any():
            raise ValueError(
                f'{type(self).__name__}: no hand of the set has valid 3D '
                'keypoints'
            )
        data = {key: value[usable] for key, value in data.items()}
        metrics = {name: s.mean() for name, s in scores_3d(data).items()}
        missing = ~np.isfinite(data['predicted']).all(axis=-1)
        missing = (data['valid'] & missing).any(axis=1)
        metrics['misses'] = int(missing.sum())
        metrics['samples'] = int(usable.sum())
        metrics['skipped'] = int((~usable).sum())
        if self.floors:
            for floor, scores in floor_scores(data).items():
                for name in _FLOOR_KEYS & scores.keys():
                    metrics[f'{floor}/{name}'] = scores[name].mean()
        return metrics
