"""HIU-DMTL-Data: photos in the wild with 2D keypoints and masks.

X. Zhang, H. Huang, J. Tan, H. Xu, C. Yang, G. Peng, L. Wang, J. Liu: Hand
image understanding via deep multi-task learning, ICCV 2021.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.reading import field, numbers, read_json
from synhand.datasets.table import HandTable, TableHandDataset
from synhand.geometry.boxes import tight_box
from synhand.skeleton import HAND_SIDES, NUM_KEYPOINTS

_IMAGES = ('.jpg', '.png', '.jpeg')
_MASKS = ('_mask.png', '_mask.jpg')
_OTHER = {'left': 'right', 'right': 'left', 'unknown': 'unknown'}


@DATASETS.register_module()
class HiuDmtlDataset(TableHandDataset):
    """HIU-DMTL-Data: `NAME.jpg`, `NAME.json`, `NAME_mask.png` or `.jpg`.

    Of the annotation `hand_type`, two numbers that say which of two hands
    are labelled, and `pts2d_2hand`, 42 points in px, 21 a hand, are read;
    two labelled hands give two samples. All files below the folder belong to
    the set. `mask_path` is the mask's file or empty.

    Args:
        data_root: Folder of the set, or of one of its parts.
        first: Side of the first of the two hands: `'left'`, `'right'` or
            `'unknown'`; nothing that is published with the set says which.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        FileNotFoundError: An image is missing.
        ValueError: An annotation is malformed, or there is none.
    """

    METAINFO: dict = hand_metainfo('hiu_dmtl')

    def __init__(
        self, data_root: str, first: str = 'unknown', **kwargs: Any
    ) -> None:
        if first not in HAND_SIDES:
            raise ValueError(
                f'first: expected one of {", ".join(HAND_SIDES)}, got '
                f'{first!r}'
            )
        self.sides = (HAND_SIDES[first], HAND_SIDES[_OTHER[first]])
        super().__init__(data_root, **kwargs)

    def _read(self) -> HandTable:
        root = Path(self.data_root)
        hands = [
            (number, *hand)
            for number, path in enumerate(sorted(root.rglob('*.json')))
            for hand in self._hands_of(path)
        ]
        ids, images, masks, sides, points = (
            zip(*hands, strict=True) if hands else [()] * 5
        )
        keypoints = np.array(points).reshape(-1, NUM_KEYPOINTS, 2)
        return HandTable(
            images=images,
            bbox=tight_box(keypoints),
            keypoints=keypoints,
            hand_side=np.array(sides),
            img_id=np.array(ids),
            extra=dict(mask_path=masks),
        )

    def _hands_of(self, path: Path) -> list[tuple]:
        content = read_json(path, dict)
        shown = numbers(
            field(content, 'hand_type', str(path)), (2,), f'{path}: hand_type'
        )
        points = numbers(
            field(content, 'pts2d_2hand', str(path)),
            (2 * NUM_KEYPOINTS, 2),
            f'{path}: pts2d_2hand',
        ).reshape(2, NUM_KEYPOINTS, 2)
        image, mask = _beside(path, _IMAGES), _beside(path, _MASKS)
        if not image:
            raise FileNotFoundError(
                f'{path.with_suffix(".jpg")}: no such file; expected the '
                f'image of {path.name}'
            )
        return [
            (image, mask, self.sides[hand], points[hand])
            for hand in np.flatnonzero(shown)
        ]


def _beside(path: Path, endings: tuple[str, ...]) -> str:
    """The file of the same name with one of these endings, or ''."""
    files = (path.with_name(path.stem + ending) for ending in endings)
    return next((str(file) for file in files if file.is_file()), '')
