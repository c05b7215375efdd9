"""Do predictions of one pose, seen by several cameras, agree?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import METRICS

from synhand.evaluation.functional import LEFT, distances
from synhand.evaluation.metrics.base import HandMetric, Row, field
from synhand.evaluation.scores import Score
from synhand.geometry.alignment import (
    procrustes_align,
    root_align,
    rotation_align,
)
from synhand.skeleton import NUM_KEYPOINTS

_ALIGNMENTS = {'PA': procrustes_align, 'rotation': rotation_align}


def pair_distances(points: np.ndarray, align: Any) -> np.ndarray:
    """Mean keypoint distance (N, N) of hand i aligned to hand j.

    Args:
        points: (N, K, 3), finite.
        align: Function of source and target (N, K, 3) each.
    """
    rows = []
    for target in points:
        targets = np.broadcast_to(target, points.shape)
        rows.append(distances(align(points, targets), targets).mean(axis=1))
    return np.stack(rows, axis=1)


def multiview_scores(data: Row) -> dict[str, Score]:
    """The means of `MultiviewConsistencyMetric`; an instance is a group.

    Args:
        data: `points` (N, K, 3), right hands relative to the wrist, and
            `group` (N,), the names of their groups.

    Raises:
        ValueError: There are not several views of several groups.
    """
    finite = _finite(data)
    points, group = data['points'][finite], data['group'][finite]
    other = ~np.eye(len(group), dtype=bool)
    same = (group[:, None] == group) & other
    if not same.any() or same.sum() == other.sum():
        raise ValueError(
            'MultiviewConsistencyMetric: expected several views of several '
            f'groups, got {len(group)} views of {len(set(group.tolist()))}'
        )
    scores = {}
    for name, align in _ALIGNMENTS.items():
        table = pair_distances(points, align)
        scores[f'{name}-within'] = _of_groups(table, same, group)
        scores[f'{name}-between'] = _of_groups(table, other & ~same, group)
        if name == 'PA':
            hits = _retrieved(table, same)
            scores['PA-retrieval'] = _of_views(hits, same, group)
    chance = same.sum(axis=1) / (len(group) - 1)
    scores['chance'] = _of_views(chance, same, group)
    return scores


def _finite(data: Row) -> np.ndarray:
    return np.isfinite(data['points']).all(axis=(1, 2))


def _of_groups(
    table: np.ndarray, counted: np.ndarray, group: np.ndarray
) -> Score:
    """Mean over the counted entries (N, M), an instance a group of rows."""
    _, number = np.unique(group, return_inverse=True)
    sums = np.bincount(number, np.where(counted, table, 0).sum(axis=1))
    counts = np.bincount(number, counted.sum(axis=1))
    means = sums / np.where(counts > 0, counts, 1)
    return Score(means[:, None], counts[:, None])


def _of_views(
    values: np.ndarray, same: np.ndarray, group: np.ndarray
) -> Score:
    """Mean over the views (N,) that have another one of their group."""
    has_partner = same.any(axis=1)[:, None]
    return _of_groups(values[:, None], has_partner, group)


def _retrieved(table: np.ndarray, same: np.ndarray) -> np.ndarray:
    """(N,) whether the nearest other view is of the same group."""
    symmetric = table + table.T
    np.fill_diagonal(symmetric, np.inf)
    return same[np.arange(len(same)), symmetric.argmin(axis=1)]


@METRICS.register_module()
class MultiviewConsistencyMetric(HandMetric):
    """Agreement of root-relative predictions without any label.

    For sets that show one pose from several cameras: M views of each of G
    groups. Left hands are mirrored. Keys of the result, in mm:

    - `PA-within`: distance of two views of a group after Procrustes
      alignment (proper rotation, scale), the mean over ordered pairs of
      views and over keypoints; `PA-between`: the same for views of different
      groups; `PA-ratio`: within / between.
    - `rotation-within`, `rotation-between`, `rotation-ratio`: after the best
      rotation about the wrist alone, so sizes have to agree, too.
    - `PA-retrieval`: share of views whose nearest other view (Procrustes
      distance) is of their own group. `chance`: what a random neighbour
      would reach.
    - `views`, `groups`: what was compared; `misses`: views without a finite
      prediction, left out.

    A model that always predicts the same pose is perfectly consistent:
    `PA-within` alone says nothing. Its ratio is 1 or undefined.

    Args:
        pattern: Regular expression; its first group, found in the image's
            file name, names the group. None: the metainfo's `group`.
        collect_device: See `mmengine.evaluator.BaseMetric`.
        prefix: Prefix of the keys, `multiview` when None.
    """

    default_prefix = 'multiview'

    def __init__(
        self,
        pattern: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.pattern = pattern

    def row(self, sample: Mapping[str, Any]) -> Row:
        shape = (1, NUM_KEYPOINTS, 3)
        points = field(sample['pred_instances'], 'keypoints_cam', shape)
        side = np.ravel(sample['gt_instances'].get('hand_side', -1))
        mirror = np.where(side == LEFT, -1, 1)[:, None, None]
        points = root_align(points) * np.where([1, 0, 0], mirror, 1)
        return {'points': points, 'group': np.array([self._group(sample)])}

    def _group(self, sample: Mapping[str, Any]) -> str:
        if self.pattern is None:
            if 'group' not in sample:
                raise ValueError(
                    f'{type(self).__name__}: the metainfo has no `group`; '
                    'give a pattern or pack it'
                )
            return str(sample['group'])
        name = Path(sample['img_path']).name
        found = re.search(self.pattern, name)
        if not found:
            raise ValueError(
                f'{type(self).__name__}: pattern {self.pattern!r} is not in '
                f'file name {name}'
            )
        return found.group(1)

    def summary(self, data: Row) -> dict[str, float]:
        scores = multiview_scores(data)
        metrics = {name: score.mean() for name, score in scores.items()}
        for name in _ALIGNMENTS:
            between = metrics[f'{name}-between']
            ratio = metrics[f'{name}-within'] / between if between else np.nan
            metrics[f'{name}-ratio'] = float(ratio)
        finite = _finite(data)
        metrics['views'] = int(finite.sum())
        metrics['groups'] = len(set(data['group'][finite].tolist()))
        metrics['misses'] = int((~finite).sum())
        return metrics
