"""Keypoints as inputs, and hands that are drawn when asked for."""

import json
import pickle

import numpy as np
import pytest

from shard_factory import write_shards
from synhand.datasets.sampled import SampledHandDataset
from synhand.datasets.synthetic import SyntheticHandDataset
from synhand.datasets.transforms.keypoints import (
    LoadKeypoints2D,
    PackHandKeypoints,
)
from synhand.geometry.cameras import project


@pytest.fixture(scope='module')
def samples(tmp_path_factory):
    folder = write_shards(tmp_path_factory.mktemp('set'), 4, 1)
    dataset = SyntheticHandDataset(str(folder))
    return [dataset[i] for i in range(4)]


def test_labels_are_the_input(samples):
    packed = PackHandKeypoints()(dict(samples[1]))
    np.testing.assert_array_equal(
        packed['inputs'][:, :2], samples[1]['keypoints'][0]
    )
    assert (packed['inputs'][:, 2] == 1).all()
    truth = packed['data_samples'].gt_instances
    np.testing.assert_array_equal(
        truth.keypoints_cam, samples[1]['keypoints_cam']
    )
    assert packed['data_samples'].metainfo['id'] == 1


def test_noise_is_relative_to_the_box_and_repeats(samples):
    pack = PackHandKeypoints(noise=0.05)
    first, again = (pack(dict(samples[0]))['inputs'] for _ in range(2))
    assert (first == again).all()
    found = np.concatenate(
        [
            (pack(dict(s))['inputs'].numpy()[:, :2] - s['keypoints'][0])
            / (s['bbox'][0, 2:] - s['bbox'][0, :2]).max()
            for s in samples
        ]
    )
    assert found.std() == pytest.approx(0.05, rel=0.2)
    other = PackHandKeypoints(noise=0.05, seed=1)(dict(samples[0]))
    assert (other['inputs'] != first).any()


def test_a_dump_of_another_run_is_read(samples, tmp_path):
    found = [
        dict(
            id=s['id'],
            gt_instances={},
            pred_instances=dict(
                keypoints=s['keypoints'] + 1,
                keypoint_scores=np.full((1, 21), 0.5),
            ),
        )
        for s in samples
    ]
    path = tmp_path / 'dump.pkl'
    path.write_bytes(pickle.dumps(found))
    loaded = LoadKeypoints2D(str(path))(dict(samples[2]))
    packed = PackHandKeypoints()(loaded)
    np.testing.assert_allclose(
        packed['inputs'][:, :2], samples[2]['keypoints'][0] + 1
    )
    assert (packed['inputs'][:, 2] == 0.5).all()
    with pytest.raises(ValueError, match=r'dump.pkl: no keypoints of 9'):
        LoadKeypoints2D(str(path))(dict(samples[2], id=9))


def test_predictions_are_matched_by_image_and_place(samples, tmp_path):
    points = np.concatenate([samples[0]['keypoints'][0], np.ones((21, 1))], 1)
    entries = [
        dict(image='a/x.jpg', keypoints_2d=(points + [500, 0, 0]).tolist()),
        dict(image='a/x.jpg', keypoints_2d=points.tolist()),
    ]
    path = tmp_path / 'predictions.json'
    path.write_text(json.dumps(entries))
    sample = dict(samples[0], img_path='/b/x.jpg')
    found = LoadKeypoints2D(str(path))(sample)['keypoints_2d']
    np.testing.assert_allclose(found[0], points, rtol=1e-6)
    entries.append(dict(image='b/x.jpg', keypoints_2d=(points + 1).tolist()))
    path.write_text(json.dumps(entries))
    found = LoadKeypoints2D(str(path))(sample)['keypoints_2d']
    np.testing.assert_allclose(found[0], points + 1, rtol=1e-6)
    with pytest.raises(ValueError, match=r'image: .* a/x.jpg and b/x.jpg'):
        LoadKeypoints2D(str(path))(dict(sample, img_path='/c/x.jpg'))


def test_wrong_files_are_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match='x.json: no such file'):
        LoadKeypoints2D(str(tmp_path / 'x.json'))
    for name in ('x.json', 'x.pkl'):
        path = tmp_path / name
        path.write_text('{"a": 1}')
        with pytest.raises(ValueError, match=f'{name}: (not |refused)'):
            LoadKeypoints2D(str(path))
    sample = dict(id=3, gt_instances={}, pred_instances={})
    path.write_bytes(pickle.dumps([sample]))
    with pytest.raises(ValueError, match="x.pkl: expected .*'keypoints'"):
        LoadKeypoints2D(str(path))


@pytest.mark.parametrize('family', ['anatomical', 'mano'])
def test_sampled_hands_are_a_function_of_seed_and_number(family):
    a, b = (SampledHandDataset(6, 3, family) for _ in range(2))
    for i in (4, 1):
        for key in ('keypoints', 'keypoints_cam', 'bbox'):
            np.testing.assert_array_equal(a[i][key], b[i][key])
    other = SampledHandDataset(6, 4, family)
    assert (other[1]['keypoints_cam'] != a[1]['keypoints_cam']).any()
    sample = a[2]
    np.testing.assert_allclose(
        project(sample['keypoints_cam'], sample['camera_matrix']),
        sample['keypoints'],
        rtol=1e-4,
    )
    length = np.linalg.norm(
        np.diff(sample['keypoints_cam'][0, [0, 9]], axis=0)
    )
    assert 50 < length < 140
    assert sample['hand_side'] == 1


def test_impossible_sampled_sets_are_named():
    with pytest.raises(ValueError, match="joint_family: .* got 'palm'"):
        SampledHandDataset(joint_family='palm')
    with pytest.raises(ValueError, match='num: expected 1 or more, got 0'):
        SampledHandDataset(0)
