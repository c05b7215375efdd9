"""Speed and memory of training, against the stock InterNet pipeline.

Both read the same rendered images, have the same backbone and input size, and
run in this one process in turn: ours (latent 2.5D with deconvolutions, bf16,
channels last) and MMPose's (InterNet: targets of 42 volumes made by the
loader, float32). The loader is timed alone, in the main process; the step is
forward, backward and optimiser on a batch that is there; whole is both. Peak
memory is the growth of the process while a pipeline runs, each in a child.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS

import synhand.registry  # noqa: F401
from synhand import recipes

CHANNELS = {18: 512, 50: 2048}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path, help='holds synhand/train')
    parser.add_argument('--depth', type=int, choices=CHANNELS, default=50)
    parser.add_argument('--size', type=int, default=256, help='of the crop')
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--batches', type=int, default=6, help='timed ones')
    parser.add_argument(
        '--compile', action='store_true', help='compile our backbone'
    )
    return parser.parse_args()


def ours(args: argparse.Namespace) -> tuple[dict, dict]:
    """Model and data of this project."""
    size = (args.size, args.size)
    model = recipes.latent25d_model(
        recipes.resnet(args.depth),
        CHANNELS[args.depth],
        size,
        sigma=2.0,
        **recipes.DECONVOLUTIONS,
    )
    model['compile_features'] = args.compile
    return model, recipes.synthetic_data(size, args.batch_size)


def stock(args: argparse.Namespace) -> tuple[dict, dict]:
    """The stock InterNet in the stock estimator, on the same images."""
    size = (args.size, args.size)
    model = recipes.internet_model(
        recipes.resnet(args.depth), CHANNELS[args.depth], size
    )
    model['channels_last'] = False
    return model, recipes.internet_data(size, args.batch_size)


PIPELINES: dict[str, Callable] = {'ours': ours, 'stock InterNet': stock}


def seconds(call: Callable, repeats: int) -> float:
    """Median time of a call, after a first one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def megabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name: str, args: argparse.Namespace) -> dict[str, float]:
    """Samples/s of loader, step and both, and MB."""
    os.environ['SYNHAND_DATA'] = str(args.data)
    init_default_scope('mmpose')
    model, data = PIPELINES[name](args)
    loader = data['train_dataloader']
    loader.update(num_workers=0, persistent_workers=False)
    before = megabytes()
    batches = iter(Runner.build_dataloader(ConfigDict(loader), seed=0))
    network = MODELS.build(Config(dict(model=model)).model).train()
    optimizer = build_optim_wrapper(
        network,
        dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-4)),
    )
    kept = itertools.repeat(next(batches))

    def step(source: itertools.repeat) -> None:
        network.train_step(next(source), optimizer)

    times = dict(
        loader=seconds(lambda: next(batches), args.batches),
        step=seconds(lambda: step(kept), args.batches),
        whole=seconds(lambda: step(batches), args.batches),
    )
    found = {key: args.batch_size / value for key, value in times.items()}
    return dict(found, MB=megabytes() - before)


def _child(name: str, args: argparse.Namespace, results: object) -> None:
    results.put(json.dumps(measure(name, args)))


def in_child(name: str, args: argparse.Namespace) -> dict[str, float]:
    """`measure` in a process of its own, so that memory is its own."""
    context = multiprocessing.get_context('spawn')
    results = context.SimpleQueue()
    process = context.Process(target=_child, args=(name, args, results))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f'{name}: ended with code {process.exitcode}')
    return json.loads(results.get())


def main() -> None:
    args = parse_args()
    print(
        f'ResNet-{args.depth}, {args.size} px, batch {args.batch_size}, '
        f'{torch.get_num_threads()} threads; samples/s'
    )
    found = {name: in_child(name, args) for name in PIPELINES}
    for name, values in found.items():
        cells = ''.join(f'{k:>9}{v:9.1f}' for k, v in values.items())
        print(f'{name:16}{cells}')
    new, old = (found[name] for name in PIPELINES)
    cells = ''.join(f'{k:>9}{new[k] / old[k]:9.1f}' for k in new)
    print(f'{"ratio":16}{cells}')


if __name__ == '__main__':
    main()
