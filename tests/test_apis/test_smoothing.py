"""The filter against noise, speed and its definition at rest."""

import numpy as np

from synhand.apis.smoothing import OneEuroFilter


def _filtered(values, scale=1.0, **options):
    smooth = OneEuroFilter(**options)
    return np.array([smooth(value, 1 / 30, scale) for value in values])


def test_noise_at_rest_gets_smaller():
    rng = np.random.default_rng(0)
    noisy = rng.normal(0, 0.01, (300, 21, 2))
    ratio = _filtered(noisy)[50:].std() / noisy[50:].std()
    assert 0.1 < ratio < 0.6


def test_fast_motion_is_followed():
    """A hand's own length in a third of a second lags by a tenth of it."""
    path = np.linspace(0, 3, 30)[:, None, None] * np.ones((1, 21, 2))
    lag = np.abs(_filtered(path) - path)[10:].max()
    slow = np.abs(_filtered(path, beta=0.0) - path)[10:].max()
    assert lag < 0.1 < slow


def test_the_unit_of_the_values_does_not_matter():
    values = np.random.default_rng(1).normal(0, 1, (20, 5, 3))
    small, large = _filtered(values), _filtered(values * 7, scale=7)
    np.testing.assert_allclose(small * 7, large, rtol=1e-9)


def test_without_growth_it_is_a_plain_low_pass():
    step = np.ones((40, 1, 1))
    step[0] = 0
    out = _filtered(step, beta=0.0, min_cutoff=1.0)[:, 0, 0]
    share = 1 / (1 + 30 / (2 * np.pi))
    expected = 1 - (1 - share) ** np.arange(40)
    np.testing.assert_allclose(out, expected, rtol=1e-9)


def test_a_result_is_the_callers_own():
    smooth = OneEuroFilter()
    first = np.full((21, 3), 100.0)
    for _ in range(3):
        found = smooth(first.copy(), 1 / 30, 1.0)
        np.testing.assert_allclose(found, 100)
        found *= 0.001
