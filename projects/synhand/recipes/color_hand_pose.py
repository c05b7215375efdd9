"""ColorHandPose3D: its parts and the whole (Zimmermann and Brox 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.recipes.data import (
    BOX_PADDING,
    background_folder,
    data_root,
    loader,
    synthetic_data,
    synthetic_loader,
)
from synhand.recipes.detection import frame_pipeline
from synhand.recipes.evaluation import evaluation, evaluators
from synhand.recipes.models import codec, estimator, preprocessor
from synhand.recipes.models2d import cpm, evaluators_2d, stages_model

HUE_DEGREES = 36.0
"""A tenth of the circle of hues."""

_CENTRE_SHIFT = 20 / 256
_SCALE_SPREAD = (1.0, 1.2)
_MAP_SIGMA = 2 / 32
"""Width of score maps' Gaussians, of the crop."""


# ---- HandSegNet ----------------------------------------------------------


def hand_segmenter(
    width: int = 64,
    depths: Sequence[int] = (2, 2, 4, 4),
    hand_weight: float = 1.0,
    autocast: str | None = 'bfloat16',
) -> dict:
    """HandSegNet; see `HandSegmenter`."""
    return dict(
        type='HandSegmenter',
        width=width,
        depths=tuple(depths),
        hand_weight=hand_weight,
        autocast=autocast,
        data_preprocessor=preprocessor('mmdet.DetDataPreprocessor'),
    )


def segmentation_data(
    train_size: Sequence[int], test_size: Sequence[int], batch_size: int
) -> dict:
    """Masks of the synthetic full frames; tested by boxes.

    Args:
        train_size: (W, H) of the random windows in pixels.
        test_size: (W, H) that whole pictures are brought to.
        batch_size: Pictures a batch and process.
    """
    folder = f'{data_root()}/synhand'
    train = dict(
        type='SyntheticMaskDataset',
        data_root=f'{folder}/frames_train',
        pipeline=_mask_pipeline(train_size),
    )
    held_out = dict(
        type='SyntheticFrameDataset',
        data_root=f'{folder}/frames_val',
        pipeline=frame_pipeline(test_size),
        test_mode=True,
    )
    test_loader = loader(held_out, batch_size, 2, training=False)
    metrics = [dict(type='HandBoxMetric')]
    return dict(
        train_dataloader=loader(train, batch_size, 2, training=True),
        **evaluation('val', test_loader, metrics),
        **evaluation('test', test_loader, metrics),
    )


def _mask_pipeline(input_size: Sequence[int]) -> list[dict]:
    """The detector's pipeline with masks, and hues as in the paper."""
    steps = frame_pipeline(input_size, True, backgrounds=background_folder())
    changes = dict(
        FrameAffine=dict(type='FrameMaskAffine'),
        PhotometricJitter=dict(hue=HUE_DEGREES, colour=1.0),
    )
    changed = [{**step, **changes.get(step['type'], {})} for step in steps]
    return [changed[0], dict(type='LoadHandMask'), *changed[1:]]


# ---- PoseNet -------------------------------------------------------------


def posenet_model(num_stages: int, input_size: Sequence[int]) -> dict:
    """PoseNet: a convolutional pose machine; its maps are the score maps."""
    return stages_model(
        cpm(num_stages),
        21,
        num_stages,
        input_size,
        maps_ready=True,
    )


def posenet_data(input_size: Sequence[int], batch_size: int) -> dict:
    """`synthetic_data_2d` of hands of both sides, none mirrored."""
    data = _unmirrored(synthetic_data(input_size, batch_size))
    metrics = evaluators_2d()
    return dict(data, val_evaluator=metrics, test_evaluator=metrics)


def _unmirrored(data: dict) -> dict:
    for part in ('train', 'val', 'test'):
        for step in data[f'{part}_dataloader']['dataset']['pipeline']:
            if step['type'] == 'MirrorHand':
                step['mode'] = 'none'
    return data


# ---- PosePrior and ViewPoint ----------------------------------------------


def canonical_codec(input_size: Sequence[int]) -> dict:
    """Labels of `CanonicalPoseHead`."""
    return dict(codec(input_size, ['side']), type='RootRelativeLabel')


