"""The stock InterNet on this project's data: the baseline."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.recipes.data import synthetic_data
from synhand.recipes.mixed import with_extras
from synhand.recipes.models import estimator, reference_bone_mm

_CELLS = 64


def internet_codec(input_size: Sequence[int]) -> dict:
    """The stock codec of 42 volumes, with the settings of the stock config."""
    return dict(
        type='Hand3DHeatmap',
        image_size=list(input_size),
        root_heatmap_size=_CELLS,
        heatmap_size=[input_size[0] // 4, input_size[1] // 4, _CELLS],
        sigma=2.5,
        max_bound=255,
        depth_size=_CELLS,
    )


def internet_model(
    features: dict,
    in_channels: int,
    input_size: Sequence[int],
    joint_family: str = 'anatomical',
) -> dict:
    """The stock InterNet, read as a model of one hand.

    Args:
        features: `backbone` and, if any, `neck`.
        in_channels: Channels of the backbone's last map, of stride 32.
        input_size: (W, H) of the crop in pixels.
        joint_family: Of the synthetic hands it is trained on.
    """
    pooled = dict(in_channels=in_channels, hidden_dims=(512,))
    head = dict(
        type='OneHandInternetHead',
        keypoint_head_cfg=dict(
            in_channels=in_channels,
            out_channels=21 * _CELLS,
            depth_size=_CELLS,
            deconv_out_channels=(256, 256, 256),
            deconv_kernel_sizes=(4, 4, 4),
        ),
        root_head_cfg=dict(pooled, heatmap_size=_CELLS),
        hand_type_head_cfg=dict(pooled, num_labels=2),
        decoder=internet_codec(input_size),
        bone_mm=reference_bone_mm(joint_family),
    )
    return estimator(features, head, None, joint_family=joint_family)


def internet_data(input_size: Sequence[int], batch_size: int) -> dict:
    """The synthetic set as InterNet takes it; see `synthetic_data`.

    Crops are not mirrored by the side: InterNet tells the side itself.
    Targets are made in the loader, as stock MMPose makes them.
    """
    data = with_extras(
        synthetic_data(input_size, batch_size), (), 'random', 'none'
    )
    pipeline = data['train_dataloader']['dataset']['pipeline']
    pipeline[-2:] = [
        dict(type='AsTwoHands'),
        dict(type='GenerateTarget', encoder=internet_codec(input_size)),
        dict(type='PackPoseInputs', meta_keys=('id', 'img_path')),
    ]
    return data
