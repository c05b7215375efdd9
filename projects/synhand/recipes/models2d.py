"""2D models: MMPose's own, with targets made on the device."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.recipes.data import synthetic_data
from synhand.recipes.features import DECONVOLUTIONS
from synhand.recipes.models import codec, estimator
from synhand.skeleton import NUM_KEYPOINTS

SIMCC_RATIO = 2.0
"""Bins a pixel."""


def evaluators_2d() -> list[dict]:
    """2D metrics alone."""
    return [dict(type='HandKeypoint2DMetric')]


def synthetic_data_2d(input_size: Sequence[int], batch_size: int) -> dict:
    """`synthetic_data` with 2D metrics alone."""
    return dict(
        synthetic_data(input_size, batch_size),
        val_evaluator=evaluators_2d(),
        test_evaluator=evaluators_2d(),
    )


def heatmap_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    deconvolutions: bool = False,
    sigma: float = 2.0,
) -> dict:
    """One heatmap a keypoint.

    Args:
        features: `backbone` and, if any, `neck`.
        in_channels: Channels of the map that the head reads.
        input_size: (W, H) of the crop in pixels.
        deconvolutions: From stride 32 to 4, as SimpleBaseline does; else a
            convolution of 1 x 1 keeps the channels, as HRNetV2 does.
        sigma: Width of the targets in cells.
    """
    layers = (
        DECONVOLUTIONS
        if deconvolutions
        else dict(
            deconv_out_channels=None,
            conv_out_channels=(in_channels,),
            conv_kernel_sizes=(1,),
        )
    )
    head = dict(
        type='HandHeatmapHead',
        in_channels=in_channels,
        out_channels=NUM_KEYPOINTS,
        sigma=sigma,
        decoder=codec(input_size),
        **layers,
    )
    return estimator(features, head)


def stages_model(
    features: dict,
    in_channels: int,
    num_stages: int,
    input_size: Sequence[int],
    sigma: float = 2.0,
    maps_ready: bool = False,
) -> dict:
    """Heatmaps of several stages, each with a loss.

    Args:
        features: `backbone`, with a map a stage.
        in_channels: Channels of each map.
        num_stages: Stages.
        input_size: (W, H) of the crop in pixels.
        sigma: Width of the targets in cells.
        maps_ready: The backbone's maps are the heatmaps already.
    """
    head = dict(
        type='HandStagesHead',
        in_channels=in_channels,
        out_channels=NUM_KEYPOINTS,
        num_stages=num_stages,
        final_layer=None if maps_ready else dict(kernel_size=1),
        sigma=sigma,
        decoder=codec(input_size),
    )
    return estimator(features, head)


def cpm(num_stages: int) -> dict:
    """Convolutional pose machine: its stages' heatmaps at stride 8."""
    return dict(
        backbone=dict(
            type='CPM',
            in_channels=3,
            out_channels=NUM_KEYPOINTS,
            feat_channels=128,
            num_stages=num_stages,
        )
    )


def rtmpose_model(
    features: dict, in_channels: int, input_size: Sequence[int]
) -> dict:
    """RTMPose; the head is that of its published hand models.

    Args:
        features: A CSPNeXt, stride 32.
        in_channels: Its channels.
        input_size: (W, H) of the crop in pixels, multiples of 32.
    """
    head = dict(
        type='HandSimCCHead',
        in_channels=in_channels,
        out_channels=NUM_KEYPOINTS,
        input_size=tuple(input_size),
        in_featuremap_size=tuple(side // 32 for side in input_size),
        simcc_split_ratio=SIMCC_RATIO,
        final_layer_kernel_size=7,
        gau_cfg=dict(
            hidden_dims=256,
            s=128,
            expansion_factor=2,
            dropout_rate=0.0,
            drop_path=0.0,
            act_fn='SiLU',
            use_rel_bias=False,
            pos_enc=False,
        ),
        loss=dict(
            type='KLDiscretLoss',
            use_target_weight=True,
            beta=10.0,
            label_softmax=True,
        ),
        decoder=codec(input_size),
    )
    return estimator(features, head)


def deeppose_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    num_stages: int = 3,
    refiner_depth: int = 18,
    window_size: int = 64,
    coarse_factor: int = 2,
) -> dict:
    """DeepPose with its cascade.

    Args:
        features: `backbone` and, if any, `neck` of the first stage.
        in_channels: Channels of the map that it ends with.
        input_size: (W, H) of the crop in pixels.
        num_stages: Stages with the first.
        refiner_depth: Of the ResNet (18 or 34) of each later stage.
        window_size: Pixels of the windows that those see.
        coarse_factor: The first stage sees the crop so many times smaller.
    """
    head = dict(
        type='DeepPoseHead',
        in_channels=in_channels,
        input_size=tuple(input_size),
        num_stages=num_stages,
        refiner=dict(type='ResNet', depth=refiner_depth),
        refiner_channels=512,
        window_size=window_size,
        decoder=codec(input_size),
    )
    return dict(
        estimator(features, head),
        type='CascadeEstimator',
        coarse_factor=coarse_factor,
    )