def canonical_model(
    variant: str = 'proposed',
    map_size: int = 32,
    width: int = 32,
    posenet: dict | None = None,
    input_size: Sequence[int] = (256, 256),
    **head: object,
) -> dict:
    """Score maps to 3D.

    Args:
        variant: `'proposed'`, `'direct'`, `'bottleneck'` or `'local'`.
        map_size: Cells of a side of the maps.
        width: Channels of the first convolutions.
        posenet: A backbone that makes the maps from crops, such as
            `cpm(3)`, and stays as it is; None: drawn from 2D keypoints.
        input_size: (W, H) of the crop in pixels.
        **head: Further arguments of `CanonicalPoseHead`.
    """
    config = dict(
        type='CanonicalPoseHead',
        variant=variant,
        map_size=map_size,
        width=width,
        decoder=canonical_codec(input_size),
        **head,
    )
    if posenet:
        model = estimator(posenet, config)
        return dict(model, type='CanonicalPoseEstimator', frozen=['backbone'])
    renderer = dict(
        type='ScoreMapRenderer',
        size=(map_size, map_size),
        sigma=_MAP_SIGMA * map_size,
    )
    return dict(
        estimator(dict(backbone=renderer), config),
        type='CanonicalPoseEstimator',
        data_preprocessor=dict(type='mmengine.BaseDataPreprocessor'),
    )


def keypoint_crops(
    batch_size: int,
    noise: float = 0.0,
    input_size: Sequence[int] = (256, 256),
) -> dict:
    """Labels of the synthetic sets as crops of keypoints.

    Training has the paper's jitter of the crop and 45 degrees of turn.

    Args:
        batch_size: Samples a batch and process.
        noise: On validation's and test's 2D, a share of the crop.
        input_size: (W, H) of the crop in pixels.
    """
    folder = f'{data_root()}/synhand'
    box = dict(type='GetBBoxCenterScale', padding=BOX_PADDING)
    crop = dict(type='CropKeypoints', input_size=tuple(input_size))
    jitter = dict(
        type='RandomHandBox',
        rotate_factor=45.0,
        rotate_prob=0.8,
        scale_factor=_SCALE_SPREAD,
        shift_factor=_CENTRE_SHIFT,
        shift_prob=1.0,
    )
    labels = dict(type='GenerateTarget', encoder=canonical_codec(input_size))
    steps = [box, jitter, crop, labels, dict(type='PackHandLabels')]
    train = synthetic_loader(
        f'{folder}/train', steps, batch_size, training=True
    )
    steps = [box, dict(crop, noise=noise), dict(type='PackHandInputs')]
    held_out = synthetic_loader(f'{folder}/val', steps, batch_size)
    return dict(
        train_dataloader=train,
        **evaluation('val', held_out),
        **evaluation('test', held_out, evaluators()),
    )


def canonical_data(input_size: Sequence[int], batch_size: int) -> dict:
    """Crops with the labels of `CanonicalPoseHead`; none is mirrored."""
    data = _unmirrored(synthetic_data(input_size, batch_size))
    for step in data['train_dataloader']['dataset']['pipeline']:
        if step['type'] == 'GenerateTarget':
            step['encoder'] = canonical_codec(input_size)
    return data


# ---- the whole -------------------------------------------------------------


def color_hand_pose_model(
    segmenter: dict,
    posenet: dict,
    lifting: dict,
    crop_size: int = 256,
    padding: float = 1.25,
) -> dict:
    """All parts as one estimator of whole pictures.

    Args:
        segmenter: From `hand_segmenter`.
        posenet: From `posenet_model`.
        lifting: From `canonical_model`.
        crop_size: Side of the hand's crop in pixels.
        padding: Side of the crop over the longer side of the mask's box.
    """
    return dict(
        lifting,
        type='ColorHandPose3D',
        segmenter=segmenter,
        backbone=posenet['backbone'],
        data_preprocessor=posenet['data_preprocessor'],
        crop_size=crop_size,
        padding=padding,
    )


def whole_pictures(input_size: Sequence[int], batch_size: int) -> dict:
    """Pictures of the synthetic test set, their boxes unknown.

    Args:
        input_size: (W, H) that a picture is brought to.
        batch_size: Pictures a batch and process.
    """
    steps = [
        dict(type='LoadShardImage'),
        dict(type='WholePictureBox'),
        dict(type='GetBBoxCenterScale', padding=1.0),
        dict(type='AntialiasedTopdownAffine', input_size=tuple(input_size)),
        dict(type='PackHandInputs'),
    ]
    folder = f'{data_root()}/synhand/val'
    held_out = synthetic_loader(folder, steps, batch_size)
    return evaluation('test', held_out)
