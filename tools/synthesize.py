"""Render a set of labelled synthetic hands, or check one."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from synhand.synthesis.card import self_check, write_card
from synhand.synthesis.config import MODES, SynthesisConfig
from synhand.synthesis.engine import synthesize
from synhand.synthesis.jobs import Job, Pool
from synhand.synthesis.ledger import (
    Manifest,
    RunRecord,
    read_runs,
    wall_seconds,
)
from synhand.synthesis.local_pool import LocalPool
from synhand.synthesis.ray_pool import RayPool
from synhand.synthesis.renderer import RendererError
from synhand.synthesis.verify import record, verify

_ADVICE = {
    errno.ENOSPC: 'finished shards are whole; make room and run it again',
    errno.EDQUOT: 'finished shards are whole; make room and run it again',
    errno.EFBIG: 'finished shards are whole; the limit is on file sizes',
}


def shard_range(text: str) -> range:
    """``40-80`` (both included) or ``40``."""
    first, _, last = text.partition('-')
    try:
        chosen = range(int(first), int(last or first) + 1)
    except ValueError:
        chosen = range(0)
    if not chosen:
        raise argparse.ArgumentTypeError(
            f'{text!r}; expected FIRST-LAST or one number, as in 40-80'
        )
    return chosen


def frame_size(text: str) -> tuple[int, int]:
    """``640x480``."""
    parts = text.lower().split('x')
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(
            f'{text!r}; expected WIDTHxHEIGHT in px, as in 640x480'
        )
    return int(parts[0]), int(parts[1])


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('--out', type=Path, required=True, help='folder of the set')
    add('--num', type=int, help='images in the whole set')
    add('--seed', type=int, default=0)
    add('--backgrounds', type=Path, help='folder of photos (default: drawn)')
    add(
        '--mode',
        choices=MODES,
        default='crop',
        help='squares about one hand, or whole pictures with 0 to 4 hands',
    )
    add(
        '--environments',
        type=Path,
        help='folder of HDR images that light a share (default: none)',
    )
    add('--image-size', type=int, default=256, help='side of crops in px')
    add(
        '--frame-size',
        type=frame_size,
        default=(640, 480),
        metavar='WIDTHxHEIGHT',
        help='of whole pictures in px (default: 640x480)',
    )
    add('--shard-size', type=int, default=500, help='images a file')
    add('--workers', type=int, help='processes (default: one a core)')
    add(
        '--engine',
        choices=('local', 'ray'),
        default='local',
        help='processes of this machine, or of a Ray cluster whose machines '
        "share --out and the folders of files (pip install '.[ray]')",
    )
    add(
        '--ray-address',
        metavar='HOST:PORT',
        help='cluster of --engine ray (default: one is started here)',
    )
    add(
        '--shards',
        type=shard_range,
        metavar='FIRST-LAST',
        help='only these files of the set, both included, from 0: parts may '
        'be made on several machines and put into one folder',
    )
    add(
        '--verify',
        action='store_true',
        help='check the set in --out, make nothing; only --backgrounds, '
        '--shards and --sample go with it',
    )
    add(
        '--sample',
        type=int,
        default=32,
        help='--verify: images to make again from their seeds',
    )
    args = parser.parse_args()
    if args.num is None and not args.verify:
        parser.error('--num: expected the number of images in the whole set')
    if args.ray_address and args.engine != 'ray':
        parser.error('--ray-address: expected --engine ray with it')
    for name in ('num', 'image_size', 'shard_size', 'workers'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'--{name.replace("_", "-")}: expected 1 or more')
    return args


def images(num: int, shard_size: int, shards: range | None) -> int:
    """How many images a part of a set has."""
    if shards is None:
        return num
    ends = (shards.start * shard_size, shards.stop * shard_size)
    return min(num, ends[1]) - min(num, ends[0])


def progress(total: int) -> tuple[tqdm, Callable[[int], None]]:
    """A bar whose rate leaves out what earlier runs made."""
    bar = tqdm(total=total, unit='image', smoothing=0.1)
    started = False

    def show(done: int) -> None:
        nonlocal started
        if not started:
            started, bar.initial, bar.n = True, done, done
            bar.refresh()
            if done:
                bar.write(
                    f'resumed: {done:,} of {total:,} images are there',
                    file=sys.stderr,
                )
        bar.update(done - bar.n)

    return bar, show


def make(args: argparse.Namespace) -> int:
    config = replace(
        SynthesisConfig(),
        seed=args.seed,
        mode=args.mode,
        image_size=args.image_size,
        frame_size=args.frame_size,
        backgrounds=args.backgrounds and str(args.backgrounds),
        environments=args.environments and str(args.environments),
    )
    bar, show = progress(images(args.num, args.shard_size, args.shards))
    with bar:
        made = synthesize(
            args.out,
            config,
            args.num,
            args.shard_size,
            args.workers,
            show,
            args.shards,
            engine(args),
        )
    statistics = write_card(args.out)
    print(f'{args.out}: {statistics.rows} images, {made} made now')
    print(times(read_runs(args.out), made))
    print(self_check(statistics))
    return 0


def engine(args: argparse.Namespace) -> Callable[[Job, int | None], Pool]:
    if args.engine == 'ray':
        return partial(RayPool, address=args.ray_address)
    return LocalPool


def times(runs: list[RunRecord], made: int) -> str:
    """Wall time and rate of this run and of all that made the set."""

    def rate(images: int, seconds: float) -> str:
        return f'{seconds:,.0f} s, {images / max(seconds, 0.01):.1f} images/s'

    images = sum(run.images for run in runs)
    whole = f'in all: {rate(images, wall_seconds(runs))} (runs: {len(runs)})'
    if not made:
        return whole
    return f'this run: {rate(runs[-1].images, runs[-1].seconds)}; {whole}'


def check(args: argparse.Namespace) -> int:
    manifest = Manifest.read(args.out)
    bar, show = progress(
        images(manifest.num, manifest.shard_size, args.shards)
    )
    with bar:
        found = verify(
            args.out, args.backgrounds, args.shards, args.sample, show
        )
    for line in found.lines:
        print(line, file=sys.stderr)
    if found.problems > len(found.lines):
        more = found.problems - len(found.lines)
        print(f'... and {more} more', file=sys.stderr)
    print(
        f'{args.out}: {found.shards} shards, {found.rows} rows and '
        f'{found.hands} hands checked; {found.remade} images made again, '
        f'{found.bitwise} of them equal to the last bit; '
        f'{found.problems} problems'
    )
    try:
        record(args.out, found)
        write_card(args.out)
    except (OSError, ValueError) as error:
        print(f'no card written: {one_line(error)}', file=sys.stderr)
    return 1 if found.problems else 0


def one_line(error: BaseException) -> str:
    """What went wrong, and what to do where that is known."""
    lines = str(error).splitlines() or [type(error).__name__]
    advice = _ADVICE.get(getattr(error, 'errno', None))
    return f'{lines[0]}; {advice}' if advice else lines[0]


def main() -> int:
    args = parse_args()
    try:
        return check(args) if args.verify else make(args)
    except (ValueError, RendererError, OSError) as error:
        print(f'error: {one_line(error)}', file=sys.stderr)
    except KeyboardInterrupt:
        print(
            '\nstopped: finished shards are whole, run it again for the rest',
            file=sys.stderr,
        )
    return 1


if __name__ == '__main__':
    sys.exit(main())
