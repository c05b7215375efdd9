"""How far the labels of real sets lie from the hand model's keypoints.

Fits the hand model to labelled 3D hands and prints, for each keypoint, the
mean of what is left in the hand frame (x to the thumb, y along the middle
metacarpal, z out of the palm) and the mean distance, in mm of a hand of mean
length. What is the same in several sets is another definition of that
keypoint; shape and pose take up a part of it, so measure again after a change.
Also the proportions of the labels, beside those of the mean hand: for index to
little finger its base from the wrist and its phalanges, and the steps from
base to base, in mm of a hand whose fingers are 80 mm long on average. And how
bent fingers converge: degrees between their second phalanges and the middle
finger's, towards the thumb, as seen from the palm; by how many degrees the
DIPs of bent fingers are bent, and how far the thumb's metacarpal then stands
out of the palm. Gestures of the synthetic hand stand beside the sets.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from synhand.datasets import (
    FreiHand3DDataset,
    HandJsonDataset,
    InterHandSingleDataset,
)
from synhand.datasets.base import HandDataset
from synhand.geometry.pose25d import bone_lengths
from synhand.hands.anatomy import FINGERS as FINGER_NAMES
from synhand.hands.anatomy import pose_from_degrees
from synhand.hands.anny_hand import (
    ADULT_LENGTH_MM,
    AnnyHand,
    default_hand,
)
from synhand.hands.anny_layer import AnnyLayer
from synhand.hands.fitting import fit_3d
from synhand.hands.turns import unit
from synhand.skeleton import FINGERS, HAND_SIDES, KEYPOINT_NAMES, SIDE_NAMES
from synhand.synthesis.poses import PoseShares, sample_pose

NOISE_MM = 2.0
# Second phalanges count that point back to the wrist within so many degrees.
_BACK = np.cos(np.radians(50))
_CHAINS = np.array([FINGERS[finger] for finger in FINGER_NAMES])
_POSES = 2000


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--freihand', type=Path, help='folder of its training labels'
    )
    parser.add_argument(
        '--interhand', type=Path, help="a *_data.json with its two neighbours'"
    )
    parser.add_argument(
        '--interhand-images', default='', help='their folder, relative to it'
    )
    parser.add_argument('--photos', type=Path, help='an annotations.json')
    return parser.parse_args(argv)


def datasets(args: argparse.Namespace) -> dict[str, tuple[HandDataset, str]]:
    """The sets that were asked for and their joint families, by name."""
    sets: dict[str, tuple[HandDataset, str]] = {}
    if args.freihand:
        sets['freihand'] = (
            FreiHand3DDataset(
                str(args.freihand), split='training', versions=(0,)
            ),
            'mano',
        )
    if args.interhand:
        stem = args.interhand.name.removesuffix('data.json')
        sets['interhand'] = (
            InterHandSingleDataset(
                str(args.interhand.parent),
                args.interhand.name,
                f'{stem}camera.json',
                f'{stem}joint_3d.json',
                args.interhand_images,
            ),
            'anatomical',
        )
    if args.photos:
        sets['photos'] = HandJsonDataset(str(args.photos)), 'anatomical'
    return sets


def proportions(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean lengths of labelled hands, of fingers of 80 mm on average.

    Args:
        keypoints: (N, K, 3) mm, any frame.

    Returns:
        tuple[ndarray, ndarray]: Wrist to base and three phalanges of index to
        little finger (4, 4), steps from base to base (3,).
    """
    bones = bone_lengths(keypoints).mean(0).reshape(5, 4)[1:]
    bases = keypoints[:, _CHAINS[:, 0]]
    steps = np.linalg.norm(np.diff(bases, axis=1), axis=-1).mean(0)
    size = 80 / bones[:, 1:].sum(1).mean()
    return bones * size, steps * size


