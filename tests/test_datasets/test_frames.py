"""Whole pictures: boxes follow the pixels, through every random step."""

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from shard_factory import write_shards
from synhand.datasets import SyntheticFrameDataset


def _frame(**options):
    return TRANSFORMS.build(
        dict(type='FrameAffine', input_size=(96, 64), **options)
    )


def _results(width=200, height=160):
    """A white rectangle whose corners are keypoints of a left hand."""
    image = np.zeros((height, width, 3), np.uint8)
    image[60:111, 80:141] = 255
    corners = np.float32([[80, 60], [140, 60], [80, 110], [140, 110]])
    return dict(
        img=image,
        hands_keypoints=np.resize(corners, (1, 21, 2)),
        hands_side=np.array([0]),
        hands_seen=np.array([1.0]),
    )


def test_the_whole_picture_lies_in_the_corner():
    out = _frame()(_results())
    scale = out['scale_factor'][0]
    assert scale == pytest.approx(0.4)
    box = out['gt_bboxes'][0]
    np.testing.assert_allclose(box / scale, [80, 60, 140, 110], atol=1e-4)
    rows, columns = np.nonzero(out['img'][..., 0] > 127)
    found = [columns.min(), rows.min(), columns.max(), rows.max()]
    np.testing.assert_allclose(box, found, atol=1.0)
    assert out['img'].shape == (64, 96, 3)
    assert out['gt_bboxes_labels'].tolist() == [0]
    assert out['gt_ignore_flags'].tolist() == [False]


def test_random_boxes_are_around_the_pixels():
    np.random.seed(0)
    sides = set()
    for _ in range(60):
        out = _frame(random=True, min_side=0.0, min_inside=1.0)(_results())
        sides.add(int(out['gt_bboxes_labels'][0]))
        if out['gt_ignore_flags'][0]:
            continue
        rows, columns = np.nonzero(out['img'][..., 0] > 127)
        found = [columns.min(), rows.min(), columns.max(), rows.max()]
        np.testing.assert_allclose(out['gt_bboxes'][0], found, atol=1.6)
    assert sides == {0, 1}  # a mirrored left hand is a right one


def test_boxes_end_where_the_picture_does():
    beyond = _results()
    beyond['hands_keypoints'] = beyond['hands_keypoints'] + [90.0, 0.0]
    box = _frame(min_inside=0.2)(beyond)['gt_bboxes'][0]
    right = 199 * 0.4  # the last of 200 columns, in the input
    assert box[2] == pytest.approx(right, abs=1e-4)


def test_hidden_hands_are_ignored():
    hidden = _results()
    hidden['hands_seen'] = np.array([0.1])
    assert _frame()(hidden)['gt_ignore_flags'].tolist() == [True]


def test_hands_outside_or_too_small_are_ignored():
    far = _results()
    far['hands_keypoints'] = far['hands_keypoints'] + 200
    assert _frame()(far)['gt_ignore_flags'].tolist() == [True]
    small = _frame(min_side=60)(_results())
    assert small['gt_ignore_flags'].tolist() == [True]


def test_a_picture_without_hands():
    empty = _results()
    empty['hands_keypoints'] = np.zeros((0, 21, 2), np.float32)
    empty['hands_side'] = np.zeros(0, np.int64)
    empty['hands_seen'] = np.zeros(0)
    out = _frame(random=True)(empty)
    assert out['gt_bboxes'].shape == (0, 4)
    assert out['gt_ignore_flags'].shape == (0,)


def test_all_hands_of_a_row_are_there(tmp_path):
    folder = write_shards(tmp_path / 'set', 3, 1)
    dataset = SyntheticFrameDataset(str(folder))
    sample = dataset[1]
    count = len(sample['hands_side'])
    assert sample['hands_keypoints'].shape == (count, 21, 2)
    assert cv2.imdecode(np.frombuffer(sample['image_bytes'], np.uint8), 1).size
