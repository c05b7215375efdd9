"""Tables of `real.py`: scores, parts of hands, kinds of hands, times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from _photos import PhotoSet

from synhand.evaluation.breakdown import (
    CURLS,
    OF_2D,
    PARTS,
    curls,
    floors,
    hand_scores,
    misses,
    of_hands,
    of_part,
    offsets_along_digits,
    offsets_in_hand,
    rows_of,
    views,
)
from synhand.evaluation.leaderboard.tables import Table, format_value
from synhand.evaluation.metrics.base import Row
from synhand.evaluation.metrics.keypoints_3d import usable_hands
from synhand.evaluation.scores import Score
from synhand.skeleton import FINGERS, KEYPOINT_NAMES
from synhand.synthesis.counters import hand_directions

COLUMNS = (
    *OF_2D,
    'NME+',
    'PA-MPJPE',
    'PA-MPJPE+',
    'MPJPE',
    'camera-MPJPE',
)
NOTE = (
    'mm; NME and PCK relative to the longer side of the box (tight box of '
    'the keypoints; TI1K: labelled box of the hand). [low, high]: 95 % '
    'bootstrap interval over hands. A missed hand is wrong in PCK and left '
    'out of NME, PA-MPJPE and MPJPE; in NME+ and PA-MPJPE+ it has the error '
    "of the constant pose. PA: proper rotation and scale. The floors' "
    "constant pose is the set's own mean, too good where n is small."
)
FLOORS = {'constant': 'constant pose', 'true-2D-flat': 'true 2D, z = 0'}
_ANALYSED = ('PA-MPJPE', 'NME', 'PCK@0.1')


@dataclass
class Found:
    """What one model answered on one set, and what it scores."""

    rows: tuple[Row, Row]
    scores: dict[str, Score]
    missed: int

    @classmethod
    def of(cls, samples: Sequence[Mapping]) -> Found:
        rows = rows_of(samples)
        scores = hand_scores(rows)
        in_space = [
            sample['absolute']
            for sample, usable in zip(
                samples, usable_hands(rows[1]), strict=True
            )
            if usable and sample['pred_instances']
        ]
        if not all(in_space):
            scores.pop('camera-MPJPE', None)
        return cls(rows, scores, misses(rows))

    @property
    def in_space(self) -> np.ndarray:
        """(N,) hands with 3D labels."""
        return usable_hands(self.rows[1])

    def facts(self) -> dict:
        """For the json file."""
        facts = score_facts(self.scores)
        by_keypoint = {
            name: _named(score.of_keypoints())
            for name, score in self.scores.items()
            if name in ('NME', 'PA-MPJPE', 'PCK@0.1')
        }
        return dict(facts, misses=self.missed, keypoints=by_keypoint)


def score_facts(scores: Mapping[str, Score]) -> dict:
    """Means and intervals, None where there is none."""
    return {
        name: [_plain(v) for v in (score.mean(), *score.interval())]
        for name, score in scores.items()
    }


def _plain(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None


def _named(values: np.ndarray) -> dict:
    pairs = zip(KEYPOINT_NAMES, values, strict=True)
    return {name: _plain(value) for name, value in pairs}


def cell(name: str, score: Score | None) -> str:
    """Mean and interval."""
    if score is None:
        return '-'
    measure = name.rstrip('+')
    value = format_value(measure, score.mean())
    low, high = (format_value(measure, v) for v in score.interval())
    return value if value == '-' else f'{value} [{low}, {high}]'


def score_table(photos: PhotoSet, found: Mapping[str, Found]) -> Table:
    """Models and floors on one set."""
    rows = []
    for name, result in found.items():
        cells = [cell(c, result.scores.get(c)) for c in COLUMNS]
        rows.append([name, *cells, str(result.missed)])
    first = next(iter(found.values()))
    for name, scores in floors(first.rows).items():
        cells = [cell(c, scores.get(c)) for c in COLUMNS]
        rows.append([FLOORS[name], *cells, '-'])
    count = len(photos.samples)
    title = f'{photos.title}: {count} hands, {first.in_space.sum()} with 3D'
    head = ['', *COLUMNS, 'missed']
    return _without_empty(Table(title, NOTE, head, rows))


def _without_empty(table: Table) -> Table:
    """Without columns that say nothing in any row."""
    kept = [
        column
        for column in range(len(table.head))
        if column == 0 or any(row[column] != '-' for row in table.rows)
    ]
    head = [table.head[column] for column in kept]
    rows = [[row[column] for column in kept] for row in table.rows]
    return Table(table.title, table.note, head, rows, table.command)


def part_table(photos: PhotoSet, found: Mapping[str, Found]) -> Table:
    """Errors of each keypoint, each finger, each place along the fingers."""
    measures = ('NME', 'PA-MPJPE')
    head = ['']
    columns: list[tuple[str, Score]] = []
    for name, result in found.items():
        for measure in measures:
            if measure in result.scores:
                head.append(f'{measure}, {name}')
                columns.append((measure, result.scores[measure]))
    single = {name: (k,) for k, name in enumerate(KEYPOINT_NAMES)}
    rows = [
        [name] + [format_value(m, of_part(s, part).mean()) for m, s in columns]
        for name, part in {**single, **PARTS}.items()
    ]
    note = 'NME of the longer side of the box, PA-MPJPE in mm; found hands.'
    return Table(f'{photos.title}, by keypoint', note, head, rows)


def kinds_of_hands(result: Found) -> dict[str, np.ndarray]:
    """Flags (N,) of the hands with 3D labels, by kind."""
    space = {k: v[result.in_space] for k, v in result.rows[1].items()}
    palm, _ = hand_directions(space['true'], space['side'])
    seen, bent = views(space['true'], palm), curls(space['true'])
    kinds = {'all': np.ones(len(seen), bool)}
    kinds.update({f'view: {v}': seen == v for v in ('palm', 'side', 'back')})
    kinds.update({f'curl: {c}': bent == c for c in CURLS})
    return kinds


def wrong_side(result: Found) -> Score:
    """Whether the palm is predicted to face away from where it does.

    Palm taken for back: more than 90 degrees between both directions.
    """
    space = {k: v[result.in_space] for k, v in result.rows[1].items()}
    true, _ = hand_directions(space['true'], space['side'])
    said, _ = hand_directions(space['predicted'], space['side'])
    wrong = (true * said).sum(axis=1) < 0
    known = np.isfinite(space['predicted']).all(axis=(1, 2))
    return Score(wrong[:, None], known[:, None])


def analysis(found: Mapping[str, Found]) -> tuple[list[list[str]], dict]:
    """Errors by kind of hand and by part, of one model on several sets.

    Args:
        found: Results on sets with 3D labels, by name; only the hands that
            have them count.

    Returns:
        Rows of a table, and facts for the json file.
    """
    rows: dict[str, list[str]] = {}
    facts: dict[str, dict] = {}
    for set_name, result in found.items():
        scores = {
            name: of_hands(result.scores[name], result.in_space)
            if name in OF_2D
            else result.scores[name]
            for name in _ANALYSED
        }
        scores['palm for back'] = wrong_side(result)
        for kind, chosen in kinds_of_hands(result).items():
            picked = {n: of_hands(s, chosen) for n, s in scores.items()}
            _add(rows, facts, kind, set_name, str(chosen.sum()), picked)
        del scores['palm for back']
        for part, keypoints in PARTS.items():
            picked = {n: of_part(s, keypoints) for n, s in scores.items()}
            _add(rows, facts, part, set_name, '', picked)
    return list(rows.values()), facts


def _add(
    rows: dict[str, list[str]],
    facts: dict[str, dict],
    kind: str,
    set_name: str,
    count: str,
    scores: Mapping[str, Score],
) -> None:
    row = rows.setdefault(kind, [kind])
    row.append(count)
    for name in (*_ANALYSED, 'palm for back'):
        score = scores.get(name)
        share = name == 'palm for back'
        measure = 'NME' if share else name
        row.append(format_value(measure, score.mean()) if score else '')
    facts.setdefault(kind, {})[set_name] = score_facts(scores)


def analysis_table(
    name: str, found: Mapping[str, Found]
) -> tuple[Table, dict]:
    """Synthetic beside real errors of one model."""
    rows, facts = analysis(found)
    head = ['']
    for set_name in found:
        head += [f'n, {set_name}', *_ANALYSED, 'palm for back']
    note = (
        'PA-MPJPE in mm. View: palm or back within 60 degrees of the line of '
        'sight, from true 3D. Curl: mean sum of the bends of a finger, open '
        'below 60, fist above 150 degrees. Palm for back: share of hands '
        'whose predicted palm faces the other way (more than 90 degrees).'
    )
    return Table(f'Where the errors of {name} are', note, head, rows), facts


def offset_table(name: str, found: Mapping[str, Found]) -> Table:
    """Which way one model's keypoints lie from the labels, by curl."""
    head, columns = [''], []
    for set_name, result in found.items():
        offsets = offsets_in_hand(result.rows[0])[result.in_space]
        for kind, chosen in kinds_of_hands(result).items():
            if kind == 'all' or kind.startswith('curl'):
                head.append(f'{kind.removeprefix("curl: ")}, {set_name}')
                columns.append(_mean_offsets(offsets[chosen]))
    rows = [
        [keypoint, *(f'{c[k][0]:+.3f}, {c[k][1]:+.3f}' for c in columns)]
        for k, keypoint in enumerate(KEYPOINT_NAMES)
    ]
    note = (
        'Mean offset along the hand (from the wrist to the finger bases) and '
        "across it (to the index's side), of the longer side of the box; "
        'hands with 3D labels.'
    )
    return Table(f'Which way the errors of {name} point', note, head, rows)


