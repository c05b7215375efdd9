"""What training needs: arms that differ from a common fine-tune in one thing.

For every arm (a config of `configs/study`) and seed: renders the arm's set if
it has one of its own, trains from the same checkpoint with the same number
of samples, measures on photos, and writes study.md. What is done stays done:
the command can be stopped and started again. Photos are measured on, never
trained on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parent),
    str(Path(__file__).resolve().parents[1]),
]

from _stock import make_importable  # noqa: E402

make_importable()

import numpy as np  # noqa: E402
from _answers import own_model, samples_of  # noqa: E402
from _photos import LABELLED, PhotoSet  # noqa: E402
from _real_tables import Found  # noqa: E402
from mmengine.config import Config  # noqa: E402

from synhand import recipes  # noqa: E402
from synhand.evaluation.leaderboard import markdown  # noqa: E402
from synhand.evaluation.leaderboard.benchmarks import (  # noqa: E402
    larger_is_better,
)
from synhand.evaluation.leaderboard.tables import (  # noqa: E402
    Table,
    format_value,
)
from synhand.files import write_text  # noqa: E402
from synhand.synthesis.config import SynthesisConfig  # noqa: E402
from synhand.synthesis.engine import synthesize  # noqa: E402
from synhand.synthesis.poses import PoseShares  # noqa: E402

TOOLS = Path(__file__).resolve().parents[1]
CONFIGS = TOOLS.parent / 'configs' / 'study'
BASE = 'base'
MAX_ARMS = 12
DEFAULT_ARMS = (
    *(BASE, 'rotation', 'colour', 'spectrum'),
    *('background-plain', 'background-drawn', 'forearm', 'occluders'),
    *('second-hand', 'skin', 'poses-free', 'images'),
)
MEASURED = {
    'ge2019': ('PA-MPJPE', 'NME', 'PCK@0.05', 'PCK@0.1'),
    'freihand': ('NME', 'PCK@0.1', 'PCK@0.2'),
}
NOTE = (
    'Mean over the seeds [least, largest]. PA-MPJPE in mm; NME and PCK of the '
    'longer side of the tight box. + / -: better or worse than base in every '
    'seed than base in any of its; without a mark the ranges overlap, and '
    'nothing follows. FreiHAND: 2D of a few training frames.'
)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog='SYNHAND_DATA is the folder of the sets, SYNHAND_BACKGROUNDS '
        'one of photos for backgrounds.',
    )
    add = parser.add_argument
    known = sorted(path.stem for path in CONFIGS.glob('*.py'))
    add(
        '--checkpoint',
        required=True,
        help='that all arms start from: a file, or synhand://NAME',
    )
    add('--work-dir', type=Path, default=Path('work_dirs/study'))
    add(
        '--data',
        type=Path,
        default=os.environ.get('SYNHAND_REAL_DATA'),
        help='folder of the photos (default: SYNHAND_REAL_DATA)',
    )
    add(
        '--arms',
        nargs='+',
        choices=known,
        default=list(DEFAULT_ARMS),
        metavar='ARM',
        help=f'at most {MAX_ARMS} with {BASE}, of: {", ".join(known)}',
    )
    add('--seeds', type=int, default=3, help='trainings an arm')
    add('--samples', type=int, default=400_000, help='of each training')
    add('--images', type=int, default=30_000, help='in each rendered set')
    add('--image-size', type=int, default=192, help='px of these images')
    add('--lr', type=float, default=1e-3, help='highest learning rate')
    add('--workers', type=int, help='processes that render')
    add('--limit', type=int, help='only the first photos of each set')
    add(
        '--train-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='handed to tools/train.py as --cfg-options',
    )
    args = parser.parse_args(arguments)
    args.arms = list(dict.fromkeys([BASE, *args.arms]))
    if len(args.arms) > MAX_ARMS:
        parser.error(f'--arms: expected at most {MAX_ARMS}, {BASE} included')
    if args.data is None:
        parser.error('--data: expected the folder of the photos')
    if '://' not in args.checkpoint:
        args.checkpoint = str(Path(args.checkpoint).resolve())
    for name in ('seeds', 'samples', 'images'):
        if getattr(args, name) < 1:
            parser.error(f'--{name}: expected 1 or more')
    return args


def set_config(rendered: Mapping | None, image_size: int) -> SynthesisConfig:
    """Configuration of an arm's set: the common one with other fields.

    Raises:
        ValueError: There is no such field.
    """
    changes = dict(rendered or {})
    if 'poses' in changes:
        none = dict.fromkeys(PoseShares.__dataclass_fields__, 0.0)
        changes['poses'] = PoseShares(**{**none, **changes['poses']})
    config = SynthesisConfig(
        image_size=image_size, backgrounds=recipes.background_folder()
    )
    try:
        return replace(config, **changes)
    except TypeError as error:
        raise ValueError(f'rendered: {error}') from None


def render(arm: str, config: Config, args: argparse.Namespace) -> Path:
    """The arm's set; made, or what is missing of it."""
    own = config.arm.rendered is not None
    name = arm if own else recipes.BASE_SET
    folder = Path(recipes.data_root(), recipes.STUDY_FOLDER, name).resolve()
    settings = set_config(config.arm.rendered, args.image_size)
    synthesize(folder, settings, args.images, workers=args.workers)
    return folder


