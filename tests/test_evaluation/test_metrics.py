import json

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

from helpers import random_hands
from synhand import recipes
from synhand.evaluation import (
    HandKeypoint2DMetric,
    HandKeypoint3DMetric,
    functional,
)
from synhand.geometry import cameras

COUNT = 30


def make_samples(count=COUNT, seed=0):
    """Data samples as metrics get them, with noisy predictions."""
    rng = np.random.default_rng(seed)
    true, matrices = random_hands(rng, count)
    sides = rng.integers(0, 2, count)
    true[..., 0] *= np.where(sides == 0, -1, 1)[:, None]
    pixels = cameras.project(true, matrices)
    samples = []
    for n in range(count):
        box = np.concatenate([pixels[n].min(axis=0), pixels[n].max(axis=0)])
        truth = {
            'keypoints': pixels[n : n + 1],
            'keypoints_visible': np.ones((1, 21), np.float32),
            'keypoints_cam': true[n : n + 1],
            'keypoints_cam_valid': np.ones((1, 21), np.float32),
            'bboxes': box[None].astype(np.float32),
            'hand_side': sides[n : n + 1],
        }
        predicted = {
            'keypoints': pixels[n : n + 1] + rng.normal(0, 4, (1, 21, 2)),
            'keypoints_cam': true[n : n + 1] + rng.normal(0, 15, (1, 21, 3)),
        }
        samples.append({'gt_instances': truth, 'pred_instances': predicted})
    return samples


@pytest.fixture
def samples():
    return make_samples()


def evaluate(metric, samples):
    """Metrics without their prefix, fed in two batches."""
    half = len(samples) // 2
    metric.process(None, samples[:half])
    metric.process(None, samples[half:])
    result = metric.evaluate(len(samples))
    assert all(key.startswith(metric.prefix + '/') for key in result)
    return {key[len(metric.prefix) + 1 :]: result[key] for key in result}


def gather(samples, part, key):
    return np.concatenate([sample[part][key] for sample in samples])


# --- 2D -------------------------------------------------------------------


def slow_2d(samples):
    """Errors in pixels and over the longer side, one by one; None: missed."""
    rows = []
    for sample in samples:
        truth = sample['gt_instances']
        x0, y0, x1, y1 = truth['bboxes'][0]
        side = max(x1 - x0, y1 - y0)
        row = {}
        for k in range(21):
            if truth['keypoints_visible'][0, k]:
                u, v = truth['keypoints'][0, k]
                pu, pv = sample['pred_instances']['keypoints'][0, k]
                error = ((u - pu) ** 2 + (v - pv) ** 2) ** 0.5
                row[k] = (error, error / side) if error == error else None
        rows.append(row)
    return rows


def slow_share(rows, which, threshold):
    """Mean over keypoints of the share of hands below the threshold."""
    shares = []
    for k in range(21):
        hits = [
            row[k] is not None and row[k][which] < threshold
            for row in rows
            if k in row
        ]
        if hits:
            shares.append(sum(hits) / len(hits))
    return sum(shares) / len(shares)


def test_2d_metrics_match_loops(samples):
    rng = np.random.default_rng(1)
    for sample in samples:
        hidden = rng.random((1, 21)) < 0.2
        sample['gt_instances']['keypoints_visible'][hidden] = 0
        sample['gt_instances']['keypoints'][hidden] = np.nan
    samples[3]['pred_instances']['keypoints'][0, :4] = np.nan
    result = evaluate(HandKeypoint2DMetric(per_joint=True), samples)
    rows = slow_2d(samples)
    found = [e for row in rows for e in row.values() if e is not None]
    for threshold in (0.05, 0.1, 0.2):
        assert result[f'PCK@{threshold}'] == pytest.approx(
            slow_share(rows, 1, threshold)
        )
    auc = np.mean([slow_share(rows, 0, 30 * i / 20) for i in range(20)])
    assert result['AUC'] == pytest.approx(auc)
    means = np.mean(found, axis=0)
    assert result['EPE'] == pytest.approx(means[0], rel=1e-5)
    assert result['NME'] == pytest.approx(means[1], rel=1e-5)
    assert result['misses'] == 1
    tips = [row[8][0] for row in rows if row.get(8)]
    assert result['EPE/index_tip'] == pytest.approx(np.mean(tips), rel=1e-5)


