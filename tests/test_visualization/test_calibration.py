"""Predicted uncertainties against errors."""

import numpy as np
import pytest

from synhand.visualization.calibration import (
    LEVELS,
    calibrate,
    calibration_figure,
)


def _data(density, count=20_000):
    rng = np.random.default_rng(0)
    sigma = np.exp(rng.uniform(-3, 0, count))
    draw = rng.normal if density == 'gaussian' else rng.laplace
    return sigma, draw(size=count) * sigma


@pytest.mark.parametrize('density', ['gaussian', 'laplace'])
def test_right_uncertainties_are_called_right(density):
    found = calibrate(*_data(density), density)
    assert found.factor == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(found.covered, LEVELS, atol=0.02)
    np.testing.assert_allclose(found.observed, found.predicted, rtol=0.08)
    assert (np.diff(found.predicted) > 0).all()
    assert found.rank_correlation > 0.5


def test_overconfidence_shows():
    sigma, error = _data('laplace')
    found = calibrate(sigma / 3, error)
    assert found.factor == pytest.approx(3, rel=0.03)
    assert (found.covered < LEVELS).all()
    np.testing.assert_allclose(found.observed / found.predicted, 3, rtol=0.1)


def test_uncertainties_without_meaning_show():
    sigma, error = _data('laplace')
    found = calibrate(np.random.default_rng(1).permutation(sigma), error)
    assert abs(found.rank_correlation) < 0.03


def test_bad_input_is_one_clear_line():
    with pytest.raises(ValueError, match='density: expected one of'):
        calibrate(*_data('laplace'), 'cauchy')
    with pytest.raises(ValueError, match='at least 10 predictions, got 3'):
        calibrate(*_data('laplace', 3))


@pytest.mark.parametrize('suffix', ['svg', 'png'])
def test_the_figure_is_an_image(tmp_path, suffix):
    results = {name: calibrate(*_data('laplace', 500)) for name in 'uvz'}
    path = tmp_path / f'figure.{suffix}'
    calibration_figure(results, path, 'title')
    start = path.read_bytes()[:400]
    assert (b'PNG' if suffix == 'png' else b'<svg') in start
