"""Sets whose labels are held as one array a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from synhand.datasets.base import hand_sample
from synhand.datasets.reading import existing
from synhand.datasets.rows import RowHandDataset, Rows
from synhand.geometry.boxes import tight_box
from synhand.geometry.cameras import project
from synhand.skeleton import NUM_KEYPOINTS

Array = npt.NDArray[Any]

_LABELS = (
    'box_known',
    'keypoints',
    'keypoints_visible',
    'keypoints_cam',
    'camera_matrix',
    'bone_scale',
)


@dataclass
class HandTable:
    """The hands of a set; a field that the set lacks is None.

    Note:
        - hands: N
        - keypoints, in standard order: K

    Attributes:
        images: N paths, as bytes or text, relative to `folder`.
        bbox: (N, 4) tight boxes x1, y1, x2, y2 in pixels of the image file.
        box_known: (N,), whether `bbox` is a box of the hand; None: it is.
        folder: What `images` are relative to.
        keypoints: (N, K, 2) in pixels of the image file.
        keypoints_visible: (N, K), 1 = labelled; None: where finite.
        keypoints_cam: (N, K, 3) in mm, camera frame (x right, y down,
            z forward).
        camera_matrix: (N, 3, 3) in pixels of the image file.
        hand_side: (N,) 0 left, 1 right, -1 unknown.
        bone_scale: (N,) mm, where the benchmark gives it.
        img_id: (N,) the benchmark's own number of the image.
        extra: Further entries of a sample, each of length N.
    """

    images: Sequence[str]
    bbox: Array
    box_known: Array | None = None
    folder: str = ''
    keypoints: Array | None = None
    keypoints_visible: Array | None = None
    keypoints_cam: Array | None = None
    camera_matrix: Array | None = None
    hand_side: Array | None = None
    bone_scale: Array | None = None
    img_id: Array | None = None
    extra: Mapping[str, Sequence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # an array of bytes costs no object a path, nor a copy a process
        self.images = np.char.encode(np.asarray(self.images, str), 'utf-8')

    def __len__(self) -> int:
        return len(self.images)

    def image(self, number: int) -> str:
        """Path of the image of a hand."""
        return self.folder + self.images[number].decode('utf-8')

    def sample(self, number: int) -> dict:
        """One hand, see :func:`synhand.datasets.base.hand_sample`."""
        values = {name: getattr(self, name) for name in _LABELS}
        values = {
            name: value[number]
            for name, value in values.items()
            if value is not None
        }
        side = -1 if self.hand_side is None else int(self.hand_side[number])
        sample = hand_sample(bbox=self.bbox[number], hand_side=side, **values)
        image_id = number if self.img_id is None else int(self.img_id[number])
        extra = {name: value[number] for name, value in self.extra.items()}
        path = self.image(number)
        return dict(sample, img_path=path, img_id=image_id, id=number, **extra)


def table_3d(
    images: Sequence[str],
    points: npt.ArrayLike,
    cameras: npt.ArrayLike,
    **fields: Any,
) -> HandTable:
    """A table of hands whose 2D labels are their projected 3D ones.

    Args:
        images: N paths.
        points: (N, K, 3) in mm, camera frame; NaN where not known.
        cameras: (N, 3, 3) in pixels.
        **fields: Further fields of `HandTable`; `bbox` if it is not to be
            the tight box of the projected keypoints.
    """
    points = np.asarray(points, np.float32).reshape(-1, NUM_KEYPOINTS, 3)
    cameras = np.asarray(cameras, np.float32)
    pixels = project(points, cameras).astype(np.float32)
    if 'bbox' not in fields:
        fields['bbox'] = tight_box(pixels)
    return HandTable(
        images=images,
        keypoints=pixels,
        keypoints_cam=points,
        camera_matrix=cameras,
        **fields,
    )


class TableHandDataset(RowHandDataset):
    """Base of the benchmarks: `_read` gives the table.

    Args:
        data_root: Folder of the set.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: An annotation file is missing, or the first image
            (a folder that is not there is noticed at once, and not all
            images are looked for).
        ValueError: A file is malformed, or the set is empty.
    """

    def __init__(self, data_root: str, **kwargs: Any) -> None:
        self._table: HandTable | None = None
        super().__init__(data_root=str(data_root), data_prefix={}, **kwargs)

    def _read(self) -> HandTable:
        """The hands of the set, in the benchmark's order."""
        raise NotImplementedError

    def _open(self) -> Rows:
        table = self._read()
        if not len(table):
            source = self.ann_file or self.data_root
            raise ValueError(f'{source}: expected hands, found none')
        existing(table.image(0), 'an image of the set')
        self._table = table
        return range(len(table))

    def _sample(self, number: int) -> dict:
        assert self._table is not None
        return self._table.sample(number)
