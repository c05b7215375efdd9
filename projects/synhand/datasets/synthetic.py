"""The synthetic set: a folder of shards, read through a memory map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mmpose.registry import DATASETS

from synhand.datasets.base import hand_metainfo, hand_sample
from synhand.datasets.rows import RowHandDataset, Rows
from synhand.geometry.boxes import tight_box
from synhand.geometry.cameras import project
from synhand.skeleton import family_number
from synhand.synthesis.shards import ShardSet


@DATASETS.register_module()
class SyntheticHandDataset(RowHandDataset):
    """The target hands of a synthetic set.

    A row without a hand, of which sets of whole pictures have some, is no
    sample and is not counted by `indices`.

    No list of samples is kept: a row is read from its shard when it is asked
    for, so that a set of any size costs a loader worker no memory, whether
    it was forked or spawned.

    Note:
        A sample is that of :func:`synhand.datasets.base.hand_sample`, with
        `image_bytes` (JPEG) and `alpha_bytes` (PNG, the hand's coverage) for
        the transforms `LoadShardImage` and `ReplaceBackground`, `img_path`
        (FOLDER#ROW), `img_id` and `id`.

    Args:
        data_root: Folder of `shard-*.arrow` files.
        pipeline: Transforms.
        indices: The part of the set to use: the first n (n > 0) or the last
            n (n < 0) rows, or a pair (start, stop) of rows. Default: all.
        joint_family: Which joints, `'anatomical'` (InterHand2.6M and others)
            or `'mano'` (FreiHAND and others).
        metainfo: Overrides entries of `METAINFO`.
        test_mode: A pipeline that gives None is an error, and not a reason
            to draw another sample.
        max_refetch: How many other samples to try, if not in `test_mode`.

    Raises:
        ShardError: The folder is missing, empty or holds a damaged shard.
        ValueError: `indices` or `joint_family` make no sense, or no row shows
            a hand.
    """

    METAINFO: dict = hand_metainfo('synhand')

    def __init__(
        self,
        data_root: str,
        pipeline: Sequence[dict | Callable] = (),
        indices: int | Sequence[int] | None = None,
        joint_family: str = 'anatomical',
        metainfo: dict | None = None,
        test_mode: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        family_number(joint_family)  # or it raises
        self.joint_family = joint_family
        self._shards = ShardSet(data_root)
        super().__init__(
            data_root=data_root,
            data_prefix={},
            pipeline=pipeline,
            indices=indices,
            metainfo=metainfo,
            test_mode=test_mode,
            max_refetch=max_refetch,
        )

    def _open(self) -> Rows:
        counts = self._shards.hand_counts()
        if counts.all():
            return range(len(counts))
        if not counts.any():
            raise ValueError(
                f'{self.data_root}: none of its {len(counts)} rows shows a '
                'hand'
            )
        return np.flatnonzero(counts)

    def _sample(self, number: int) -> dict:
        row = self._shards.row(number)
        return dict(
            self._hand(row),
            image_bytes=row['image'],
            alpha_bytes=row['alpha'],
            img_path=f'{self.data_root}#{number}',
            img_id=number,
            id=number,
        )

    def _hand(self, row: dict) -> dict:
        hand = row['hands'][0]
        keypoints = hand['keypoints_2d']
        points = hand[f'keypoints_cam_{self.joint_family}']
        if self.joint_family != 'anatomical':
            keypoints = project(points, row['camera_matrix'])
        return hand_sample(
            bbox=tight_box(keypoints),
            keypoints=keypoints,
            keypoints_occluded=hand['occluded'],
            keypoints_cam=points,
            camera_matrix=row['camera_matrix'],
            hand_side=hand['side'],
        )
