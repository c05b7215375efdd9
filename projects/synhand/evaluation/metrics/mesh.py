"""Errors of hand meshes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpose.registry import METRICS

from synhand.evaluation import functional
from synhand.evaluation.metrics.base import HandMetric, Row, field
from synhand.evaluation.scores import Score
from synhand.geometry.alignment import (
    procrustes_align,
    procrustes_align_with_reflection,
)
from synhand.skeleton import NUM_KEYPOINTS

F_THRESHOLDS = (5, 15)
"""mm, those of FreiHAND and HO-3D."""

_ALIGNMENTS = {
    'PA-official': procrustes_align_with_reflection,
    'PA': procrustes_align,
}
_NAMES = {
    'camera': ('camera-MPVPE', 'camera-V-AUC@0-50', 'camera-F@{}'),
    'PA': ('PA-MPVPE', 'PA-V-AUC@0-50', 'PA-F@{}'),
    'PA-official': (
        'PA-MPVPE-official',
        'PA-V-AUC-official@0-50',
        'PA-F-official@{}',
    ),
}


def aligned_meshes(
    predicted: np.ndarray,
    true: np.ndarray,
    keypoints: np.ndarray,
    true_keypoints: np.ndarray,
) -> dict[str, np.ndarray]:
    """Predicted vertices as they are and after both Procrustes alignments.

    Args:
        predicted: (V, 3) vertices in mm, camera frame.
        true: (W, 3). Meshes of one topology (V = W) are aligned by their
            vertices, others by their keypoints.
        keypoints: (K, 3) predicted, in the frame of `predicted`.
        true_keypoints: (K, 3).

    Returns:
        (V, 3) each, by the name of the alignment.
    """
    pair = (predicted, true)
    if len(predicted) != len(true):
        pair = (keypoints, true_keypoints)
    return {
        'camera': predicted,
        **{
            name: align(*pair, points=predicted)
            for name, align in _ALIGNMENTS.items()
        },
    }


def row_mesh(sample: Mapping[str, Any]) -> Row:
    """Errors of one data sample (N = 1); empty without true vertices.

    Returns:
        For each name of `aligned_meshes` errors (N, W) in mm, and with `-F`
        behind it F-scores (N, 2); `miss` and `same` (N,), whether vertices
        are missing and whether both meshes have one topology.
    """
    truth, found = sample['gt_instances'], sample['pred_instances']
    true = np.asarray(truth.get('vertices_cam', np.zeros((1, 0, 3))))[0]
    given = found.get('vertices_cam')
    predicted = np.full((1, 3), np.nan)
    if given is not None and len(given) == 1:
        predicted = np.asarray(given, np.float64)[0]
    shape = (1, NUM_KEYPOINTS, 3)
    if not true.size:
        return {}
    meshes = aligned_meshes(
        predicted,
        true,
        field(found, 'keypoints_cam', shape)[0],
        field(truth, 'keypoints_cam', shape)[0],
    )
    row = {'miss': np.array([not np.isfinite(predicted).all()])}
    row['same'] = np.array([given is None or len(predicted) == len(true)])
    for name, mesh in meshes.items():
        errors = np.full((1, len(true)), np.inf)
        if len(mesh) == len(true):
            errors = functional.distances(mesh, true)[None]
        row[name] = errors
        row[f'{name}-F'] = functional.f_scores(mesh, true, F_THRESHOLDS)[None]
    return row


def scores_mesh(data: Row) -> dict[str, Score]:
    """The scores of `HandMeshMetric` from rows of `row_mesh`."""
    scores = {}
    same = data['same'][:, None]
    for key, (mean, area, f_score) in _NAMES.items():
        errors = data[key]
        counts = np.broadcast_to(same, errors.shape)
        found = counts & np.isfinite(errors)
        areas = functional.curve_areas(errors, 0, 50)
        scores[mean] = Score(errors, found)
        scores[area] = Score(areas, counts)
        for threshold, values in zip(
            F_THRESHOLDS, data[f'{key}-F'].T, strict=True
        ):
            every = np.ones((len(values), 1))
            scores[f_score.format(threshold)] = Score(values[:, None], every)
    return scores


@METRICS.register_module()
class HandMeshMetric(HandMetric):
    """Errors in mm of `vertices_cam` (1, V, 3), camera frame.

    Read from `pred_instances` and `gt_instances`, beside `keypoints_cam`.
    Keys of the result, as the official scripts of FreiHAND and HO-3D have
    them; vertices are aligned apart from the keypoints:

    - `PA-MPVPE`, `PA-V-AUC@0-50`, `PA-F@5`, `PA-F@15`: error, area under
      the curve of correct vertices and F-scores (see `f_scores`) after
      Procrustes alignment with a proper rotation.
    - `PA-MPVPE-official`, `PA-V-AUC-official@0-50`, `PA-F-official@5`,
      `PA-F-official@15`: with the alignment that may mirror.
    - `camera-MPVPE`, `camera-V-AUC@0-50`, `camera-F@5`, `camera-F@15`: in
      the camera frame, nothing aligned.
    - `samples`: hands with true vertices; `misses`: those of them without
      finite vertices. Means leave misses out, the others count them as
      wrong.

    A mesh of another topology has F-scores alone, aligned by its keypoints.
    (FreiHAND's script does that with a scale that is off by the size of the
    hand; its aligned F-scores of such meshes mean nothing.)

    Args:
        collect_device: See `mmengine.evaluator.BaseMetric`.
        prefix: Prefix of the keys, `mesh` when None.
    """

    default_prefix = 'mesh'

    def row(self, sample: Mapping[str, Any]) -> Row:
        return row_mesh(sample)

    def compute_metrics(self, results: list) -> dict[str, float]:
        rows = [row for row in results if row]
        if results and not rows:
            raise ValueError(
                f'{type(self).__name__}: no hand of the set has true vertices'
            )
        return super().compute_metrics(rows)

    def summary(self, data: Row) -> dict[str, float]:
        scores = scores_mesh(data)
        metrics = {name: score.mean() for name, score in scores.items()}
        metrics['samples'] = len(data['miss'])
        metrics['misses'] = int(data['miss'].sum())
        others = int((~data['same']).sum())
        if others:
            print_log(
                f'HandMeshMetric: {others} of {len(data["same"])} predicted '
                f'meshes have not the {data["camera"].shape[1]} vertices of '
                'the true ones: F-scores alone count them, aligned by '
                'keypoints',
                logger='current',
                level=logging.WARNING,
            )
        return metrics
