"""What a large set costs to open, to keep and to read, beside stock MMPose.

Three loaders on the same images, in one run, each in a process of its own:
this project's shards, MMPose's COCO-json class, and the pipeline of MMPose's
InterNet, which makes its volumes in the loader. A set of `--rows` rows
without pictures shows how opening and memory grow.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from synhand.skeleton import NUM_KEYPOINTS, from_standard
from synhand.synthesis.shards import ShardSet, write_shard

MEBI = 2**20
WORKERS = 2
SIZE = (256, 256)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('set', type=Path, help='folder of shard-*.arrow')
    parser.add_argument(
        '--rows', type=int, default=880_000, help='of the set without pictures'
    )
    parser.add_argument(
        '--json-rows',
        type=int,
        default=100_000,
        help='of the same set as a COCO file: stock opens it much slower',
    )
    parser.add_argument(
        '--images', type=int, default=256, help='read by each loader'
    )
    return parser.parse_args()


# Memory and time ------------------------------------------------------------


def unshared() -> float:
    """MiB that this process has changed, and so has for itself.

    Clean pages of mapped files are not among them: they are the kernel's
    cache, one copy for all processes, and given back when memory is short.
    """
    with open('/proc/self/smaps_rollup', encoding='ascii') as file:
        lines = (line.split() for line in file)
        return (
            next(
                int(words[1])
                for words in lines
                if words[0] == 'Private_Dirty:'
            )
            / 1024
        )


def in_a_process(function: Callable, *arguments: object) -> dict:
    """The result of a function in a fresh process, which nothing warmed."""
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_quiet, function, *arguments).result()


def _quiet(function: Callable, *arguments: object) -> dict:
    import synhand.registry  # noqa: F401

    cv2.setNumThreads(1)
    output, sys.stdout = sys.stdout, open(os.devnull, 'w')  # noqa: SIM115
    try:
        return function(*arguments)
    finally:
        sys.stdout = output


# Sets without pictures -------------------------------------------------------


def write_large_set(folder: Path, source: Path, rows: int) -> None:
    """Shards of `rows` rows: one of the source's, without its pictures."""
    row = ShardSet(source).row(0)
    row.update(image=b'', alpha=b'', mask=b'', scene='{}')
    shard, in_shard = folder / 'shard-00000.arrow', 10_000
    write_shard(shard, [row] * min(in_shard, rows))
    for number in range(1, -(-rows // in_shard)):
        left = rows - number * in_shard
        target = folder / f'shard-{number:05d}.arrow'
        if left >= in_shard:
            target.write_bytes(shard.read_bytes())
        else:
            write_shard(target, [row] * left)


def coco(row: dict, name: str, number: int) -> tuple[dict, dict]:
    """Image and annotation of a COCO-style file."""
    hand = row['hands'][0]
    x1, y1, x2, y2 = (float(v) for v in hand['bbox'])
    labels = np.full((NUM_KEYPOINTS, 3), 2.0)
    labels[:, :2] = hand['keypoints_2d']
    size = dict(width=row['width'], height=row['height'])
    return dict(id=number, file_name=name, **size), dict(
        id=number,
        image_id=number,
        category_id=1,
        iscrowd=0,
        area=(x2 - x1) * (y2 - y1),
        bbox=[x1, y1, x2 - x1, y2 - y1],
        num_keypoints=NUM_KEYPOINTS,
        keypoints=labels.round(2).ravel().tolist(),
    )


def write_coco(path: Path, pairs: list[tuple[dict, dict]]) -> None:
    images, annotations = zip(*pairs, strict=True)
    path.write_text(
        json.dumps(
            dict(
                images=images,
                annotations=annotations,
                categories=[dict(id=1, name='hand')],
            )
        )
    )


# The same images for all loaders ---------------------------------------------


def write_images(folder: Path, source: Path, count: int) -> None:
    """JPEGs of a set with COCO and InterHand2.6M annotations."""
    shards = ShardSet(source)
    pairs, joints, cameras = [], {}, {}
    annotations = []
    for i in range(min(count, len(shards))):
        row, name = shards.row(i), f'{i}.jpg'
        (folder / name).write_bytes(row['image'])
        image, annotation = coco(row, name, i)
        pairs.append((image, annotation))
        image.update(capture=i, camera='0', frame_idx=i)
        cameras[str(i)], joints[str(i)] = interhand(row, i)
        kind = ('left', 'right')[row['hands'][0]['side']]
        valid = [[int(kind == 'right')]] * 21 + [[int(kind == 'left')]] * 21
        annotations.append(
            dict(
                annotation,
                joint_valid=valid,
                hand_type=kind,
                hand_type_valid=1,
            )
        )
    write_coco(folder / 'coco.json', pairs)
    images = [image for image, _ in pairs]
    content = dict(images=images, annotations=annotations, categories=[])
    (folder / 'data.json').write_text(json.dumps(content))
    (folder / 'camera.json').write_text(json.dumps(cameras))
    (folder / 'joint_3d.json').write_text(json.dumps(joints))


def interhand(row: dict, number: int) -> tuple[dict, dict]:
    """A camera at the world's origin, and the joints in it."""
    matrix, hand = row['camera_matrix'], row['hands'][0]
    points = from_standard(hand['keypoints_cam_anatomical'], 'interhand')
    camera = dict(
        focal={'0': matrix[[0, 1], [0, 1]].tolist()},
        princpt={'0': matrix[:2, 2].tolist()},
        camrot={'0': np.eye(3).tolist()},
        campos={'0': [0, 0, 0]},
    )
    world = np.concatenate([points, points]).tolist()
    return camera, {str(number): dict(world_coord=world)}


# Loaders ---------------------------------------------------------------------


def shard_dataset(folder: str, pipeline: list | None = None) -> dict:
    return dict(
        type='SyntheticHandDataset',
        data_root=folder,
        pipeline=pipeline or [],
    )


def coco_dataset(
    folder: str, file: str = 'coco.json', pipeline: list | None = None
) -> dict:
    return dict(
        type='OneHand10KDataset',
        data_root=folder,
        ann_file=file,
        data_prefix=dict(img=''),
        pipeline=pipeline or [],
    )


def latent_training() -> list[dict]:
    from synhand import recipes

    return recipes.train_pipeline(SIZE)


def heatmap_training() -> list[dict]:
    """MMPose's pipeline of its heatmap configs for hands."""
    codec = dict(
        type='MSRAHeatmap', input_size=SIZE, heatmap_size=(64, 64), sigma=2
    )
    return [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='RandomBBoxTransform', rotate_factor=180),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='TopdownAffine', input_size=SIZE),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackPoseInputs'),
    ]


