"""RHD in 3D, from MMPose's annotation files, which carry its labels.

C. Zimmermann, T. Brox: Learning to estimate 3D hand pose from single RGB
images, ICCV 2017.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.reading import field, numbers, read_json
from synhand.datasets.table import HandTable, TableHandDataset
from synhand.geometry.cameras import check_camera_matrix
from synhand.skeleton import HAND_SIDES, NUM_KEYPOINTS, to_standard


def images_by_id(content: dict, path: Path) -> dict[int, dict]:
    """The images of a COCO-style file by their `id`."""
    images = field(content, 'images', str(path))
    return {
        field(image, 'id', f'{path}: image {i}'): image
        for i, image in enumerate(images)
    }


@DATASETS.register_module()
class Rhd3DDataset(TableHandDataset):
    """RHD with camera-frame keypoints in mm; both hands, each a sample.

    File: `rhd_train.json` or `rhd_test.json` of MMPose; of its annotations
    `keypoints` (px), `joint_cam` (mm, camera frame), `hand_type` and `bbox`,
    of its images `cam_param` (`focal`, `princpt`) are read.

    Args:
        data_root: Folder of the set.
        ann_file: The annotation file, relative to it.
        img_prefix: Folder of the images, relative to it.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: The file is missing.
        ValueError: It is malformed.
    """

    METAINFO: dict = hand_metainfo('rhd')

    def __init__(
        self,
        data_root: str,
        ann_file: str = 'annotations/rhd_test.json',
        img_prefix: str = '',
        **kwargs: Any,
    ) -> None:
        self.img_prefix = img_prefix
        super().__init__(data_root, ann_file=ann_file, **kwargs)

    def _join_prefix(self) -> None:
        self.ann_file = str(Path(self.data_root) / self.ann_file)

    def _read(self) -> HandTable:
        path = Path(self.ann_file)
        content = read_json(path, dict)
        images = images_by_id(content, path)
        hands = [
            _hand(annotation, images, f'{path}: annotation {i}')
            for i, annotation in enumerate(
                field(content, 'annotations', str(path))
            )
        ]
        columns = {
            name: np.array([hand[name] for hand in hands])
            for name in (hands[0] if hands else ())
        }
        files = columns.pop('image', [])
        return HandTable(
            images=files,
            bbox=columns.pop('bbox', np.zeros((0, 4))),
            folder=str(Path(self.data_root) / self.img_prefix) + '/',
            **columns,
        )


def _hand(annotation: dict, images: dict[int, dict], where: str) -> dict:
    def of(name: str) -> Any:
        return field(annotation, name, where)

    image = images.get(of('image_id'))
    if image is None:
        raise ValueError(f'{where}: image_id: no such image in the file')
    side = of('hand_type')
    if side not in ('left', 'right'):
        raise ValueError(
            f'{where}: hand_type: expected left or right, got {side!r}'
        )
    shape = (NUM_KEYPOINTS, 3)
    labels = numbers(of('keypoints'), shape, f'{where}: keypoints')
    labels = to_standard(labels, 'rhd')
    visible = labels[:, 2] > 0
    points = numbers(of('joint_cam'), shape, f'{where}: joint_cam')
    box = numbers(of('bbox'), (4,), f'{where}: bbox')
    return dict(
        image=field(image, 'file_name', where),
        img_id=annotation['image_id'],
        bbox=np.concatenate([box[:2], box[:2] + box[2:]]),
        keypoints=np.where(visible[:, None], labels[:, :2], np.nan),
        keypoints_visible=visible,
        keypoints_cam=to_standard(points, 'rhd'),
        camera_matrix=_camera(image, where),
        hand_side=HAND_SIDES[side],
    )


def _camera(image: dict, where: str) -> np.ndarray:
    parameters = field(image, 'cam_param', f'{where}: its image')
    where = f'{where}: cam_param'
    focal = numbers(field(parameters, 'focal', where), (2,), where)
    centre = numbers(field(parameters, 'princpt', where), (2,), where)
    matrix = np.diag([*focal, 1.0])
    matrix[:2, 2] = centre
    return check_camera_matrix(matrix, where)
