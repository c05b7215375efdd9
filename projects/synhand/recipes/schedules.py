"""Optimisers and schedules, counted in samples."""

from __future__ import annotations


def schedule(
    samples: int,
    batch_size: int,
    lr: float = 2e-3,
    weight_decay: float = 0.02,
    warmup_samples: int = 25_000,
    validate_every: int = 200_000,
    ema: bool = True,
    decay: bool = True,
) -> dict:
    """AdamW, warm-up, cosine; counted in samples, not in time.

    A run whose end is open takes `decay=False` and is resumed for as long as
    it pays; a short run with decay from its weights (`load_from`) ends it.

    Args:
        samples: Samples to train with, over all processes.
        batch_size: Samples a step, over all processes.
        lr: Learning rate after the warm-up.
        weight_decay: Not applied to norms, biases and the softness.
        warmup_samples: Samples of the linear warm-up, at most a tenth.
        validate_every: Samples between validations and checkpoints.
        ema: Average the weights; checkpoints and validations take the mean.
        decay: Lower the rate along a cosine; else it stays.

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
        param_scheduler=[
            *_warmup(warmup),
            *([_cosine(steps, warmup, lr)] * decay),
        ],
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
            bypass_duplicate=True,  # RTMDet's levels share convolutions
            custom_keys=dict(log_softness=dict(decay_mult=0.0)),
        ),
    )


def _warmup(steps: int) -> list[dict]:
    if not steps:
        return []
    linear = dict(
        type='LinearLR',
        by_epoch=False,
        begin=0,
        end=steps,
        start_factor=0.01,
    )
    return [linear]


def _cosine(steps: int, warmup: int, lr: float) -> dict:
    return dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=warmup,
        end=steps,
        T_max=steps - warmup,
        eta_min=lr * 0.01,
    )


def _ema() -> dict:
    return dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=0.001,
        gamma=500,
        update_buffers=True,
    )
