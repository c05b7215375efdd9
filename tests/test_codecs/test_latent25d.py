"""2.5D labels and back."""

import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import GenerateTarget, GetBBoxCenterScale
from mmpose.registry import KEYPOINT_CODECS

from shard_factory import make_row
from synhand.codecs import Latent25DLabel
from synhand.datasets.base import hand_sample
from synhand.datasets.transforms import (
    AntialiasedTopdownAffine,
    MirrorHand,
    PackHandInputs,
)
from synhand.geometry.pose25d import reference_length, to_25d


def _hand(index=0):
    row = make_row(index)
    hand = row['hands'][0]
    points = hand['keypoints_cam_anatomical']
    sample = hand_sample(
        bbox=hand['bbox'],
        keypoints=hand['keypoints_2d'],
        keypoints_cam=points,
        camera_matrix=row['camera_matrix'],
        hand_side=hand['side'],
    )
    return sample, to_25d(points, row['camera_matrix'])


def _encode(codec, sample, keypoints=None, **changes):
    names = ('keypoints_visible', *sorted(codec.auxiliary_encode_keys))
    given = {name: sample[name] for name in names}
    given.update(changes)
    keypoints = sample['keypoints'] if keypoints is None else keypoints
    return codec.encode(keypoints, **given)


def test_labels_are_25d():
    sample, pose = _hand()
    labels = _encode(Latent25DLabel((128, 96)), sample)
    uvz = labels['keypoint_labels'][0]
    np.testing.assert_allclose(uvz[:, :2] * [127, 95], pose[:, :2], atol=1e-3)
    np.testing.assert_allclose(uvz[:, 2], pose[:, 2], atol=1e-4)
    assert uvz[0, 2] == 0
    assert labels['keypoint_weights'].all()
    assert labels['depth_weights'].all()


def test_decoding_undoes_encoding():
    sample, pose = _hand()
    codec = Latent25DLabel((128, 128))
    labels = _encode(codec, sample)['keypoint_labels']
    keypoints, scores = codec.decode(labels)
    pixels = keypoints[..., :2] * 127 / 128
    np.testing.assert_allclose(pixels, sample['keypoints'], atol=1e-3)
    np.testing.assert_allclose(keypoints[0, :, 2], pose[:, 2], atol=1e-4)
    assert scores.shape == (1, 21)
    batch, _ = codec.batch_decode(torch.from_numpy(labels), torch.ones(1, 21))
    np.testing.assert_allclose(batch[0], keypoints, rtol=1e-6)


@pytest.mark.parametrize('index', range(4))
@pytest.mark.parametrize('size', [(96, 96), (96, 128)])
def test_crop_label_and_back_to_the_image(index, size):
    """Box, crop, mirror, encode, decode, and the stock estimator's map."""
    sample, pose = _hand(index)
    sample['img'] = np.zeros((128, 128, 3), np.uint8)
    codec = {'type': 'Latent25DLabel', 'input_size': size}
    for transform in (
        GetBBoxCenterScale(padding=2.0),
        AntialiasedTopdownAffine(size),
        MirrorHand('right'),
        GenerateTarget(encoder=codec),
        PackHandInputs(),
    ):
        sample = transform.transform(sample)
    packed = sample['data_samples']
    meta = packed.metainfo
    assert meta['mirrored'] == (index % 2 == 1)
    keypoints, _ = KEYPOINT_CODECS.build(codec).batch_decode(
        packed.gt_instance_labels.keypoint_labels,
        torch.ones(1, 21),
        torch.tensor([meta['mirrored']]),
    )
    scale = np.asarray(meta['input_scale'])
    found = keypoints[0, 0, :, :2] / meta['input_size'] * scale
    found = found + meta['input_center'] - scale / 2
    assert np.abs(found - pose[:, :2]).max() < 0.01
    np.testing.assert_allclose(keypoints[0, 0, :, 2], pose[:, 2], atol=1e-4)


def test_unknown_labels_weigh_nothing_and_are_finite():
    sample, _ = _hand()
    keypoints = sample['keypoints'].copy()
    keypoints[0, 3] = np.nan
    keypoints[0, 4] = [-5, 20]
    visible = np.ones((1, 21))
    visible[0, 5] = 0
    valid = np.ones((1, 21))
    valid[0, 6] = 0
    labels = _encode(
        Latent25DLabel((128, 128)),
        sample,
        keypoints,
        keypoints_visible=visible,
        keypoints_cam_valid=valid,
    )
    weights = labels['keypoint_weights'][0]
    assert np.flatnonzero(weights == 0).tolist() == [3, 4, 5]
    assert np.flatnonzero(labels['depth_weights'][0] == 0).tolist() == [6]
    assert np.isfinite(labels['keypoint_labels']).all()
    outside = Latent25DLabel((128, 128), inside_only=False)
    weights = _encode(outside, sample, keypoints)['keypoint_weights'][0]
    assert np.flatnonzero(weights == 0).tolist() == [3]


def test_without_3d_only_positions_are_labelled():
    sample, _ = _hand()
    codec = Latent25DLabel((128, 128))
    for changes in (
        {'keypoints_cam': None},
        {'keypoints_cam': np.full((1, 21, 3), np.nan)},
    ):
        labels = _encode(codec, sample, **changes)
        assert labels['keypoint_weights'].all()
        assert not labels['depth_weights'].any()