def internet_dataset(folder: str) -> dict:
    """Dataset and pipeline of MMPose's own config of InterNet."""
    from mmengine.config import Config

    config = Config.fromfile(
        f'{package_folder()}/.mim/configs/hand_3d_keypoint/internet/'
        'interhand3d/internet_res50_4xb16-20e_interhand3d-256x256.py'
    )
    dataset = config.train_dataloader.dataset
    dataset.update(
        data_root=folder,
        data_prefix=dict(img=''),
        ann_file='data.json',
        camera_param_file='camera.json',
        joint_file='joint_3d.json',
    )
    return dataset.to_dict()


def package_folder() -> Path:
    import mmpose

    return Path(mmpose.__file__).parent


def build(config: dict) -> object:
    from mmengine.registry import init_default_scope
    from mmpose.registry import DATASETS

    init_default_scope('mmpose')
    dataset = DATASETS.build(config)
    dataset.full_init()
    return dataset


def opening(config: dict) -> dict:
    """Seconds to open, rows, and what it adds to a process's own memory."""
    before = unshared()
    wall, cpu = time.perf_counter(), time.process_time()
    dataset = build(config)
    count = len(dataset)
    return dict(
        wall=time.perf_counter() - wall,
        cpu=time.process_time() - cpu,
        rows=count,
        opened=unshared() - before,
        worker=_worker_growth(dataset),
    )