def test_2d_perfect_and_missing_predictions(samples):
    for sample in samples:
        truth = sample['gt_instances']['keypoints']
        sample['pred_instances'] = {'keypoints': truth.copy()}
    perfect = evaluate(HandKeypoint2DMetric(), samples)
    assert perfect['PCK@0.05'] == 1 and perfect['EPE'] == 0
    assert perfect['misses'] == 0

    samples[0]['pred_instances'] = {}
    samples[1]['pred_instances'] = {'keypoints': np.zeros((0, 21, 2))}
    samples[2]['pred_instances']['keypoints'][:] = np.nan
    some = evaluate(HandKeypoint2DMetric(), samples)
    assert some['misses'] == 3
    assert some['PCK@0.2'] == pytest.approx((COUNT - 3) / COUNT)
    assert some['EPE'] == some['NME'] == 0

    for sample in samples:
        sample['pred_instances'] = {}
    none = evaluate(HandKeypoint2DMetric(), samples)
    assert none['misses'] == COUNT and none['PCK@0.2'] == none['AUC'] == 0
    assert np.isnan(none['EPE']) and np.isnan(none['NME'])


def test_2d_accepts_flags_with_weights_behind(samples):
    expected = evaluate(HandKeypoint2DMetric(), samples)
    for sample in samples:
        flags = sample['gt_instances']['keypoints_visible']
        stacked = np.stack([flags, np.zeros_like(flags)], axis=-1)
        sample['gt_instances']['keypoints_visible'] = stacked
    assert evaluate(HandKeypoint2DMetric(), samples) == expected


@pytest.mark.parametrize('place', ['gt_instances', 'metainfo'])
def test_2d_pck_of_the_head_where_its_size_is_known(samples, place):
    assert 'PCKh@0.7' not in evaluate(HandKeypoint2DMetric(), samples)
    known, hits = samples[5:], []
    for number, sample in enumerate(known):
        size = np.array([4.0 + number % 7])
        target = sample if place == 'metainfo' else sample['gt_instances']
        target['head_size'] = size
        points = sample['pred_instances']['keypoints']
        errors = np.linalg.norm(
            points - sample['gt_instances']['keypoints'], axis=-1
        )
        hits.append(errors[0] < 0.7 * size)
    result = evaluate(HandKeypoint2DMetric(), samples)
    assert 0.1 < result['PCKh@0.7'] < 0.9
    assert result['PCKh@0.7'] == pytest.approx(np.mean(hits))


def test_2d_needs_a_label(samples):
    for sample in samples:
        sample['gt_instances']['keypoints_visible'][:] = 0
    metric = HandKeypoint2DMetric()
    metric.process(None, samples)
    with pytest.raises(ValueError, match='no keypoint of the set is labelled'):
        metric.evaluate(COUNT)


# --- 3D -------------------------------------------------------------------


def test_3d_metrics_are_means_of_the_functions(samples):
    result = evaluate(HandKeypoint3DMetric(), samples)
    true = gather(samples, 'gt_instances', 'keypoints_cam')
    predicted = gather(samples, 'pred_instances', 'keypoints_cam')
    relative = functional.root_aligned_errors(predicted, true)
    proper = functional.procrustes_errors(predicted, true)
    official = functional.procrustes_errors(predicted, true, None, True)
    assert result['MPJPE'] == pytest.approx(relative.mean())
    assert result['PA-MPJPE'] == pytest.approx(proper.mean())
    assert result['PA-MPJPE-official'] == pytest.approx(official.mean())
    assert result['camera-MPJPE'] == pytest.approx(
        np.linalg.norm(predicted - true, axis=-1).mean()
    )
    auc = functional.area_under_curve
    bone = functional.scale_translation_errors(predicted, true, bone=(9, 10))
    palm = functional.palm_errors(predicted, true)
    for name, errors, low in (
        ('AUC@0-50', relative, 0),
        ('AUC@20-50', relative, 20),
        ('PA-AUC@0-50', proper, 0),
        ('PA-AUC@20-50', proper, 20),
        ('PA-AUC-official@0-50', official, 0),
        ('bone-AUC@20-50', bone, 20),
        ('palm-AUC@20-50', palm, 20),
    ):
        assert result[name] == pytest.approx(auc(errors, low, 50))
    assert result['bone-MPJPE'] == pytest.approx(bone.mean())
    assert (result['samples'], result['skipped']) == (COUNT, 0)
    assert result['misses'] == 0
    assert not any('/' in key for key in result)


