"""Write a synthetic set as an image folder with COCO-style JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from synhand.synthesis.export import ANNOTATIONS, IMAGES, export_coco
from synhand.synthesis.ledger import MANIFEST, Manifest


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('set', type=Path, help='folder of shard-*.arrow')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder to be made'
    )
    parser.add_argument('--start', type=int, default=0, help='first row')
    parser.add_argument('--num', type=int, help='rows (default: all)')
    parser.add_argument(
        '--all-hands',
        action='store_true',
        help='hands beyond the target of a crop too; whole pictures '
        '(--mode frame) have all theirs anyway',
    )
    args = parser.parse_args()
    if args.start and args.num is None:
        parser.error('--start: expected --num with it')
    return args


def has_whole_pictures(folder: Path) -> bool:
    """Whether a set's manifest says so; shards alone are taken for crops."""
    if not (folder / MANIFEST).exists():
        return False
    return Manifest.read(folder).config.get('mode') == 'frame'


def main() -> int:
    args = parse_args()
    rows = None
    if args.num is not None:
        rows = range(args.start, args.start + args.num)
    bar = tqdm(unit='image')
    try:
        with bar:
            count = export_coco(
                args.set,
                args.out,
                rows,
                args.all_hands or has_whole_pictures(args.set),
                lambda done: bar.update(done - bar.n),
            )
    except (ValueError, OSError) as error:
        print(f'error: {str(error).splitlines()[0]}', file=sys.stderr)
        return 1
    print(
        f"{args.out}: {count} hands; data_root='{args.out}', "
        f"ann_file='{ANNOTATIONS.as_posix()}', "
        f"data_prefix=dict(img='{IMAGES.as_posix()}/')"
    )
    return 0


if __name__ == '__main__':
    sys.exit(main())
