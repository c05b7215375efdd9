import numpy as np
import pytest

from helpers import random_local_hands, random_rotations
from synhand.evaluation import MultiviewConsistencyMetric
from synhand.evaluation.functional import procrustes_errors
from synhand.geometry.alignment import root_align

GROUPS, VIEWS = 5, 3


def views_of(hands, rng, noise=0.0, size=0.0, sides=None):
    """Data samples: each hand from other sides, with noise and other size."""
    samples = []
    for g, hand in enumerate(hands):
        for v in range(VIEWS):
            turned = hand @ random_rotations(rng, 1)[0]
            turned = turned * (1 + size * rng.normal())
            turned = turned + rng.normal(0, noise, (21, 3)) + 500
            side = 1
            if sides is not None and (g + v) % 2:
                side, turned = 0, turned * [-1, 1, 1]
            samples.append(
                dict(
                    img_path=f'some/pose{g}-view{v}.jpg',
                    group=g,
                    gt_instances=dict(hand_side=np.array([side])),
                    pred_instances=dict(keypoints_cam=turned[None]),
                )
            )
    return samples


@pytest.fixture
def hands():
    return random_local_hands(np.random.default_rng(0), GROUPS)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def evaluate(samples, **options):
    metric = MultiviewConsistencyMetric(**options)
    metric.process(None, samples)
    result = metric.evaluate(len(samples))
    return {key.removeprefix('multiview/'): result[key] for key in result}


def test_distances_match_loops(hands, rng):
    samples = views_of(hands, rng, noise=8)
    result = evaluate(samples)
    points = [s['pred_instances']['keypoints_cam'] for s in samples]
    within, between = [], []
    for i, first in enumerate(samples):
        for j, second in enumerate(samples):
            if i != j:
                error = procrustes_errors(points[i], points[j]).mean()
                same = first['group'] == second['group']
                (within if same else between).append(error)
    assert result['PA-within'] == pytest.approx(np.mean(within))
    assert result['PA-between'] == pytest.approx(np.mean(between))
    ratio = np.mean(within) / np.mean(between)
    assert result['PA-ratio'] == pytest.approx(ratio)
    assert (result['views'], result['groups']) == (15, 5)


def test_perfect_predictions_agree_whatever_the_view_and_side(hands, rng):
    result = evaluate(views_of(hands, rng, sides='both'))
    assert result['PA-within'] < 1e-6 and result['rotation-within'] < 1e-6
    assert result['PA-retrieval'] == 1
    assert result['chance'] == pytest.approx(2 / 14)
    # a left hand that is taken for a right one does not agree
    samples = views_of(hands, rng, sides='both')
    for sample in samples:
        del sample['gt_instances']['hand_side']
    assert evaluate(samples)['PA-within'] > 3


def test_only_the_rotation_score_sees_sizes(hands, rng):
    result = evaluate(views_of(hands, rng, size=0.2))
    assert result['PA-within'] < 1e-6 < 1 < result['rotation-within']


def test_a_constant_prediction_gains_nothing(hands, rng):
    """It is consistent, but no more so within than between groups."""
    same = np.repeat(root_align(hands)[:1], GROUPS, axis=0)
    result = evaluate(views_of(same, rng, noise=1))
    assert result['PA-within'] < 3
    assert result['PA-ratio'] == pytest.approx(1, abs=0.15)
    assert result['PA-retrieval'] < 0.6


def test_group_from_the_file_name_and_misses(hands, rng):
    samples = views_of(hands, rng, noise=5)
    expected = evaluate(samples)
    for sample in samples:
        del sample['group']
    found = evaluate(samples, pattern=r'^(pose\d+)-')
    assert found == expected
    samples[4]['pred_instances'] = {}
    assert evaluate(samples, pattern=r'^(pose\d+)-')['misses'] == 1


def test_wrong_sets_are_refused(hands, rng):
    samples = views_of(hands, rng)
    with pytest.raises(ValueError, match='expected several views of several'):
        evaluate(samples[:3])
    with pytest.raises(ValueError, match='expected several views of several'):
        evaluate(samples[::3])
    with pytest.raises(ValueError, match='is not in file name pose0-view0'):
        evaluate(samples, pattern='(x)')
    del samples[0]['group']
    with pytest.raises(ValueError, match='the metainfo has no `group`'):
        evaluate(samples)
