"""Whole pictures of the synthetic set with what each pixel shows."""

from __future__ import annotations

from mmpose.registry import DATASETS

from synhand.datasets.frames import SyntheticFrameDataset


@DATASETS.register_module()
class SyntheticMaskDataset(SyntheticFrameDataset):
    """`SyntheticFrameDataset` whose samples also hold `mask_bytes`.

    That is an 8-bit PNG of the picture's size; `LoadHandMask` reads it.

    Args:
        data_root: Folder of `shard-*.arrow` files.
        **kwargs: Those of `RowHandDataset`.

    Raises:
        ShardError: The folder is missing, empty or holds a damaged shard.
        ValueError: `indices` asks for rows that are not there.
    """

    def _sample(self, number: int) -> dict:
        mask = self._shards.row(number)['mask']
        return dict(super()._sample(number), mask_bytes=mask)
