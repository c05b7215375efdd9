"""Root-aligned error of the ways from 2.5D to 3D, on a synthetic set.

The true 2.5D pose with noise stands for a network's; the true length of the
reference bone is given. `--plot FILE` draws the error of the root's depth
against the noise, from a single bone and from all bones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use('Agg')

import numpy as np  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402

from synhand.evaluation.functional import root_aligned_errors  # noqa: E402
from synhand.geometry.pose25d import (  # noqa: E402
    bone_lengths,
    bone_ratios,
    from_25d,
    reference_length,
    to_25d,
)
from synhand.skeleton import JOINT_FAMILIES, ROOT  # noqa: E402
from synhand.synthesis.shards import ShardSet  # noqa: E402

NOISE = ((0, 0), (2, 0.05), (5, 0.12))  # px, reference bones
PRIORS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
STEPS = np.linspace(0, 5, 11)  # px
DEPTH_NOISE = 0.024  # reference bones a pixel
CURVES = {
    'one bone': dict(method='single_bone'),
    'all bones': {},
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('set', type=Path, help='folder of a synthetic set')
    parser.add_argument('--num', type=int, default=500)
    parser.add_argument('--plot', type=Path, help='write a PNG or SVG file')
    return parser.parse_args(argv)


def noisy(pose: np.ndarray, px: float, depth: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=pose.shape) * [px, px, depth]
    noise[:, 0, 2] = 0
    return pose + noise


def root_depth_errors(
    hands: np.ndarray, cameras: np.ndarray
) -> dict[str, np.ndarray]:
    """Error of the root's depth at every step of noise.

    Args:
        hands: (N, K, 3) in mm, camera frame.
        cameras: (N, 3, 3) in pixels.

    Returns:
        For each of `CURVES` (steps, 3): quartiles in mm.
    """
    scale = reference_length(hands)
    mean_lengths = (bone_lengths(hands) / scale[:, None]).mean(0)
    pose = to_25d(hands, cameras)
    quartiles = {name: [] for name in CURVES}
    for px in STEPS:
        seen = noisy(pose, px, px * DEPTH_NOISE)
        for name, options in CURVES.items():
            found = from_25d(
                seen,
                cameras,
                scale,
                mean_bone_lengths_mm=mean_lengths,
                **options,
            )
            error = np.abs(found[:, ROOT, 2] - hands[:, ROOT, 2])
            quartiles[name].append(np.percentile(error, [25, 50, 75]))
    return {name: np.array(rows) for name, rows in quartiles.items()}


def plot(errors: dict[str, np.ndarray], path: Path) -> None:
    """Medians as lines, the middle half of the hands as bands."""
    figure, axes = plt.subplots(figsize=(5.5, 3.5), layout='constrained')
    for name, rows in errors.items():
        (line,) = axes.plot(STEPS, rows[:, 1], label=name)
        axes.fill_between(
            STEPS, rows[:, 0], rows[:, 2], color=line.get_color(), alpha=0.2
        )
    axes.set_xlabel(
        f'noise of u and v (px; z: {DEPTH_NOISE} reference bones a px)'
    )
    axes.set_ylabel('error of the root depth (mm)')
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def table(hands: np.ndarray, cameras: np.ndarray, family: str) -> None:
    """Root-aligned errors by noise, bone lengths and stiffness."""
    scale = reference_length(hands)
    own = (bone_lengths(hands) / scale[:, None]).mean(0)
    for px, depth in NOISE:
        pose = noisy(to_25d(hands, cameras), px, depth)

        def error(pose=pose, **options) -> float:
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


def main(argv: list[str] | None = None) -> None:
    args = parse_args(argv)
    rows = ShardSet(args.set)
    rows = [rows.row(i) for i in range(min(args.num, len(rows)))]
    cameras = np.stack([row['camera_matrix'] for row in rows])
    hands = {
        family: np.stack(
            [row['hands'][0][f'keypoints_cam_{family}'] for row in rows]
        )
        for family in JOINT_FAMILIES
    }
    if args.plot is not None:
        plot(root_depth_errors(hands[JOINT_FAMILIES[0]], cameras), args.plot)
        return
    head = ''.join(f'{f"prior {p:g}":>11}' for p in PRIORS)
    print(f'{"mm":38}{"one bone":>9}{head}')
    for family, points in hands.items():
        table(points, cameras, family)


if __name__ == '__main__':
    main()
