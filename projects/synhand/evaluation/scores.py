"""Means over the keypoints of a set, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

RESAMPLES = 1000
LEVEL = 0.95
_CHUNK = 50


@dataclass(frozen=True)
class Score:
    """A weighted mean over N instances of K keypoints.

    Every score of this package is such a mean: of errors, of hits (a share
    of correct keypoints), or of the areas of single errors (an area under a
    curve).

    Attributes:
        values: (N, K), any unit; ignored where the weight is 0.
        weights: (N, K), 0 where a keypoint does not count.
        per_keypoint: Mean over keypoints of each keypoint's mean over
            instances, as official scripts and MMPose's PCK average; else
            all values have one mean. The same where all weights are equal.
    """

    values: npt.ArrayLike
    weights: npt.ArrayLike
    per_keypoint: bool = False

    def mean(self) -> float:
        """The score; NaN when nothing counts."""
        sums, counts = self._totals()
        return float(_ratio(sums.sum(axis=0), counts.sum(axis=0)))

    def of_keypoints(self) -> FloatArray:
        """Mean of each keypoint, (K,); NaN where none of it counts."""
        weights = np.asarray(self.weights, np.float64)
        total = weights.sum(axis=0)
        return _divide(self._weighted().sum(axis=0), total)

    def of_instances(self) -> FloatArray:
        """Mean of each instance, (N,); NaN where none of it counts."""
        weights = np.asarray(self.weights, np.float64)
        return _divide(self._weighted().sum(axis=1), weights.sum(axis=1))

    def interval(
        self,
        level: float = LEVEL,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> tuple[float, float]:
        """Percentile bootstrap interval over instances.

        N instances are drawn with replacement, `resamples` times (B. Efron,
        The Annals of Statistics 7(1), 1979). It says what other photos of
        the same kind would change, not what another training would.

        Args:
            level: Share of the resamples' scores inside.
            resamples: How often the instances are drawn.
            seed: Of the draws; the same seed draws the same instances, so
                scores of one set can be compared draw by draw.

        Returns:
            Lower and upper end; NaN when nothing counts.
        """
        sums, counts = self._totals()
        drawn = np.concatenate(
            [
                _ratio(draws @ sums, draws @ counts)
                for draws in _draws(len(sums), resamples, seed)
            ]
        )
        drawn = drawn[np.isfinite(drawn)]
        if not drawn.size:
            return float('nan'), float('nan')
        tail = (1 - level) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return float(low), float(high)

    def _weighted(self) -> FloatArray:
        weights = np.asarray(self.weights, np.float64)
        return np.where(weights > 0, self.values, 0.0) * weights

    def _totals(self) -> tuple[FloatArray, FloatArray]:
        """Weighted sums and weights, (N, K) or, pooled, (N, 1)."""
        sums = self._weighted()
        counts = np.asarray(self.weights, np.float64)
        if self.per_keypoint:
            return sums, counts
        return sums.sum(axis=1)[:, None], counts.sum(axis=1)[:, None]


def _divide(sums: FloatArray, counts: FloatArray) -> FloatArray:
    return np.where(counts > 0, sums / np.where(counts > 0, counts, 1), np.nan)


def _ratio(sums: FloatArray, counts: FloatArray) -> FloatArray:
    """(...) mean over keypoints of (..., K) sums / counts, where any."""
    known = (counts > 0).sum(axis=-1)
    total = np.nansum(_divide(sums, counts), axis=-1)
    return _divide(total, known)


def _draws(count: int, resamples: int, seed: int):
    """How often each instance is drawn: chunks of (resamples, count)."""
    random = np.random.default_rng(seed)
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        chosen = random.integers(count, size=(size, count))
        yield np.stack([np.bincount(row, minlength=count) for row in chosen])
