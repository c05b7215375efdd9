"""What the metrics share: reading data samples, row by row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from mmengine.evaluator import BaseMetric
from torch import Tensor

Row = dict[str, npt.NDArray[Any]]


def array_of(value: Any) -> npt.NDArray:
    """An array of an array or of a tensor on any device."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    return np.asarray(value)


def field(
    instances: Mapping[str, Any], key: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Field of the given shape; NaN where it is absent or empty.

    Raises:
        ValueError: It has another shape.
    """
    value = instances.get(key)
    array = array_of(() if value is None else value)
    if not array.size:
        array = np.full(shape, np.nan)
    if array.shape != shape:
        raise ValueError(f'{key}: expected shape {shape}, got {array.shape}')
    return array.astype(np.float64)


def flags(instances: Mapping[str, Any], key: str) -> npt.NDArray[np.bool_]:
    """(N, K) flags, also from MMPose's (N, K, 2) with weights behind."""
    values = array_of(instances[key])
    return (values[..., 0] if values.ndim == 3 else values) > 0


def stack(rows: Sequence[Row]) -> Row:
    """Rows of one hand each as arrays of N hands."""
    return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}


class HandMetric(BaseMetric):
    """A metric that keeps a row of arrays for each sample."""

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what the metric needs of each sample."""
        self.results.extend(self.row(sample) for sample in data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The metrics over all collected samples.

        Raises:
            ValueError: There is no sample, or none that can be scored.
        """
        if not results:
            raise ValueError(f'{type(self).__name__}: no sample to evaluate')
        return self.summary(stack(results))

    @abstractmethod
    def row(self, sample: Mapping[str, Any]) -> Row:
        """Arrays of one data sample, the first axis N = 1."""

    @abstractmethod
    def summary(self, data: Row) -> dict[str, float]:
        """The metrics of the rows as arrays of N hands."""
