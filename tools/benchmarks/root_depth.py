"""Root-aligned error of the ways from 2.5D to 3D, on a synthetic set.

The true 2.5D pose with noise stands for a network's; the true length of the
reference bone is given.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from synhand.evaluation.functional import root_aligned_errors
from synhand.geometry.pose25d import (
    bone_lengths,
    bone_ratios,
    from_25d,
    reference_length,
    to_25d,
)
from synhand.hands.anny_hand import FAMILIES
from synhand.synthesis.shards import ShardSet

NOISE = ((0, 0), (2, 0.05), (5, 0.12))  # px, reference bones
PRIORS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('set', type=Path, help='folder of a synthetic set')
    parser.add_argument('--num', type=int, default=500)
    return parser.parse_args()


def noisy(pose: np.ndarray, px: float, depth: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=pose.shape) * [px, px, depth]
    noise[:, 0, 2] = 0
    return pose + noise


def main() -> None:
    args = parse_args()
    rows = ShardSet(args.set)
    rows = [rows.row(i) for i in range(min(args.num, len(rows)))]
    cameras = np.stack([row['camera_matrix'] for row in rows])
    head = ''.join(f'{f"prior {p:g}":>11}' for p in PRIORS)
    print(f'{"mm":38}{"one bone":>9}{head}')
    for family in FAMILIES:
        key = f'keypoints_cam_{family}'
        hands = np.stack([row['hands'][0][key] for row in rows])
        scale = reference_length(hands)
        own = (bone_lengths(hands) / scale[:, None]).mean(0)
        for px, depth in NOISE:
            pose = noisy(to_25d(hands, cameras), px, depth)

            def error(pose=pose, hands=hands, scale=scale, **options) -> float:
                found = from_25d(pose, cameras, scale, **options)
                return float(root_aligned_errors(found, hands).mean())

            single = error(method='single_bone')
            for name, ratios in (('own', own), ('literature', bone_ratios())):
                found = [
                    error(bone_lengths=ratios, size_prior=prior)
                    for prior in PRIORS
                ]
                text = f'{family}, {px} px, {depth} bones, {name}'
                print(
                    f'{text:38}{single:9.1f}'
                    + ''.join(f'{value:11.1f}' for value in found)
                )


if __name__ == '__main__':
    main()