def palm_axes(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions (N, 3) from little to index finger and from the wrist out.

    Args:
        keypoints: (N, K, 3), any unit and frame.
    """
    bases = keypoints[:, _CHAINS[:, 0]]
    along = unit(bases.mean(1) - keypoints[:, 0])
    across = bases[:, 0] - bases[:, 3]
    across -= (across * along).sum(-1, keepdims=True) * along
    return unit(across), along


def phalanges(keypoints: np.ndarray, number: int) -> np.ndarray:
    """Directions (N, 4, 3) of a phalanx, 0 to 2, of index to little finger."""
    ends = keypoints[:, _CHAINS[:, number + 1]]
    return unit(ends - keypoints[:, _CHAINS[:, number]])


def bent_fingers(keypoints: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Whether second phalanges (N, 4) point back to the wrist."""
    return -(phalanges(keypoints, 1) * along[:, None]).sum(-1) > _BACK


def medians(
    columns: Iterable[np.ndarray], use: Iterable[np.ndarray]
) -> np.ndarray:
    """Of each column (C times N) where `use` (C times N) says so, else nan."""
    return np.array(
        [
            np.median(column[some]) if some.any() else np.nan
            for column, some in zip(columns, use, strict=True)
        ]
    )


def bends(keypoints: np.ndarray, side: str) -> tuple[np.ndarray, float]:
    """How DIPs and thumbs are held while fingers are bent.

    Args:
        keypoints: (N, K, 3), any unit and frame.
        side: Of all hands.

    Returns:
        tuple[ndarray, float]: Median degrees of the DIPs of bent fingers
        (4,), and of the thumb's metacarpal out of the palm in hands whose
        middle and ring fingers are bent, nan where none is.
    """
    across, along = palm_axes(keypoints)
    bent = bent_fingers(keypoints, along)
    cosine = (phalanges(keypoints, 1) * phalanges(keypoints, 2)).sum(-1)
    dips = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    palm = np.cross(across, along) * (1 if side == 'right' else -1)
    base, mcp = FINGERS['thumb'][:2]
    thumb = unit(keypoints[:, mcp] - keypoints[:, base])
    height = np.degrees(np.arcsin((thumb * palm).sum(-1)))
    fists = bent[:, 1] & bent[:, 2]
    *fingers, out = medians([*dips.T, height], [*bent.T, fists])
    return np.array(fingers), out


def convergence(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How the second phalanges of bent fingers converge.

    Args:
        keypoints: (N, K, 3), any unit and frame.

    Returns:
        tuple[ndarray, ndarray]: Of index, ring and little finger the median
        angle (3,) to the middle finger's in degrees, positive towards the
        thumb, nan where none is bent; in how many hands (3,).
    """
    across, along = palm_axes(keypoints)
    axes = np.stack([across, along], axis=-1)
    x, y = np.moveaxis(phalanges(keypoints, 1) @ axes, -1, 0)
    angles = np.degrees(np.arctan2(x, -y))
    others = [0, 2, 3]
    bent = bent_fingers(keypoints, along)
    bent = bent[:, others] & bent[:, 1:2]
    apart = angles[:, others] - angles[:, 1:2]
    return medians(apart.T, bent.T), bent.sum(0)


def offsets(keypoints: np.ndarray, side: str, family: str) -> np.ndarray:
    """What is left of labels after the fit.

    Args:
        keypoints: (N, K, 3) mm, any frame.
        side: Of all hands.
        family: Joint family that is fitted.

    Returns:
        ndarray: (N, K, 3) mm of a hand of mean length, hand frame of a right
        hand.
    """
    model = AnnyLayer(side=side, dtype=torch.float64)
    labels = torch.from_numpy(keypoints)
    hands = fit_3d(model, labels, family=family, noise_mm=NOISE_MM)
    left = labels - hands.keypoints(model, family)
    left = left @ hands.rotation
    left = left * (ADULT_LENGTH_MM / hands.length[:, None, None])
    if side == 'left':
        left = left * left.new_tensor([-1.0, 1.0, 1.0])
    return left.numpy()


def whole_hands(dataset: HandDataset) -> dict[str, np.ndarray]:
    """Keypoints (N, K, 3) in mm, camera frame, of the hands of a set that
    have all, by side."""
    hands: dict[str, list] = {side: [] for side in HAND_SIDES}
    for i in range(len(dataset)):
        sample = dataset.get_data_info(i)
        points = sample['keypoints_cam'][0]
        if np.isfinite(points).all() and sample['keypoints_cam_valid'].all():
            hands[SIDE_NAMES[int(sample['hand_side'][0])]].append(points)
    return {
        side: np.array(points, np.float64)
        for side, points in hands.items()
        if points
    }


def print_proportions(keypoints: np.ndarray) -> None:
    bones, steps = proportions(keypoints)
    for finger, row in zip(FINGER_NAMES, bones, strict=True):
        print(f'  {finger:20}', ' '.join(f'{bone:6.1f}' for bone in row))
    print(f'  {"base to base":20}', ' '.join(f'{step:6.1f}' for step in steps))


def print_convergence(keypoints: np.ndarray) -> None:
    angles, hands = convergence(keypoints)
    print(
        f'  {"convergence":20}',
        ' '.join(f'{angle:6.1f}' for angle in angles),
        'of',
        *hands,
        'hands',
    )


def print_bends(keypoints: np.ndarray, side: str) -> None:
    dips, thumb = bends(keypoints, side)
    print(
        f'  {"DIPs, thumb":20}', ' '.join(f'{x:6.1f}' for x in (*dips, thumb))
    )


def gestures(hand: AnnyHand) -> np.ndarray:
    """Keypoints (N, K, 3) of sampled gestures of the mean hand, mm."""
    rng, shares = np.random.default_rng(0), PoseShares(1, 0, 0, 0)
    rest = hand.rest(np.zeros(hand.num_components), ADULT_LENGTH_MM)
    poses = [
        sample_pose(rng, hand, rest, shares).angles for _ in range(_POSES)
    ]
    return hand.pose_keypoints(rest, np.array(poses))['anatomical']


def main() -> None:
    args = parse_args()
    hand = default_hand()
    mean = hand.rest(np.zeros(hand.num_components), ADULT_LENGTH_MM)
    for family, points in mean.keypoints.items():
        print(f'mean hand, {family}')
        print_proportions(points[None])
    joints = [f'{f}_{j}_flexion' for f in FINGER_NAMES for j in ('mcp', 'pip')]
    bent = pose_from_degrees(**dict.fromkeys(joints, 90))
    for family, points in hand.pose_keypoints(mean, bent).items():
        print(f'mean hand, bent, {family}')
        print_convergence(points[None])
    print('gestures of the mean hand, anatomical')
    print_bends(gestures(hand), 'right')
    for name, (dataset, family) in datasets(args).items():
        hands = whole_hands(dataset)
        left = np.concatenate(
            [offsets(points, side, family) for side, points in hands.items()]
        )
        distance = np.linalg.norm(left, axis=-1)
        print(f'{name}: {len(left)} hands, {family}, {distance.mean():.2f} mm')
        together = np.concatenate(list(hands.values()))
        print_proportions(together)
        print_convergence(together)
        for side, points in hands.items():
            print_bends(points, side)
        for k, keypoint in enumerate(KEYPOINT_NAMES):
            x, y, z = left[:, k].mean(0)
            apart = distance[:, k].mean()
            print(f'  {keypoint:20} {x:6.1f} {y:6.1f} {z:6.1f} {apart:7.1f}')


if __name__ == '__main__':
    main()
