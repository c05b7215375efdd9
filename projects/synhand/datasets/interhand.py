"""InterHand2.6M: single hands of 21 keypoints, and the stock 42-joint class.

G. Moon, S.-I. Yu, H. Wen, T. Shiratori, K. M. Lee: InterHand2.6M: A dataset
and baseline for 3D interacting hand pose estimation from a single RGB image,
ECCV 2020.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.reading import field, numbers, read_json
from synhand.datasets.rhd import images_by_id
from synhand.datasets.table import HandTable, TableHandDataset, table_3d
from synhand.geometry.cameras import check_camera_matrix
from synhand.skeleton import NUM_KEYPOINTS, to_standard

FloatArray = npt.NDArray[np.float32]

_HANDS = {
    'all': ('right', 'left', 'interacting'),
    'single': ('right', 'left'),
    'interacting': ('interacting',),
}
_SHOWN = {'right': (1,), 'left': (0,), 'interacting': (1, 0)}
_START = {1: 0, 0: NUM_KEYPOINTS}
"""Where the 21 joints of a side begin among the 42 of the file."""


@DATASETS.register_module()
class InterHandSingleDataset(TableHandDataset):
    """The hands of InterHand2.6M one by one, 21 keypoints, wrist as root.

    Two interacting hands give two samples with the same `img_id`, the right
    one first; `interacting` (1,) says which samples are of such a pair. A
    joint that the set calls invalid is NaN; a hand with fewer than
    `min_joints` valid ones is left out. Boxes are tight around the hand's
    own valid joints. Left hands are as they are: `MirrorHand` turns them.

    Files: `*_data.json`, `*_camera.json`, `*_joint_3d.json` of the official
    release; world coordinates in mm become camera coordinates.

    Args:
        data_root: Folder of the set.
        ann_file: The data file, relative to it.
        camera_param_file: The camera file.
        joint_file: The joint file.
        img_prefix: Folder of the images, relative to `data_root`.
        hands: `'all'`, `'single'` or `'interacting'`.
        min_joints: Least number of valid joints of a hand.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: One is malformed, or `hands` is unknown.
    """

    METAINFO: dict = hand_metainfo('interhand')

    def __init__(
        self,
        data_root: str,
        ann_file: str,
        camera_param_file: str,
        joint_file: str,
        img_prefix: str = '',
        hands: str = 'all',
        min_joints: int = 4,
        **kwargs: Any,
    ) -> None:
        if hands not in _HANDS:
            raise ValueError(
                f'hands: expected one of {", ".join(_HANDS)}, got {hands!r}'
            )
        folder = Path(data_root)
        self.camera_param_file = folder / camera_param_file
        self.joint_file = folder / joint_file
        self.img_prefix = img_prefix
        self.hands = hands
        self.min_joints = min_joints
        super().__init__(data_root, ann_file=ann_file, **kwargs)

    def _join_prefix(self) -> None:
        self.ann_file = str(Path(self.data_root) / self.ann_file)

    def _read(self) -> HandTable:
        path = Path(self.ann_file)
        content = read_json(path, dict)
        scene = _Scene(self.camera_param_file, self.joint_file)
        images = images_by_id(content, path)
        hands: list[dict] = []
        for i, annotation in enumerate(
            field(content, 'annotations', str(path))
        ):
            where = f'{path}: annotation {i}'
            hands += self._hands_of(annotation, images, scene, where)
        return self._table_of(hands)

    def _hands_of(
        self,
        annotation: dict,
        images: dict[int, dict],
        scene: _Scene,
        where: str,
    ) -> list[dict]:
        kind = field(annotation, 'hand_type', where)
        if kind not in _SHOWN:
            raise ValueError(
                f'{where}: hand_type: expected one of {", ".join(_SHOWN)}, '
                f'got {kind!r}'
            )
        if kind not in _HANDS[self.hands]:
            return []
        image = images.get(field(annotation, 'image_id', where))
        if image is None:
            raise ValueError(f'{where}: image_id: no such image in the file')
        valid = np.ravel(field(annotation, 'joint_valid', where))
        valid = numbers(valid, (2 * NUM_KEYPOINTS,), f'{where}: joint_valid')
        points, camera = scene.view(image, where)
        points = np.where(valid[:, None] > 0, points, np.nan)
        found = []
        for side in _SHOWN[kind]:
            start = _START[side]
            part = points[start : start + NUM_KEYPOINTS]
            if np.isfinite(part).all(-1).sum() >= self.min_joints:
                found.append(
                    dict(
                        image=field(image, 'file_name', where),
                        img_id=annotation['image_id'],
                        points=to_standard(part, 'interhand'),
                        camera=camera,
                        side=side,
                        interacting=kind == 'interacting',
                    )
                )
        return found

    def _table_of(self, hands: list[dict]) -> HandTable:
        def column(name: str) -> list:
            return [hand[name] for hand in hands]

        return table_3d(
            column('image'),
            np.array(column('points')),
            np.array(column('camera')).reshape(-1, 3, 3),
            folder=str(Path(self.data_root) / self.img_prefix) + '/',
            hand_side=np.array(column('side')),
            img_id=np.array(column('img_id')),
            extra=dict(interacting=np.array(column('interacting'))[:, None]),
        )


class _Scene:
    """Joints in the world and the cameras that see them."""

    def __init__(self, camera_file: Path, joint_file: Path) -> None:
        self.camera_file, self.joint_file = camera_file, joint_file
        self._cameras = read_json(camera_file, dict)
        self._joints = read_json(joint_file, dict)
        self._views: dict[tuple, tuple] = {}

    def view(self, image: dict, where: str) -> tuple[FloatArray, FloatArray]:
        """(42, 3) joints in mm in an image's camera frame, and (3, 3) px."""
        capture = str(field(image, 'capture', where))
        name = str(field(image, 'camera', where))
        rotation, position, matrix = self._camera(capture, name)
        world = self._world(capture, str(field(image, 'frame_idx', where)))
        return (world - position) @ rotation.T, matrix

    def _camera(self, capture: str, name: str) -> tuple:
        """A camera is asked for once an image: kept."""
        if (capture, name) not in self._views:
            self._views[capture, name] = self._read_camera(capture, name)
        return self._views[capture, name]

    def _read_camera(self, capture: str, name: str) -> tuple:
        where = f'{self.camera_file}: capture {capture}'
        cameras = field(self._cameras, capture, str(self.camera_file))

        def of(key: str, *shape: int) -> FloatArray:
            values = field(field(cameras, key, where), name, f'{where}: {key}')
            return numbers(values, shape, f'{where}: {key}: {name}')

        matrix = np.diag([*of('focal', 2), 1.0])
        matrix[:2, 2] = of('princpt', 2)
        check_camera_matrix(matrix, f'{where}: focal: {name}')
        return of('camrot', 3, 3), of('campos', 3), matrix

    def _world(self, capture: str, frame: str) -> FloatArray:
        where = f'{self.joint_file}: capture {capture}'
        frames = field(self._joints, capture, str(self.joint_file))
        joints = field(frames, frame, where)
        where = f'{where}: frame {frame}: world_coord'
        return numbers(
            field(joints, 'world_coord', where),
            (2 * NUM_KEYPOINTS, 3),
            where,
        )