def test_3d_all_zero_prediction(samples):
    """Absolute error: distance to the camera; aligned: to the centroid."""
    for sample in samples:
        predicted = sample['pred_instances']
        predicted['keypoints_cam'] = np.zeros((1, 21, 3))
    result = evaluate(HandKeypoint3DMetric(), samples)
    true = gather(samples, 'gt_instances', 'keypoints_cam')
    centroid = true.mean(axis=1, keepdims=True)
    spread = np.linalg.norm(true - centroid, axis=-1).mean()
    distance = np.linalg.norm(true, axis=-1).mean()
    assert result['camera-MPJPE'] == pytest.approx(distance)
    assert result['PA-MPJPE'] == pytest.approx(spread)
    assert result['PA-MPJPE-official'] == pytest.approx(spread)
    assert result['MPJPE'] == pytest.approx(
        np.linalg.norm(true - true[:, :1], axis=-1).mean()
    )


def test_3d_mirrored_hands_please_the_official_score_only(samples):
    for sample in samples:
        true = sample['gt_instances']['keypoints_cam']
        sample['pred_instances']['keypoints_cam'] = true * [-1, 1, 1]
    result = evaluate(HandKeypoint3DMetric(), samples)
    assert result['PA-MPJPE-official'] < 1e-6
    assert result['PA-AUC-official@0-50'] == pytest.approx(1, abs=0.01)
    assert result['PA-MPJPE'] > 5


def test_3d_misses_are_counted_and_never_correct(samples):
    before = evaluate(HandKeypoint3DMetric(), samples[2:])
    samples[0]['pred_instances']['keypoints_cam'][0, 7] = np.nan
    samples[1]['pred_instances'] = {}
    after = evaluate(HandKeypoint3DMetric(), samples)
    assert after['misses'] == 2 and after['samples'] == COUNT
    assert after['PA-MPJPE'] == pytest.approx(before['PA-MPJPE'])
    assert after['PA-AUC@0-50'] == pytest.approx(
        before['PA-AUC@0-50'] * (COUNT - 2) / COUNT
    )
    assert after['camera-MPJPE'] < np.inf


def test_3d_only_valid_keypoints_count(samples):
    rng = np.random.default_rng(2)
    expected = []
    for sample in samples:
        truth, predicted = sample['gt_instances'], sample['pred_instances']
        valid = rng.random(21) < 0.7
        valid[0] = True
        truth['keypoints_cam_valid'][0] = valid
        errors = functional.procrustes_errors(
            predicted['keypoints_cam'][:, valid],
            truth['keypoints_cam'][:, valid],
        )
        expected.extend(errors[0])
        truth['keypoints_cam'][0, ~valid] = 1e9
        predicted['keypoints_cam'][0, ~valid] = np.nan
    result = evaluate(HandKeypoint3DMetric(floors=True), samples)
    assert result['PA-MPJPE'] == pytest.approx(np.mean(expected))
    assert result['ST-MPJPE'] < 60  # of hands with a valid middle MCP
    assert result['misses'] == 0 and result['MPJPE'] < 50
    assert 'constant/MPJPE' not in result


def test_3d_skips_hands_without_3d(samples):
    expected = evaluate(HandKeypoint3DMetric(), samples[4:])
    truths = [sample['gt_instances'] for sample in samples]
    truths[0]['keypoints_cam'][:] = np.nan
    truths[1]['keypoints_cam_valid'][:] = 0
    truths[2]['keypoints_cam_valid'][0, 0] = 0  # no root
    del truths[3]['keypoints_cam'], truths[3]['keypoints_cam_valid']
    result = evaluate(HandKeypoint3DMetric(), samples)
    assert (result.pop('skipped'), expected.pop('skipped')) == (4, 0)
    assert result == pytest.approx(expected)


def test_3d_needs_a_valid_hand(samples):
    metric = HandKeypoint3DMetric()
    for sample in samples:
        sample['gt_instances']['keypoints_cam_valid'][:] = 0
    metric.process(None, samples)
    with pytest.raises(ValueError, match='no hand of the set has valid 3D'):
        metric.evaluate(COUNT)


@pytest.mark.parametrize('cls', [HandKeypoint2DMetric, HandKeypoint3DMetric])
def test_no_sample_is_a_clear_error(cls):
    with pytest.raises(ValueError, match='no sample to evaluate'):
        cls().evaluate(0)


