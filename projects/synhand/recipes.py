"""What configs call: pipelines, loaders, evaluators, models, schedules.

Every function returns plain dicts, so that a config that calls them is
dumped, read again and overridden (`--cfg-options`) as if written out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from synhand.hands.anny_hand import default_hand

BOX_PADDING = 1.6
"""Side of the crop in units of the longer side of the tight keypoint box."""

MEAN_RGB = (123.675, 116.28, 103.53)
STD_RGB = (58.395, 57.12, 57.375)


def data_root() -> str:
    """Folder of all sets: the environment's SYNHAND_DATA, else `data`."""
    return os.environ.get('SYNHAND_DATA') or 'data'


def background_folder() -> str | None:
    """Folder of photos: the environment's SYNHAND_BACKGROUNDS, else none."""
    return os.environ.get('SYNHAND_BACKGROUNDS') or None


def codec(input_size: Sequence[int]) -> dict:
    """The 2.5D codec of a crop of (W, H) pixels."""
    return dict(type='Latent25DLabel', input_size=tuple(input_size))


def train_pipeline(
    input_size: Sequence[int],
    backgrounds: str | None = None,
    rotation: float = 45.0,
    scale: Sequence[float] = (0.8, 1.3),
    shift: float = 0.1,
    mirror: str = 'right',
    background_prob: float = 0.8,
    occlusion_prob: float = 0.3,
    spectrum_prob: float = 0.3,
) -> list[dict]:
    """Augmentation of synthetic samples, and their labels.

    Args:
        input_size: (W, H) of the crop in pixels.
        backgrounds: Folder of photos; None for procedural backgrounds.
        rotation: Largest rotation of the crop in degrees.
        scale: Smallest and largest factor of the crop's side.
        shift: Largest shift, of the crop's side.
        mirror: Mode of `MirrorHand`.
        background_prob: Probability of another background.
        occlusion_prob: Probability of a patch over the crop.
        spectrum_prob: Probability of a change of the amplitude spectrum.
    """
    return [
        dict(type='LoadShardImage', coverage=background_prob),
        dict(type='GetBBoxCenterScale', padding=BOX_PADDING),
        dict(
            type='RandomHandBox',
            rotate_factor=rotation,
            rotate_prob=0.8,
            scale_factor=tuple(scale),
            shift_factor=shift,
            shift_prob=0.8,
        ),
        dict(type='AntialiasedTopdownAffine', input_size=tuple(input_size)),
        dict(type='MirrorHand', mode=mirror),
        dict(type='ReplaceBackground', folder=backgrounds),
        dict(type='RandomOcclusion', prob=occlusion_prob, folder=backgrounds),
        dict(type='SpectrumJitter', prob=spectrum_prob),
        dict(type='PhotometricJitter'),
        dict(type='GenerateTarget', encoder=codec(input_size)),
        dict(type='PackHandLabels'),
    ]


def test_pipeline(
    input_size: Sequence[int], shards: bool = False, mirror: str = 'right'
) -> list[dict]:
    """From a sample with a tight box to a model's input.

    Args:
        input_size: (W, H) of the crop in pixels.
        shards: The images come from shards, else from files.
        mirror: Mode of `MirrorHand`.
    """
    return [
        dict(type='LoadShardImage' if shards else 'LoadImage'),
        dict(type='GetBBoxCenterScale', padding=BOX_PADDING),
        dict(type='AntialiasedTopdownAffine', input_size=tuple(input_size)),
        dict(type='MirrorHand', mode=mirror),
        dict(type='PackHandInputs'),
    ]


def _loader(
    dataset: dict, batch_size: int, workers: int, training: bool
) -> dict:
    loader = dict(
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=training and workers > 0,
        collate_fn=dict(type='default_collate'),
        dataset=dataset,
    )
    if training:
        loader.update(
            sampler=dict(type='InfiniteSampler', shuffle=True),
            drop_last=True,
        )
    else:
        loader['sampler'] = dict(
            type='DefaultSampler', shuffle=False, round_up=False
        )
    return loader


def synthetic_loader(
    data_root: str,
    pipeline: list[dict],
    batch_size: int,
    workers: int = 2,
    indices: int | Sequence[int] | None = None,
    joint_family: str = 'anatomical',
    training: bool = False,
) -> dict:
    """Loader of a synthetic set.

    Args:
        data_root: Folder of shards.
        pipeline: Transforms.
        batch_size: Samples a batch and process.
        workers: Loader processes.
        indices: Part of the set, see `SyntheticHandDataset`.
        joint_family: `'anatomical'` or `'mano'`.
        training: Shuffled and without end; else in order, once.
    """
    dataset = dict(
        type='SyntheticHandDataset',
        data_root=data_root,
        indices=indices,
        joint_family=joint_family,
        test_mode=not training,
        pipeline=pipeline,
    )
    return _loader(dataset, batch_size, workers, training)


def hand_json_loader(
    data_root: str,
    pipeline: list[dict],
    batch_size: int,
    workers: int = 2,
    indices: int | Sequence[int] | None = None,
) -> dict:
    """Loader of photos with an `annotations.json`, in order, once."""
    dataset = dict(
        type='HandJsonDataset',
        data_root=data_root,
        indices=indices,
        test_mode=True,
        pipeline=pipeline,
    )
    return _loader(dataset, batch_size, workers, training=False)


