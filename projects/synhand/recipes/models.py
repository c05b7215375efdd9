"""Models, and the codecs that make their targets."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.hands.anny_hand import default_hand
from synhand.skeleton import BONES, REFERENCE_BONE

MEAN_RGB = (123.675, 116.28, 103.53)
STD_RGB = (58.395, 57.12, 57.375)

Z_RANGE_MM = 200.0
"""Volumes hold depths within so much of the wrist's."""


def codec(input_size: Sequence[int], extras: Sequence[str] = ()) -> dict:
    """The 2.5D codec of a crop of (W, H) pixels; see `Latent25DLabel`."""
    settings = dict(type='Latent25DLabel', input_size=tuple(input_size))
    return dict(settings, extras=tuple(extras)) if extras else settings


def mean_bone_lengths(joint_family: str = 'anatomical') -> list[float]:
    """Lengths (20,) of `BONES` in mm of the synthetic hands' mean."""
    return default_hand().mean_bone_lengths(joint_family).round(2).tolist()


def reference_bone_mm(joint_family: str = 'anatomical') -> float:
    """Length of `REFERENCE_BONE` in mm of the synthetic hands' mean."""
    return mean_bone_lengths(joint_family)[BONES.index(REFERENCE_BONE)]


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
    model = estimator(
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
    if head.get('families'):  # they answer in any family themselves
        model['joint_family'] = None
    return model


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
    bone = reference_bone_mm(joint_family)
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
        joint_family=joint_family,
        data_preprocessor=preprocessor('PoseDataPreprocessor'),
        **features,
        head=head,
        train_cfg=dict(autocast=train_autocast),
        test_cfg=dict(flip_test=flip_test),
    )


def biomechanics(joint_family: str = 'anatomical', **weights: float) -> dict:
    """`BiomechanicalLoss` with limits of the synthetic hand.

    Args:
        joint_family: Of the keypoints.
        **weights: See `BiomechanicalLoss`.
    """
    from synhand.models.losses.biomechanical import synthetic_limits

    limits = synthetic_limits(joint_family)
    return dict(type='BiomechanicalLoss', weights=weights, **limits)
