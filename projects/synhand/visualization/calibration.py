"""Whether predicted uncertainties are right: numbers and a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy.stats import laplace, norm, spearmanr

FloatArray = npt.NDArray[np.float64]

DENSITIES = {'gaussian': norm, 'laplace': laplace}
"""What sigma is the scale of: the deviation or the mean absolute error."""

LEVELS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class Calibration:
    """Predicted uncertainties against what happened.

    Attributes:
        predicted: (bins,), scale that sigma says, from sure to unsure.
        observed: (bins,), scale of the errors of the same predictions.
        covered: (levels,), share of errors within the interval that should
            hold the share `LEVELS` of them.
        factor: What sigma would have to be multiplied by; 1 is right.
        rank_correlation: Spearman's, of sigma and absolute error.
    """

    predicted: FloatArray
    observed: FloatArray
    covered: FloatArray
    factor: float
    rank_correlation: float


def calibrate(
    sigma: npt.ArrayLike,
    error: npt.ArrayLike,
    density: str = 'laplace',
    bins: int = 10,
) -> Calibration:
    """Compare uncertainties with errors.

    Args:
        sigma: (N,), predicted scales, > 0.
        error: (N,), signed errors in the same unit.
        density: One of `DENSITIES`: what sigma is the scale of.
        bins: Bins of equally many predictions, by sigma.

    Raises:
        ValueError: An unknown density, or fewer predictions than bins.
    """
    if density not in DENSITIES:
        raise ValueError(
            f'density: expected one of {tuple(DENSITIES)}, got {density!r}'
        )
    sigma = np.asarray(sigma, np.float64).ravel()
    error = np.abs(np.asarray(error, np.float64)).ravel()
    if len(sigma) < bins:
        raise ValueError(
            f'expected at least {bins} predictions, got {len(sigma)}'
        )
    power = 2 if density == 'gaussian' else 1
    parts = np.array_split(np.argsort(sigma), bins)
    reach = DENSITIES[density].ppf((1 + LEVELS) / 2)
    relative = error / sigma
    return Calibration(
        predicted=np.array([_scale(sigma[part], power) for part in parts]),
        observed=np.array([_scale(error[part], power) for part in parts]),
        covered=(relative[:, None] <= reach).mean(0),
        factor=_scale(relative, power),
        rank_correlation=float(spearmanr(sigma, error).statistic),
    )


def _scale(values: FloatArray, power: int) -> float:
    return float((values**power).mean() ** (1 / power))


def calibration_figure(
    results: Mapping[str, Calibration], path: str | Path, title: str = ''
) -> None:
    """Draw calibrations: observed against predicted scale, and coverage.

    Args:
        results: By name, such as that of a coordinate.
        path: An image file, `.svg` or `.png`.
        title: Above the figure.
    """
    figure = Figure(figsize=(7.5, 3.6), layout='constrained')
    scales, coverage = figure.subplots(1, 2)
    for name, result in results.items():
        label = f'{name} (factor {result.factor:.2f})'
        scales.plot(result.predicted, result.observed, 'o-', ms=3, label=label)
        coverage.plot(LEVELS, result.covered, 'o-', ms=3, label=name)
    ends = scales.get_xlim()
    scales.plot(ends, ends, '--', color='grey', label='ideal')
    scales.set(
        xscale='log',
        yscale='log',
        xlabel='predicted scale',
        ylabel='observed scale of errors',
    )
    coverage.plot([0, 1], [0, 1], '--', color='grey')
    coverage.set(
        xlabel='share that should lie within',
        ylabel='share that lies within',
        xlim=(0, 1),
        ylim=(0, 1),
    )
    scales.legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path)
