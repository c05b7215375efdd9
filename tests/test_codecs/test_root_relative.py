"""Root-relative 3D labels in the frame of the crop."""

import numpy as np
import pytest

from helpers import random_hands
from synhand.codecs import Latent25DLabel, RootRelativeLabel
from synhand.geometry.cameras import project
from synhand.geometry.placement import virtual_rotation
from synhand.geometry.pose25d import reference_length

_SIZE = (64, 48)


def _sample(**changes):
    points, camera = random_hands(np.random.default_rng(0), 1)
    pixels = project(points, camera)
    sample = {
        'keypoints': pixels.astype(np.float32) / 4,
        'keypoints_cam': points.astype(np.float32),
        'keypoints_cam_valid': np.ones((1, 21), np.float32),
        'camera_matrix': camera,
        'input_center': pixels[0].mean(0),
        'bbox_rotation': np.array([30.0]),
        'mirrored': False,
        'bone_scale': None,
    }
    return {**sample, **changes}


@pytest.mark.parametrize('mirrored', [False, True])
def test_labels_return_to_3d(mirrored):
    sample = _sample(mirrored=mirrored)
    label = RootRelativeLabel(_SIZE).encode(**sample)
    relative = label['relative_labels'] * ([-1, 1, 1] if mirrored else 1)
    rotation = virtual_rotation(
        sample['camera_matrix'], sample['input_center'], 30.0
    )
    points = sample['keypoints_cam']
    scale = reference_length(points)[:, None, None]
    back = relative @ rotation * scale + points[:, :1]
    np.testing.assert_allclose(back, points, atol=1e-2)
    assert (label['relative_weights'] == 1).all()
    assert (label['relative_labels'][:, 0] == 0).all()


def test_all_of_the_other_codec_is_there():
    sample = _sample()
    label = RootRelativeLabel(_SIZE).encode(**sample)
    expected = Latent25DLabel(_SIZE).encode(**sample)
    for name, value in expected.items():
        np.testing.assert_array_equal(label[name], value)
    packed = set(RootRelativeLabel(_SIZE).label_mapping_table)
    assert packed == {*expected, 'relative_labels', 'relative_weights'}


@pytest.mark.parametrize(
    'changes',
    [
        {'camera_matrix': None},
        {'camera_matrix': np.full((1, 3, 3), np.nan)},
        {'keypoints_cam': None, 'keypoints_cam_valid': None},
        {'keypoints_cam_valid': np.zeros((1, 21))},
    ],
)
def test_without_camera_or_3d_nothing_is_known(changes):
    label = RootRelativeLabel(_SIZE).encode(**_sample(**changes))
    assert (label['relative_weights'] == 0).all()
    assert (label['relative_labels'] == 0).all()
    assert (label['keypoint_weights'] > 0).any()


def test_unrotated_boxes_and_given_scales():
    sample = _sample(bbox_rotation=None, bone_scale=np.array([50.0]))
    label = RootRelativeLabel(_SIZE).encode(**sample)
    points = sample['keypoints_cam']
    extent = np.linalg.norm(points - points[:, :1], axis=-1) / 50
    np.testing.assert_allclose(
        np.linalg.norm(label['relative_labels'], axis=-1), extent, rtol=1e-4
    )
