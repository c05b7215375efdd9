"""From root-relative 3D to a hand before the camera."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import synhand.registry  # noqa: F401
from shard_factory import make_row
from synhand import recipes
from synhand.codecs import RootRelativeLabel
from synhand.geometry.planar import planar_rotation
from synhand.geometry.pose25d import global_scale, reference_length, to_25d

_SIZE = (64, 64)


@pytest.fixture(scope='module')
def model():
    init_default_scope('mmpose')
    features = recipes.resnet18_half()
    config = recipes.regression_model(features, 64, _SIZE, output='3d')
    config['mean_bone_lengths_mm'] = None
    return MODELS.build(config)


def _case(index, roll=0.0, **meta):
    """A sample, what a perfect head says of it, and the truth in mm."""
    row = make_row(index)
    points = row['hands'][0]['keypoints_cam_anatomical']
    camera = row['camera_matrix'].astype(np.float64)
    low, high = row['hands'][0]['bbox'].reshape(2, 2)
    centre, side = (low + high) / 2, 2 * (high - low).max()
    label = RootRelativeLabel(_SIZE).encode(
        np.zeros((1, 21, 2)),
        keypoints_cam=points[None],
        camera_matrix=camera[None],
        input_center=centre,
        bbox_rotation=np.array([roll]),
    )
    pixels = to_25d(points, camera)[None, :, :2]
    turn = planar_rotation(np.radians(roll))
    pixels = centre + (pixels - centre) @ turn.T
    head = InstanceData(
        keypoints=(pixels - centre + side / 2) / side * np.array(_SIZE),
        keypoint_scores=np.ones((1, 21)),
        keypoints_z=label['relative_labels'][..., 2],
        keypoint_relative=label['relative_labels'],
    )
    instances = InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))
    sample = PoseDataSample(gt_instances=instances)
    sample.set_metainfo(
        {
            'input_size': _SIZE,
            'input_center': centre,
            'input_scale': np.full(2, side),
            'bbox_rotation': np.array([roll]),
            'ori_shape': (128, 128),
            'camera_matrix': camera[None],
            **meta,
        }
    )
    return sample, head, points


@pytest.mark.parametrize('roll', [0.0, 70.0])
def test_perfect_heads_give_true_3d(model, roll):
    for index in range(4):
        scale = reference_length(_case(index)[2][None])
        sample, head, points = _case(index, roll, bone_scale=scale)
        model.add_pred_to_datasample([head], None, [sample])
        found = sample.pred_instances
        np.testing.assert_allclose(found.keypoints_cam[0], points, atol=0.1)
        np.testing.assert_allclose(
            found.keypoints_25d[0],
            to_25d(points, sample.metainfo['camera_matrix'][0]),
            atol=1e-2,
        )
        assert sample.metainfo['camera'] == 'given'
        assert not {'keypoint_relative', 'keypoints_z'} & set(found.keys())


def test_unknown_scales_come_from_mean_bones(model):
    sample, head, points = _case(1)
    model.add_pred_to_datasample([head], None, [sample])
    length = reference_length(points)
    factor = global_scale(points / length) / length
    np.testing.assert_allclose(
        sample.pred_instances.keypoints_cam[0],
        points * factor,
        rtol=1e-3,
        atol=1e-3,
    )


def test_unknown_cameras_are_assumed(model):
    sample, head, _ = _case(2, camera_matrix=np.full((1, 3, 3), np.nan))
    model.add_pred_to_datasample([head], None, [sample])
    assert sample.metainfo['camera'] == 'assumed'
    points = sample.pred_instances.keypoints_cam
    assert np.isfinite(points).all()
    assert (points[..., 2] > 0).all()


def test_options_of_25d_are_refused():
    config = recipes.regression_model(
        recipes.resnet18_half(), 64, _SIZE, output='3d'
    )
    with pytest.raises(ValueError, match='bone_stiffness'):
        MODELS.build(dict(config, bone_stiffness=1.0))
