"""Train models for the same number of samples and tabulate what they learnt.

Each config is trained once a seed on synhand/train, tested on synhand/val,
and gives a row of a CSV file; rows that are there are not made again. At the
end the means over seeds are printed as a Markdown table, best first. 2D models
have no 3D measures: a table of its own for them.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from synhand import recipes
from synhand.zoo.weights import write_checkpoint

KEYS = ('config', 'seed', 'samples', 'data', 'backbone')
METRICS = {
    'MPJPE mm': 'hand3d/MPJPE',
    'PA-MPJPE mm': 'hand3d/PA-MPJPE',
    'NME': 'hand2d/NME',
    'PCK@.1': 'hand2d/PCK@0.1',
    'EPE px': 'hand2d/EPE',
}
DIGITS = {'NME': 3, 'PCK@.1': 3}
MEASURES = (*METRICS, 'samples/s', 'M parameters', 'ms/image')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', type=Path, nargs='+')
    parser.add_argument(
        '--data', type=Path, required=True, help='holds synhand/{train,val}'
    )
    parser.add_argument('--table', type=Path, required=True, help='CSV file')
    parser.add_argument('--samples', type=int, default=50_000)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--test', type=int, help='images to test on')
    parser.add_argument(
        '--backbone',
        default='',
        help='released model whose backbone all start with (default: none)',
    )
    parser.add_argument(
        '--keep', type=Path, help='folder for weights, CONFIG_SEED.pth'
    )
    return parser.parse_args(argv)


def gate_config(path: Path, seed: int, args: argparse.Namespace) -> Config:
    """The config with the fixed number of samples, without validation."""
    config = Config.fromfile(path)
    lr = config.optim_wrapper.optimizer.lr
    schedule = recipes.schedule(args.samples, args.batch_size, lr)
    for name in ('param_scheduler', 'custom_hooks', 'log_processor'):
        config[name] = schedule[name]
    if args.backbone:
        start = recipes.pretrained_backbone(args.backbone)
        config.model.backbone.update(start)
    steps = schedule['train_cfg']['max_iters']
    config.train_cfg = dict(
        type='IterBasedTrainLoop', max_iters=steps, val_interval=steps + 1
    )
    config.val_cfg = config.val_dataloader = config.val_evaluator = None
    config.default_hooks.checkpoint.update(interval=steps + 1, save_last=False)
    config.default_hooks.pop('badcase', None)
    for loader in (config.train_dataloader, config.test_dataloader):
        loader.batch_size = args.batch_size
        loader.num_workers = args.workers
        loader.persistent_workers = False
    if args.test:
        config.test_dataloader.dataset.indices = args.test
    config.randomness = dict(seed=seed)
    config.log_level = 'ERROR'
    config.experiment_name = f'{path.stem}_{seed}_{time.time_ns()}'
    config.visualizer.name = config.experiment_name  # one a run, not shared
    return config


def samples_per_second(runner: Runner, batch_size: int) -> float:
    """Of the training, loader included, without its first steps."""
    times, _ = runner.message_hub.get_scalar('train/time').data
    late = times[len(times) // 5 :]
    return batch_size / float(np.mean(late))


def milliseconds(runner: Runner, repeats: int = 10) -> float:
    """Of one image through the model, the median."""
    sample = runner.test_loop.dataloader.dataset[0]
    batch = {key: [value] for key, value in sample.items()}
    runner.model.eval()
    times = []
    with torch.no_grad():
        for _ in range(repeats + 2):
            start = time.perf_counter()
            runner.model.test_step(batch)
            times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[2:]))


def measure(path: Path, seed: int, args: argparse.Namespace) -> dict:
    """The measures of one config and seed."""
    with tempfile.TemporaryDirectory() as folder:
        config = gate_config(path, seed, args)
        config.work_dir = folder
        runner = Runner.from_cfg(config)
        runner.train()
        metrics = runner.test()
        if args.keep:
            kept = args.keep / f'{path.stem}_{seed}.pth'
            write_checkpoint(kept, runner.model.state_dict())
        count = sum(p.numel() for p in runner.model.parameters())
        return {
            **{name: metrics.get(key) for name, key in METRICS.items()},
            'samples/s': samples_per_second(runner, args.batch_size),
            'M parameters': count / 1e6,
            'ms/image': milliseconds(runner),
        }


def read_rows(table: Path) -> list[dict]:
    """Rows of the table; none where there is no file."""
    if not table.is_file():
        return []
    with table.open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def append_row(table: Path, row: dict) -> None:
    """Add a row, and the head of a new table."""
    new = not table.is_file()
    with table.open('a', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, (*KEYS, *MEASURES))
        if new:
            writer.writeheader()
        writer.writerow(row)


def cell(name: str, values: np.ndarray) -> str:
    """Mean of one measure over seeds, of a metric ± their deviation."""
    digits = DIGITS.get(name, 2)
    mean, spread = np.mean(values), np.std(values)
    text = f'{mean:.{digits}f}'
    more = len(values) > 1 and name in METRICS
    return f'{text} ± {spread:.{digits}f}' if more else text


def markdown(rows: list[dict]) -> str:
    """Means over seeds of what all rows have, best in the first measure."""
    names = [name for name in MEASURES if all(row[name] for row in rows)]
    groups = defaultdict(list)
    for row in rows:
        terms = tuple(row[key] for key in ('samples', 'data', 'backbone'))
        groups[row['config'], terms].append(
            [float(row[name]) for name in names]
        )
    ranked = sorted(groups.items(), key=lambda g: np.mean(g[1], 0)[0])
    head = ['config', 'samples', 'backbone', 'seeds', *names]
    lines = [head, ['---'] * len(head)]
    for (config, (samples, _, backbone)), values in ranked:
        columns = zip(names, np.transpose(values), strict=True)
        cells = [cell(name, column) for name, column in columns]
        lines.append([config, samples, backbone, str(len(values)), *cells])
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    os.environ['SYNHAND_DATA'] = str(args.data)
    missing = [str(path) for path in args.configs if not path.is_file()]
    if missing:
        raise SystemExit(f'error: {missing[0]}: no such config file')
    done = {tuple(row[k] for k in KEYS) for row in read_rows(args.table)}
    for seed in args.seeds:
        for path in args.configs:
            terms = (str(args.samples), str(args.data), args.backbone)
            key = (path.stem, str(seed), *terms)
            if key in done:
                continue
            found = measure(path, seed, args)
            row = dict(zip(KEYS, key, strict=True))
            rounded = {
                k: None if v is None else round(v, 4) for k, v in found.items()
            }
            append_row(args.table, {**row, **rounded})
            print(row, rounded, flush=True)
    print(markdown(read_rows(args.table)))


if __name__ == '__main__':
    main()
