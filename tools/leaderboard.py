"""Compare models on benchmarks: dumps of `tools/test.py` in one table.

python tools/test.py CONFIG CHECKPOINT --dump small@freihand.pkl
python tools/leaderboard.py *.pkl --markdown board.md --html board.html
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _stock import make_importable

make_importable()

from synhand.evaluation.leaderboard import (  # noqa: E402
    Dump,
    all_tables,
    html_page,
    markdown,
    published,
    read_dump,
    score_dump,
)
from synhand.evaluation.leaderboard.page import PICTURES  # noqa: E402
from synhand.files import write_text  # noqa: E402


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'dumps',
        type=Path,
        nargs='*',
        help='MODEL@BENCHMARK.pkl of tools/test.py --dump; without @ the '
        "dataset's name is the benchmark; none: published numbers alone",
    )
    parser.add_argument('--markdown', type=Path, help='file to write')
    parser.add_argument('--html', type=Path, help='self-contained page')
    parser.add_argument(
        '--trained-on',
        action='append',
        default=[],
        metavar='MODEL=SETS',
        help='what a model saw in training, for its rows; once a model',
    )
    parser.add_argument(
        '--pictures',
        type=int,
        default=PICTURES,
        help='best and worst samples of each model in the page',
    )
    args = parser.parse_args(arguments)
    for text in args.trained_on:
        if '=' not in text:
            parser.error(f'--trained-on: expected MODEL=SETS, got {text!r}')
    return args


def read_all(paths: list[Path]) -> list[Dump]:
    """All dumps; each pair of model and benchmark may come once."""
    dumps: dict[tuple[str, str], Dump] = {}
    for path in paths:
        dump = read_dump(path)
        key = dump.model, dump.benchmark
        if key in dumps:
            raise ValueError(
                f'{path}: {dump.model} on {dump.benchmark} is in '
                f'{dumps[key].path}, too'
            )
        dumps[key] = dump
    return list(dumps.values())


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    try:
        dumps = read_all(args.dumps)
        results = [result for dump in dumps for result in score_dump(dump)]
        trained_on = dict(text.split('=', 1) for text in args.trained_on)
        tables = all_tables(results, published(), trained_on)
        text = markdown(tables)
        if args.markdown:
            write_text(args.markdown, text)
        if args.html:
            page = html_page(tables, results, dumps, args.pictures)
            write_text(args.html, page)
    except (OSError, ValueError) as error:
        sys.exit(f'leaderboard.py: error: {error}')
    if not args.markdown and not args.html:
        print(text)


if __name__ == '__main__':
    main()
