"""The synthetic set as pictures with any number of hands."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo
from synhand.datasets.rows import RowHandDataset, Rows
from synhand.skeleton import NUM_KEYPOINTS
from synhand.synthesis.shards import ShardSet


@DATASETS.register_module()
class SyntheticFrameDataset(RowHandDataset):
    """Whole pictures of a synthetic set, for finding the hands in them.

    A sample holds `image_bytes`, `alpha_bytes` and, for each of H hands,
    `hands_keypoints` (H, K, 2) px of the image file, `hands_side` (H,), 0
    left, 1 right, and `hands_seen` (H,), the share of the keypoints that
    nothing hides; beside `img_path`, `img_id` and `id`.

    Args:
        data_root: Folder of `shard-*.arrow` files.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        ShardError: The folder is missing, empty or holds a damaged shard.
        ValueError: `indices` asks for rows that are not there.
    """

    METAINFO: dict = hand_metainfo('synhand_frames')

    def __init__(self, data_root: str, **kwargs: Any) -> None:
        self._shards = ShardSet(data_root)
        super().__init__(data_root=data_root, data_prefix={}, **kwargs)

    def _open(self) -> Rows:
        return range(len(self._shards))

    def _sample(self, number: int) -> dict:
        row = self._shards.row(number)
        hands = row['hands']
        keypoints = np.array([h['keypoints_2d'] for h in hands], np.float32)
        hidden = np.array([h['occluded'] for h in hands], np.float32)
        return dict(
            image_bytes=row['image'],
            alpha_bytes=row['alpha'],
            hands_keypoints=keypoints.reshape(-1, NUM_KEYPOINTS, 2),
            hands_side=np.array([h['side'] for h in hands], np.int64),
            hands_seen=1 - hidden.reshape(-1, NUM_KEYPOINTS).mean(-1),
            img_path=f'{self.data_root}#{number}',
            img_id=number,
            id=number,
        )
