"""Hands that leave the photo: what is black, and what the box is around."""

import numpy as np
import pytest

from synhand import recipes
from synhand.datasets.transforms import PhotoEdge, UprightHandBox
from synhand.geometry.boxes import tight_box
from synhand.geometry.upright import upright_angle, upright_box

_SIZE = 120


def _sample(channels=3, arm=(0.0, 40.0)):
    """A white photo of a hand whose wrist is moved along `arm`."""
    rng = np.random.default_rng(2)
    keypoints = np.round(rng.uniform(30, 80, (1, 21, 2)))
    keypoints[0, 0] = keypoints[0, 9] + arm
    image = np.full((_SIZE, _SIZE, channels), 255, np.uint8)
    image[..., 3:] = 7
    keypoints = keypoints.astype(np.float32)
    return dict(img=image, keypoints=keypoints, bbox=tight_box(keypoints))


def _edged(seed, channels=3, cut=(-0.15, 0.35), **sample):
    np.random.seed(seed)
    return PhotoEdge(1.0, cut).transform(_sample(channels, **sample))


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('channels', [3, 4])
def test_keypoints_inside_are_those_that_are_not_black(seed, channels):
    results = _edged(seed, channels)
    black = (results['img'][..., :3] == 0).all(-1)
    x, y = results['keypoints'][0].astype(int).T
    np.testing.assert_array_equal(results['keypoints_inside'][0], ~black[y, x])
    assert (results['img'][~black][:, :3] == 255).all()
    assert (results['img'][black][:, 3:] == 255).all()
    assert (results['img'][~black][:, 3:] == 7).all()


@pytest.mark.parametrize('seed', range(12))
def test_what_is_left_is_a_rectangle_to_at_least_two_edges(seed):
    left = (_edged(seed)['img'] > 0).all(-1)
    rows, columns = left.any(1), left.any(0)
    np.testing.assert_array_equal(left, rows[:, None] & columns)
    ends = [rows[0], rows[-1], columns[0], columns[-1]]
    assert 2 <= sum(ends) <= 3


def test_a_negative_cut_spares_the_hand_and_a_positive_one_does_not():
    for seed in range(10):
        assert _edged(seed, cut=(-0.3, -0.1))['keypoints_inside'].all()
        assert not _edged(seed, cut=(0.1, 0.3))['keypoints_inside'].all()


def test_most_hands_leave_by_the_arm():
    images = [_edged(seed, arm=(0, 40))['img'] for seed in range(200)]
    above, below = (
        sum(not image[row].any() for image in images) for row in (0, -1)
    )
    assert below > 130
    assert 0 < above < 40


def test_an_edge_that_would_leave_nothing_is_not_drawn():
    for seed in range(10):
        results = _edged(seed, cut=(0.97, 0.99))
        assert results['keypoints_inside'].all()
        assert (results['img'] == 255).all()


def test_without_an_edge_the_photo_stays():
    sample = _sample()
    before = sample['img'].copy()
    results = PhotoEdge(0.0, (0.1, 0.2)).transform(sample)
    np.testing.assert_array_equal(results['img'], before)
    assert results['keypoints_inside'].all()


def test_the_given_image_is_not_changed():
    sample = _sample()
    before = sample['img']
    PhotoEdge(1.0, (0.1, 0.2)).transform(sample)
    assert (before == 255).all()


def test_the_box_is_around_what_is_inside_and_the_direction_the_hands():
    results = _edged(3, cut=(0.2, 0.3))
    points = results['keypoints'][0].astype(np.float64)
    inside = results['keypoints_inside'][0]
    assert not inside.all()
    angle = upright_angle(points)
    centre, side = upright_box(points[inside], angle)
    results = UprightHandBox(padding=1.2).transform(results)
    np.testing.assert_allclose(results['bbox_center'][0], centre, rtol=1e-6)
    np.testing.assert_allclose(results['bbox_scale'][0], 1.2 * side, rtol=1e-6)
    np.testing.assert_allclose(
        results['bbox_rotation'][0], np.degrees(angle), rtol=1e-6
    )


@pytest.mark.parametrize('seed', range(6))
def test_the_tight_box_is_that_of_what_is_inside(seed):
    results = _edged(seed, cut=(0.1, 0.3))
    points = results['keypoints'][0][results['keypoints_inside'][0]]
    np.testing.assert_array_equal(results['bbox'], tight_box(points)[None])
    whole = _edged(seed, cut=(-0.3, -0.1))
    np.testing.assert_array_equal(whole['bbox'], _sample()['bbox'])


def test_only_training_cuts_hands_and_before_it_boxes_them():
    windows = recipes.upright_data((96, 96), 8, **recipes.CUT_WINDOWS)
    crops = recipes.crop_step((96, 96), samples=1_000)
    for data, box in (
        (windows, 'UprightHandBox'),
        (crops, 'GetBBoxCenterScale'),
    ):
        _check_edges(data, box)


def _check_edges(data, box):
    for role in ('train', 'val', 'test'):
        steps = data[f'{role}_dataloader']['dataset']['pipeline']
        names = [step['type'] for step in steps]
        assert ('PhotoEdge' in names) == (role == 'train')
    names = [
        s['type'] for s in data['train_dataloader']['dataset']['pipeline']
    ]
    assert names[:3] == ['LoadShardImage', 'PhotoEdge', box]
