"""Models of this project and MediaPipe Hands on the same crops of photos.

Writes real.md, real.json and curves to --out. MediaPipe runs in an
environment of its own (`pip install mediapipe==0.10.21`). No photo of these
sets may be trained on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parent),
    str(Path(__file__).resolve().parents[1]),
]

from _stock import make_importable  # noqa: E402

make_importable()

from _answers import (  # noqa: E402
    Model,
    mediapipe_model,
    own_model,
    samples_of,
    times,
)
from _photos import (  # noqa: E402
    LABELLED,
    UNLABELLED,
    PhotoSet,
    cut,
    synthetic,
)
from _real_pictures import curves, sheet  # noqa: E402
from _real_tables import (  # noqa: E402
    Found,
    analysis_table,
    cell,
    digit_table,
    offset_table,
    part_table,
    score_facts,
    score_table,
)

from synhand.evaluation.leaderboard import markdown  # noqa: E402
from synhand.evaluation.leaderboard.tables import Table  # noqa: E402
from synhand.evaluation.metrics.base import stack  # noqa: E402
from synhand.evaluation.metrics.multiview import (  # noqa: E402
    MultiviewConsistencyMetric,
    multiview_scores,
)
from synhand.files import write_bytes, write_text  # noqa: E402

_VIEWS = (
    *('PA-within', 'PA-between', 'PA-retrieval', 'chance'),
    *('rotation-within', 'rotation-between'),
)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add(
        '--data',
        type=Path,
        default=os.environ.get('SYNHAND_REAL_DATA'),
        help='folder of the sets (default: SYNHAND_REAL_DATA)',
    )
    add('--out', type=Path, required=True, help='folder to write')
    add(
        '--model',
        action='append',
        default=[],
        metavar='NAME[=CONFIG,CHECKPOINT]',
        help='a released model, or a name and the files; once a model',
    )
    add('--mediapipe-python', metavar='PATH', help='that has MediaPipe')
    add(
        '--sets',
        nargs='*',
        choices=[*LABELLED, *UNLABELLED],
        default=[*LABELLED, *UNLABELLED],
        metavar='SET',
        help=f'default: all of {", ".join([*LABELLED, *UNLABELLED])}',
    )
    add('--limit', type=int, help='only the first hands of each set')
    add(
        '--synthetic',
        type=Path,
        help='a held-out rendered set, to compare errors on photos with',
    )
    add('--synthetic-num', type=int, default=1000, help='hands of it')
    add('--rounds', type=int, default=5, help='of timing; 0: none')
    add('--timed-crops', type=int, default=40, help='crops a round')
    args = parser.parse_args(arguments)
    if args.data is None:
        parser.error('--data: expected the folder of the sets')
    if not args.model and not args.mediapipe_python:
        parser.error('expected --model or --mediapipe-python')
    return args


def labelled(
    sets: Iterable[PhotoSet], models: list[Model], out: Path
) -> tuple[list[Table], dict, dict[str, dict[str, Found]]]:
    """Tables, facts and results by set and model; writes the curves."""
    tables, facts, results = [], {}, {}
    for photos in sets:
        found = {
            model.name: Found.of(list(samples_of(model, photos)))
            for model in models
        }
        results[photos.name] = found
        tables.append(score_table(photos, found))
        if photos.name == 'ge2019':
            tables.append(part_table(photos, found))
        facts[photos.name] = {n: r.facts() for n, r in found.items()}
        for name, chart in curves(photos, found).items():
            write_text(out / f'{photos.name}-{name}.svg', chart)
    return tables, facts, results


def consistency(photos: PhotoSet, models: list[Model]) -> tuple[Table, dict]:
    """Whether views of one pose agree."""
    metric = MultiviewConsistencyMetric()
    rows, facts = [], {}
    for model in models:
        found = list(samples_of(model, photos))
        data = stack([metric.row(sample) for sample in found])
        scores = multiview_scores(data)
        within, between = (scores[f'PA-{n}'].mean() for n in _VIEWS_PA)
        ratio = within / between
        missed = sum(not sample['pred_instances'] for sample in found)
        cells = [cell(name, scores[name]) for name in _VIEWS]
        rows.append([model.name, *cells, f'{ratio:.3f}', str(missed)])
        facts[model.name] = dict(
            score_facts(scores), ratio=ratio, misses=missed
        )
    note = (
        'mm between two views of a pose (within) and of two poses (between) '
        'after Procrustes alignment, or after the best rotation alone; ratio: '
        'PA-within over PA-between, smaller is better. Retrieval: share of '
        'views whose nearest other view shows the same pose. Missed views '
        'are left out.'
    )
    head = ['', *_VIEWS, 'PA ratio', 'missed']
    return Table(f'{photos.title}', note, head, rows), facts


_VIEWS_PA = ('within', 'between')


def timing(
    photos: PhotoSet, models: list[Model], rounds: int, count: int
) -> tuple[Table, dict]:
    """Models in turn, so that what else the machine does meets all."""
    crops = [cut(photos, sample) for sample in photos.samples[:count]]
    found: dict[str, dict[int, list[float]]] = {}
    for _ in range(rounds):
        for model in models:
            for cores in (1, 2):
                ms = times(model, crops, cores, rounds=1)
                of_model = found.setdefault(model.name, {})
                of_model.setdefault(cores, []).extend(ms)
    rows = [
        [
            name,
            *(
                f'{min(ms):.1f} / {statistics.median(ms):.1f}'
                for ms in by_cores.values()
            ),
        ]
        for name, by_cores in found.items()
    ]
    note = (
        f'ms a crop, least / median of {rounds} rounds over {len(crops)} '
        f'crops of {photos.name}, one crop at a time, from decoded pixels to '
        "keypoints; each process may use so many cores. MediaPipe's time "
        'includes its palm detector, which it cannot do without.'
    )
    head = ['', 'one core', 'two cores']
    return Table('Time', note, head, rows), found


def compared_with_synthetic(
    args: argparse.Namespace,
    models: list[Model],
    results: Mapping[str, dict[str, Found]],
) -> tuple[list[Table], dict]:
    """Where the errors of each model of this project are."""
    photos = synthetic(args.synthetic, args.synthetic_num)
    tables, facts = [], {}
    for model in models:
        found = {'synthetic': Found.of(list(samples_of(model, photos)))}
        if 'ge2019' in results:
            found['ge2019'] = results['ge2019'][model.name]
        table, facts[model.name] = analysis_table(model.name, found)
        tables += [table, offset_table(model.name, found)]
    return tables, facts


def measure(args: argparse.Namespace) -> str:
    """The page; writes all files."""
    args.out.mkdir(parents=True, exist_ok=True)
    own = [own_model(text) for text in args.model]
    models = list(own)
    if args.mediapipe_python:
        models.append(mediapipe_model(args.mediapipe_python))
    sets = [
        LABELLED[name](args.data, args.limit)
        for name in args.sets
        if name in LABELLED
    ]
    tables, facts, results = labelled(sets, models, args.out)
    facts = dict(labelled=facts)
    if results:
        tables.append(digit_table(results))
    if args.synthetic:
        more, facts['analysis'] = compared_with_synthetic(args, own, results)
        tables += more
    for name in args.sets:
        if name == 'signwriting':
            photos = UNLABELLED[name](args.data, args.limit)
            table, facts[name] = consistency(photos, models)
            tables.append(table)
        elif name in UNLABELLED:
            photos = UNLABELLED[name](args.data, args.limit)
            for model in models:
                found = list(samples_of(model, photos))
                path = args.out / f'{name}-{_file_name(model.name)}.jpg'
                write_bytes(path, sheet(photos, found))
    if args.rounds:
        photos = sets[0] if sets else photos
        table, facts['ms'] = timing(
            photos, models, args.rounds, args.timed_crops
        )
        tables.append(table)
    page = markdown(tables, 'Photos of real hands')
    write_text(args.out / 'real.md', page)
    write_text(args.out / 'real.json', json.dumps(facts, indent=1) + '\n')
    return page


def _file_name(name: str) -> str:
    return name.lower().replace(' ', '-')


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    try:
        print(measure(args))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f'real.py: error: {error}')


if __name__ == '__main__':
    main()
