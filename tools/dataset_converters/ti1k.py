"""TI1K, thumb and index fingertips: from its repository to our format.

Reads `annotation/label.txt` and the photos of `train/` or `test/` of
`MahmudulAlam/TI1K-Dataset` and writes `annotations.json` with the photos
into a folder that `HandJsonDataset` reads. The side of a hand is not given.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

from synhand.datasets.reading import existing, numbers
from synhand.files import write_text
from synhand.skeleton import FINGERS, NUM_KEYPOINTS

LABELLED = (FINGERS['thumb'][-1], FINGERS['index'][-1])


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, help='the repository')
    parser.add_argument('out', type=Path, help='folder to be made')
    parser.add_argument('--split', choices=('train', 'test'), default='test')
    return parser.parse_args()


def labels(path: Path) -> dict[str, np.ndarray]:
    """By photo: box and two fingertips, in units of width and height."""
    found = {}
    lines = existing(path, 'lines NAME and 8 numbers').read_text()
    for number, line in enumerate(lines.splitlines(), 1):
        name, *values = line.split() or ['']
        if name:
            where = f'{path}: line {number}'
            found[name] = numbers(values, (8,), where).reshape(4, 2)
    return found


def entry(photo: Path, corners: np.ndarray) -> dict:
    """An entry from a box's two corners, the thumb's and index's tips."""
    image = cv2.imread(str(photo))
    if image is None:
        raise ValueError(f'{photo}: not a readable image')
    height, width = image.shape[:2]
    pixels = (corners.astype(float) * [width, height]).round(2)
    keypoints = np.zeros((NUM_KEYPOINTS, 3))
    keypoints[LABELLED, :2] = pixels[2:]
    keypoints[LABELLED, 2] = 1
    return dict(
        image=f'images/{photo.name}',
        hand='unknown',
        bbox=pixels[:2].ravel().tolist(),
        keypoints_2d=keypoints.tolist(),
        source='MahmudulAlam/TI1K-Dataset',
    )


def entries(source: Path, split: str) -> list[dict]:
    """One entry a photo of the split that is labelled."""
    known = labels(source / 'annotation' / 'label.txt')
    photos = sorted((source / split).glob('*.jpg'))
    found = [
        entry(photo, known[photo.name])
        for photo in photos
        if photo.name in known
    ]
    if not found:
        raise ValueError(f'{source / split}: expected labelled photos, none')
    return found


def main() -> int:
    args = parse_args()
    try:
        found = entries(args.source, args.split)
        (args.out / 'images').mkdir(parents=True, exist_ok=True)
        for one in found:
            name = Path(one['image']).name
            shutil.copyfile(
                args.source / args.split / name, args.out / one['image']
            )
        write_text(args.out / 'annotations.json', json.dumps(found))
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: {len(found)} photos')
    return 0


if __name__ == '__main__':
    sys.exit(main())
