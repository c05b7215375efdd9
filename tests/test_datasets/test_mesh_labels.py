"""What mesh models learn from and are tested with, against rendered rows."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.datasets.transforms import GenerateTarget

import synhand.registry  # noqa: F401
from mesh_factory import mesh_row, write_mesh_shard
from synhand.codecs import HandMeshLabel
from synhand.datasets import SyntheticMeshDataset
from synhand.datasets.transforms import (
    AddTrueVertices,
    AntialiasedTopdownAffine,
    KeypointsToCrop,
    LoadShardImage,
    MirrorHand,
    OutsideMap,
    PackHandLabels,
)
from synhand.geometry.cameras import project
from synhand.geometry.placement import virtual_rotation
from synhand.geometry.pose25d import reference_length
from synhand.hands.anny_layer import AnnyLayer
from synhand.models.mesh.mesh_head import mesh_targets

SIZE = (96, 96)
_HAND = AnnyLayer().hand_vertices()


@pytest.fixture(scope='module', autouse=True)
def scope():
    init_default_scope('mmpose')


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    folder = write_mesh_shard(tmp_path_factory.mktemp('set'), 4)
    return SyntheticMeshDataset(str(folder))


def crop_of(sample, roll=20.0, mirror='right'):
    """The steps of a training until the crop."""
    box = sample['bbox'][0]
    sample['bbox_center'] = (box[None, :2] + box[None, 2:]) / 2
    sample['bbox_scale'] = np.full((1, 2), 1.6 * (box[2:] - box[:2]).max())
    sample['bbox_rotation'] = np.array([roll])
    for step in (
        LoadShardImage(),
        AntialiasedTopdownAffine(SIZE),
        MirrorHand(mirror),
        OutsideMap(),
    ):
        sample = step.transform(sample)
    return sample


def labelled(sample):
    codec = dict(type='HandMeshLabel', input_size=SIZE)
    sample = GenerateTarget(encoder=codec).transform(sample)
    return PackHandLabels().transform(sample)['data_samples']


@pytest.mark.parametrize('index', range(4))
def test_the_mesh_made_on_the_device_is_the_rendered_one(dataset, index):
    """In the crop's frame: turned, mirrored, in reference bones."""
    sample = crop_of(dataset.get_data_info(index))
    found, weights = mesh_targets(
        AnnyLayer(dtype=torch.float32),
        'anatomical',
        [labelled(sample)],
        torch.device('cpu'),
    )
    points = sample['keypoints_cam'][0].astype(np.float64)
    true = mesh_row(index)['vertices'] - points[0]
    turn = virtual_rotation(
        sample['camera_matrix'][0], sample['input_center'], 20.0
    )
    true = true @ turn.T / reference_length(points)
    true[:, 0] *= -1 if index % 2 else 1
    np.testing.assert_allclose(found[0].numpy(), true, atol=2e-3)
    assert weights.tolist() == [1]


@pytest.mark.parametrize('index', range(2))
def test_true_vertices_of_a_test_are_the_rendered_ones(dataset, index):
    sample = AddTrueVertices().transform(dataset.get_data_info(index))
    true = mesh_row(index)['vertices'][_HAND]
    np.testing.assert_allclose(sample['vertices_cam'][0], true, atol=0.02)


@pytest.mark.parametrize('index', range(2))
def test_no_vertex_is_outside_and_far_ones_are_by_their_distance(
    dataset, index
):
    sample = crop_of(dataset.get_data_info(index))
    far = sample['outside_map'][0]
    pixels = project(
        mesh_row(index)['vertices'][_HAND], sample['camera_matrix'][0]
    )
    given = dict(sample, keypoints_2d=np.pad(pixels, ((0, 0), (0, 1)))[None])
    given = KeypointsToCrop().transform(given)['input_keypoints'][0]
    inside = (given[:, :2] >= 0).all(1) & (given[:, :2] <= 1).all(1)
    u, v = np.rint(given[inside, :2] * 23).astype(int).T
    # a pixel of the map is 4 of the crop: a border may be half of one off
    assert far[v, u].max() <= 1.5 / 23
    rows, columns = np.nonzero(far == 0)
    there = np.stack(np.meshgrid(range(24), range(24)), -1).reshape(-1, 1, 2)
    apart = np.linalg.norm(there - np.stack([columns, rows], 1), axis=-1)
    expected = apart.min(1).reshape(24, 24) / 23
    np.testing.assert_allclose(far, expected, rtol=0.05, atol=1e-6)
    assert expected.max() > 0.1


def test_keypoints_go_where_the_crop_has_them(dataset):
    sample = crop_of(dataset.get_data_info(1))
    given = KeypointsToCrop().transform(sample)['input_keypoints']
    expected = sample['transformed_keypoints'] / 95
    np.testing.assert_allclose(given[..., :2], expected, atol=1e-4)
    assert (given[..., 2] == 1).all()


@pytest.mark.parametrize(
    'change', [{'hand_pose': None}, {'hand_side': None}, {'mirrored': True}]
)
def test_without_parameters_or_a_right_hand_no_mesh_is_trained(
    dataset, change
):
    sample = crop_of(dataset.get_data_info(0))
    label = labelled({**sample, **change}).gt_instance_labels
    assert label.mesh_weights.tolist() == [0]
    assert (label.relative_weights == 1).all()


def test_photos_have_a_mask_or_nothing(dataset, tmp_path):
    sample = crop_of(dataset.get_data_info(0))
    plain = {k: v for k, v in sample.items() if not k.endswith('_map')}
    plain.pop('mask_bytes')
    label = labelled(OutsideMap().transform(dict(plain))).gt_instance_labels
    assert label.outside_weights.tolist() == [0]
    mask = mesh_row(0)['mask']
    photo = cv2.imdecode(np.frombuffer(mask, np.uint8), 0) * 255
    cv2.imwrite(str(tmp_path / 'mask.png'), photo)
    plain['mask_path'] = str(tmp_path / 'mask.png')
    found = OutsideMap().transform(plain)['outside_map']
    np.testing.assert_allclose(found, sample['outside_map'])


def test_parameters_of_another_hand_are_named():
    points = np.zeros((1, 21, 2), np.float32)
    with pytest.raises(ValueError, match=r'hand_pose: expected shape \(1, 26'):
        HandMeshLabel(SIZE).encode(points, hand_pose=np.zeros((1, 45)))
