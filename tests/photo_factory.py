"""Small sets of photos, laid out on disk as those that are measured on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmark_factory import write_coco_style, write_freihand, write_rhd
from shard_factory import make_row


def write_json_set(
    folder: Path,
    count: int,
    labels: Iterable[int] = range(21),
    group: bool = False,
) -> None:
    """Photos with an `annotations.json`; `labels` are labelled in 2D."""
    folder.mkdir(parents=True)
    entries = []
    for index in range(count):
        row = make_row(index // 2 if group else index)
        (folder / f'{index}.jpg').write_bytes(row['image'])
        hand = row['hands'][0]
        seen = np.isin(np.arange(21), list(labels)).astype(float)
        points = hand['keypoints_2d'] * seen[:, None]
        entry = dict(
            image=f'{index}.jpg',
            hand=('left', 'right')[hand['side']],
            bbox=None if group else hand['bbox'].tolist(),
        )
        if not group:
            points = np.concatenate([points, seen[:, None]], 1)
            entry['keypoints_2d'] = points.tolist()
        if not group and seen.all():
            cam = hand['keypoints_cam_anatomical']
            entry['keypoints_3d_mm'] = cam.tolist()
            entry['K'] = row['camera_matrix'].tolist()
        if group:
            entry.update(group=str(index // 2), view=str(index % 2))
        entries.append(entry)
    (folder / 'annotations.json').write_text(json.dumps(entries))


def write_photo_sets(folder: Path) -> Path:
    """All sets of `tools/benchmarks/real.py`; the folder."""
    write_json_set(folder / 'ge2019', 4)
    write_json_set(folder / 'ti1k', 3, labels=(4, 8))
    write_json_set(folder / 'signwriting', 4, group=True)
    write_freihand(folder / 'freihand_official_mini', 2)
    samples = folder / 'mmpose_samples'
    write_coco_style(samples / 'freihand', 'test_freihand.json', '', '{}.jpg')
    write_rhd(samples / 'rhd')
    for labels in list(samples.glob('*/annotations/*.json')):
        labels.rename(labels.parents[1] / f'test_{labels.parts[-3]}.json')
    return folder
