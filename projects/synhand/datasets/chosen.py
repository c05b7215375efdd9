"""Parts of a synthetic set by what they show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmpose.registry import DATASETS

from synhand.datasets.synthetic import SyntheticHandDataset
from synhand.datasets.transforms.loading import decode_image


@DATASETS.register_module()
class ChosenSyntheticHands(SyntheticHandDataset):
    """Images of a synthetic set that fulfil conditions, or parts of them.

    Args:
        tones: Least and largest tone of the skin on the Monk scale (1 to
            10); None: all.
        lengths_mm: Least and largest length of the hand; None: all.
        left_out: Values of the mask (see :mod:`synhand.synthesis.things`)
            that do not count as foreground: a replaced background covers
            them, so the pipeline has to replace it always.
        **kwargs: Those of `SyntheticHandDataset`; `indices` is applied
            first.

    Raises:
        ShardError: The folder is missing, empty or holds a damaged shard.
        ValueError: No image fulfils the conditions, a row does not say its
            tone, or an argument of `SyntheticHandDataset` is wrong.
    """

    def __init__(
        self,
        *args: Any,
        tones: Sequence[float] | None = None,
        lengths_mm: Sequence[float] | None = None,
        left_out: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        self.tones = tones
        self.lengths_mm = lengths_mm
        self.left_out = tuple(left_out)
        super().__init__(*args, **kwargs)

    def full_init(self) -> None:
        """Opens the set and chooses the rows."""
        if self._fully_initialized:
            return
        super().full_init()
        if self.tones is None and self.lengths_mm is None:
            return
        kept = [i for i, row in enumerate(self._rows) if self._fits(int(row))]
        if not kept:
            raise ValueError(
                f'{self.data_root}: no image with tones {self.tones} and '
                f'lengths_mm {self.lengths_mm}'
            )
        self.get_subset_(kept)

    def _fits(self, number: int) -> bool:
        row = self._shards.row(number)
        if self.tones is not None:
            tone = json.loads(row['scene']).get('tone')
            if tone is None:
                raise ValueError(
                    f'{self.data_root}: row {number}: scene: expected a tone'
                )
            if not self.tones[0] <= tone <= self.tones[1]:
                return False
        if self.lengths_mm is None:
            return True
        length = row['hands'][0]['shape'][-1]
        return bool(self.lengths_mm[0] <= length <= self.lengths_mm[1])

    def _sample(self, number: int) -> dict:
        sample = super()._sample(number)
        if self.left_out:
            mask_bytes = self._shards.row(number)['mask']
            sample['alpha_bytes'] = self._without(
                sample['alpha_bytes'], mask_bytes, sample['img_path']
            )
        return sample

    def _without(self, alpha: bytes, mask: bytes, where: str) -> bytes:
        """Coverage without what is left out, as PNG.

        The mask's edge is widened by a pixel: it has no partial coverage.
        """
        gray = cv2.IMREAD_GRAYSCALE
        shown = decode_image(mask, gray, f'{where}: mask')
        hidden = np.isin(shown, self.left_out).astype(np.uint8)
        hidden = cv2.dilate(hidden, np.ones((3, 3), np.uint8))
        hidden[(shown > 0) & ~np.isin(shown, self.left_out)] = 0
        coverage = decode_image(alpha, gray, f'{where}: alpha')
        return cv2.imencode('.png', np.where(hidden, 0, coverage))[1].tobytes()
