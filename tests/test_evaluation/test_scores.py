import numpy as np
import pytest

from synhand.evaluation.functional import (
    area_under_curve,
    correct_share,
    curve_areas,
    f_scores,
)
from synhand.evaluation.scores import Score


@pytest.fixture
def arrays():
    rng = np.random.default_rng(5)
    weights = (rng.random((13, 4)) < 0.7).astype(float)
    weights[:, 3] = 0
    weights[0, 3] = 1  # absent from many resamples
    values = rng.gamma(2, 5, (13, 4))
    values[weights == 0] = np.nan
    return values, weights


def slow_mean(values, weights, per_keypoint):
    columns = []
    for k in range(values.shape[1]):
        column = [
            v
            for v, w in zip(values[:, k], weights[:, k], strict=True)
            if w > 0
        ]
        columns.append(column)
    if per_keypoint:
        return np.mean([np.mean(c) for c in columns if c])
    return np.mean([v for column in columns for v in column])


@pytest.mark.parametrize('per_keypoint', [False, True])
def test_mean_and_interval_match_loops(arrays, per_keypoint):
    values, weights = arrays
    score = Score(values, weights, per_keypoint)
    assert score.mean() == pytest.approx(slow_mean(*arrays, per_keypoint))
    rng = np.random.default_rng(9)
    resampled = []
    for start in (0, 50, 100):
        size = min(50, 120 - start)
        for chosen in rng.integers(13, size=(size, 13)):
            resampled.append(
                slow_mean(values[chosen], weights[chosen], per_keypoint)
            )
    low, high = score.interval(level=0.9, resamples=120, seed=9)
    assert low == pytest.approx(np.quantile(resampled, 0.05))
    assert high == pytest.approx(np.quantile(resampled, 0.95))
    assert low < score.mean() < high


def test_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        values = rng.gamma(3, 1, (60, 1))
        score = Score(values, np.ones_like(values))
        low, high = score.interval(resamples=200, seed=trial)
        covered += low <= 3 <= high
    assert 85 <= covered <= 99


def test_means_of_instances_and_keypoints(arrays):
    values, weights = arrays
    score = Score(values, weights)
    masked = np.where(weights > 0, values, np.nan)
    np.testing.assert_allclose(
        score.of_keypoints(), np.nanmean(masked, axis=0)
    )
    of_instances = score.of_instances()
    for n in range(13):
        expected = masked[n][weights[n] > 0]
        if len(expected):
            assert of_instances[n] == pytest.approx(expected.mean())
        else:
            assert np.isnan(of_instances[n])


def test_nothing_that_counts_is_nan():
    nothing = Score(np.ones((3, 2)), np.zeros((3, 2)))
    assert np.isnan(nothing.mean())
    assert np.isnan(nothing.interval()).all()
    assert np.isnan(nothing.of_keypoints()).all()


def test_areas_of_single_errors_add_up_to_the_curve():
    errors = np.random.default_rng(1).gamma(2, 12, 300)
    errors[:3] = [np.inf, 0, 50]
    thresholds = np.linspace(20, 50, 100)
    share = correct_share(errors, thresholds)
    np.testing.assert_allclose(
        share, [(errors <= t).mean() for t in thresholds]
    )
    area = np.trapezoid(share, thresholds) / 30
    assert area_under_curve(errors, 20, 50) == pytest.approx(area)
    assert curve_areas(errors, 20, 50).mean() == pytest.approx(area)


def test_f_scores_match_loops():
    rng = np.random.default_rng(2)
    true = rng.normal(0, 10, (40, 3))
    found = true[:30] + rng.normal(0, 4, (30, 3))
    for limit, score in zip((5, 15), f_scores(found, true, (5, 15)), strict=1):
        near = [
            min(np.linalg.norm(p - t) for t in true) < limit for p in found
        ]
        met = [min(np.linalg.norm(t - p) for p in found) < limit for t in true]
        a, b = np.mean(near), np.mean(met)
        assert score == pytest.approx(2 * a * b / (a + b))
    assert (f_scores(true + 1000, true, (5, 15)) == 0).all()
    assert (f_scores(np.full((3, 3), np.nan), true, (5, 15)) == 0).all()
