"""FreiHAND as published: 3D, camera and scale.

C. Zimmermann, D. Ceylan, J. Yang, B. Russell, M. Argus, T. Brox: FreiHAND: A
dataset for markerless capture of hand pose and shape from single RGB images,
ICCV 2019.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.reading import read_numbers
from synhand.datasets.rows import Rows
from synhand.datasets.table import HandTable, TableHandDataset, table_3d
from synhand.geometry.boxes import tight_box, whole_image
from synhand.geometry.cameras import check_camera_matrix
from synhand.skeleton import HAND_SIDES, NUM_KEYPOINTS

SIZE = 224
"""Width and height of all images in pixels."""

VERSIONS = 4
"""Each training hand is there with so many backgrounds."""

MANO_VERTICES = 778
"""Of each hand's mesh."""

_SPLITS = ('training', 'evaluation')
_BOXES = ('image', 'keypoints')


@DATASETS.register_module()
class FreiHand3DDataset(TableHandDataset):
    """FreiHAND (version 2) in its official layout; right hands only.

    Files: `{split}_K.json` and `{split}_scale.json` (given to the models
    that are tested: `camera_matrix` and `bone_scale`), `{split}_xyz.json`
    (labels; of the evaluation set only if it is there), images
    `{split}/rgb/%08d.jpg`, masks `training/mask/%08d.jpg`. Metres become mm.
    Image v * N + i of the training set shows hand i of N before background
    v. `img_id` is the image's number.

    Args:
        data_root: Folder of these files.
        split: `'training'` or `'evaluation'`.
        versions: Backgrounds of the training set, from `range(4)`.
        box: `'image'`, all that the evaluation set gives, or `'keypoints'`,
            their tight box.
        vertices: Also `vertices_cam` (1, V, 3) in mm, camera frame, of
            MANO's mesh, from `evaluation_verts.json`: takes seconds, and a
            gigabyte of memory while it is read.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is malformed, or an argument.
    """

    METAINFO: dict = hand_metainfo('freihand')

    def __init__(
        self,
        data_root: str,
        split: str = 'evaluation',
        versions: tuple[int, ...] = tuple(range(VERSIONS)),
        box: str = 'image',
        vertices: bool = False,
        **kwargs: Any,
    ) -> None:
        if split not in _SPLITS:
            raise ValueError(
                f'split: expected one of {_SPLITS}, got {split!r}'
            )
        if box not in _BOXES:
            raise ValueError(f'box: expected one of {_BOXES}, got {box!r}')
        if not set(versions) <= set(range(VERSIONS)) or not versions:
            raise ValueError(
                f'versions: expected some of 0 to {VERSIONS - 1}, got '
                f'{versions}'
            )
        if vertices and split != 'evaluation':
            raise ValueError(
                f"vertices: expected split='evaluation', got {split!r}"
            )
        self.split = split
        self.box = box
        self.vertices = vertices
        self.versions = tuple(versions) if split == 'training' else (0,)
        super().__init__(data_root, **kwargs)

    def _open(self) -> Rows:
        masks = Path(self.data_root, self.split, 'mask')
        self._masks = self.split == 'training' and masks.is_dir()
        return range(len(super()._open()) * len(self.versions))

    def _sample(self, number: int) -> dict:
        assert self._table is not None
        count = len(self._table)
        version, hand = divmod(number, count)
        sample = self._table.sample(hand)
        image = self.versions[version] * count + hand
        folder = f'{self.data_root}/{self.split}'
        sample.update(
            img_path=f'{folder}/rgb/{image:08d}.jpg', img_id=image, id=number
        )
        if self._masks:  # one for all versions
            sample['mask_path'] = f'{folder}/mask/{hand:08d}.jpg'
        return sample

    def _read(self) -> HandTable:
        start = f'{self.data_root}/{self.split}'
        cameras = read_numbers(f'{start}_K.json', (3, 3))
        for i, camera in enumerate(cameras):
            check_camera_matrix(camera, f'{start}_K.json: entry {i}')
        count = len(cameras)
        scale = read_numbers(f'{start}_scale.json', (), count) * 1000
        points = np.full((count, NUM_KEYPOINTS, 3), np.nan, np.float32)
        labels = Path(f'{start}_xyz.json')
        if self.split == 'training' or labels.is_file():
            points = read_numbers(labels, points.shape[1:], count) * 1000
        table = table_3d(
            [f'{i:08d}.jpg' for i in range(count)],
            points,
            cameras,
            bbox=np.tile(whole_image(SIZE, SIZE), (count, 1)),
            box_known=np.full(count, self.box == 'keypoints'),
            folder=f'{start}/rgb/',
            bone_scale=scale,
            hand_side=np.full(count, HAND_SIDES['right']),
            extra=self._meshes(start, count),
        )
        if self.box == 'keypoints':
            if np.isnan(points).any():
                raise ValueError(
                    f"{labels}: expected, because box='keypoints' needs it"
                )
            table.bbox = tight_box(table.keypoints)
        return table

    def _meshes(self, start: str, count: int) -> dict[str, np.ndarray]:
        if not self.vertices:
            return {}
        shape = (MANO_VERTICES, 3)
        meshes = read_numbers(f'{start}_verts.json', shape, count) * 1000
        return dict(vertices_cam=meshes[:, None])
