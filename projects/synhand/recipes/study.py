"""Arms of the study: one common fine-tune in which one thing differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synhand.recipes.data import (
    background_folder,
    data_root,
    synthetic_loader,
    test_pipeline,
    train_pipeline,
)
from synhand.recipes.features import resnet18_half
from synhand.recipes.mixed import both_families, with_extras
from synhand.recipes.models import latent25d_model
from synhand.synthesis.mask_layers import FOREARM, GARMENT, LAYERS

STUDY_FOLDER = 'study'
BASE_SET = 'base'


def study_arm(
    question: str,
    rendered: Mapping[str, Any] | None = None,
    chosen: Mapping[str, Any] | None = None,
    share: float = 1.0,
    input_size: Sequence[int] = (96, 96),
    batch_size: int = 64,
    joint_family: str = 'anatomical',
    without: Sequence[str] = (),
    plain: bool = False,
    either_side: bool = False,
    two_families: bool = False,
    head: Mapping[str, Any] | None = None,
    **augmentation: Any,
) -> dict:
    """The small model's data and model with one thing changed.

    For `globals().update` in a config that inherits the small model's. The
    tool of the study renders the sets, says how many samples are trained on
    and from which checkpoint, and measures on photos.

    Args:
        question: What the arm asks, for the table.
        rendered: Fields of `SynthesisConfig` in which this arm's set differs
            from the common one; `poses` as shares by kind. None: the common
            set.
        chosen: Arguments of `ChosenSyntheticHands`.
        share: Of the set's images that are used.
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a step.
        joint_family: `'anatomical'` or `'mano'`.
        without: Types of transforms that are left out in training.
        plain: One colour behind the hand instead of photos.
        either_side: Crops are not mirrored to right hands; the network tells
            the side.
        two_families: Half of the samples have labels of the other family.
        head: Further arguments of the head.
        **augmentation: Arguments of `train_pipeline`.

    Returns:
        `arm` (`question`, `rendered`, `share`), `model`, `train_dataloader`
        and `test_dataloader`; no validation.
    """
    train = _loader(chosen, input_size, batch_size, joint_family, augmentation)
    pipeline = _changed(train['dataset']['pipeline'], without, plain)
    train['dataset']['pipeline'] = pipeline
    test = synthetic_loader(
        f'{data_root()}/synhand/val',
        test_pipeline(input_size, shards=True),
        batch_size,
    )
    loaders = dict(train_dataloader=train, test_dataloader=test)
    if either_side:
        loaders = with_extras(loaders, ['side'], 'random', 'none')
    if two_families:
        loaders['train_dataloader'] = both_families(train, batch_size)
    model = latent25d_model(
        resnet18_half(),
        in_channels=64,
        input_size=input_size,
        in_index=0,
        joint_family=joint_family,
        **(head or {}),
    )
    return dict(
        arm=dict(
            question=question,
            rendered=None if rendered is None else dict(rendered),
            share=share,
        ),
        model=dict(model, _delete_=True),
        val_cfg=None,
        val_dataloader=None,
        val_evaluator=None,
        **{k: dict(v, _delete_=True) for k, v in loaders.items()},
    )


def forearm_layers() -> list[int]:
    """Values of the mask where a forearm, or what it wears, is seen."""
    hands = range(256 // LAYERS)
    return [LAYERS * k + layer for k in hands for layer in (FOREARM, GARMENT)]


def _loader(
    chosen: Mapping[str, Any] | None,
    input_size: Sequence[int],
    batch_size: int,
    joint_family: str,
    augmentation: Mapping[str, Any],
) -> dict:
    folder = f'{data_root()}/{STUDY_FOLDER}/{BASE_SET}'
    settings = dict(dict(backgrounds=background_folder()), **augmentation)
    train = synthetic_loader(
        folder,
        train_pipeline(input_size, **settings),
        batch_size,
        joint_family=joint_family,
        training=True,
    )
    if chosen:
        train['dataset'].update(type='ChosenSyntheticHands', **chosen)
    return train


def _changed(
    pipeline: list[dict], without: Sequence[str], plain: bool
) -> list[dict]:
    kept = [step for step in pipeline if step['type'] not in without]
    if not plain:
        return kept
    return [
        dict(type='PlainBackground')
        if step['type'] == 'ReplaceBackground'
        else step
        for step in kept
    ]
