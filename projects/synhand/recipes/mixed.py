"""Training on several sets, and on labels that models ask for beside 2.5D."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from synhand.recipes.data import synthetic_data
from synhand.skeleton import JOINT_FAMILIES

_LABELS = ('GenerateTarget', 'PackHandLabels')


def with_extras(
    data: dict,
    extras: Sequence[str],
    train_mirror: str | None = None,
    test_mirror: str | None = None,
) -> dict:
    """The loaders of a config, for models that take more labels.

    Args:
        data: What `synthetic_data` or another data recipe returns.
        extras: Of the codec, see `Latent25DLabel`.
        train_mirror: Mode of `MirrorHand` in training; None: as it is.
        test_mirror: The same of validation and test.

    Returns:
        A changed copy.
    """
    data = deepcopy(data)
    for name, loader in data.items():
        if not name.endswith('_dataloader'):
            continue
        training = name.startswith('train')
        mode = train_mirror if training else test_mirror
        for step in loader['dataset']['pipeline']:
            if step['type'] == 'GenerateTarget':
                step['encoder']['extras'] = tuple(extras)
            elif step['type'] == 'MirrorHand' and mode is not None:
                step['mode'] = mode
    return data


def of_family(loader: dict, joint_family: str) -> dict:
    """A copy of a loader whose samples say of which joint family they are."""
    loader = deepcopy(loader)
    mark = dict(type='MarkJointFamily', family=joint_family)
    loader['dataset']['pipeline'].insert(0, mark)
    return loader


def mixed_loader(
    loaders: Sequence[dict],
    weights: Sequence[float],
    batch_size: int,
    workers: int = 2,
    extras: Sequence[str] = (),
) -> dict:
    """One training loader of several sets.

    Samples with and without 3D, of both joint families, of left and right
    hands come in one batch; what a sample lacks weighs nothing in the loss.

    Args:
        loaders: Training loaders, each with a pipeline that ends with
            `GenerateTarget` and `PackHandLabels`; of their entries only the
            dataset is used. The labels are those of the first.
        weights: How often each set is drawn from.
        batch_size: Samples a batch and process.
        workers: Loader processes.
        extras: Of the codec, see `Latent25DLabel`.

    Raises:
        ValueError: A pipeline ends otherwise.
    """
    datasets = [deepcopy(loader['dataset']) for loader in loaders]
    for dataset in datasets:
        ending = dataset['pipeline'][-len(_LABELS) :]
        if tuple(step['type'] for step in ending) != _LABELS:
            raise ValueError(
                f'{dataset["type"]}: expected a pipeline that ends with '
                f'{_LABELS}, got {[s["type"] for s in dataset["pipeline"]]}'
            )
        del dataset['pipeline'][-len(_LABELS) :]
    generate, pack = deepcopy(loaders[0]['dataset']['pipeline'][-2:])
    if extras:
        generate['encoder']['extras'] = tuple(extras)
    return dict(
        loaders[0],
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='WeightedSourceSampler', weights=list(weights)),
        dataset=dict(
            type='MixedHandDataset',
            datasets=datasets,
            pipeline=[generate, pack],
        ),
    )


def two_family_loader(input_size: Sequence[int], batch_size: int) -> dict:
    """The synthetic training set with the labels of both joint families.

    Args:
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a batch and process; half of each family.
    """
    one = synthetic_data(input_size, batch_size)['train_dataloader']
    return both_families(one, batch_size)


def both_families(loader: dict, batch_size: int) -> dict:
    """A synthetic loader's set with the labels of both joint families."""
    loaders = []
    for family in JOINT_FAMILIES:
        one = of_family(loader, family)
        one['dataset']['joint_family'] = family
        loaders.append(one)
    return mixed_loader(loaders, [1, 1], batch_size, extras=['family'])
