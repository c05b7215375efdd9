"""Public sets of hands: what tests a model on each, and trains on some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from synhand.recipes.data import (
    BOX_PADDING,
    background_folder,
    changed_steps,
    data_root,
    loader,
    synthetic_loader,
    test_pipeline,
    train_pipeline,
)
from synhand.recipes.evaluation import evaluation, evaluators
from synhand.recipes.mixed import mixed_loader, of_family
from synhand.recipes.models import mean_bone_lengths

_HAND_PADDING = 1.25
"""MMPose's, for boxes that people drew around a whole hand."""

_WHOLE_IMAGE = 1.0


@dataclass(frozen=True)
class Benchmark:
    """A public set.

    Attributes:
        folder: Its folder in `data_root()`.
        dataset: Type and arguments of the test set.
        training: Other arguments of the training set; empty: test only.
        padding: Side of the crop over the longer side of the set's box.
        has_3d: Whether there are 3D labels.
        labels: File in `folder` without which the test set has no labels.
        meshes: File in `folder` with the true vertices of the test set.
        submission: Metric that writes the benchmark's result file.
        joint_family: Of the set's joints; models are asked for these.
        metrics: Instead of those for 2D or 3D keypoints.
    """

    folder: str
    dataset: dict
    training: dict = field(default_factory=dict)
    padding: float = BOX_PADDING
    has_3d: bool = True
    labels: str | None = None
    meshes: str | None = None
    submission: dict | None = None
    joint_family: str = 'anatomical'
    metrics: tuple[dict, ...] = ()


def _interhand(split: str) -> dict:
    start = f'annotations/{split}/InterHand2.6M_{split}'
    return dict(
        ann_file=f'{start}_data.json',
        camera_param_file=f'{start}_camera.json',
        joint_file=f'{start}_joint_3d.json',
        img_prefix=f'images/{split}',
    )


def _ho3d(version: int) -> Benchmark:
    return Benchmark(
        folder=f'ho3d_v{version}',
        dataset=dict(type='Ho3DDataset', split='evaluation'),
        training=dict(split='train'),
        labels='evaluation_xyz.json',
        submission=dict(type='HO3DSubmission'),
        joint_family='mano',
    )


BENCHMARKS: dict[str, Benchmark] = {
    'freihand': Benchmark(
        folder='freihand',
        dataset=dict(type='FreiHand3DDataset', split='evaluation'),
        training=dict(split='training', box='keypoints'),
        padding=_WHOLE_IMAGE,
        labels='evaluation_xyz.json',
        meshes='evaluation_verts.json',
        submission=dict(type='FreiHANDSubmission'),
        joint_family='mano',
    ),
    'interhand': Benchmark(
        folder='interhand2.6m',
        dataset=dict(type='InterHandSingleDataset', **_interhand('test')),
        training=_interhand('train'),
    ),
    'rhd': Benchmark(
        folder='rhd',
        dataset=dict(
            type='Rhd3DDataset', ann_file='annotations/rhd_test.json'
        ),
        training=dict(ann_file='annotations/rhd_train.json'),
    ),
    'ge2019': Benchmark(folder='ge2019', dataset=dict(type='HandJsonDataset')),
    'ho3d_v2': _ho3d(2),
    'ho3d_v3': _ho3d(3),
    'dexycb': Benchmark(
        folder='dexycb',
        dataset=dict(type='DexYcbDataset', split='test'),
        training=dict(split='train'),
        submission=dict(type='DexYCBSubmission', id_key='img_id'),
        joint_family='mano',
    ),
    'stb': Benchmark(
        folder='stb',
        dataset=dict(type='StbDataset', split='test'),
        training=dict(split='train'),
    ),
    'coco_wholebody_hand': Benchmark(
        folder='coco',
        dataset=dict(
            type='CocoWholeBodyHands',
            ann_file='annotations/coco_wholebody_val_v1.0.json',
            data_prefix=dict(img='val2017/'),
        ),
        training=dict(
            ann_file='annotations/coco_wholebody_train_v1.0.json',
            data_prefix=dict(img='train2017/'),
        ),
        padding=_HAND_PADDING,
        has_3d=False,
    ),
    'onehand10k': Benchmark(
        folder='onehand10k',
        dataset=dict(
            type='OneHand10KHands', ann_file='annotations/onehand10k_test.json'
        ),
        training=dict(ann_file='annotations/onehand10k_train.json'),
        padding=_HAND_PADDING,
        has_3d=False,
    ),
    'panoptic': Benchmark(
        folder='panoptic',
        dataset=dict(
            type='PanopticHands', ann_file='annotations/panoptic_test.json'
        ),
        training=dict(ann_file='annotations/panoptic_train.json'),
        has_3d=False,
    ),
    'hiu_dmtl': Benchmark(
        folder='hiu_dmtl', dataset=dict(type='HiuDmtlDataset'), has_3d=False
    ),
    'ti1k': Benchmark(
        folder='ti1k',
        dataset=dict(type='HandJsonDataset'),
        padding=_HAND_PADDING,
        has_3d=False,
    ),
    'signwriting': Benchmark(
        folder='signwriting',
        dataset=dict(type='HandJsonDataset'),
        padding=_WHOLE_IMAGE,
        metrics=(dict(type='MultiviewConsistencyMetric'),),
    ),
}
"""The sets by name; `data/README.md` says how to get each."""

SYNTHETIC = 'synhand'


def _known(name: str) -> Benchmark:
    if name not in BENCHMARKS:
        raise ValueError(
            f'no benchmark {name!r}: expected one of {", ".join(BENCHMARKS)}'
        )
    return BENCHMARKS[name]


def _is_there(bench: Benchmark, file: str) -> bool:
    return Path(data_root(), bench.folder, file).is_file()


