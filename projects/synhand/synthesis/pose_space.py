"""Fit the pose space of the hand layer: a PCA of synthetic poses.

`python -m synhand.synthesis.pose_space` makes `hands/data/anny_poses.npz`
again; it is a function of the seed and of the pose distribution.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synhand.files import written_whole
from synhand.hands.anny_hand import ADULT_LENGTH_MM, default_hand
from synhand.hands.anny_layer import POSE_SPACE_FILE
from synhand.synthesis.poses import PoseShares, sample_pose


def sample_poses(count: int, seed: int) -> npt.NDArray[np.float64]:
    """Degrees of freedom (N, D) in radians of poses of the mean hand."""
    hand = default_hand()
    rest = hand.rest(np.zeros(hand.num_components), ADULT_LENGTH_MM)
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            sample_pose(rng, hand, rest, PoseShares()).angles
            for _ in range(count)
        ]
    )


def fit_pose_space(poses: npt.NDArray) -> dict[str, npt.NDArray]:
    """PCA of poses (N, D).

    Returns:
        dict: ``mean`` (D,), ``components`` (D, D) in rows by falling
        variance, each with its largest entry positive, ``std`` (D,); radians.
    """
    mean = poses.mean(0)
    centred = poses - mean
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    rows = np.arange(len(components))
    largest = components[rows, np.abs(components).argmax(1)]
    return dict(
        mean=mean,
        components=components * np.sign(largest)[:, None],
        std=singular / np.sqrt(len(poses) - 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--num', type=int, default=20_000)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, default=POSE_SPACE_FILE)
    args = parser.parse_args()
    space = fit_pose_space(sample_poses(args.num, args.seed))
    share = np.cumsum(space['std'] ** 2) / (space['std'] ** 2).sum()
    with written_whole(args.out) as temporary, temporary.open('wb') as file:
        np.savez(file, **space)
    found = ', '.join(f'{n}: {share[n - 1]:.3f}' for n in (6, 10, 15))
    print(f'{args.out}: share of the variance by components: {found}')


if __name__ == '__main__':
    main()
