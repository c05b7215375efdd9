"""Folders, pipelines and loaders."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from synhand.recipes.evaluation import evaluation, evaluators
from synhand.recipes.models import codec

BOX_PADDING = 1.6
"""Side of the crop in units of the longer side of the tight keypoint box."""


def data_root() -> str:
    """Folder of all sets: the environment's SYNHAND_DATA, else `data`."""
    return os.environ.get('SYNHAND_DATA') or 'data'


def background_folder() -> str | None:
    """Folder of photos: the environment's SYNHAND_BACKGROUNDS, else none."""
    return os.environ.get('SYNHAND_BACKGROUNDS') or None


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
    edges: Mapping | None = None,
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
        edges: Arguments of `PhotoEdge`; None for no edges.
    """
    return [
        dict(type='LoadShardImage', coverage=background_prob),
        *([dict(type='PhotoEdge', **edges)] if edges else []),
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


def loader(
    dataset: dict, batch_size: int, workers: int, training: bool
) -> dict:
    """Loader of any dataset: shuffled without end, or in order, once."""
    config = dict(
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=training and workers > 0,
        collate_fn=dict(type='default_collate'),
        dataset=dataset,
    )
    if training:
        config.update(
            sampler=dict(type='InfiniteSampler', shuffle=True),
            drop_last=True,
        )
    else:
        config['sampler'] = dict(
            type='DefaultSampler', shuffle=False, round_up=False
        )
    return config


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
    return loader(dataset, batch_size, workers, training)


def changed_steps(
    pipeline: list[dict], changes: Mapping[str, Mapping]
) -> list[dict]:
    """A pipeline whose steps of the named types have other arguments."""
    return [{**step, **changes.get(step['type'], {})} for step in pipeline]


def synthetic_data(
    input_size: Sequence[int],
    batch_size: int,
    floors: bool = False,
    edges: Mapping | None = None,
) -> dict:
    """Training, validation and test on the synthetic sets of `data_root`.

    Args:
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a batch and process.
        floors: The test also says what a constant pose would score.
        edges: Of `train_pipeline`.

    Returns:
        `train_dataloader`, and `evaluation` of the roles `val` and `test`.
    """
    folder = f'{data_root()}/synhand'
    train = synthetic_loader(
        f'{folder}/train',
        train_pipeline(input_size, background_folder(), edges=edges),
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
