"""Models, and the codecs that make their targets."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.hands.anny_hand import default_hand

MEAN_RGB = (123.675, 116.28, 103.53)
STD_RGB = (58.395, 57.12, 57.375)


def codec(input_size: Sequence[int]) -> dict:
    """The 2.5D codec of a crop of (W, H) pixels."""
    return dict(type='Latent25DLabel', input_size=tuple(input_size))


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
    return dict(
        type='HandPoseEstimator',
        mean_bone_lengths_mm=default_hand()
        .mean_bone_lengths(joint_family)
        .round(2)
        .tolist(),
        data_preprocessor=dict(
            type='PoseDataPreprocessor',
            mean=list(MEAN_RGB),
            std=list(STD_RGB),
            bgr_to_rgb=True,
        ),
        **features,
        head=dict(
            type='Latent25DHead',
            in_channels=in_channels,
            decoder=codec(input_size),
            **head,
        ),
        train_cfg=dict(autocast=train_autocast),
        test_cfg=dict(flip_test=flip_test),
    )
