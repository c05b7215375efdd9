"""InterHand2.6M as its authors score it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmpose.evaluation.metrics import InterHandMetric
from mmpose.registry import METRICS

from synhand.evaluation.functional import distances
from synhand.evaluation.scores import Score

_MASKS = {
    'all': 'mask',
    'single': 'single_mask',
    'interacting': 'interacting_mask',
}


@METRICS.register_module()
class InterHandOfficialMetric(InterHandMetric):
    """Stock `InterHandMetric` with the averages of the official script.

    G. Moon et al., ECCV 2020. Two hands of 21 keypoints (right, then left,
    in the file's order), each relative to its wrist; as in stock MMPose the
    true depth of the wrists is given. Keys of the result, in mm:

    - `MPJPE_single-macro`, `MPJPE_interacting-macro`, `MPJPE_all-macro`: the
      published figures: the mean over the 42 keypoints, both wrists with
      their error 0 included, of each one's mean over images.
    - `MPJPE_single-pooled`, `MPJPE_interacting-pooled`, `MPJPE_all-pooled`:
      stock MMPose's `MPJPE_*`: the mean over all valid keypoints.
    - `MRRPE`: error of the left wrist relative to the right one, over
      interacting images with both wrists valid. `HandednessAcc`: share of
      images, of those with a valid type, with both hands judged right.

    What no image of the set can say is NaN (stock MMPose: 0).

    Args:
        modes: Which of `MPJPE`, `MRRPE`, `HandednessAcc`.
        collect_device: See `mmengine.evaluator.BaseMetric`.
        prefix: Prefix of the keys, `interhand` when None.
    """

    default_prefix = 'interhand'

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The metrics over all collected samples."""
        if not results:
            raise ValueError(f'{type(self).__name__}: no sample to evaluate')
        scores = interhand_scores(results, self.modes)
        return {name: score.mean() for name, score in scores.items()}


def interhand_scores(
    results: list, modes: Sequence[str] = tuple(InterHandMetric.METRICS)
) -> dict[str, Score]:
    """The scores of `InterHandOfficialMetric` from what stock collects."""
    scores = {}
    if 'MPJPE' in modes:
        scores.update(_errors(results))
    if 'MRRPE' in modes:
        scores['MRRPE'] = _relative_root(results)
    if 'HandednessAcc' in modes:
        scores['HandednessAcc'] = _handedness(results)
    return scores


def _gather(results: list, key: str) -> np.ndarray:
    return np.concatenate([result[key] for result in results])


def _errors(results: list) -> dict[str, Score]:
    errors = distances(
        _gather(results, 'pred_coords'), _gather(results, 'gt_coords')
    )
    return {
        f'MPJPE_{name}-{average}': Score(
            errors, _gather(results, key), average == 'macro'
        )
        for name, key in _MASKS.items()
        for average in ('macro', 'pooled')
    }


def _relative_root(results: list) -> Score:
    errors = distances(
        _gather(results, 'pred_rel_root_coords'),
        _gather(results, 'gt_rel_root_coords'),
    )
    mask = np.reshape([result['rel_root_mask'] for result in results], (-1, 1))
    return Score(errors.reshape(mask.shape), mask)


def _handedness(results: list) -> Score:
    right = _gather(results, 'pred_hand_type') == _gather(
        results, 'gt_hand_type'
    )
    mask = np.concatenate([np.ravel(r['hand_type_mask']) for r in results])
    return Score(right.all(axis=-1)[:, None], mask[:, None])
