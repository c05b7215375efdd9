"""Boxes against hand-made cases and an obvious average precision."""

import numpy as np
import pytest
import torch

from synhand.evaluation import HandBoxMetric
from synhand.evaluation.boxes import average_precision, match_boxes

_TRUE = np.array([[0, 0, 10, 10], [20, 0, 30, 10.0]])


def test_each_true_box_gets_one_found_box():
    found = [[0, 0, 10, 9], [0, 0, 10, 10], [50, 50, 60, 60], [21, 0, 30, 10]]
    match = match_boxes(_TRUE, found)
    assert match.true.tolist() == [0, 3]  # the surer one, not the better
    assert match.false.tolist() == [False, True, True, False]


def test_boxes_on_ignored_hands_are_not_false():
    match = match_boxes(_TRUE[:1], [_TRUE[1], [50, 50, 60, 60]], [_TRUE[1]])
    assert match.true.tolist() == [-1]
    assert match.false.tolist() == [False, True]


@pytest.mark.parametrize(
    ('true', 'found'), [([], []), (_TRUE, []), ([], _TRUE)]
)
def test_empty_pictures(true, found):
    match = match_boxes(true, found)
    assert match.true.tolist() == [-1] * len(true)
    assert match.false.tolist() == [True] * len(found)


def test_average_precision_equals_its_definition():
    rng = np.random.default_rng(0)
    scores, right = rng.random(60), rng.random(60) < 0.6
    total = int(right.sum()) + 7
    order = np.argsort(-scores)
    area = 0.0
    for k in range(1, total + 1):  # for each recall the best precision beyond
        later = [
            right[order][:n].sum() / n
            for n in range(1, 61)
            if right[order][:n].sum() >= k
        ]
        area += max(later, default=0) / total
    assert average_precision(scores, right, total) == pytest.approx(area)


def _sample(found, scores, labels, true, sides, ignored=()):
    def boxes(values):
        return np.asarray(values, float).reshape(-1, 4)

    return dict(
        scale_factor=(0.5, 0.5),
        pred_instances=dict(
            bboxes=boxes(found),
            scores=np.array(scores),
            labels=np.array(labels),
        ),
        gt_instances=dict(bboxes=boxes(true) / 2, labels=np.array(sides)),
        ignored_instances=dict(bboxes=boxes(ignored) / 2),
    )


def test_metric_by_hand():
    metric = HandBoxMetric(score=0.3)
    metric.process(
        None,
        [
            _sample(_TRUE, [0.2, 0.9], [0, 0], _TRUE, [0, 1]),
            _sample([[50, 50, 60, 60]], [0.8], [1], [], []),
            _sample([[0, 0, 10, 10]], [0.7], [1], [], [], _TRUE),
        ],
    )
    found = metric.evaluate(3)
    assert found['boxes/recall50'] == pytest.approx(1 / 2)
    assert found['boxes/false_per_image'] == pytest.approx(1 / 3)
    assert found['boxes/side'] == 0.0
    # right at .9, wrong at .8, right at .2: precision 1 and 2/3
    assert found['boxes/AP50'] == pytest.approx((1 + 2 / 3) / 2)


def test_samples_of_a_detector_are_tensors():
    sample = _sample(_TRUE, [0.2, 0.9], [0, 0], _TRUE, [0, 1])
    tensors = dict(sample)
    for name in ('pred_instances', 'gt_instances', 'ignored_instances'):
        tensors[name] = {
            key: torch.tensor(value, requires_grad=key == 'bboxes')
            for key, value in sample[name].items()
        }
    results = []
    for one in (sample, tensors):
        metric = HandBoxMetric()
        metric.process(None, [one])
        results.append(metric.evaluate(1))
    assert results[0] == results[1]


def test_without_hands_there_is_no_recall():
    metric = HandBoxMetric()
    with pytest.raises(ValueError, match='no sample'):
        metric.compute_metrics([])
    metric.process(None, [_sample([], [], [], [], [])])
    found = metric.evaluate(1)
    assert np.isnan([found['boxes/recall50'], found['boxes/AP50']]).all()


def test_sides_that_are_not_told_do_not_count():
    metric = HandBoxMetric(score=0.3)
    metric.process(None, [_sample(_TRUE, [0.9, 0.8], [-1, 1], _TRUE, [0, 1])])
    assert metric.evaluate(1)['boxes/side'] == 1.0