class _Memory:
    """Draws samples all over a set in a worker; its growth in MiB."""

    def __init__(self, dataset: object, draws: int) -> None:
        self.dataset, self.draws = dataset, draws

    def __len__(self) -> int:
        return WORKERS

    def __getitem__(self, index: int) -> float:
        before = unshared()
        rng = np.random.default_rng(index)
        for i in rng.integers(0, len(self.dataset), self.draws):
            self.dataset.get_data_info(int(i))
        return unshared() - before


def _worker_growth(dataset: object, draws: int = 3000) -> float:
    from torch.utils.data import DataLoader

    loader = DataLoader(
        _Memory(dataset, draws),
        num_workers=WORKERS,
        multiprocessing_context='fork',
        batch_size=None,
    )
    return max(loader)


def reading(config: dict, count: int) -> dict:
    """Samples a second of processor time and of wall time, one process."""
    dataset = build(config)
    dataset.prepare_data(0)
    wall, cpu = time.perf_counter(), time.process_time()
    size = 0
    for i in range(count):
        size = _size(dataset.prepare_data(i % len(dataset)))
    return dict(
        wall=count / (time.perf_counter() - wall),
        cpu=count / (time.process_time() - cpu),
        mebibytes=size / MEBI,
    )


def _size(sample: dict) -> int:
    """Bytes of a sample's tensors and labels, that go to the trainer."""
    labels = sample['data_samples'].get('gt_instance_labels')
    values = [sample['inputs'], *(labels.values() if labels else ())]
    fields = sample['data_samples'].get('gt_fields')
    values += list(fields.values()) if fields is not None else []
    return sum(int(np.asarray(value).nbytes) for value in values)


# Report ----------------------------------------------------------------------


def report_opening(work: Path, args: argparse.Namespace) -> None:
    write_large_set(work / 'large', args.set, args.rows)
    row = ShardSet(args.set).row(0)
    pair = [coco(row, f'{i}.jpg', i) for i in range(args.json_rows)]
    write_coco(work / 'large.json', pair)
    del pair
    print(
        f'{"opening":34}{"rows":>9}{"s wall":>9}{"s CPU":>9}{"opened":>9}'
        f'{"worker":>9}'
    )
    for name, config in (
        ('shards', shard_dataset(str(work / 'large'))),
        ("MMPose's COCO json", coco_dataset(str(work), 'large.json')),
    ):
        found = in_a_process(opening, config)
        print(
            f'{name:34}{found["rows"]:9}{found["wall"]:9.2f}{found["cpu"]:9.2f}'
            f'{found["opened"]:9.1f}{found["worker"]:9.1f}'
        )
    print('opened, worker: MiB unshared, added by opening and by each worker')


def report_reading(work: Path, args: argparse.Namespace) -> None:
    folder = work / 'images'
    folder.mkdir()
    write_images(folder, args.set, args.images)
    print(f'\n{"training samples":34}{"/s wall":>9}{"/s CPU":>9}{"MiB":>8}')
    name = str(folder)
    for title, config, count in (
        (
            'shards, latent 2.5D, augmented',
            shard_dataset(str(args.set), latent_training()),
            args.images,
        ),
        (
            'MMPose, COCO json, heatmaps',
            coco_dataset(name, pipeline=heatmap_training()),
            args.images,
        ),
        ("MMPose's InterNet", None, max(8, args.images // 16)),
    ):
        config = config or internet_dataset(name)
        found = in_a_process(reading, config, count)
        print(
            f'{title:34}{found["wall"]:9.1f}{found["cpu"]:9.1f}'
            f'{found["mebibytes"]:8.2f}'
        )
    print('one process, one thread; MiB: of a sample that a loader hands over')


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory(prefix='loading-') as folder:
        work = Path(folder)
        (work / 'large').mkdir()
        report_opening(work, args)
        report_reading(work, args)


if __name__ == '__main__':
    main()
