"""Where errors are, and how misses count."""

import numpy as np
import pytest

from helpers import random_hands, random_local_hands
from synhand.evaluation import breakdown, functional
from synhand.evaluation.scores import Score
from synhand.geometry.cameras import project
from synhand.geometry.planar import planar_rotation
from synhand.skeleton import FINGERS, NUM_KEYPOINTS


def samples(count=6, missed=(), noise=5.0, with_3d=True):
    """Predictions off by noise; the hands in `missed` have none."""
    rng = np.random.default_rng(3)
    true, cameras = random_hands(rng, count)
    pixels = project(true, cameras)
    found = []
    for n in range(count):
        low, high = pixels[n].min(0), pixels[n].max(0)
        truth = dict(
            keypoints=pixels[n : n + 1],
            keypoints_visible=np.ones((1, NUM_KEYPOINTS)),
            keypoints_cam=true[n : n + 1],
            keypoints_cam_valid=np.full((1, NUM_KEYPOINTS), float(with_3d)),
            bboxes=np.concatenate([low, high])[None],
            hand_side=np.ones(1, int),
        )
        guess = dict(
            keypoints=pixels[n : n + 1] + rng.normal(0, noise, (1, 21, 2)),
            keypoints_cam=true[n : n + 1] + rng.normal(0, noise, (1, 21, 3)),
        )
        guess = {} if n in missed else guess
        found.append(dict(gt_instances=truth, pred_instances=guess))
    return found


def test_missed_hands_get_the_error_of_the_constant_pose():
    all_found = breakdown.rows_of(samples())
    rows = breakdown.rows_of(samples(missed=(1, 4)))
    assert breakdown.misses(rows) == 2
    scores = breakdown.hand_scores(rows)
    true = np.concatenate(
        [s['gt_instances']['keypoints_cam'] for s in samples()]
    )
    floor = functional.constant_shape_errors(true, np.ones(6)).mean(axis=1)
    known = breakdown.hand_scores(all_found)['PA-MPJPE'].of_instances()
    slow = np.where(np.isin(range(6), (1, 4)), floor, known).mean()
    assert scores['PA-MPJPE+'].mean() == pytest.approx(slow)
    kept = known[[0, 2, 3, 5]].mean()
    assert scores['PA-MPJPE'].mean() == pytest.approx(kept)
    constant = breakdown.floors(rows)['constant']['NME'].of_instances()
    nearness = scores['NME'].of_instances()
    slow = np.where(np.isfinite(nearness), nearness, constant).mean()
    assert scores['NME+'].mean() == pytest.approx(slow)
    hits = breakdown.hand_scores(all_found)['PCK@0.2'].of_instances()
    assert scores['PCK@0.2'].mean() == pytest.approx(
        hits[[0, 2, 3, 5]].sum() / 6
    )


def test_sets_without_3d_have_no_3d_scores():
    rows = breakdown.rows_of(samples(with_3d=False))
    assert set(breakdown.hand_scores(rows)) == {*breakdown.OF_2D, 'NME+'}
    assert set(breakdown.floors(rows)) == {'constant'}


def test_parts_and_hands_of_a_score():
    rng = np.random.default_rng(0)
    values, weights = rng.random((5, 21)), rng.integers(0, 2, (5, 21))
    score = Score(values, weights)
    thumb = list(FINGERS['thumb'])
    expected = np.average(values[:, thumb], weights=weights[:, thumb])
    assert breakdown.of_part(score, thumb).mean() == pytest.approx(expected)
    expected = np.average(values[[1, 3]], weights=weights[[1, 3]])
    flags = np.array([False, True, False, True, False])
    for chosen in (flags, [1, 3]):
        assert breakdown.of_hands(score, chosen).mean() == pytest.approx(
            expected
        )
    fingers = sorted(k for f in FINGERS for k in breakdown.PARTS[f])
    places = ('bases', 'second joints', 'third joints', 'tips')
    along = sorted(k for p in places for k in breakdown.PARTS[p])
    assert fingers == along == list(range(1, 21))


