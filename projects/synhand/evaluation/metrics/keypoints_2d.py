"""Errors of 2D keypoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmpose.registry import METRICS

from synhand.evaluation import functional
from synhand.evaluation.metrics.base import HandMetric, Row, field, flags
from synhand.evaluation.scores import Score
from synhand.skeleton import KEYPOINT_NAMES

AUC_RANGE = 30
"""Pixels; the range that MMPose's hand configs use."""

_AUC_THRESHOLDS = np.arange(20) / 20
HEAD_THRESHOLD = 0.7


def row_2d(sample: Mapping[str, Any]) -> Row:
    """What 2D scores need of one data sample (N = 1).

    Returns:
        `predicted` and `true` (N, K, 2) in pixels of the image file,
        `labelled` (N, K), `middle` (N, 2) and `box` (N,), centre and longer
        side of `bboxes`, and `head` (N,) `head_size`, in pixels, NaN where
        unknown.
    """
    truth = sample['gt_instances']
    true = np.asarray(truth['keypoints'], np.float64)[..., :2]
    corners = np.asarray(truth['bboxes'], np.float64)
    head = truth.get('head_size', sample.get('head_size', np.nan))
    return {
        'predicted': field(sample['pred_instances'], 'keypoints', true.shape),
        'true': true,
        'labelled': flags(truth, 'keypoints_visible')
        & np.isfinite(true).all(axis=-1),
        'middle': (corners[:, 2:] + corners[:, :2]) / 2,
        'box': (corners[:, 2:] - corners[:, :2]).max(axis=1),
        'head': np.broadcast_to(np.asarray(head, np.float64).ravel(), 1),
    }


def scores_2d(
    data: Row, thresholds: Sequence[float] = (0.05, 0.1, 0.2)
) -> dict[str, Score]:
    """The scores of `HandKeypoint2DMetric` from rows of `row_2d`."""
    labelled = data['labelled']
    errors = functional.distances(data['predicted'], data['true'])
    found = labelled & np.isfinite(errors)
    of_box, boxed = _relative(errors, data['box'])
    scores = {
        f'PCK@{t:g}': Score(of_box < t, labelled & boxed, per_keypoint=True)
        for t in thresholds
    }
    below = np.searchsorted(_AUC_THRESHOLDS, errors / AUC_RANGE, side='right')
    scores['AUC'] = Score(1 - below / len(_AUC_THRESHOLDS), labelled, True)
    scores['EPE'] = Score(errors, found)
    scores['NME'] = Score(of_box, found & boxed)
    of_head, headed = _relative(errors, data['head'])
    if headed.any():
        name = f'PCKh@{HEAD_THRESHOLD}'
        hits = of_head < HEAD_THRESHOLD
        scores[name] = Score(hits, labelled & headed, per_keypoint=True)
    return scores


def floor_scores_2d(data: Row) -> dict[str, dict[str, Score]]:
    """What a model would score that sees nothing of the image but the box.

    Args:
        data: Rows of `row_2d`.

    Returns:
        Scores of `constant`: every keypoint at the set's own mean place in
        units of the longer side of the box around its middle, so a constant
        drawing of a hand in the true box.
    """
    known = data['labelled'] & (data['box'] > 0)[:, None]
    if not known.any():
        return {}
    unit = np.where(data['box'] > 0, data['box'], 1)[:, None, None]
    middle = data['middle'][:, None]
    places = (data['true'] - middle) / unit
    mean = np.stack(
        [Score(places[..., axis], known).of_keypoints() for axis in (0, 1)],
        axis=-1,
    )
    constant = np.where(np.isfinite(mean), mean, 0) * unit + middle
    return {'constant': scores_2d({**data, 'predicted': constant})}


def _relative(
    errors: np.ndarray, unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Errors (N, K) over a unit (N,), and where there is one, (N, 1)."""
    known = (np.isfinite(unit) & (unit > 0))[:, None]
    return errors / np.where(known, unit[:, None], 1), known


@METRICS.register_module()
class HandKeypoint2DMetric(HandMetric):
    """2D errors over the labelled keypoints (`keypoints_visible` > 0).

    Keys of the result, N instances of K keypoints:

    - `PCK@t`: share of keypoints nearer than t times the longer side of the
      ground truth box `bboxes`, the mean over keypoints of the share over
      instances. A missing keypoint is not near.
    - `PCKh@0.7`: the same with 0.7 times `head_size`, where that is given
      (CMU Panoptic).
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

    def row(self, sample: Mapping[str, Any]) -> Row:
        return row_2d(sample)

    def summary(self, data: Row) -> dict[str, float]:
        labelled = data['labelled']
        if not labelled.any():
            raise ValueError(
                f'{type(self).__name__}: no keypoint of the set is labelled'
            )
        scores = scores_2d(data, self.thresholds)
        metrics = {name: score.mean() for name, score in scores.items()}
        found = np.isfinite(data['predicted']).all(axis=-1)
        metrics['misses'] = int((labelled & ~found).any(axis=1).sum())
        if self.per_joint:
            means = scores['EPE'].of_keypoints()
            for name, mean in zip(KEYPOINT_NAMES, means, strict=True):
                metrics[f'EPE/{name}'] = float(mean)
        return metrics