def evaluators(floors: bool = False) -> list[dict]:
    """2D and 3D metrics; `floors` adds what a constant pose would score."""
    return [
        dict(type='HandKeypoint2DMetric'),
        dict(type='HandKeypoint3DMetric', floors=floors),
    ]


def evaluation(
    name: str, dataloader: dict, metrics: list[dict] | None = None
) -> dict:
    """The loop, loader and metrics of one role, `'val'` or `'test'`.

    Returns:
        `{name}_cfg`, `{name}_dataloader` and `{name}_evaluator`.
    """
    return {
        f'{name}_cfg': dict(type='ValLoop' if name == 'val' else 'TestLoop'),
        f'{name}_dataloader': dataloader,
        f'{name}_evaluator': metrics or evaluators(),
    }


def synthetic_data(
    input_size: Sequence[int], batch_size: int, floors: bool = False
) -> dict:
    """Training, validation and test on the synthetic sets of `data_root`.

    Args:
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a batch and process.
        floors: The test also says what a constant pose would score.

    Returns:
        `train_dataloader`, and `evaluation` of the roles `val` and `test`.
    """
    folder = f'{data_root()}/synhand'
    train = synthetic_loader(
        f'{folder}/train',
        train_pipeline(input_size, background_folder()),
        batch_size,
        training=True,
    )
    held_out = synthetic_loader(
        f'{folder}/val', test_pipeline(input_size, shards=True), batch_size
    )
    return dict(
        train_dataloader=train,
        **evaluation('val', held_out),
        **evaluation('test', held_out, evaluators(floors)),
    )


def resnet18_half() -> dict:
    """Backbone and neck: ResNet-18 of half width, FPN to stride 4."""
    channels = [32, 64, 128, 256]
    return dict(
        backbone=dict(
            type='ResNet',
            depth=18,
            stem_channels=32,
            base_channels=32,
            out_indices=(0, 1, 2, 3),
        ),
        neck=dict(
            type='FPN',
            in_channels=channels,
            out_channels=64,
            num_outs=len(channels),
        ),
    )


def hrnet_w18() -> dict:
    """Backbone and neck: HRNetV2-W18, its four maps joined at stride 4."""
    widths = (18, 36, 72, 144)
    stages = {
        f'stage{n}': dict(
            num_modules=modules,
            num_branches=n,
            block='BASIC',
            num_blocks=(4,) * n,
            num_channels=widths[:n],
        )
        for n, modules in ((2, 1), (3, 4), (4, 3))
    }
    stages['stage1'] = dict(
        num_modules=1,
        num_branches=1,
        block='BOTTLENECK',
        num_blocks=(4,),
        num_channels=(64,),
    )
    stages['stage4']['multiscale_output'] = True
    return dict(
        backbone=dict(type='HRNet', in_channels=3, extra=stages),
        neck=dict(type='FeatureMapProcessor', concat=True),
    )


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


def schedule(
    samples: int,
    batch_size: int,
    lr: float = 2e-3,
    weight_decay: float = 0.02,
    warmup_samples: int = 25_000,
    validate_every: int = 200_000,
    ema: bool = True,
) -> dict:
    """AdamW, warm-up, cosine; counted in samples, not in time.

    Args:
        samples: Samples to train with, over all processes.
        batch_size: Samples a step, over all processes.
        lr: Learning rate after the warm-up.
        weight_decay: Not applied to norms, biases and the softness.
        warmup_samples: Samples of the linear warm-up, at most a tenth.
        validate_every: Samples between validations and checkpoints.
        ema: Average the weights; checkpoints and validations take the mean.

    Returns:
        `train_cfg`, `optim_wrapper`, `param_scheduler`, `custom_hooks`,
        `default_hooks` and `log_processor`, for
        `globals().update(schedule(...))` in a config.
    """
    steps = max(1, samples // batch_size)
    warmup = min(steps // 10, warmup_samples // batch_size)
    interval = min(steps, max(1, validate_every // batch_size))
    return dict(
        train_cfg=dict(
            by_epoch=False,
            max_iters=steps,
            val_interval=interval,
        ),
        optim_wrapper=_adamw(lr, weight_decay),
        param_scheduler=_warmup_cosine(steps, warmup, lr),
        custom_hooks=[dict(type='SyncBuffersHook'), *([_ema()] * ema)],
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook', by_epoch=False, interval=interval
            )
        ),
        log_processor=dict(by_epoch=False),
    )


def _adamw(lr: float, weight_decay: float) -> dict:
    return dict(
        type='OptimWrapper',
        optimizer=dict(
            type='AdamW', lr=lr, weight_decay=weight_decay, fused=True
        ),
        clip_grad=dict(max_norm=5.0),
        paramwise_cfg=dict(
            norm_decay_mult=0.0,
            bias_decay_mult=0.0,
            custom_keys=dict(log_softness=dict(decay_mult=0.0)),
        ),
    )


def _warmup_cosine(steps: int, warmup: int, lr: float) -> list[dict]:
    cosine = dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=warmup,
        end=steps,
        T_max=steps - warmup,
        eta_min=lr * 0.01,
    )
    if not warmup:
        return [cosine]
    linear = dict(
        type='LinearLR',
        by_epoch=False,
        begin=0,
        end=warmup,
        start_factor=0.01,
    )
    return [linear, cosine]


def _ema() -> dict:
    return dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.001,
        gamma=500,
        update_buffers=True,
    )