def test_bend_is_the_angle_between_bones():
    flat = random_local_hands(np.random.default_rng(0), 1, spread=0)
    for chain in FINGERS.values():  # straight rays from the wrist
        ray = flat[0, chain[0]] / np.linalg.norm(flat[0, chain[0]])
        for step, keypoint in enumerate(chain):
            flat[0, keypoint] = ray * (80 + 30 * step)
    bent = flat.copy()
    tips = {'index': 8, 'middle': 12, 'ring': 16, 'little': 20}
    for tip in tips.values():  # the last bone at a right angle
        bent[0, tip] = bent[0, tip - 1] + [0, 0, 30]
    both = np.concatenate([flat, bent])
    np.testing.assert_allclose(
        breakdown.bend_degrees(both), [0, 90], atol=1e-5
    )
    assert breakdown.curls(both).tolist() == ['open', 'half bent']


def test_view_is_told_by_the_palm_and_the_line_of_sight():
    points = np.zeros((4, NUM_KEYPOINTS, 3)) + [0, 0, 500.0]
    points[3] = [500.0, 0, 0]  # far to the right: seen along x
    palm = np.array([[0, 0, -1], [0, 0, 1], [1, 0, 0], [-1, 0, 0]], float)
    found = breakdown.views(points, palm).tolist()
    assert found == ['palm', 'back', 'side', 'palm']


def test_without_a_box_there_is_no_constant_pose():
    found = samples()
    for sample in found:
        sample['gt_instances']['bboxes'] = np.zeros((1, 4))
    assert 'NME+' not in breakdown.hand_scores(breakdown.rows_of(found))


@pytest.mark.parametrize('turn', [0.0, 0.7, np.pi])
@pytest.mark.parametrize('mirror', [1, -1])
def test_offsets_are_seen_from_the_hand(turn, mirror):
    """The same in a photo that is turned or shows the other hand."""
    found = samples(4, noise=0.0)
    matrix = np.diag([mirror, 1.0]) @ planar_rotation(turn)
    for sample in found:
        truth = sample['gt_instances']
        true = truth['keypoints'][0] @ matrix.T
        along = true[[5, 9, 13, 17]].mean(0) - true[0]
        along /= np.linalg.norm(along)
        to_index = true[5] - true[17]
        across = to_index - (to_index @ along) * along
        across /= np.linalg.norm(across)
        low, high = true.min(0), true.max(0)
        offset = 0.03 * along + 0.02 * across
        truth.update(
            keypoints=true[None], bboxes=np.concatenate([low, high])[None]
        )
        sample['pred_instances']['keypoints'] = (
            true + offset * (high - low).max()
        )[None]
    offsets = breakdown.offsets_in_hand(breakdown.rows_of(found)[0])
    np.testing.assert_allclose(offsets[..., 0], 0.03)
    np.testing.assert_allclose(offsets[..., 1], 0.02)


def test_offsets_along_digits_are_outwards_and_of_what_is_read():
    found = samples(4, missed=(0,))
    for sample in found[1:]:
        label = sample['gt_instances']['keypoints']
        box = sample['gt_instances']['bboxes'][0]
        side = (box[2:] - box[:2]).max()
        read = label.copy()
        for chain in FINGERS.values():
            for end, (a, b) in ((0, chain[:2]), (3, chain[2:])):
                bone = label[0, b] - label[0, a]
                bone /= np.linalg.norm(bone)
                # three hundredths too far in at bases, too far out at tips
                read[0, chain[end]] += side * 0.03 * bone * (end - 1) / 2
        sample['pred_instances'] = {'keypoints': read}
    found[2]['pred_instances']['keypoints'][0, 8] += 1e3
    found[3]['gt_instances']['keypoints_visible'][0, 5] = 0
    offsets = breakdown.offsets_along_digits(breakdown.rows_of(found)[0])
    assert np.isnan(offsets[0]).all()
    assert np.isnan(offsets[2, 1, 1])
    assert np.isnan(offsets[3, 1, 0])
    known = offsets[1][np.isfinite(offsets[1]).all(-1)]
    assert len(known)
    np.testing.assert_allclose(known, [[0.015, -0.03]] * len(known), atol=1e-6)


def test_offsets_of_hands_without_their_labels_are_unknown():
    found = samples(3, missed=(0,))
    found[1]['gt_instances']['keypoints_visible'][0, 9] = 0
    found[2]['gt_instances']['keypoints_visible'][0, 20] = 0
    offsets = breakdown.offsets_in_hand(breakdown.rows_of(found)[0])
    known = np.isfinite(offsets).all(-1)
    assert not known[:2].any()
    assert known[2].tolist() == [True] * 20 + [False]
