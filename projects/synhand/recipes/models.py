"""Models, and the codecs that make their targets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from synhand.hands.anatomy import LOWER, UPPER
from synhand.hands.anny_hand import ADULT_LENGTH_MM, default_hand
from synhand.skeleton import BONES, NUM_KEYPOINTS, REFERENCE_BONE

MEAN_RGB = (123.675, 116.28, 103.53)
STD_RGB = (58.395, 57.12, 57.375)

Z_RANGE_MM = 200.0
"""Volumes hold depths within so much of the wrist's."""

_LIMIT_POSES = 1500
_LIMIT_PEOPLE = 60


def codec(input_size: Sequence[int], extras: Sequence[str] = ()) -> dict:
    """The 2.5D codec of a crop of (W, H) pixels; see `Latent25DLabel`."""
    settings = dict(type='Latent25DLabel', input_size=tuple(input_size))
    return dict(settings, extras=tuple(extras)) if extras else settings


def mean_bone_lengths(joint_family: str = 'anatomical') -> list[float]:
    """Lengths (20,) of `BONES` in mm of the synthetic hands' mean."""
    return default_hand().mean_bone_lengths(joint_family).round(2).tolist()


def latent25d_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    train_autocast: str | None = 'bfloat16',
    flip_test: bool = False,
    joint_family: str = 'anatomical',
    **head: object,
) -> dict:
    """A latent 2.5D model on any of MMPose's backbones.

    Args:
        features: `backbone` and, if any, `neck`.
        in_channels: Channels of the map that the head reads.
        input_size: (W, H) of the crop in pixels.
        train_autocast: Type that the network trains in; None for float32.
        flip_test: Average with the mirrored crop.
        joint_family: Of the synthetic hands it is trained on; their mean
            bone lengths give the depth and size of predicted hands.
        **head: Further arguments of `Latent25DHead`.
    """
    return estimator(
        features,
        dict(
            type='Latent25DHead',
            in_channels=in_channels,
            decoder=codec(input_size),
            **head,
        ),
        train_autocast,
        flip_test,
        joint_family,
    )


def volumetric_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    train_autocast: str | None = 'bfloat16',
    flip_test: bool = False,
    joint_family: str = 'anatomical',
    **head: object,
) -> dict:
    """A coarse-to-fine volumetric model; see `latent25d_model`.

    Args:
        **head: Further arguments of `VolumetricHead`. Its `z_range` is
            `Z_RANGE_MM` in reference bones of the mean hand.
    """
    bone = mean_bone_lengths(joint_family)[BONES.index(REFERENCE_BONE)]
    return estimator(
        features,
        dict(
            type='VolumetricHead',
            in_channels=in_channels,
            z_range=round(Z_RANGE_MM / bone, 3),
            decoder=codec(input_size),
            **head,
        ),
        train_autocast,
        flip_test,
        joint_family,
    )


def preprocessor(kind: str) -> dict:
    """What normalises pixels, of MMPose's or MMDetection's kind."""
    return dict(
        type=kind, mean=list(MEAN_RGB), std=list(STD_RGB), bgr_to_rgb=True
    )


def estimator(
    features: dict,
    head: dict,
    train_autocast: str | None = 'bfloat16',
    flip_test: bool = False,
    joint_family: str = 'anatomical',
) -> dict:
    """`HandPoseEstimator` with any head; see `latent25d_model`."""
    return dict(
        type='HandPoseEstimator',
        mean_bone_lengths_mm=mean_bone_lengths(joint_family),
        data_preprocessor=preprocessor('PoseDataPreprocessor'),
        **features,
        head=head,
        train_cfg=dict(autocast=train_autocast),
        test_cfg=dict(flip_test=flip_test),
    )


def biomechanics(joint_family: str = 'anatomical', **weights: float) -> dict:
    """`BiomechanicalLoss` with limits of the synthetic hand.

    The joint angles are bounded by what poses drawn from all degrees of
    freedom, limits included, reach, the lengths and the palm by the shapes of
    many people. No statistic of recorded hands goes in.

    Args:
        joint_family: Of the keypoints.
        **weights: See `BiomechanicalLoss`.
    """
    limits = dict(_limits(joint_family))
    return dict(type='BiomechanicalLoss', weights=weights, **limits)


@lru_cache
def _limits(joint_family: str) -> dict[str, list]:
    import torch

    from synhand.models.losses.biomechanical import measure_limits

    points = torch.from_numpy(_sampled_hands(joint_family))
    return measure_limits(points)


def _sampled_hands(joint_family: str) -> np.ndarray:
    """Keypoints (N, 21, 3) in reference bones, right hands."""
    rng = np.random.default_rng(0)
    hand = default_hand()
    people = rng.permutation(len(hand.people))[:_LIMIT_PEOPLE]
    rests = [hand.rest(hand.people[i], ADULT_LENGTH_MM) for i in people]
    share = rng.uniform(-0.1, 1.1, (_LIMIT_POSES, len(LOWER))).clip(0, 1)
    angles = LOWER + share * (UPPER - LOWER)
    points = np.empty((_LIMIT_POSES, NUM_KEYPOINTS, 3))
    for i, pose in enumerate(angles):
        rest = rests[i % len(rests)]
        points[i] = hand.pose_keypoints(rest, pose)[joint_family]
    middle = points[:, REFERENCE_BONE[1]] - points[:, REFERENCE_BONE[0]]
    return points / np.linalg.norm(middle, axis=-1)[:, None, None]
