"""Lifters through the stock tools: fitted, saved, tested."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from helpers import random_hands
from model_factory import write_checkpoint
from shard_factory import write_shards
from synhand.datasets.sampled import SampledHandDataset  # noqa: F401
from synhand.geometry.cameras import project

CONFIGS = 'configs/hand_3d_keypoint/lifting'
SMALL = 'latent25d_res18half-rfpn_cut_synhand-128x128.py'
NAMES = {
    'neighbours': dict(type='NeighbourLifter', exemplars=500, poses=50),
    'ppca': dict(
        type='PPCALifter',
        clusters=2,
        components=4,
        directions=32,
        rounds=2,
        refined=2,
        steps=3,
    ),
    'mlp': dict(type='MLPLifter', width=32, blocks=1),
}


@pytest.fixture
def sets(tmp_path, monkeypatch):
    for name in ('train', 'val'):
        write_shards(tmp_path / 'synhand' / name, 40, 1)
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path))
    return tmp_path


def runner_of(config, folder):
    config.work_dir = str(folder / 'work')
    for role in ('train', 'val', 'test'):
        loader = config[f'{role}_dataloader']
        loader.update(num_workers=0, batch_size=8, persistent_workers=False)
    return Runner.from_cfg(config)


@pytest.mark.parametrize('name', NAMES)
def test_fit_save_load_and_test(root, sets, name):
    config = Config.fromfile(root / CONFIGS / f'lifting_{name}_synhand.py')
    config.model.lifter = NAMES[name]
    if name == 'mlp':
        config.train_cfg.update(max_iters=4, val_interval=4)
        config.default_hooks.checkpoint.interval = 4
        config.param_scheduler = None
    runner = runner_of(config, sets)
    runner.train()
    (saved,) = (sets / 'work').glob('*_*.pth')
    state = torch.load(saved, weights_only=False)['state_dict']
    assert all(key.startswith('lifter.') for key in state)

    again = Config.fromfile(root / CONFIGS / f'lifting_{name}_synhand.py')
    again.model.lifter = NAMES[name]
    again.load_from = str(saved)
    found = runner_of(again, sets).test()
    assert found['hand2d/EPE'] < 1e-3  # its 2D are the labels
    if name != 'mlp':  # four steps are not a training
        assert found['hand3d/PA-MPJPE'] < 40
    assert found['hand3d/misses'] == 0


def sample_of(points, pixels, camera, side=1, **metainfo):
    truth = InstanceData(
        keypoints_cam=points[None].astype(np.float32),
        hand_side=np.array([side]),
        bboxes=np.zeros((1, 4)),
        bbox_scores=np.ones(1),
    )
    if camera is not None:
        metainfo['camera_matrix'] = camera[None]
    return PoseDataSample(gt_instances=truth, metainfo=metainfo)


def estimator(**options):
    init_default_scope('mmpose')
    lifter = dict(type='MLPLifter', width=16, blocks=1)
    model = MODELS.build(
        dict(type='LiftingEstimator', lifter=lifter, **options)
    )
    return model.eval()


class Oracle:
    """Knows the shapes."""

    def __init__(self, points):
        bone = np.linalg.norm(points[:, 9] - points[:, 10], axis=-1)
        self.shapes = (points - points[:, :1]) / bone[:, None, None]

    def lift(self, keypoints, cameras, mirrored):
        return self.shapes


@pytest.mark.parametrize('warp', [False, True])
def test_true_shapes_come_out_at_their_place(warp):
    points, cameras = random_hands(np.random.default_rng(0), 6)
    bone = np.linalg.norm(points[:, 9] - points[:, 10], axis=-1)
    pixels = project(points, cameras)
    samples = [
        sample_of(p, q, c, bone_scale=np.array([b]))
        for p, q, c, b in zip(points, pixels, cameras, bone, strict=True)
    ]
    model = estimator(warp=warp)
    object.__setattr__(model, 'lifter', Oracle(points))
    del model._modules['lifter']
    inputs = torch.tensor(np.concatenate([pixels, np.ones((6, 21, 1))], -1))
    found = model(inputs, samples, mode='predict')
    for sample, point, pixel in zip(found, points, pixels, strict=True):
        pose = sample.pred_instances
        np.testing.assert_allclose(pose.keypoints[0], pixel)
        np.testing.assert_allclose(pose.keypoints_25d[0, :, :2], pixel)
        assert sample.metainfo['camera'] == 'given'
        if not warp:  # exact; with warp mean proportions have a say
            np.testing.assert_allclose(pose.keypoints_cam[0], point, rtol=1e-3)


def test_a_missing_camera_is_assumed():
    points, cameras = random_hands(np.random.default_rng(0), 1)
    pixels = project(points, cameras)
    inputs = torch.tensor(np.concatenate([pixels, np.ones((1, 21, 1))], -1))
    sample = sample_of(points[0], pixels[0], None, ori_shape=(256, 256))
    (found,) = estimator()(inputs, [sample], mode='predict')
    assert found.metainfo['camera'] == 'assumed'
    assert np.isfinite(found.pred_instances.keypoints_cam).all()
    with pytest.raises(ValueError, match="got 'tensor'"):
        estimator()(inputs)


def test_a_lifter_behind_a_2d_model(root, tmp_path):
    """The 2D is that model's, whose weights stay out of the checkpoint."""
    name = 'lifting_neighbours_small-25d_synhand.py'
    config = Config.fromfile(root / CONFIGS / name)
    small = root / 'configs/hand_3d_keypoint/latent25d' / SMALL
    checkpoint = write_checkpoint(tmp_path / 'x.pth', config=small)
    config.model.update(pose2d_checkpoint=str(checkpoint), lifter=NAMES['mlp'])
    init_default_scope('mmpose')
    model = MODELS.build(config.model).eval()
    assert all(key.startswith('lifter.') for key in model.state_dict())
    points, cameras = random_hands(np.random.default_rng(0), 2)
    crop = dict(
        input_size=np.array([128, 128]),
        input_center=np.array([[128.0, 128]]),
        input_scale=np.array([[120.0, 120]]),
    )
    samples = [
        sample_of(p, None, c, **crop)
        for p, c in zip(points, cameras, strict=True)
    ]
    for sample in samples:
        for key in ('input_center', 'input_scale'):
            sample.set_metainfo({key: sample.metainfo[key][0]})
    images = torch.rand(2, 3, 128, 128)
    found = model(images, samples, mode='predict')
    plain = model._pose2d[0].predict(images, samples)
    for a, b in zip(found, plain, strict=True):
        assert a.pred_instances.keypoints_cam.shape == (1, 21, 3)
        np.testing.assert_allclose(
            a.pred_instances.keypoints, b.pred_instances.keypoints
        )
    model.double()
    assert next(model._pose2d[0].parameters()).dtype == torch.float64


def test_only_models_that_can_be_fitted_take_the_fit_loop(root, sets):
    config = Config.fromfile(root / CONFIGS / 'lifting_ppca_synhand.py')
    config.model = dict(type='BaseFake')
    from mmengine.model import BaseModel

    class BaseFake(BaseModel):
        def forward(self, inputs, data_samples=None, mode='tensor'):
            return {}

    MODELS.register_module(module=BaseFake, force=True)
    with pytest.raises(TypeError, match='BaseFake has no `fit`'):
        runner_of(config, sets).train()


def test_hands_with_unknown_keypoints_teach_nothing():
    init_default_scope('mmpose')
    model = MODELS.build(dict(type='LiftingEstimator', lifter=NAMES['mlp']))
    points, _ = random_hands(np.random.default_rng(0), 4)
    points[2, 5] = np.nan
    samples = []
    for point in points:
        labels = InstanceData(
            keypoints_cam=point[None], hand_side=np.array([1])
        )
        samples.append(PoseDataSample(gt_instances=labels))
    assert all(torch.isfinite(v) for v in model.loss(samples).values())
