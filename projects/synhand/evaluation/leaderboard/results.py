"""What a dump scores on its benchmark."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from synhand.evaluation.breakdown import floors, rows_of
from synhand.evaluation.leaderboard.benchmarks import Benchmark, find_benchmark
from synhand.evaluation.leaderboard.dumps import Dump
from synhand.evaluation.metrics.base import Row, stack
from synhand.evaluation.metrics.interhand import (
    InterHandOfficialMetric,
    interhand_scores,
)
from synhand.evaluation.metrics.keypoints_2d import scores_2d
from synhand.evaluation.metrics.keypoints_3d import (
    errors_3d,
    scores_3d,
    usable_hands,
)
from synhand.evaluation.metrics.mesh import row_mesh, scores_mesh
from synhand.evaluation.metrics.multiview import (
    MultiviewConsistencyMetric,
    multiview_scores,
)
from synhand.evaluation.scores import Score

FLOOR_NAMES = {
    'constant': 'constant pose',
    'true-2D-flat': 'true 2D, z = 0',
}
RANKS = ('PA', 'box')
"""Errors that pictures are ranked by, the first that there is."""


@dataclass(frozen=True)
class Cell:
    """A measure; the interval is NaN where none is computed."""

    value: float
    low: float = float('nan')
    high: float = float('nan')


@dataclass(frozen=True)
class Result:
    """A row of a benchmark's table.

    Attributes:
        benchmark: What was tested on.
        name: The model, or the floor.
        count: Instances that were scored.
        cells: Measures by name.
        errors: Of all keypoints, infinite where the model missed: `'root'`
            and `'PA'` in mm, `'box'` in units of the box's longer side.
        ranking: (N,) error of each sample of the dump by the first of
            `RANKS`, NaN where there is none.
        floor: It is no model.
        misses: Instances without a finite prediction.
    """

    benchmark: Benchmark
    name: str
    count: int
    cells: dict[str, Cell]
    errors: dict[str, Score] = field(default_factory=dict)
    ranking: np.ndarray = field(default_factory=lambda: np.zeros(0))
    floor: bool = False
    misses: int = 0


def score_dump(dump: Dump) -> list[Result]:
    """The model's result on its benchmark, then those of the floors.

    Which measures there are follows from what the samples carry: 3D where
    keypoints are valid in 3D, 2D where they are labelled, meshes where there
    are true vertices, InterHand2.6M's for two hands, agreement of views
    where the benchmark has no labels but groups. A set without any of these
    gives a result without measures.
    """
    benchmark = find_benchmark(dump.benchmark)
    if benchmark.groups:
        return [_of_views(dump, benchmark)]
    if np.shape(dump.samples[0]['gt_instances']['keypoints'])[1] == 42:
        return [_of_two_hands(dump, benchmark)]
    return _of_keypoints(dump, benchmark)


def _of_keypoints(dump: Dump, benchmark: Benchmark) -> list[Result]:
    rows = rows_2d, rows_3d = rows_of(dump.samples)
    usable = usable_hands(rows_3d)
    labelled = rows_2d['labelled'].any(axis=1)
    scores: dict[str, Score] = {}
    errors: dict[str, Score] = {}
    if labelled.any():
        scores.update(scores_2d(rows_2d))
        errors['box'] = _box_errors(rows_2d)
    if usable.any():
        hands = {key: value[usable] for key, value in rows_3d.items()}
        scores.update(scores_3d(hands))
        table = errors_3d(hands)
        errors.update(root=Score(*table['']), PA=Score(*table['PA']))
    scored = usable if usable.any() else labelled
    scores.update(_mesh_scores(dump))
    model = Result(
        benchmark,
        dump.model,
        count=int(scored.sum()),
        cells=_cells(scores, benchmark),
        errors=errors,
        ranking=_ranking(errors, usable),
        misses=_misses(errors),
    )
    found = [
        Result(
            benchmark,
            FLOOR_NAMES[name],
            count=model.count,
            cells=_cells(floor, benchmark),
            errors=_floor_errors(floor),
            floor=True,
        )
        for name, floor in floors(rows).items()
    ]
    return [model, *found]


def _cells(scores: dict[str, Score], benchmark: Benchmark) -> dict[str, Cell]:
    return {
        name: Cell(scores[name].mean(), *scores[name].interval())
        for name in benchmark.measures
        if name in scores
    }


def _box_errors(rows: Row) -> Score:
    nearness = scores_2d(rows, thresholds=())['NME']
    known = rows['labelled'] & (rows['box'] > 0)[:, None]
    return Score(nearness.values, known)


def _floor_errors(scores: dict[str, Score]) -> dict[str, Score]:
    names = {'root': 'MPJPE', 'PA': 'PA-MPJPE', 'box': 'NME'}
    return {key: scores[name] for key, name in names.items() if name in scores}


def _mesh_scores(dump: Dump) -> dict[str, Score]:
    rows = [row_mesh(sample) for sample in dump.samples]
    rows = [row for row in rows if row]
    return scores_mesh(stack(rows)) if rows else {}


def _ranking(errors: dict[str, Score], usable: np.ndarray) -> np.ndarray:
    ranking = np.full(len(usable), np.nan)
    for name in RANKS:
        if name in errors:
            found = errors[name].of_instances()
            ranking[usable if name == 'PA' else slice(None)] = found
            break
    return np.where(np.isfinite(ranking), ranking, np.nan)


def _misses(errors: dict[str, Score]) -> int:
    for name in RANKS:
        if name in errors:
            score = errors[name]
            wrong = ~np.isfinite(score.values) & (
                np.asarray(score.weights) > 0
            )
            return int(wrong.any(axis=1).sum())
    return 0


def _of_two_hands(dump: Dump, benchmark: Benchmark) -> Result:
    metric = InterHandOfficialMetric()
    metric.process(None, dump.samples)
    scores = interhand_scores(metric.results)
    return Result(
        benchmark,
        dump.model,
        count=len(dump.samples),
        cells=_cells(scores, benchmark),
    )


def _of_views(dump: Dump, benchmark: Benchmark) -> Result:
    has_group = all('group' in sample for sample in dump.samples)
    metric = MultiviewConsistencyMetric(
        None if has_group else benchmark.groups
    )
    data = stack([metric.row(sample) for sample in dump.samples])
    values = metric.summary(data)
    cells = _cells(multiview_scores(data), benchmark)
    ratio = {name: Cell(values[name]) for name in benchmark.measures}
    return Result(
        benchmark,
        dump.model,
        count=int(values['views']),
        cells={**ratio, **cells},
        misses=int(values['misses']),
    )
