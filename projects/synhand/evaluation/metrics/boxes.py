"""How well hands are found in whole pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from synhand.evaluation.boxes import average_precision, match_boxes
from synhand.evaluation.metrics.base import array_of
from synhand.skeleton import HAND_SIDES


@METRICS.register_module()
class HandBoxMetric(BaseMetric):
    """Recall, misses, false boxes, and whether the side is right.

    `AP50` is over all scores, `recall50` and `false_per_image` are at
    `score`. Boxes match at an intersection over union of 0.5, whatever the
    side; `side` is the share of matched hands of a told side whose side is
    right.

    Args:
        score: From which score on a box counts.
        **kwargs: Those of mmengine's `BaseMetric`.
    """

    default_prefix = 'boxes'

    def __init__(self, score: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.score = score

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keeps the boxes of each picture, px of the picture."""
        for sample in data_samples:
            scale = np.tile(sample['scale_factor'], 2)
            found, true = sample['pred_instances'], sample['gt_instances']
            ignored = sample.get('ignored_instances', {}).get('bboxes', [])
            scores = array_of(found['scores'])
            order = np.argsort(-scores, kind='stable')
            self.results.append(
                dict(
                    found=array_of(found['bboxes'])[order],
                    scores=scores[order],
                    sides=array_of(found['labels'])[order],
                    true=array_of(true['bboxes']) / scale,
                    true_sides=array_of(true['labels']),
                    ignored=array_of(ignored).reshape(-1, 4) / scale,
                )
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """See the class.

        Raises:
            ValueError: There is no sample.
        """
        if not results:
            raise ValueError(f'{type(self).__name__}: no sample to evaluate')
        matches = [
            match_boxes(r['true'], r['found'], r['ignored']) for r in results
        ]
        total = sum(len(r['true']) for r in results)
        scores = np.concatenate([r['scores'] for r in results])
        right = [
            _right(m, len(r['found']))
            for m, r in zip(matches, results, strict=True)
        ]
        wrong = np.concatenate([m.false for m in matches])
        counted = np.concatenate(right) | wrong
        sure = [
            _sure(m, r, self.score)
            for m, r in zip(matches, results, strict=True)
        ]
        sides = np.concatenate([s for _, s in sure])
        return dict(
            AP50=average_precision(
                scores[counted], np.concatenate(right)[counted], total
            ),
            recall50=sum(n for n, _ in sure) / (total or np.nan),
            false_per_image=float(
                (wrong & (scores >= self.score)).sum() / len(results)
            ),
            side=float(sides.mean()) if len(sides) else float('nan'),
        )


def _right(match: Any, count: int) -> np.ndarray:
    """(M,) which found boxes are on a true one."""
    right = np.zeros(count, bool)
    right[match.true[match.true >= 0]] = True
    return right


def _sure(match: Any, result: dict, score: float) -> tuple[int, np.ndarray]:
    """True hands found from a score on; where a side is told, if it is so."""
    sure = match.true >= 0
    sure[sure] = result['scores'][match.true[sure]] >= score
    sides, true = result['sides'][match.true[sure]], result['true_sides'][sure]
    told = sides != HAND_SIDES['unknown']
    return int(sure.sum()), (sides == true)[told]
