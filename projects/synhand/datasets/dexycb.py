"""DexYCB: hands that grasp objects, seen by eight cameras.

Y.-W. Chao, W. Yang, Y. Xiang, P. Molchanov, A. Handa, J. Tremblay, Y. S.
Narang, K. Van Wyk, U. Iqbal, S. Birchfield, J. Kautz, D. Fox: DexYCB: A
benchmark for capturing hand grasping of objects, CVPR 2021.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.reading import existing, field, numbers
from synhand.datasets.table import HandTable, TableHandDataset, table_3d
from synhand.geometry.cameras import check_camera_matrix
from synhand.skeleton import HAND_SIDES, NUM_KEYPOINTS

SUBJECTS = (
    '20200709-subject-01',
    '20200813-subject-02',
    '20200820-subject-03',
    '20200903-subject-04',
    '20200908-subject-05',
    '20200918-subject-06',
    '20200928-subject-07',
    '20201002-subject-08',
    '20201015-subject-09',
    '20201022-subject-10',
)
CAMERAS = (
    '836212060125',
    '839512060362',
    '840412060917',
    '841412060263',
    '932122060857',
    '932122060861',
    '932122061900',
    '932122062010',
)
SEQUENCES = 100
"""Of each subject."""

_SPLITS = {
    'train': (range(10), lambda sequence: sequence % 5 != 4),
    'val': (range(2), lambda sequence: sequence % 5 == 4),
    'test': (range(2, 10), lambda sequence: sequence % 5 == 4),
}
"""Subjects and sequences of set-up s0 (seen subjects, cameras, objects)."""


@DATASETS.register_module()
class DexYcbDataset(TableHandDataset):
    """DexYCB in its official layout, set-up s0.

    Files: `SUBJECT/SEQUENCE/meta.yml` (`num_frames`, `mano_sides`),
    `SUBJECT/SEQUENCE/CAMERA/color_%06d.jpg` and `labels_%06d.npz` (`joint_3d`
    in metres, camera frame, in standard order; all -1 without a hand: left
    out), `calibration/intrinsics/CAMERA_640x480.yml`. `img_id` is the number
    that the official toolkit gives the image, as result files name it.

    Args:
        data_root: Folder of the set.
        split: `'train'`, `'val'` or `'test'`.
        subjects: Numbers (from 0) of the split's subjects to use; default:
            all. Images are then numbered among theirs.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is malformed, or an argument.
    """

    METAINFO: dict = hand_metainfo('dexycb')

    def __init__(
        self,
        data_root: str,
        split: str = 'test',
        subjects: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in _SPLITS:
            raise ValueError(
                f'split: expected one of {", ".join(_SPLITS)}, got {split!r}'
            )
        own, self._chosen = _SPLITS[split]
        self.subjects = tuple(own if subjects is None else subjects)
        if not set(self.subjects) <= set(own):
            raise ValueError(
                f'subjects: expected some of {own.start} to {own.stop - 1} '
                f'in split {split}, got {self.subjects}'
            )
        super().__init__(data_root, **kwargs)

    def _read(self) -> HandTable:
        root = Path(self.data_root)
        matrices = [_intrinsics(root, camera) for camera in CAMERAS]
        found = []
        for number, (folder, camera, frame, side) in enumerate(self._images()):
            path = folder / CAMERAS[camera] / f'labels_{frame:06d}.npz'
            points = _points(path)
            if not (points == -1).all():
                image = path.with_name(f'color_{frame:06d}.jpg')
                image = image.relative_to(root).as_posix()
                found.append((number, image, points, matrices[camera], side))
        if not found:
            raise ValueError(f'{root}: expected hands, found none')
        ids, images, points, cameras, sides = zip(*found, strict=True)
        return table_3d(
            images,
            np.array(points) * 1000,
            np.array(cameras),
            folder=f'{root}/',
            hand_side=np.array(sides),
            img_id=np.array(ids),
        )

    def _images(self) -> Iterator[tuple[Path, int, int, int]]:
        """Folder, camera, frame and side of all images, in their order."""
        for subject in self.subjects:
            for folder in self._sequences(SUBJECTS[subject]):
                frames, side = _meta(folder / 'meta.yml')
                for camera in range(len(CAMERAS)):
                    for frame in range(frames):
                        yield folder, camera, frame, side

    def _sequences(self, subject: str) -> list[Path]:
        folder = Path(self.data_root) / subject
        if not folder.is_dir():
            raise FileNotFoundError(
                f'{folder}: no such folder; expected the sequences of a '
                'subject'
            )
        folders = sorted(path for path in folder.iterdir() if path.is_dir())
        if len(folders) != SEQUENCES:
            raise ValueError(
                f'{folder}: expected {SEQUENCES} sequences, got {len(folders)}'
            )
        return [path for i, path in enumerate(folders) if self._chosen(i)]


def _read_yaml(path: Path) -> dict:
    text = existing(path, 'a YAML file').read_text(encoding='utf-8')
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'{path}: not valid YAML: {reason}') from None
    if not isinstance(content, dict):
        raise ValueError(f'{path}: expected an object with named fields')
    return content


def _meta(path: Path) -> tuple[int, int]:
    """Number of frames, and side of the hand."""
    content = _read_yaml(path)
    frames = field(content, 'num_frames', str(path))
    if not isinstance(frames, int) or frames < 0:
        raise ValueError(
            f'{path}: num_frames: expected a number, got {frames!r}'
        )
    sides = field(content, 'mano_sides', str(path))
    if not sides or sides[0] not in ('left', 'right'):
        raise ValueError(
            f'{path}: mano_sides: expected left or right first, got {sides!r}'
        )
    return frames, HAND_SIDES[sides[0]]


def _intrinsics(root: Path, camera: str) -> np.ndarray:
    path = root / 'calibration' / 'intrinsics' / f'{camera}_640x480.yml'
    colour = field(_read_yaml(path), 'color', str(path))
    where = f'{path}: color'
    fx, fy, cx, cy = (
        numbers(field(colour, name, where), (), f'{where}: {name}')
        for name in ('fx', 'fy', 'ppx', 'ppy')
    )
    return check_camera_matrix([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], where)


def _points(path: Path) -> np.ndarray:
    """(K, 3) in metres, or all -1."""
    try:
        with np.load(existing(path, 'labels')) as labels:
            if 'joint_3d' not in labels:
                raise ValueError(
                    f'{path}: joint_3d: expected, but it is missing'
                )
            points = labels['joint_3d']
    except (zipfile.BadZipFile, EOFError, TypeError) as error:
        raise ValueError(f'{path}: not a readable npz: {error}') from None
    return numbers(points, (1, NUM_KEYPOINTS, 3), f'{path}: joint_3d')[0]
