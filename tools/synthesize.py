"""Render a set of labelled synthetic hands."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from synhand.synthesis.config import SynthesisConfig
from synhand.synthesis.engine import SetError, synthesize
from synhand.synthesis.generator import SelfCheckError
from synhand.synthesis.renderer import RendererError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out', type=Path, required=True, help='folder of the set'
    )
    parser.add_argument(
        '--num', type=int, required=True, help='images in the whole set'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--backgrounds', type=Path, help='folder of photos (default: drawn)'
    )
    parser.add_argument(
        '--image-size', type=int, default=256, help='side in px'
    )
    parser.add_argument(
        '--shard-size', type=int, default=500, help='images a file'
    )
    parser.add_argument(
        '--workers', type=int, help='processes (default: one a core)'
    )
    args = parser.parse_args()
    for name in ('num', 'image_size', 'shard_size'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")}: expected 1 or more')
    return args


def main() -> int:
    args = parse_args()
    config = replace(
        SynthesisConfig(),
        seed=args.seed,
        image_size=args.image_size,
        backgrounds=args.backgrounds and str(args.backgrounds),
    )
    bar = tqdm(total=args.num, unit='image', smoothing=0.1)

    def show(done: int) -> None:
        bar.update(done - bar.n)

    try:
        made = synthesize(
            args.out, config, args.num, args.shard_size, args.workers, show
        )
    except (SetError, SelfCheckError, RendererError, OSError) as error:
        bar.close()
        print(f'error: {error}', file=sys.stderr)
        return 1
    bar.close()
    print(f'{args.out}: {args.num} images, {made} made now')
    return 0


if __name__ == '__main__':
    sys.exit(main())
