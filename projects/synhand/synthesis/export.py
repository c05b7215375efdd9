"""A set as files that other tools read: COCO-style JSON with images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from synhand.files import written_whole
from synhand.skeleton import BONES, KEYPOINT_NAMES, NUM_KEYPOINTS
from synhand.synthesis.shards import ShardSet

ANNOTATIONS = Path('annotations') / 'hands.json'
IMAGES = Path('images')
SIDES = {0: 'left', 1: 'right'}
CATEGORY = {
    'id': 1,
    'name': 'hand',
    'supercategory': 'hand',
    'keypoints': list(KEYPOINT_NAMES),
    # COCO counts keypoints from 1.
    'skeleton': [[a + 1, b + 1] for a, b in BONES],
}
_COORDINATES = ('keypoints_cam_anatomical', 'keypoints_cam_mano')
_PER_FOLDER = 1000


def export_coco(
    folder: str | Path,
    out: str | Path,
    rows: range | None = None,
    all_hands: bool = False,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a set in MMPose's convention for hands.

    The JPEG files are the shards', byte by byte, in ``images``; the labels
    are in ``annotations/hands.json``. An image has ``camera_matrix`` (3 x 3,
    px) and ``scene``; an annotation, next to COCO's fields,
    ``keypoints_cam_anatomical`` and ``keypoints_cam_mano`` (63 numbers, mm,
    camera frame), ``hand_side``, ``kind``, ``pose`` and ``shape``.
    ``keypoints`` are 63 numbers x, y (px, pixel centres at integers) and 2,
    or 1 for those hidden or outside the image. Boxes end at the image's
    borders. Numbers read back as the same 32-bit floats. Images without a
    hand are there without annotations.

    Args:
        folder: Of the set.
        out: To be made; it appears when it is whole.
        rows: Which rows; None: all.
        all_hands: Hands beyond the target too, where their boxes reach into
            the image; whole pictures have no target and need it.
        progress: Called with the number of images written.

    Returns:
        int: The number of annotations.

    Raises:
        ShardError: The set is missing or damaged.
        ValueError: ``out`` exists, or there are no such rows.
        OSError: No space or no permission; nothing is left behind.
    """
    shards, out = ShardSet(folder), Path(out)
    rows = range(len(shards)) if rows is None else rows
    if not rows or rows[0] < 0 or rows[-1] >= len(shards):
        raise ValueError(
            f'{folder}: rows {rows.start}-{rows.stop - 1} asked for; expected '
            f'some of 0-{len(shards) - 1}'
        )
    if out.exists():
        raise ValueError(f'{out}: exists; expected a folder to be made')
    with written_whole(out) as temporary:
        return _write(shards, rows, temporary, all_hands, progress)


def _write(
    shards: ShardSet,
    rows: range,
    out: Path,
    all_hands: bool,
    progress: Callable[[int], None] | None,
) -> int:
    """Write image by image, so that memory does not grow with the set."""
    path = out / ANNOTATIONS
    part = path.with_suffix('.part')
    path.parent.mkdir(parents=True)
    count = 0
    with path.open('w') as images, part.open('w') as annotations:
        images.write(f'{{"categories": [{json.dumps(CATEGORY)}],\n"images": [')
        for number, i in enumerate(rows):
            row = shards.row(i)
            name = _write_image(out, row)
            comma = ',\n' if number else '\n'
            images.write(comma + json.dumps(_image(row, name)))
            for hand in _hands(row, all_hands):
                count += 1
                comma = ',\n' if count > 1 else '\n'
                entry = _annotation(row, hand, count)
                annotations.write(comma + json.dumps(entry))
            if progress:
                progress(number + 1)
        images.write('],\n"annotations": [')
    with path.open('ab') as whole, part.open('rb') as rest:
        shutil.copyfileobj(rest, whole)
        whole.write(b']}\n')
    part.unlink()
    return count


def _write_image(out: Path, row: dict) -> Path:
    """Write a row's JPEG; its name from ``images`` on."""
    index = row['index']
    name = Path(f'{index // _PER_FOLDER:05d}') / f'{index:09d}.jpg'
    path = out / IMAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(row['image'])
    return name


def _hands(row: dict, all_hands: bool) -> Iterator[dict]:
    for number, hand in enumerate(row['hands']):
        if number == 0 or (all_hands and (_box(row, hand)[2:] > 0).all()):
            yield hand


def _box(row: dict, hand: dict) -> np.ndarray:
    """x, y, width, height (4,) in px of what is in the image."""
    last = np.array([row['width'], row['height']]) - 1
    low, high = np.clip(hand['bbox'].reshape(2, 2), 0, last)
    return np.concatenate([low, high - low])


def _image(row: dict, name: Path) -> dict:
    return {
        'id': row['index'],
        'file_name': name.as_posix(),
        'width': row['width'],
        'height': row['height'],
        'camera_matrix': np.reshape(
            _numbers(row['camera_matrix']), (3, 3)
        ).tolist(),
        'scene': json.loads(row['scene']),
    }


def _annotation(row: dict, hand: dict, number: int) -> dict:
    box = _numbers(_box(row, hand))
    visible = np.where(hand['occluded'] == 0, 2, 1)
    keypoints = np.column_stack([hand['keypoints_2d'], visible])
    return {
        'id': number,
        'image_id': row['index'],
        'category_id': CATEGORY['id'],
        'keypoints': _numbers(keypoints),
        'num_keypoints': NUM_KEYPOINTS,
        'bbox': box,
        'area': box[2] * box[3],
        'iscrowd': 0,
        'segmentation': [],
        'hand_side': SIDES[hand['side']],
        'kind': hand['kind'],
        **{key: _numbers(hand[key]) for key in _COORDINATES},
        'pose': _numbers(hand['pose']),
        'shape': _numbers(hand['shape']),
    }


def _numbers(values: np.ndarray) -> list[float]:
    """Numbers with as many digits as a 32-bit float has."""
    return [float(f'{value:.9g}') for value in np.ravel(values)]