def test_depth_without_a_root_is_unknown():
    sample, _ = _hand()
    valid = np.ones((1, 21))
    valid[0, 0] = 0
    labels = _encode(
        Latent25DLabel((128, 128)), sample, keypoints_cam_valid=valid
    )
    assert not labels['depth_weights'].any()


def test_a_given_bone_length_is_the_unit():
    sample, pose = _hand()
    codec = Latent25DLabel((128, 128))
    scale = reference_length(sample['keypoints_cam'])
    labels = _encode(codec, sample, bone_scale=scale * 2)
    depth = labels['keypoint_labels'][0, :, 2]
    np.testing.assert_allclose(depth, pose[:, 2] / 2, atol=1e-4)


@pytest.mark.parametrize('generate', [True, False])
def test_everything_metrics_need_is_packed(generate):
    sample, _ = _hand()
    sample['img'] = np.zeros((128, 128, 3), np.uint8)
    transforms = [
        GetBBoxCenterScale(padding=2.0),
        AntialiasedTopdownAffine((96, 96)),
    ]
    if generate:
        codec = {'type': 'MSRAHeatmap', 'input_size': (96, 96)}
        codec.update(heatmap_size=(24, 24), sigma=2)
        transforms.append(GenerateTarget(encoder=codec))
    for transform in [*transforms, PackHandInputs()]:
        sample = transform.transform(sample)
    truth = sample['data_samples'].gt_instances
    assert set(truth.keys()) == {
        'bboxes',
        'bbox_scores',
        'bbox_scales',
        'keypoints',
        'keypoints_visible',
        'keypoints_occluded',
        'keypoints_cam',
        'keypoints_cam_valid',
        'camera_matrix',
        'hand_side',
        'bone_scale',
    }
    assert 'camera_matrix' in sample['data_samples'].metainfo


def _augmented(index, extras, rotation=25.0, mirror='right'):
    """A sample through crop, mirror and labels, and its labels."""
    sample, _ = _hand(index)
    sample['img'] = np.zeros((128, 128, 3), np.uint8)
    sample = GetBBoxCenterScale(padding=1.6)(sample)
    sample['bbox_rotation'] = np.array([rotation])
    sample = AntialiasedTopdownAffine((64, 48))(sample)
    sample = MirrorHand(mode=mirror)(sample)
    codec = Latent25DLabel((64, 48), inside_only=False, extras=extras)
    given = {k: sample.get(k) for k in codec.auxiliary_encode_keys}
    return sample, codec.encode(sample['transformed_keypoints'], **given)


@pytest.mark.parametrize('index', [0, 1, 2])
def test_crop_cameras_see_what_the_crop_shows(index):
    """True points through the crop's camera give the labels, mirrored too."""
    sample, labels = _augmented(index, ['camera'])
    assert sample['mirrored'] == (sample['hand_side'][0] == 0)
    points = sample['keypoints_cam'][0].copy()
    if sample['mirrored']:
        points[:, 0] *= -1
    rays = points / points[:, 2:]
    found = rays @ labels['crop_cameras'][0].T
    expected = labels['keypoint_labels'][0, :, :2]
    np.testing.assert_allclose(found[:, :2], expected, atol=2e-4)
    np.testing.assert_allclose(found[:, 2], 1, atol=1e-6)
    scale = reference_length(sample['keypoints_cam'][0])
    assert labels['root_depths'][0] == pytest.approx(
        points[0, 2] / scale, rel=1e-5
    )
    assert labels['camera_weights'] == labels['root_depth_weights'] == 1


def test_without_camera_or_3d_the_weights_are_0():
    sample, _ = _hand()
    codec = Latent25DLabel((64, 64), extras=['camera', 'family', 'side'])
    labels = _encode(
        codec,
        {**dict.fromkeys(codec.auxiliary_encode_keys), **sample},
        keypoints_cam=np.full((1, 21, 3), np.nan),
        camera_matrix=np.full((1, 3, 3), np.nan),
        hand_side=np.array([-1]),
    )
    assert set(labels) == set(codec.label_mapping_table)
    for name in ('camera_weights', 'root_depth_weights', 'side_weights'):
        assert labels[name].tolist() == [0], name
    assert labels['joint_family'].tolist() == [0]
    for value in labels.values():
        assert np.isfinite(value).all()


@pytest.mark.parametrize('side', [0, 1])
@pytest.mark.parametrize('mirrored', [False, True])
def test_sides_are_those_that_the_crop_shows(side, mirrored):
    sample, _ = _hand()
    codec = Latent25DLabel((64, 64), extras=['side'])
    labels = _encode(
        codec,
        {**sample, 'mirrored': mirrored},
        hand_side=np.array([side], np.int8),
    )
    assert labels['side_labels'].tolist() == [float(side != mirrored)]
    assert labels['side_weights'].tolist() == [1.0]


def test_unknown_extras_are_named():
    with pytest.raises(ValueError, match='extras: expected some of'):
        Latent25DLabel((64, 64), extras=['colour'])
