"""Datasets that make a sample when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synhand.datasets.base import HandDataset

Rows = range | npt.NDArray[np.int64]


class RowHandDataset(HandDataset):
    """A set whose samples are rows; MMEngine's list of samples is not made.

    That list costs each loader process that is spawned a copy, and all of
    them the time to unpickle. A subclass says which rows there are
    (`_open`) and makes the sample of one (`_sample`).

    Args:
        indices: The part of the set to use: the first n (n > 0) or the last
            n (n < 0) rows, or a pair (start, stop) of rows. Default: all.
        pipeline: Transforms.
        test_mode: A pipeline that gives None is an error, and not a reason
            to draw another sample.
        **kwargs: Those of mmengine's `BaseDataset`.

    Raises:
        ValueError: `indices` asks for rows that are not there.
    """

    def __init__(
        self,
        indices: int | Sequence[int] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        **kwargs: Any,
    ) -> None:
        self._rows: Rows = range(0)
        super().__init__(
            indices=indices,
            pipeline=list(pipeline),
            serialize_data=False,
            **kwargs,
        )

    def _open(self) -> Rows:
        """Opens the set; the numbers of the rows that are samples."""
        raise NotImplementedError

    def _sample(self, number: int) -> dict:
        """The sample of row `number`, with `img_path`, `img_id` and `id`."""
        raise NotImplementedError

    def full_init(self) -> None:
        """Opens the set and chooses the rows; makes no sample."""
        if self._fully_initialized:
            return
        self._rows = _part(self._open(), self._indices, self.data_root)
        self._fully_initialized = True

    def __len__(self) -> int:
        if not self._fully_initialized:
            self.full_init()
        return len(self._rows)

    def get_data_info(self, idx: int) -> dict:
        """One row as a sample.

        Args:
            idx: Number within the chosen part, from 0.

        Returns:
            See the class.
        """
        position = idx % len(self)
        sample = self._sample(int(self._rows[idx]))
        return self._complete(dict(sample, sample_idx=position))

    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keeps the first or last n samples, or a sequence of them."""
        if isinstance(indices, int):
            indices = (
                range(len(self))[:indices]
                if indices >= 0
                else range(len(self))[indices:]
            )
        self._rows = np.asarray(self._rows)[np.asarray(indices, np.int64)]

    def get_subset(self, indices: int | Sequence[int]) -> RowHandDataset:
        """A copy with the first or last n samples, or a sequence of them."""
        subset = self._copy_without_annotation()
        subset.get_subset_(indices)
        return subset


def _part(rows: Rows, indices: Any, folder: str) -> Rows:
    if indices is None:
        return rows
    if isinstance(indices, int):
        part = rows[:indices] if indices >= 0 else rows[indices:]
        wanted = abs(indices)
    elif len(indices) == 2 and indices[0] <= indices[1]:
        part = rows[indices[0] : indices[1]]
        wanted = indices[1] - indices[0]
    else:
        raise ValueError(
            f'indices: expected a number or a pair (start, stop) of rows, '
            f'got {indices}'
        )
    if wanted == 0 or len(part) != wanted:
        raise ValueError(
            f'{folder}: indices {indices} asked for, but it holds {len(rows)} '
            'rows'
        )
    return part
