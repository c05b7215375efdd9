"""Pictures to boxes: the detector's data, model and evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.recipes.data import background_folder, data_root, loader
from synhand.recipes.evaluation import evaluation
from synhand.recipes.features import resnet18_half
from synhand.recipes.models import preprocessor

_META_KEYS = (
    'img_id',
    'img_path',
    'ori_shape',
    'img_shape',
    'scale_factor',
    'border',
)


def frame_pipeline(
    input_size: Sequence[int],
    training: bool = False,
    shards: bool = True,
    backgrounds: str | None = None,
) -> list[dict]:
    """From a picture to a detector's input and boxes.

    Args:
        input_size: (W, H) px.
        training: With augmentation.
        shards: The pictures come from shards, else they are in memory.
        backgrounds: Folder of photos; None for procedural backgrounds.
    """
    load = dict(type='LoadShardImage', coverage=0.6 * training)
    affine = dict(
        type='FrameAffine', input_size=tuple(input_size), random=training
    )
    augmentation = [
        dict(type='ReplaceBackground', folder=backgrounds),
        dict(type='SpectrumJitter'),
        dict(type='PhotometricJitter'),
    ]
    return [
        *([load] * shards),
        affine,
        *(augmentation * training),
        dict(type='mmdet.PackDetInputs', meta_keys=_META_KEYS),
    ]


def frame_data(
    train_size: Sequence[int], test_size: Sequence[int], batch_size: int
) -> dict:
    """Training, validation and test on the synthetic full frames."""
    folder = f'{data_root()}/synhand'

    def frames(part: str, training: bool, size: Sequence[int]) -> dict:
        pipeline = frame_pipeline(size, training, True, background_folder())
        dataset = dict(
            type='SyntheticFrameDataset',
            data_root=f'{folder}/{part}',
            pipeline=pipeline,
            test_mode=not training,
        )
        return loader(dataset, batch_size, 2, training)

    held_out = frames('frames_val', False, test_size)
    metrics = [dict(type='HandBoxMetric')]
    return dict(
        train_dataloader=frames('frames_train', True, train_size),
        **evaluation('val', held_out, metrics),
        **evaluation('test', held_out, metrics),
    )


def center_detector(
    num_classes: int = 1, autocast: str | None = 'bfloat16'
) -> dict:
    """CenterNet on the small pose model's backbone and neck, stride 4.

    So that it can start from that model's weights.

    Args:
        num_classes: 1: hands; 2: left and right ones.
        autocast: Type that the network trains in; None for float32.
    """
    return dict(
        type='HandCenterDetector',
        autocast=autocast,
        data_preprocessor=preprocessor('mmdet.DetDataPreprocessor'),
        **resnet18_half(),
        bbox_head=dict(
            type='HandCenterHead',
            num_classes=num_classes,
            in_channels=64,
            feat_channels=32,
            loss_center_heatmap=dict(
                type='mmdet.GaussianFocalLoss', loss_weight=1.0
            ),
            loss_wh=dict(type='mmdet.L1Loss', loss_weight=0.1),
            loss_offset=dict(type='mmdet.L1Loss', loss_weight=1.0),
        ),
        test_cfg=dict(topk=20, local_maximum_kernel=3, max_per_img=20),
    )