def test_3d_floors_are_those_of_the_functions(samples):
    result = evaluate(HandKeypoint3DMetric(floors=True), samples)
    true = gather(samples, 'gt_instances', 'keypoints_cam')
    pixels = gather(samples, 'gt_instances', 'keypoints')
    side = gather(samples, 'gt_instances', 'hand_side')
    assert result['constant/MPJPE'] == pytest.approx(
        functional.constant_pose_errors(true, side).mean()
    )
    assert result['constant/PA-MPJPE'] == pytest.approx(
        functional.constant_shape_errors(true, side).mean()
    )
    assert result['true-2D-flat/PA-MPJPE'] == pytest.approx(
        functional.flat_pose_errors(true, pixels).mean()
    )
    # the prediction does not matter
    for sample in samples:
        sample['pred_instances'] = {}
    again = evaluate(HandKeypoint3DMetric(floors=True), samples)
    for key in ('constant/MPJPE', 'constant/PA-MPJPE'):
        assert again[key] == result[key]
    # a hand of unknown side is taken for a right one
    for sample in samples:
        del sample['gt_instances']['hand_side']
    unknown = evaluate(HandKeypoint3DMetric(floors=True), samples)
    assert unknown['constant/PA-MPJPE'] == pytest.approx(
        functional.constant_shape_errors(true, np.ones(COUNT)).mean()
    )


def test_a_model_that_predicts_the_constant_scores_the_floor(samples):
    true = gather(samples, 'gt_instances', 'keypoints_cam')
    side = gather(samples, 'gt_instances', 'hand_side')
    mean = functional.canonical_poses(true, side).mean(axis=0)
    for sample in samples:
        truth = sample['gt_instances']
        hand = truth['keypoints_cam']
        bone = np.linalg.norm(hand[0, 9] - hand[0, 10])
        mirror = [-1, 1, 1] if truth['hand_side'][0] == 0 else [1, 1, 1]
        sample['pred_instances'] = {
            'keypoints_cam': mean[None] * bone * mirror
        }
    result = evaluate(HandKeypoint3DMetric(floors=True), samples)
    assert result['MPJPE'] == pytest.approx(result['constant/MPJPE'])


# --- in MMPose ------------------------------------------------------------


def test_recipes_name_metrics_that_are_registered():
    built = [
        METRICS.build(metric)
        for metric in recipes.evaluators(floors=True, mesh=True)
    ]
    names = [metric.prefix for metric in built]
    assert names == ['hand2d', 'hand3d', 'mesh'] and built[1].floors
    assert len(recipes.evaluators()) == 2


def test_metrics_work_together_in_an_evaluator(samples):
    evaluator = Evaluator(
        [
            METRICS.build({'type': 'HandKeypoint2DMetric'}),
            METRICS.build({'type': 'HandKeypoint3DMetric', 'floors': True}),
            METRICS.build({'type': 'HandKeypoint3DMetric', 'prefix': 'b'}),
        ]
    )
    packed = []
    for sample in samples:
        data = PoseDataSample()
        for name, fields in sample.items():
            setattr(data, name, InstanceData(**fields))
        packed.append(data)
    result = evaluator.offline_evaluate(packed, chunk_size=7)
    alone = evaluate(HandKeypoint3DMetric(), samples)
    assert result['hand3d/PA-MPJPE'] == alone['PA-MPJPE']
    assert result['b/PA-MPJPE'] == alone['PA-MPJPE']
    assert 0 < result['hand2d/PCK@0.05'] < 1
    json.dumps(result)


def test_floors_of_real_hands(real_data):
    """Against values computed apart from this package, per hand."""
    path = real_data / 'ge2019' / 'annotations.json'
    entries = json.loads(path.read_text())
    samples = []
    for entry in entries:
        points = np.array(entry['keypoints_2d'])[None]
        truth = {
            'keypoints': points[..., :2],
            'keypoints_visible': points[..., 2],
            'keypoints_cam': np.array(entry['keypoints_3d_mm'])[None],
            'bboxes': np.array([entry['bbox']]),
            'hand_side': np.array([0]),
        }
        samples.append({'gt_instances': truth, 'pred_instances': {}})
    result = evaluate(HandKeypoint3DMetric(floors=True), samples)
    assert result['misses'] == result['samples'] == len(entries)
    flat = [slow_flat_error(entry) for entry in entries]
    assert result['true-2D-flat/PA-MPJPE'] == pytest.approx(np.mean(flat))
    # all one subject's hand: the mean shape lies between nothing and 25 mm
    assert 10 < result['constant/PA-MPJPE'] < 25
    assert result['constant/MPJPE'] > result['constant/PA-MPJPE']


def slow_flat_error(entry):
    source = np.array(entry['keypoints_2d'])
    source[:, 2] = 0
    target = np.array(entry['keypoints_3d_mm'])
    centre = target.mean(axis=0)
    source, target = source - source.mean(axis=0), target - centre
    left, singular, right = np.linalg.svd(target.T @ source)
    signs = [1, 1, np.linalg.det(left) * np.linalg.det(right)]
    scale = (singular * signs).sum() / (source**2).sum()
    moved = scale * source @ (left @ np.diag(signs) @ right).T
    return np.linalg.norm(moved - target, axis=-1).mean()