def _evaluators(
    bench: Benchmark, submission: str | None, mesh: bool
) -> list[dict]:
    unlabelled = bench.labels and not _is_there(bench, bench.labels)
    metrics = list(bench.metrics) or (
        evaluators(floors=True, mesh=mesh)
        if bench.has_3d
        else evaluators()[:1]
    )
    if bench.submission and (submission or unlabelled):
        default = f'work_dirs/submissions/{bench.folder}'
        write = dict(bench.submission, outfile=submission or default)
        if not unlabelled:
            return [*metrics, write]
        return [dict(write, format_only=True, count=None)]
    return metrics


def benchmark(
    name: str,
    input_size: Sequence[int],
    batch_size: int = 64,
    submission: str | None = None,
    workers: int = 2,
    mesh: bool = False,
) -> dict:
    """Tests a model on a public set, for `globals().update` in a config.

    The config must inherit a model's config that has a test set, which this
    replaces. A set whose labels are not there only gets its result file.

    Args:
        name: A name in `BENCHMARKS`.
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a batch and process.
        submission: File or folder of the benchmark's own format, where it has
            one; by default only where there are no labels, into
            `work_dirs/submissions`.
        workers: Loader processes.
        mesh: Also errors of vertices, where the file with the true ones is
            there. Those after alignment need a model with the set's own
            topology, see `HandMeshMetric`.

    Returns:
        `test_cfg`, `test_dataloader`, `test_evaluator`.

    Raises:
        ValueError: No such set, or one that has no meshes.
    """
    bench = _known(name)
    if mesh and not bench.meshes:
        raise ValueError(f'{name}: has no true meshes')
    mesh = mesh and _is_there(bench, bench.meshes)
    dataset = dict(
        bench.dataset,
        **(dict(vertices=True) if mesh else {}),
        data_root=f'{data_root()}/{bench.folder}',
        test_mode=True,
        pipeline=changed_steps(
            test_pipeline(input_size),
            dict(GetBBoxCenterScale=dict(padding=bench.padding)),
        ),
    )
    test = of_family(
        loader(dataset, batch_size, workers, training=False),
        bench.joint_family,
    )
    test['_delete_'] = True
    return evaluation('test', test, _evaluators(bench, submission, mesh))


def _training_loader(
    name: str,
    input_size: Sequence[int],
    batch_size: int,
    joint_family: str,
    workers: int,
) -> dict:
    pipeline = train_pipeline(input_size, background_folder())
    if name == SYNTHETIC:
        return synthetic_loader(
            f'{data_root()}/synhand/train',
            pipeline,
            batch_size,
            workers,
            joint_family=joint_family,
            training=True,
        )
    bench = _known(name)
    if not bench.training:
        raise ValueError(f'{name}: has no training set')
    # coverage: FreiHAND has masks; of other sets backgrounds stay
    pipeline[0] = dict(pipeline[0], type='LoadHandImage')
    dataset = dict(
        {**bench.dataset, **bench.training},
        data_root=f'{data_root()}/{bench.folder}',
        pipeline=pipeline,
    )
    return loader(dataset, batch_size, workers, training=True)


def training_sets(
    shares: Mapping[str, float],
    input_size: Sequence[int],
    batch_size: int,
    joint_family: str = 'anatomical',
    workers: int = 2,
) -> dict:
    """Trains on one set, or on several at once.

    For `globals().update` in a config that inherits one with a training and
    a validation set, which this replaces and takes away: which model is best
    must not be chosen by a set that another of the compared ones trains on.

    Args:
        shares: How often each set is drawn from: names in `BENCHMARKS` or
            `SYNTHETIC`, and weights.
        input_size: (W, H) of the crop in pixels.
        batch_size: Samples a batch and process.
        joint_family: Of the synthetic hands; and of the mean hand whose
            bone lengths give the depth and size of predicted ones.
        workers: Loader processes.

    Returns:
        `train_dataloader`, `model` (its bone lengths), `trained_on` (the
        sets and their shares in words), and `val_cfg`, `val_dataloader`,
        `val_evaluator` as None.

    Raises:
        ValueError: No such set, or it has no training part.
    """
    loaders = [
        _training_loader(name, input_size, batch_size, joint_family, workers)
        for name in shares
    ]
    train = loaders[0]
    if len(loaders) > 1:
        weights = list(shares.values())
        train = mixed_loader(loaders, weights, batch_size, workers)
    total = sum(shares.values())
    parts = [f'{share / total:.0%} {name}' for name, share in shares.items()]
    return dict(
        trained_on=' + '.join(parts),
        train_dataloader=dict(train, _delete_=True),
        model=dict(
            mean_bone_lengths_mm=mean_bone_lengths(joint_family),
            joint_family=joint_family,
        ),
        val_cfg=None,
        val_dataloader=None,
        val_evaluator=None,
    )


def interhand_stock() -> dict:
    """Stock InterNet's loaders on the official release, and its metric.

    For `globals().update` in a config that inherits MMPose's config of
    InterNet: same dataset class, 42 joints; other file names.

    Returns:
        What to change of `train_`, `val_` and `test_dataloader`;
        `val_evaluator` and `test_evaluator`.
    """
    metrics = [dict(type='InterHandOfficialMetric')]
    parts = {}
    for role in ('train', 'val', 'test'):
        files = _interhand(role)
        prefix = files.pop('img_prefix')
        parts[f'{role}_dataloader'] = dict(
            dataset=dict(
                data_root=f'{data_root()}/{BENCHMARKS["interhand"].folder}',
                data_prefix=dict(img=f'{prefix}/'),
                **files,
            )
        )
    return dict(parts, val_evaluator=metrics, test_evaluator=metrics)
