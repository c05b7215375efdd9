"""From the crop's frame to the camera's; heatmaps as input."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import synhand.registry  # noqa: F401
from helpers import random_hands
from mesh_factory import make_samples
from synhand import recipes
from synhand.geometry.cameras import project
from synhand.geometry.placement import virtual_rotation
from synhand.geometry.pose25d import reference_length

SIZE = (64, 64)


@pytest.fixture(scope='module')
def model():
    init_default_scope('mmpose')
    features = dict(backbone=dict(type='ResNet', depth=18, in_channels=24))
    config = recipes.parametric_model(features, 512, SIZE, heatmaps={})
    return MODELS.build(config).eval()


def test_vertices_move_with_the_keypoints(model):
    """A hand told in the crop's frame comes back to where it is."""
    rng = np.random.default_rng(3)
    points, cameras = random_hands(rng, 1)
    pixels, scale = project(points, cameras), reference_length(points)
    centre = pixels[0].mean(0)
    turn = virtual_rotation(cameras, centre)
    # as vertices: the keypoints themselves, moved along
    vertices = points + [20.0, -30.0, 10.0]
    whole = np.concatenate([points, vertices], 1) - points[:, :1]
    whole = whole @ turn.swapaxes(-1, -2) / scale[:, None, None]
    sample = PoseDataSample(
        metainfo=dict(
            input_center=centre,
            camera_matrix=cameras,
            bone_scale=scale,
            ori_shape=(256, 256),
        )
    )
    sample.pred_instances = InstanceData(
        keypoints=pixels, keypoints_z=whole[:, :21, 2], keypoint_relative=whole
    )
    model._add_3d([sample])
    found = sample.pred_instances
    np.testing.assert_allclose(found.keypoints_cam, points, atol=0.01)
    np.testing.assert_allclose(found.vertices_cam, vertices, atol=0.01)
    assert 'keypoint_relative' not in found
    assert sample.metainfo['camera'] == 'given'


def test_heatmaps_lie_behind_the_colours(model, monkeypatch):
    """In testing around the given keypoints, in training around labels."""
    seen = []

    def watch(inputs):
        seen.append(inputs)
        return (torch.zeros(2, 512, 2, 2),)

    monkeypatch.setattr(model, 'extract_feat', watch)
    images, samples = torch.rand(2, 3, *SIZE), make_samples()
    model.loss(images, samples)
    given = np.zeros((1, 21, 3), np.float32)
    given[..., :2], given[..., 2] = [32 / 63, 21 / 63], 0.5
    for sample in samples:
        sample.set_metainfo(
            dict(
                input_keypoints=given,
                input_size=SIZE,
                input_center=np.full(2, 32.0),
                input_scale=np.full(2, 64.0),
                ori_shape=SIZE,
            )
        )
        sample.gt_instances = InstanceData(
            bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1)
        )
    model.predict(images, samples)
    for inputs in seen:
        assert inputs.shape == (2, 24, *SIZE)
        torch.testing.assert_close(inputs[:, :3], images)
    row, column = np.divmod(seen[1][0, 3:].flatten(1).argmax(1).numpy(), 64)
    assert (row == 21).all() and (column == 32).all()
    assert seen[1][:, 3:].max() == pytest.approx(0.5)
    weights = samples[0].gt_instance_labels.keypoint_weights[0]
    assert ((seen[0][0, 3:].amax((1, 2)) > 0.5).numpy() == weights).all()


def test_missing_keypoints_are_named(model):
    with pytest.raises(KeyError, match='KeypointsToCrop'):
        model.predict(torch.rand(2, 3, *SIZE), make_samples())
