"""Lifters: 2D keypoints, of labels or of a model, to 3D."""

from __future__ import annotations

from collections.abc import Sequence

from synhand.recipes.data import (
    data_root,
    loader,
    synthetic_loader,
    test_pipeline,
)
from synhand.recipes.evaluation import evaluation, evaluators
from synhand.recipes.models import mean_bone_lengths


def lifting_model(
    lifter: dict, joint_family: str = 'anatomical', warp: bool = False
) -> dict:
    """A lifter whose input are keypoints.

    Args:
        lifter: `NeighbourLifter`, `PPCALifter` or `MLPLifter`.
        joint_family: Of the hands it is fitted to.
        warp: See `LiftingEstimator`.
    """
    return dict(
        type='LiftingEstimator',
        lifter=lifter,
        warp=warp,
        mean_bone_lengths_mm=mean_bone_lengths(joint_family),
        data_preprocessor=dict(type='mmengine.BaseDataPreprocessor'),
    )


def behind(lifting: dict, pose2d: dict, checkpoint: str) -> dict:
    """The overrides that put a lifter behind a 2D model.

    Args:
        lifting: From `lifting_model`.
        pose2d: A top-down model's config.
        checkpoint: Its weights, a file or `synhand://NAME`.
    """
    pose2d = dict(pose2d)
    preprocessor = pose2d.pop('data_preprocessor')
    return dict(
        lifting,
        data_preprocessor=preprocessor,
        pose2d=pose2d,
        pose2d_checkpoint=checkpoint,
    )


def keypoint_pipeline(
    noise: float = 0.0, file: str | None = None, images: bool = False
) -> list[dict]:
    """From a sample to keypoints as the input.

    Args:
        noise: Standard deviation, of the longer side of the tight box.
        file: The 2D result of another run, see `LoadKeypoints2D`; None for
            the labels.
        images: Photos whose camera may be missing: their size is read.
    """
    return [
        *([dict(type='LoadImage')] if images else []),
        *([dict(type='LoadKeypoints2D', path=file)] if file else []),
        dict(type='PackHandKeypoints', noise=noise),
    ]


def sampled_loader(num: int, batch_size: int = 256, workers: int = 2) -> dict:
    """Loader of hands that are drawn, not rendered, to be fitted to."""
    dataset = dict(
        type='SampledHandDataset', num=num, pipeline=keypoint_pipeline()
    )
    return loader(dataset, batch_size, workers, training=False)


def lifting_data(
    batch_size: int = 256, learning: bool = False, noise: float = 0.0
) -> dict:
    """Labels of the synthetic sets of `data_root` as keypoints.

    Args:
        batch_size: Samples a batch and process.
        learning: Shuffled and without end, for a lifter that learns by
            steps; else once, for one that is fitted.
        noise: On the keypoints of validation and test.

    Returns:
        `train_dataloader`, and `evaluation` of the roles `val` and `test`.
    """
    folder = f'{data_root()}/synhand'
    train = synthetic_loader(
        f'{folder}/train', keypoint_pipeline(), batch_size, training=learning
    )
    held_out = synthetic_loader(
        f'{folder}/val', keypoint_pipeline(noise), batch_size
    )
    return dict(
        train_dataloader=train,
        **evaluation('val', held_out),
        **evaluation('test', held_out, evaluators()),
    )


def crops(input_size: Sequence[int], batch_size: int = 64) -> dict:
    """Test crops of the synthetic set for a lifter behind a 2D model."""
    folder = f'{data_root()}/synhand'
    pipeline = test_pipeline(input_size, shards=True)
    held_out = synthetic_loader(f'{folder}/val', pipeline, batch_size)
    return evaluation('test', dict(held_out, _delete_=True), evaluators())


def fit_schedule(samples: int | None = None) -> dict:
    """Instead of steps: the model is fitted to the training set once.

    Args:
        samples: Most hands; None for all.

    Returns:
        `train_cfg`, `optim_wrapper` and `default_hooks`.
    """
    return dict(
        train_cfg=dict(_delete_=True, type='FitLoop', samples=samples),
        optim_wrapper=dict(constructor='NoOptimWrapperConstructor'),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                interval=1,
                save_optimizer=False,
                save_param_scheduler=False,
            )
        ),
    )
