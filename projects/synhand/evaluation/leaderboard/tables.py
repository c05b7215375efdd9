"""The tables of the leaderboard, as plain text cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synhand.evaluation.leaderboard.benchmarks import (
    BENCHMARKS,
    Benchmark,
    larger_is_better,
)
from synhand.evaluation.leaderboard.published import Published
from synhand.evaluation.leaderboard.results import Cell, Result

NOTE = (
    'mm; px for EPE; AUC, PCK, F and NME are shares. [low, high]: 95 % '
    'bootstrap interval over the n instances, 1,000 draws: what other photos '
    'of the kind would change, not another training. PA- proper rotation, '
    '-official the alignment that may mirror. "-": not measured or not '
    "published. The constant pose is the test set's own mean (its MPJPE "
    'gets the true size, in 2D the true box), too good where n is small. '
    "* sets that this project is for. † read in others' accounts."
)
_SHARES = ('NME', 'ratio', 'chance')


@dataclass(frozen=True)
class Table:
    """A title, what to know, the head and rows of text; a command each."""

    title: str
    note: str
    head: list[str]
    rows: list[list[str]]
    command: str = ''


def listed(results: Sequence[Result]) -> list[Benchmark]:
    """The benchmarks in order, with those of `results` that are not listed."""
    others = {
        result.benchmark.name: result.benchmark
        for result in results
        if result.benchmark not in BENCHMARKS
    }
    return [*BENCHMARKS, *others.values()]


def format_value(measure: str, value: float) -> str:
    """Shares with three decimals, lengths with two."""
    if not math.isfinite(value):
        return '-'
    share = larger_is_better(measure) or any(s in measure for s in _SHARES)
    return f'{value:.{3 if share else 2}f}'


def _cell(measure: str, cells: Mapping[str, Cell]) -> str:
    cell = cells.get(measure)
    if cell is None:
        return '-'
    text = format_value(measure, cell.value)
    if math.isfinite(cell.low):
        low = format_value(measure, cell.low)
        text += f' [{low}, {format_value(measure, cell.high)}]'
    return text


def summary(
    results: Sequence[Result], published: Sequence[Published]
) -> Table:
    """One row a benchmark, one column a model, at each one's main measure."""
    models = list(dict.fromkeys(r.name for r in results if not r.floor))
    head = ['test set', 'measure', *models, 'constant pose']
    head += ['published', 'published, synthetic only', 'to fill it']
    rows = []
    for benchmark in listed(results):
        here = [r for r in results if r.benchmark == benchmark]
        measure = _main_measure(benchmark, here)
        by_name = {result.name: result for result in here}
        row = [benchmark.title + ' *' * benchmark.mission, measure]
        for name in models:
            row.append(_main_cell(measure, by_name.get(name)))
        row.append(_main_cell(measure, by_name.get('constant pose'), False))
        others = [p for p in published if p.benchmark == benchmark.name]
        row.append(_best(measure, others))
        row.append(_best(measure, [p for p in others if p.synthetic_only]))
        filled = any(result.cells for result in here)
        row.append('' if filled else benchmark.command)
        rows.append(row)
    return Table('Summary', NOTE, head, rows)


def _main_measure(benchmark: Benchmark, results: Sequence[Result]) -> str:
    """The first measure that all models of a row have."""
    models = [r for r in results if not r.floor and r.cells]
    for measure in benchmark.measures:
        if all(measure in model.cells for model in models):
            return measure
    return benchmark.headline


def _main_cell(measure: str, result: Result | None, count: bool = True) -> str:
    if result is None:
        return '-'
    text = _cell(measure, result.cells)
    return f'{text}, n {result.count:,}' if count and text != '-' else text


def _best(measure: str, rows: Sequence[Published]) -> str:
    known = [row for row in rows if measure in row.measures]
    if not known:
        return '-'
    choose = max if larger_is_better(measure) else min
    best = choose(known, key=lambda row: row.measures[measure])
    return f'{_published_value(measure, best)}, {best.method}'


def _published_value(measure: str, row: Published) -> str:
    if measure not in row.measures:
        return '-'
    mark = '†' if row.second_hand else ''
    return format_value(measure, row.measures[measure]) + mark


def details(
    benchmark: Benchmark,
    results: Sequence[Result],
    published: Sequence[Published],
    trained_on: Mapping[str, str],
) -> Table:
    """Models, floors and published numbers of one benchmark."""
    head = ['', 'trained on', 'n', *benchmark.measures, 'source']
    models = [r for r in results if not r.floor]
    floors = {r.name: r for r in results if r.floor}
    rows = []
    for result in [*models, *floors.values()]:
        cells = [_cell(name, result.cells) for name in benchmark.measures]
        source = 'measured here' if result.cells else 'no labels in the dump'
        source = 'floor' if result.floor else source
        if result.misses:
            source += f', {result.misses} missed'
        data = '-' if result.floor else trained_on.get(result.name, '-')
        rows.append([result.name, data, f'{result.count:,}', *cells, source])
    if not models:
        empty = ['-'] * (len(benchmark.measures) + 2)
        rows.append(['(no dump)', *empty, 'see the command'])
    for row in published:
        if row.benchmark == benchmark.name:
            rows.append(_published_row(benchmark, row))
    return Table(
        benchmark.title, benchmark.protocol, head, rows, benchmark.command
    )


def _published_row(benchmark: Benchmark, row: Published) -> list[str]:
    values = [_published_value(name, row) for name in benchmark.measures]
    data = row.trained_on + (' (synthetic only)' if row.synthetic_only else '')
    source = f'{row.source}; {row.note}' if row.note else row.source
    return [row.method, data, '-', *values, source]


def all_tables(
    results: Sequence[Result],
    published: Sequence[Published],
    trained_on: Mapping[str, str],
) -> list[Table]:
    """The summary, then each benchmark's table."""
    tables = [summary(results, published)]
    for benchmark in listed(results):
        here = [r for r in results if r.benchmark == benchmark]
        tables.append(details(benchmark, here, published, trained_on))
    return tables


def markdown(tables: Sequence[Table], title: str = 'Leaderboard') -> str:
    """The tables as one Markdown page."""
    parts = [f'# {title}']
    for table in tables:
        parts += [f'## {table.title}', table.note, _grid(table)]
        if table.command:
            parts.append(f'```bash\n{table.command}\n```')
    return '\n\n'.join(parts) + '\n'


def _grid(table: Table) -> str:
    rows = [table.head, ['---'] * len(table.head), *table.rows]
    return '\n'.join(
        '| ' + ' | '.join(text.replace('|', '\\|') for text in row) + ' |'
        for row in rows
    )
