"""Photos with an `annotations.json`: one entry a hand.

An entry: `image` (path relative to the file), `hand` (left, right or
unknown), `bbox` (tight box x1, y1, x2, y2 in pixels, or null: the tight box
of the keypoints, or else the whole image), `keypoints_2d` ((21, 3): x, y,
labelled, in pixels, or null), `keypoints_3d_mm` ((21, 3) in mm, camera frame
x right, y down, z forward, or null), `K` (3x3 camera matrix in pixels, or
null), `group` and `view` (texts: images of one group show the same pose).
Order of keypoints: the standard one of `synhand.skeleton`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from mmpose.registry import DATASETS

from synhand.datasets.base import (
    HandDataset,
    hand_metainfo,
    hand_sample,
)
from synhand.datasets.reading import numbers, read_json
from synhand.geometry.boxes import tight_box, whole_image
from synhand.geometry.cameras import check_camera_matrix
from synhand.skeleton import HAND_SIDES, NUM_KEYPOINTS

GROUPING = ('group', 'view')


def read_annotations(path: str | Path) -> list[dict]:
    """Read and check an annotation file.

    Args:
        path: An `annotations.json`.

    Returns:
        For each entry a dict of `img_path` and what
        :func:`synhand.datasets.base.hand_sample` takes: `bbox` (4,) px or
        None, `keypoints` (K, 2) px or None, `keypoints_visible` (K,) or
        None, `keypoints_cam` (K, 3) mm or None, `camera_matrix` (3, 3) px or
        None, `hand_side`; `group` and `view` where the file has them.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It is not a list of entries, or a field is wrong; one
            line that names file, entry, field and what was expected.
    """
    entries = read_json(path)
    path = Path(path)
    return [_entry(path, i, entry) for i, entry in enumerate(entries)]


def _entry(path: Path, number: int, entry: object) -> dict:
    where = f'{path}: entry {number}'
    if not isinstance(entry, dict):
        raise ValueError(f'{where}: expected an object with named fields')
    name = entry.get('image')
    if not isinstance(name, str) or not name:
        raise ValueError(f'{where}: image: expected a file name, got {name}')
    side = entry.get('hand') or 'unknown'
    if not isinstance(side, str) or side not in HAND_SIDES:
        raise ValueError(
            f'{where}: hand: expected left, right or unknown, got {side!r}'
        )
    keypoints = _numbers(entry, 'keypoints_2d', (NUM_KEYPOINTS, 3), where)
    camera = entry.get('K')
    if camera is not None:
        camera = check_camera_matrix(camera, f'{where}: K')
    return dict(
        img_path=str(path.parent / name),
        hand_side=HAND_SIDES[side],
        bbox=_box(entry, where),
        **_labelled(keypoints),
        keypoints_cam=_numbers(
            entry, 'keypoints_3d_mm', (NUM_KEYPOINTS, 3), where
        ),
        camera_matrix=camera,
        **{key: str(entry[key]) for key in GROUPING if key in entry},
    )


def _numbers(
    entry: dict, name: str, shape: tuple[int, ...], where: str
) -> npt.NDArray[np.float32] | None:
    """A field of finite numbers of one shape; None where it is null."""
    values = entry.get(name)
    if values is None:
        return None
    return numbers(values, shape, f'{where}: {name}')


def _box(entry: dict, where: str) -> npt.NDArray[np.float32] | None:
    box = _numbers(entry, 'bbox', (4,), where)
    if box is not None and not (box[:2] < box[2:]).all():
        raise ValueError(
            f'{where}: bbox: expected x1 < x2 and y1 < y2, got {box.tolist()}'
        )
    return box


def _labelled(keypoints: npt.NDArray[np.float32] | None) -> dict:
    if keypoints is None:
        return dict(keypoints=None, keypoints_visible=None)
    visible = keypoints[:, 2] > 0
    pixels = np.where(visible[:, None], keypoints[:, :2], np.nan)
    return dict(keypoints=pixels, keypoints_visible=visible)


def _default_box(entry: dict) -> tuple[npt.NDArray[np.float32], bool]:
    """The keypoints' tight box, or without keypoints the whole image.

    And whether it is a box of the hand.
    """
    visible = entry['keypoints_visible']
    if visible is not None and visible.sum() > 1:
        return tight_box(entry['keypoints']), True
    image = cv2.imread(entry['img_path'], cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f'{entry["img_path"]}: not a readable image')
    return whole_image(*image.shape[1::-1]), False


@DATASETS.register_module()
class HandJsonDataset(HandDataset):
    """Hands of photos that an annotation file lists.

    Note:
        A sample is that of :func:`synhand.datasets.base.hand_sample`, with
        `img_path`, `img_id` and `id`, and `group` and `view` where the file
        has them. What the file gives as null is NaN and not valid.

    Args:
        ann_file: The annotation file, relative to `data_root`.
        data_root: Its folder.
        **kwargs: Those of mmengine's `BaseDataset`.

    Raises:
        FileNotFoundError, ValueError: See :func:`read_annotations`.
    """

    METAINFO: dict = hand_metainfo('hand_json')

    def __init__(self, ann_file: str = 'annotations.json', **kwargs) -> None:
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        samples = []
        entries = read_annotations(self.ann_file)
        if not entries:
            raise ValueError(f'{self.ann_file}: expected hands, found none')
        for number, entry in enumerate(entries):
            if entry['bbox'] is None:
                entry['bbox'], entry['box_known'] = _default_box(entry)
            path = entry.pop('img_path')
            grouping = {k: entry.pop(k) for k in GROUPING if k in entry}
            samples.append(
                dict(
                    hand_sample(**entry),
                    **grouping,
                    img_path=path,
                    img_id=number,
                    id=number,
                )
            )
        return samples

    def _join_prefix(self) -> None:
        """Image paths are relative to the annotation file: no prefix."""
        if not Path(self.ann_file).is_absolute():
            self.ann_file = str(Path(self.data_root) / self.ann_file)
