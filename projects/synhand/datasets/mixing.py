"""Several sets in one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.datasets import CombinedDataset
from mmpose.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import Sampler

from synhand.datasets.base import hand_metainfo

_DRAWS = 1024


@DATASETS.register_module()
class MixedHandDataset(CombinedDataset):
    """MMPose's `CombinedDataset` of hand datasets.

    The pipelines of the sets end before the labels are made; one for all
    makes and packs them.

    Args:
        datasets: Configs of the sets.
        pipeline: Transforms of all samples, after those of their sets.
        **kwargs: See `CombinedDataset`.
    """

    def __init__(
        self, datasets: Sequence[dict], pipeline: Sequence = (), **kwargs: Any
    ) -> None:
        super().__init__(
            metainfo=hand_metainfo('mixed'),
            datasets=list(datasets),
            pipeline=list(pipeline),
            **kwargs,
        )


@DATA_SAMPLERS.register_module()
class WeightedSourceSampler(Sampler):
    """Samples without end, from several sets by weight.

    Which set a sample comes from is drawn by the weights, whatever the sizes
    of the sets; each set is walked through in random orders, so that all of
    its samples come once before one comes again. (The stock
    `MultiSourceSampler` rounds the shares of a batch down and never ends
    where that leaves none.)

    Args:
        dataset: A `CombinedDataset`.
        weights: One a set, not negative.
        seed: Of all draws; None: a common one of all processes.

    Raises:
        ValueError: `weights` do not fit, or a set to be drawn from is empty.
    """

    def __init__(
        self,
        dataset: CombinedDataset,
        weights: Sequence[float],
        seed: int | None = None,
    ) -> None:
        share = np.asarray(weights, np.float64)
        self.lengths = np.array(dataset.lens)
        if (
            share.shape != self.lengths.shape
            or (share < 0).any()
            or not share.sum() > 0
            or (self.lengths[share > 0] == 0).any()
        ):
            raise ValueError(
                f'weights: expected one for each of {len(self.lengths)} sets '
                f'of {self.lengths.tolist()} samples, got {list(weights)}'
            )
        self.share = share / share.sum()
        self.seed = sync_random_seed() if seed is None else seed
        self.rank, self.world_size = get_dist_info()

    def __len__(self) -> int:
        """Samples of all sets; the iteration does not end there."""
        return int(self.lengths.sum())

    def __iter__(self) -> Iterator[int]:
        """Every process draws all samples and takes each of its turn."""
        first = np.cumsum(self.lengths) - self.lengths
        walks = [
            _walk(np.random.default_rng((self.seed, source)), length)
            for source, length in enumerate(self.lengths)
        ]
        rng = np.random.default_rng(self.seed)
        turn = 0
        while True:
            for source in rng.choice(len(walks), _DRAWS, p=self.share):
                index = first[source] + next(walks[source])
                if turn == self.rank:
                    yield int(index)
                turn = (turn + 1) % self.world_size


def _walk(rng: np.random.Generator, length: int) -> Iterator[int]:
    while True:
        yield from rng.permutation(length)
