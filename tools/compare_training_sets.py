"""Train one network on each set and on mixtures, test all on all: one table.

Trains every config of `configs/comparison`, tests each model on every public
set that is there, and writes `comparison.md` and `comparison.html`. What is
done stays done: the command can be stopped and started again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from _stock import make_importable

make_importable()

from mmengine.config import Config  # noqa: E402

from synhand import recipes  # noqa: E402
from synhand.files import write_text  # noqa: E402

TOOLS = Path(__file__).resolve().parent
CONFIGS = TOOLS.parent / 'configs' / 'comparison'
START = 'latent25d_'

TEST_CONFIG = """_base_ = [{base!r}]

from synhand import recipes

globals().update(recipes.benchmark({name!r}, {size!r}))
"""


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog='SYNHAND_DATA is the folder of the sets (data/README.md).',
    )
    models = sorted(p.stem[len(START) :] for p in CONFIGS.glob('*.py'))
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/comparison')
    )
    parser.add_argument(
        '--train',
        nargs='+',
        choices=models,
        default=models,
        metavar='MODEL',
        help=f'what to train (default: all): {", ".join(models)}',
    )
    parser.add_argument(
        '--test',
        nargs='+',
        choices=list(recipes.BENCHMARKS),
        metavar='SET',
        help='what to test on (default: the sets that are there): '
        + ', '.join(recipes.BENCHMARKS),
    )
    for name in ('train', 'test'):
        parser.add_argument(
            f'--{name}-options',
            nargs='+',
            default=[],
            metavar='KEY=VALUE',
            help=f'handed to tools/{name}.py as --cfg-options',
        )
    return parser.parse_args(arguments)


def run(script: str, *arguments: object) -> None:
    """A tool of this folder, in a process of its own."""
    command = [sys.executable, TOOLS / script, *arguments]
    status = subprocess.run(list(map(str, command)), check=False).returncode
    if status:
        sys.exit(f'{script} ended with status {status}')


def train(model: str, folder: Path, options: Sequence[str]) -> Path:
    """The last checkpoint of a model; trains it, or on, if need be."""
    config = CONFIGS / f'{START}{model}.py'
    choice = ['--cfg-options', *options] if options else []
    run('train.py', config, '--work-dir', folder, '--resume', *choice)
    return Path((folder / 'last_checkpoint').read_text().strip())


def test(
    model: str,
    benchmark: str,
    checkpoint: Path,
    dump: Path,
    options: Sequence[str],
) -> None:
    """Writes what a model predicts on a set, unless that is newer than it."""
    if dump.is_file() and dump.stat().st_mtime > checkpoint.stat().st_mtime:
        return
    base = CONFIGS / f'{START}{model}.py'
    size = Config.fromfile(base).input_size
    folder = checkpoint.parent / benchmark
    folder.mkdir(exist_ok=True)
    dump.parent.mkdir(exist_ok=True)
    config = folder / f'test_{benchmark}.py'
    text = TEST_CONFIG.format(base=str(base), name=benchmark, size=tuple(size))
    write_text(config, text)
    choice = ['--cfg-options', *options] if options else []
    out = ['--work-dir', folder, '--dump', dump, *choice]
    run('test.py', config, checkpoint, *out)


def available() -> list[str]:
    """The public sets whose folders are there."""
    found = [
        name
        for name, bench in recipes.BENCHMARKS.items()
        if Path(recipes.data_root(), bench.folder).is_dir()
    ]
    if not found:
        sys.exit(
            f'{recipes.data_root()}: expected the folder of a public set in '
            'it (data/README.md), found none'
        )
    return found


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    work = args.work_dir.resolve()
    work.mkdir(parents=True, exist_ok=True)
    benchmarks = args.test or available()
    dumps, trained_on = [], []
    for model in args.train:
        checkpoint = train(model, work / model, args.train_options)
        config = Config.fromfile(CONFIGS / f'{START}{model}.py')
        trained_on += ['--trained-on', f'{model}={config.trained_on}']
        for name in benchmarks:
            dump = work / 'dumps' / f'{model}@{name}.pkl'
            test(model, name, checkpoint, dump, args.test_options)
            dumps.append(dump)
    table, page = work / 'comparison.md', work / 'comparison.html'
    pages = ['--markdown', table, '--html', page]
    run('leaderboard.py', *dumps, *pages, *trained_on)
    print(f'{table} and {page}: {len(args.train)} models on {benchmarks}')


if __name__ == '__main__':
    main()
