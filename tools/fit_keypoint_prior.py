"""What hands look like: mean and modes of a synthetic set's keypoints.

Models with `keypoint_prior=True` read the file that comes with the package;
this is how it was made.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from _stock import make_importable

make_importable()

from synhand.hands.keypoint_prior import (  # noqa: E402
    KEYPOINT_PRIOR_FILE,
    KeypointPrior,
)
from synhand.skeleton import HAND_SIDES  # noqa: E402
from synhand.synthesis.label_columns import read_labels  # noqa: E402
from synhand.synthesis.shards import ShardSet  # noqa: E402


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('set', type=Path, help='folder of a synthetic set')
    parser.add_argument('--num', type=int, default=20_000, help='hands')
    parser.add_argument('--components', type=int, default=40)
    parser.add_argument('--out', type=Path, default=KEYPOINT_PRIOR_FILE)
    return parser.parse_args(argv)


def right_hands(folder: Path, limit: int) -> np.ndarray:
    """The first hand of each image (N, K, 3) in mm, left ones mirrored."""
    paths = ShardSet(folder).paths
    slices = (labels for path in paths for labels in read_labels(path))
    hands, count = [], 0
    for labels in slices:
        points = labels.keypoints_cam[labels.target].astype(np.float64)
        left = labels.side[labels.target] == HAND_SIDES['left']
        points[left, :, 0] *= -1
        hands.append(points)
        count += len(points)
        if count >= limit:
            break
    return np.concatenate(hands)[:limit]


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    try:
        hands = right_hands(args.set, args.num)
    except (OSError, ValueError) as error:
        raise SystemExit(f'error: {error}') from None
    if len(hands) <= args.components:
        raise SystemExit(
            f'{args.set}: expected more than {args.components} images, '
            f'found {len(hands)}'
        )
    prior = KeypointPrior.fit(hands, args.components)
    prior.save(args.out)
    spread = np.linalg.norm(prior.modes, axis=(1, 2))
    print(f'{args.out}: {len(hands)} hands, spread {np.round(spread, 3)}')


if __name__ == '__main__':
    main()
