"""The leaderboard as one self-contained HTML page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

import cv2
import numpy as np

from synhand.evaluation.functional import correct_share
from synhand.evaluation.leaderboard.dumps import Dump
from synhand.evaluation.leaderboard.pictures import sample_picture
from synhand.evaluation.leaderboard.results import Result
from synhand.evaluation.leaderboard.tables import Table, listed
from synhand.evaluation.scores import Score
from synhand.skeleton import KEYPOINT_NAMES
from synhand.visualization.charts import Series, bar_chart, line_chart

PICTURES = 6
"""Best and as many worst samples of each model."""

_CURVES = {
    'PA': ('3D, Procrustes-aligned', 'error in mm', 50.0),
    'root': ('3D, wrists aligned', 'error in mm', 50.0),
    'box': ('2D', "error over the box's longer side", 0.3),
}
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #222; margin: 2em auto;
  max-width: 1180px; padding: 0 1em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .6em; text-align: left;
  font-size: 12.5px; vertical-align: top; }
th { background: #f4f4f4; }
td.number { white-space: nowrap; }
.charts, .pictures { display: flex; flex-wrap: wrap; gap: .6em; }
figure { margin: 0; } figcaption { font-size: 12px; }
code { background: #f4f4f4; padding: .15em .3em; }
.note { color: #555; max-width: 60em; }
"""


def html_page(
    tables: Sequence[Table],
    results: Sequence[Result],
    dumps: Sequence[Dump],
    pictures: int = PICTURES,
) -> str:
    """All tables, curves, errors of keypoints, best and worst samples.

    Args:
        tables: Of `all_tables`: the summary, then one a listed benchmark.
        results: Models and floors.
        dumps: Whose samples are drawn, found by model and benchmark.
        pictures: Samples of each end that are drawn for each model.

    Returns:
        HTML without scripts and without references to other files.
    """
    head, *rest = tables
    parts = [_table(head)]
    for benchmark, table in zip(listed(results), rest, strict=True):
        parts.append(_table(table))
        here = [r for r in results if r.benchmark == benchmark]
        parts.append(_charts(here))
        for dump in dumps:
            if dump.benchmark == benchmark.name:
                result = next(r for r in here if r.name == dump.model)
                parts.append(_samples(dump, result, pictures))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>Leaderboard</title><style>{_STYLE}</style></head><body>'
        '<h1>Leaderboard</h1>' + '\n'.join(parts) + '</body></html>\n'
    )


def _table(table: Table) -> str:
    head = ''.join(f'<th>{escape(text)}</th>' for text in table.head)
    rows = ''.join(
        '<tr>' + ''.join(_cell(text) for text in row) + '</tr>'
        for row in table.rows
    )
    command = ''
    if table.command:
        command = f'<p><code>{escape(table.command)}</code></p>'
    return (
        f'<h2>{escape(table.title)}</h2><p class="note">'
        f'{escape(table.note)}</p><table><tr>{head}</tr>{rows}</table>'
        f'{command}'
    )


def _cell(text: str) -> str:
    kind = ' class="number"' if text[:1].isdigit() else ''
    return f'<td{kind}>{escape(text)}</td>'


def _charts(results: Sequence[Result]) -> str:
    charts = []
    for key, (title, label, largest) in _CURVES.items():
        places = np.linspace(0, largest, 101)
        curves = {
            r.name: Series(_curve(r.errors[key], places), r.floor)
            for r in results
            if key in r.errors
        }
        if curves:
            charts.append(
                line_chart(
                    curves, places, title, label, 'share of correct keypoints'
                )
            )
    key = next((k for k in ('PA', 'box') if _any_has(results, k)), None)
    if key:
        bars = {
            r.name: Series(_finite(r.errors[key]).of_keypoints(), r.floor)
            for r in results
            if key in r.errors
        }
        title, label, _ = _CURVES[key]
        names = [name.replace('_', ' ') for name in KEYPOINT_NAMES]
        charts.append(bar_chart(bars, names, f'{title}: keypoints', label))
    return f'<div class="charts">{"".join(charts)}</div>' if charts else ''


def _any_has(results: Sequence[Result], key: str) -> bool:
    return any(key in result.errors for result in results)


def _curve(score: Score, places: np.ndarray) -> np.ndarray:
    counted = np.asarray(score.weights) > 0
    return correct_share(np.asarray(score.values)[counted], places)


def _finite(score: Score) -> Score:
    return Score(score.values, score.weights * np.isfinite(score.values))


def _samples(dump: Dump, result: Result, count: int) -> str:
    order = np.argsort(result.ranking)
    order = order[np.isfinite(result.ranking[order])]
    count = min(count, max(len(order) // 2, 1), len(order))
    if not count:
        return ''
    ends = {'best': order[:count], 'worst': order[::-1][:count]}
    parts = []
    for name, chosen in ends.items():
        figures = ''.join(
            _figure(dump.samples[number], float(result.ranking[number]))
            for number in chosen
        )
        parts.append(
            f'<h3>{escape(dump.model)}: {name} samples</h3>'
            f'<div class="pictures">{figures}</div>'
        )
    return ''.join(parts)


def _figure(sample: Mapping, error: float) -> str:
    image, caption = sample_picture(sample, error)
    done, content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    data = base64.b64encode(content.tobytes()).decode()
    text = escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/jpeg;base64,{data}">'
        f'<figcaption>{text}</figcaption></figure>'
    )
