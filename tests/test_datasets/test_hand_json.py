"""Annotation files: what is read, and what is refused."""

import json

import cv2
import numpy as np
import pytest

from synhand.datasets import HandJsonDataset, read_annotations
from synhand.geometry.cameras import project

_POINTS = np.random.default_rng(0).uniform(-40, 40, (21, 3)) + [0, 0, 500]
_CAMERA = [[300.0, 0, 64], [0, 300.0, 60], [0, 0, 1]]


def _entry(**changes):
    pixels = project(_POINTS, _CAMERA)
    labelled = np.concatenate([pixels, np.ones((21, 1))], 1)
    entry = {
        'image': 'a.jpg',
        'hand': 'left',
        'bbox': [10, 20, 90, 100],
        'keypoints_2d': labelled.tolist(),
        'keypoints_3d_mm': _POINTS.tolist(),
        'K': _CAMERA,
        'source': 'test',
    }
    return {**entry, **changes}


def _write(folder, *entries):
    path = folder / 'annotations.json'
    path.write_text(json.dumps(entries))
    cv2.imwrite(str(folder / 'a.jpg'), np.zeros((120, 128, 3), np.uint8))
    return path


def test_a_full_entry(tmp_path):
    _write(tmp_path, _entry())
    sample = HandJsonDataset(data_root=str(tmp_path)).get_data_info(0)
    np.testing.assert_allclose(sample['keypoints_cam'][0], _POINTS, 1e-5)
    pixels = project(sample['keypoints_cam'], sample['camera_matrix'])
    np.testing.assert_allclose(sample['keypoints'], pixels, atol=1e-3)
    assert sample['hand_side'].tolist() == [0]
    assert sample['bbox'].tolist() == [[10, 20, 90, 100]]
    assert sample['img_path'] == str(tmp_path / 'a.jpg')
    assert sample['flip_indices'] == list(range(21))


def test_what_is_null_is_nan_and_not_valid(tmp_path):
    nulls = dict.fromkeys(('keypoints_2d', 'keypoints_3d_mm', 'K', 'bbox'))
    _write(tmp_path, _entry(hand=None, **nulls))
    sample = HandJsonDataset(data_root=str(tmp_path)).get_data_info(0)
    for key in ('keypoints', 'keypoints_cam', 'camera_matrix', 'bone_scale'):
        assert np.isnan(sample[key]).all(), key
    assert not sample['keypoints_visible'].any()
    assert not sample['keypoints_cam_valid'].any()
    assert sample['hand_side'].tolist() == [-1]
    assert sample['bbox'].tolist() == [[0, 0, 127, 119]]
    assert sample['bbox_score'].tolist() == [0]


def test_unlabelled_keypoints_are_nan(tmp_path):
    entry = _entry(bbox=None)
    entry['keypoints_2d'][4] = [0, 0, 0]
    _write(tmp_path, entry)
    sample = HandJsonDataset(data_root=str(tmp_path)).get_data_info(0)
    assert sample['keypoints_visible'][0].tolist() == [
        float(k != 4) for k in range(21)
    ]
    assert np.isnan(sample['keypoints'][0, 4]).all()
    low = np.nanmin(sample['keypoints'][0], 0)
    np.testing.assert_allclose(sample['bbox'][0, :2], low)
    assert sample['bbox_score'].tolist() == [1]


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'image': None}, 'image: expected a file name'),
        ({'hand': 'both'}, 'hand: expected left, right or unknown'),
        ({'hand': ['left']}, 'hand: expected left, right or unknown'),
        ({'bbox': [1, 2, 3]}, 'bbox: expected 4'),
        ({'bbox': [9, 2, 3, 4]}, 'bbox: expected x1 < x2'),
        ({'keypoints_2d': [[1, 2, 1]] * 20}, 'keypoints_2d: expected 21 x 3'),
        ({'keypoints_2d': 'many'}, 'keypoints_2d: expected 21 x 3'),
        ({'keypoints_3d_mm': [[0, 0, float('nan')]] * 21}, 'not finite'),
        ({'K': [[1, 0], [0, 1]]}, 'K: expected a 3x3'),
        ({'K': [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]}, 'K: .*focal'),
    ],
)
def test_a_wrong_field_is_named_in_one_line(tmp_path, changes, words):
    path = _write(tmp_path, _entry(), _entry(**changes))
    with pytest.raises(ValueError, match=words) as caught:
        read_annotations(path)
    message = str(caught.value)
    assert message.startswith(f'{path}: entry 1: ')
    assert '\n' not in message


def test_wrong_files_are_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match='no such file; expected annotations'
    ):
        read_annotations(tmp_path / 'annotations.json')
    path = tmp_path / 'annotations.json'
    for text, words in (('{"a": 1}', 'a list'), ('[', 'not valid JSON')):
        path.write_text(text)
        with pytest.raises(ValueError, match=words):
            read_annotations(path)


@pytest.mark.parametrize('name', ['ge2019', 'ti1k', 'signwriting'])
def test_real_sets_are_read(real_data, name):
    dataset = HandJsonDataset(data_root=str(real_data / name))
    assert len(dataset) >= 50
    sample = dataset.get_data_info(0)
    assert np.isfinite(sample['bbox']).all()
    if name == 'ge2019':
        pixels = project(sample['keypoints_cam'], sample['camera_matrix'])
        assert np.abs(pixels - sample['keypoints']).max() < 0.02
        assert sample['hand_side'].tolist() == [0]