def run(script: str, *arguments: object) -> None:
    """A tool of the folder above, in a process of its own."""
    command = [sys.executable, TOOLS / script, *arguments]
    status = subprocess.run(list(map(str, command)), check=False).returncode
    if status:
        raise RuntimeError(f'{script} ended with status {status}')


def settings_of(args: argparse.Namespace) -> dict:
    """What must be the same in all runs that are compared."""
    same = ('samples', 'images', 'image_size', 'lr', 'limit', 'train_options')
    facts = {name: getattr(args, name) for name in same}
    return dict(facts, checkpoint=args.checkpoint)


def train(
    arm: str, config: Config, data: Path, seed: int, args: argparse.Namespace
) -> Path:
    """The last checkpoint of a run; trains it, or on, if need be."""
    folder = args.work_dir / arm / f'seed{seed}'
    batch = config.train_dataloader.batch_size
    plan = recipes.schedule(args.samples, batch, lr=args.lr)
    path = folder.parent / f'{arm}_seed{seed}.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    hooks = {**config.default_hooks, **plan.pop('default_hooks')}
    changes = dict(
        plan,
        default_hooks=hooks,
        load_from=args.checkpoint,
        randomness=dict(seed=seed),
    )
    dataset = config.train_dataloader.dataset
    parts = dataset.get('datasets', [dataset])
    images = max(1, round(config.arm.share * args.images))
    for part in parts:
        part.data_root = str(data)
        part.indices = images
    for name, value in changes.items():
        config[name] = value
    config.dump(path)
    more = ['--cfg-options', *args.train_options] if args.train_options else []
    last = folder / 'last_checkpoint'
    # the stock tool drops load_from where it is told to resume
    resume = ['--resume'] if last.is_file() else []
    run('train.py', path, '--work-dir', folder, *resume, *more)
    return Path(last.read_text().strip())


def measure(
    arm: str, checkpoint: Path, photos: Sequence[PhotoSet]
) -> dict[str, dict[str, float]]:
    """Scores on photos, by set and measure."""
    config = checkpoint.parent.parent / f'{arm}_{checkpoint.parent.name}.py'
    model = own_model(f'{arm}={config},{checkpoint}')
    facts = {}
    for one in photos:
        found = Found.of(list(samples_of(model, one)))
        facts[one.name] = {
            name: found.scores[name].mean() for name in MEASURED[one.name]
        }
    return facts


def result(
    arm: str,
    config: Config,
    seed: int,
    photos: Sequence[PhotoSet],
    args: argparse.Namespace,
) -> dict:
    """Scores of one run, of an earlier call if it finished.

    Raises:
        ValueError: The earlier call had other settings.
    """
    path = args.work_dir / arm / f'seed{seed}.json'
    settings = settings_of(args)
    if path.is_file():
        known = json.loads(path.read_text())
        if known['settings'] != settings:
            raise ValueError(
                f'{path}: was made with {known["settings"]}, asked for are '
                f'{settings}; expected the same, or another --work-dir'
            )
        return known['scores']
    data = render(arm, config, args)
    checkpoint = train(arm, config, data, seed, args)
    scores = measure(arm, checkpoint, photos)
    facts = dict(settings=settings, scores=scores)
    write_text(path, json.dumps(facts, indent=1) + '\n')
    return scores


def mark(measure: str, values: Sequence[float], base: Sequence[float]) -> str:
    """`' +'` or `' -'` where all values beat, or lose to, all of base's."""
    better, worse = max(values) < min(base), min(values) > max(base)
    if larger_is_better(measure):
        better, worse = worse, better
    return ' +' if better else ' -' if worse else ''


def cell(measure: str, values: Sequence[float], base: Sequence[float]) -> str:
    """Mean, range, and whether that differs from base."""
    mean, low, high = (
        format_value(measure, v)
        for v in (np.mean(values), min(values), max(values))
    )
    differs = mark(measure, values, base) if len(values) > 1 else ''
    return f'{mean} [{low}, {high}]{differs}'


def table(
    configs: Mapping[str, Config],
    results: Mapping[str, list[dict]],
    samples: int,
) -> Table:
    """One row an arm, those of base first."""
    columns = [(s, m) for s, names in MEASURED.items() for m in names]
    head = ['arm', 'what', 'seeds', *(f'{m}, {s}' for s, m in columns)]
    rows = []
    for arm, runs in results.items():
        row = [arm, configs[arm].arm.question, str(len(runs))]
        for set_name, measure in columns:
            values, base = (
                [scores[set_name][measure] for scores in these]
                for these in (runs, results[BASE])
            )
            row.append(cell(measure, values, base))
        rows.append(row)
    title = f'Arms of {samples:,} samples each'
    return Table(title, NOTE, head, rows)


def study(args: argparse.Namespace) -> str:
    """All runs, seed by seed, so that early stops leave a fair table."""
    args.work_dir = args.work_dir.resolve()
    photos = [LABELLED[name](args.data, args.limit) for name in MEASURED]
    configs = {
        arm: Config.fromfile(CONFIGS / f'{arm}.py') for arm in args.arms
    }
    results: dict[str, list[dict]] = {}
    page = ''
    for seed in range(args.seeds):
        for arm in args.arms:
            scores = result(arm, configs[arm], seed, photos, args)
            results.setdefault(arm, []).append(scores)
            page = markdown([table(configs, results, args.samples)], 'Study')
            write_text(args.work_dir / 'study.md', page)
    return page


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    try:
        print(study(args))
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f'study.py: error: {error}')


if __name__ == '__main__':
    main()
