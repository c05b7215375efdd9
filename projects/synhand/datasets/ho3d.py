"""HO-3D, versions 2 and 3: hands that hold objects.

S. Hampali, M. Rad, M. Oberweger, V. Lepetit: HOnnotate: A method for 3D
annotation of hand and object poses, CVPR 2020.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.reading import existing, field, numbers, read_numbers
from synhand.datasets.table import HandTable, TableHandDataset, table_3d
from synhand.geometry.cameras import check_camera_matrix
from synhand.hands.safe_pickle import load_dict
from synhand.skeleton import HAND_SIDES, NUM_KEYPOINTS, ROOT, to_standard

FloatArray = npt.NDArray[np.float32]

_SPLITS = ('train', 'evaluation')
_ENDINGS = ('.png', '.jpg')
"""Of the images of version 2 and of version 3."""

_FROM_OPENGL = np.array([1, -1, -1], np.float32)
"""y up and -z forward become y down and z forward."""


@DATASETS.register_module()
class Ho3DDataset(TableHandDataset):
    """HO-3D in its official layout; right hands only.

    Files: `{split}.txt` (lines `SEQUENCE/FRAME`), `{split}/SEQUENCE/rgb/` and
    `{split}/SEQUENCE/meta/FRAME.pkl`, of which `camMat`, `handJoints3D`
    (metres, OpenGL frame) and `handBoundingBox` are read; the pickles are
    read without running anything in them. Frames of the training set without
    a hand are left out. The evaluation set gives the wrist and the box only;
    all keypoints where `evaluation_xyz.json` is there. `img_id` is the line
    of the list.

    Args:
        data_root: Folder of the set.
        split: `'train'` or `'evaluation'`.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is malformed, or `split` is unknown.
    """

    METAINFO: dict = hand_metainfo('ho3d')

    def __init__(
        self, data_root: str, split: str = 'evaluation', **kwargs: Any
    ) -> None:
        if split not in _SPLITS:
            raise ValueError(
                f'split: expected one of {_SPLITS}, got {split!r}'
            )
        self.split = split
        super().__init__(data_root, **kwargs)

    def _read(self) -> HandTable:
        root = Path(self.data_root)
        frames = _frames(root / f'{self.split}.txt')
        if not frames:
            raise ValueError(f'{root / self.split}.txt: expected frames, none')
        folder = root / self.split
        found = []
        for number, (sequence, frame) in enumerate(frames):
            path = folder / sequence / 'meta' / f'{frame}.pkl'
            hand = self._hand(load_dict(path), str(path))
            if hand is not None:
                image = f'{sequence}/rgb/{frame}'
                found.append((number, image, *hand))
        if not found:
            raise ValueError(f'{folder}: expected hands, found none')
        ids, images, cameras, points, boxes = zip(*found, strict=True)
        ending = _ending(folder / images[0])
        fields: dict[str, Any] = dict(
            folder=f'{folder}/',
            hand_side=np.full(len(ids), HAND_SIDES['right']),
            img_id=np.array(ids),
        )
        if self.split == 'evaluation':
            fields['bbox'] = np.array(boxes)
            points = _given(root / 'evaluation_xyz.json', np.array(points))
        return table_3d(
            [image + ending for image in images],
            np.array(points),
            np.array(cameras),
            **fields,
        )

    def _hand(self, meta: dict, where: str) -> tuple | None:
        """Camera matrix, (K, 3) mm and box of a frame; None without a hand."""
        points = field(meta, 'handJoints3D', where)
        if points is None and self.split == 'train':
            return None
        camera = check_camera_matrix(
            field(meta, 'camMat', where), f'{where}: camMat'
        )
        at = f'{where}: handJoints3D'
        if self.split == 'train':
            points = numbers(points, (NUM_KEYPOINTS, 3), at)
            return camera, _standard(points), None
        box = field(meta, 'handBoundingBox', where)
        box = numbers(box, (4,), f'{where}: handBoundingBox')
        wrist = np.full((NUM_KEYPOINTS, 3), np.nan, np.float32)
        wrist[ROOT] = numbers(points, (3,), at) * _FROM_OPENGL * 1000
        return camera, wrist, box


def _frames(path: Path) -> list[tuple[str, str]]:
    lines = existing(path, 'lines SEQUENCE/FRAME').read_text().split()
    frames = []
    for number, line in enumerate(lines, 1):
        sequence, slash, frame = line.partition('/')
        if not (sequence and slash and frame) or '/' in frame:
            raise ValueError(
                f'{path}: line {number}: expected SEQUENCE/FRAME, got {line!r}'
            )
        frames.append((sequence, frame))
    return frames


def _ending(image: Path) -> str:
    for ending in _ENDINGS:
        if image.with_name(image.name + ending).is_file():
            return ending
    raise FileNotFoundError(
        f'{image}.png: no such file; expected an image of the set (.png or '
        '.jpg)'
    )


def _standard(points: FloatArray) -> FloatArray:
    """Metres, OpenGL, HO-3D's order to mm, camera frame, standard order."""
    return to_standard(points * _FROM_OPENGL * 1000, 'ho3d')


def _given(path: Path, points: FloatArray) -> FloatArray:
    """The labels of the evaluation set where its file is there."""
    if not path.is_file():
        return points
    return _standard(read_numbers(path, points.shape[1:], len(points)))
