"""What is counted of a stream of numbers: histograms, moments, view maps."""

from __future__ import annotations

import numpy as np

from synhand.skeleton import HAND_SIDES

MAP_SHAPE = (18, 36)
"""Cells of a view map: rows of equal height in the sine of latitude, columns
of longitude, so that all cells have the same area on the sphere."""


class Histogram:
    """Counts of numbers in equal bins; what lies outside counts at the ends.

    Args:
        low: Start of the first bin.
        high: End of the last.
        bins: How many.
    """

    def __init__(self, low: float, high: float, bins: int) -> None:
        self.edges = np.linspace(low, high, bins + 1)
        self.counts = np.zeros(bins, np.int64)

    def add(self, values: np.ndarray) -> None:
        """Count values of any shape; NaN is left out."""
        values = values[np.isfinite(values)]
        inside = np.clip(values, self.edges[0], self.edges[-1])
        self.counts += np.histogram(inside, self.edges)[0]

    def quantiles(self, shares: tuple[float, ...]) -> list[float]:
        """Values that the given shares lie below, to about a bin's width."""
        total = self.counts.sum()
        if not total:
            return [float('nan')] * len(shares)
        below = np.append(0, np.cumsum(self.counts)) / total
        return [float(np.interp(share, below, self.edges)) for share in shares]


class Moments:
    """Means, deviations and ranges of columns.

    Args:
        columns: How many.
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.sums = np.zeros(columns)
        self.squares = np.zeros(columns)
        self.lowest = np.full(columns, np.inf)
        self.highest = np.full(columns, -np.inf)

    def add(self, values: np.ndarray) -> None:
        """Count rows (N, columns)."""
        self.count += len(values)
        self.sums += values.sum(0)
        self.squares += (values**2).sum(0)
        self.lowest = np.minimum(self.lowest, values.min(0, initial=np.inf))
        self.highest = np.maximum(self.highest, values.max(0, initial=-np.inf))

    @property
    def mean(self) -> np.ndarray:
        """(columns,), 0 without any row."""
        return self.sums / max(self.count, 1)

    @property
    def deviation(self) -> np.ndarray:
        """(columns,), 0 without any row."""
        spread = self.squares / max(self.count, 1) - self.mean**2
        return np.sqrt(np.maximum(spread, 0))


def hand_directions(
    points: np.ndarray, side: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where palms face and fingers start off to.

    Args:
        points: (N, K, 3) any unit, camera frame.
        side: (N,) 0 left, 1 right.

    Returns:
        Unit vectors (N, 3) out of the palm, and from the wrist to the middle
        finger's base, camera frame.
    """
    points = points.astype(np.float64)
    along = points[:, 9] - points[:, 0]
    to_thumb = points[:, 5] - points[:, 17]
    out = np.cross(to_thumb, along)
    out[side != HAND_SIDES['right']] *= -1
    return _unit(out), _unit(along)


def view_map(directions: np.ndarray) -> np.ndarray:
    """Counts of directions over the sphere as the camera sees it.

    The middle of the map faces the camera, left and right are the image's,
    row 0 is the image's top; the left and right ends face away.

    Args:
        directions: (N, 3) unit, camera frame (x right, y down, z forward).

    Returns:
        Counts, ``MAP_SHAPE``.
    """
    x, y, z = directions[np.isfinite(directions).all(1)].T
    longitude = np.arctan2(x, -z) / (2 * np.pi) + 0.5
    latitude = (np.clip(y, -1, 1) + 1) / 2
    counts, *_ = np.histogram2d(
        latitude, longitude, MAP_SHAPE, [[0, 1], [0, 1]]
    )
    return counts.astype(np.int64)


def evenness(counts: np.ndarray) -> float:
    """The share of a view map's cells that any view may fall into evenly.

    The exponential of the entropy over the number of cells: 1 for the same
    count in every cell, 1 / cells for a single view.
    """
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(np.exp(-(shares * np.log(shares)).sum()) / counts.size)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