def digit_table(results: Mapping[str, Mapping[str, Found]]) -> Table:
    """How far labels lie outwards along the digits, by set and model."""
    ends = [f'{end}, {name}' for name in FINGERS for end in ('base', 'tip')]
    rows = [
        [
            f'{set_name}: {model}',
            *_medians(offsets_along_digits(result.rows[0])),
        ]
        for set_name, models in results.items()
        for model, result in models.items()
    ]
    note = (
        'Median way from the prediction to the label, outwards along the bone '
        'there, of the longer side of the box, and of how many hands: those '
        'read within a tenth of the box whose bone is seen longer than a '
        'twentieth.'
    )
    return Table('Where bases and tips are labelled', note, ['', *ends], rows)


def _medians(offsets: np.ndarray) -> list[str]:
    """Of each column, over what is known of (N, ...)."""
    columns = offsets.reshape(len(offsets), -1).T
    known = [column[np.isfinite(column)] for column in columns]
    return [f'{np.median(k):+.3f} ({len(k)})' if len(k) else '' for k in known]


def _mean_offsets(offsets: np.ndarray) -> np.ndarray:
    """(K, 2) of (N, K, 2), over what is known."""
    means = [
        Score(values, np.isfinite(values)).of_keypoints()
        for values in np.moveaxis(offsets, -1, 0)
    ]
    return np.stack(means, axis=-1)
