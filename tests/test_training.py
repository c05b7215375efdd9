"""2D and regression configs: train, test, and what they are made of."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

import synhand.registry  # noqa: F401
from training_factory import small_config, train_and_test

_2D = 'hand_2d_keypoint'
_REGRESSION = 'hand_3d_keypoint/regression'
_SMALL = {'(256, 256)': '(64, 64)'}
_RES18 = {'resnet(50), 2048': 'resnet(18), 512'}
_CASCADE = {**_RES18, 'num_stages=3': 'num_stages=3, window_size=32'}
# oneDNN leaves gradients of bf16 convolutions unset where a part of the
# kernel, here of 7 x 7, never meets the map: it has to be 4 x 4 at least.
_LARGER = {'(256, 256)': '(128, 128)'}


def _train(path, folder, monkeypatch, changes):
    monkeypatch.setenv('SYNHAND_DATA', str(folder / 'data'))
    monkeypatch.delenv('SYNHAND_BACKGROUNDS', raising=False)
    return train_and_test(small_config(path, folder, changes))


@pytest.mark.parametrize(
    ('path', 'changes', 'losses'),
    [
        ('simplebaseline/simplebaseline_res50', _RES18, 1),
        ('hrnet/hrnet_w18', {'hrnet(18), 15 * 18': 'hrnet(4), 15 * 4'}, 1),
        ('hourglass/hourglass_8stacks', {'stacks = 8': 'stacks = 2'}, 2),
        ('cpm/cpm_6stages', {'stages = 6': 'stages = 3'}, 3),
        ('deeppose/deeppose_res50-cascade3', _CASCADE, 3),
        ('rtmpose/rtmpose-tiny', _LARGER, 1),
    ],
)
def test_2d_models_train_and_test(
    path, changes, losses, tmp_path, monkeypatch
):
    path = f'{_2D}/{path}_synhand-256x256.py'
    runner, metrics = _train(path, tmp_path, monkeypatch, _SMALL | changes)
    logged = [
        log.current()
        for name, log in runner.message_hub.log_scalars.items()
        if name.startswith('train/loss_')
    ]
    assert len(logged) == losses
    assert np.isfinite(logged).all()
    assert {'hand2d/PCK@0.1', 'hand2d/NME', 'hand2d/EPE'} <= set(metrics)
    assert not any(name.startswith('hand3d') for name in metrics)
    assert metrics['hand2d/misses'] == 0
    assert np.isfinite(metrics['hand2d/NME'])


@pytest.mark.parametrize(
    ('name', 'changes'),
    [
        ('regression_res18half_synhand-96x96', {}),
        (
            'regression_res50-3d-prior-rle_synhand-256x256',
            {
                **_SMALL,
                'resnet(50)': 'resnet(18)',
                '2048,': '512,',
                'components=30': 'components=4',
            },
        ),
    ],
)
def test_regression_trains_and_tests(name, changes, tmp_path, monkeypatch):
    path = f'{_REGRESSION}/{name}.py'
    runner, metrics = _train(path, tmp_path, monkeypatch, changes)
    prior = runner.model.head.prior
    assert prior is None or bool(prior.fitted)
    for metric in ('hand2d/NME', 'hand3d/MPJPE', 'hand3d/PA-MPJPE'):
        assert np.isfinite(metrics[metric])
    assert metrics['hand3d/misses'] == 0


_PARAMETERS = {
    f'{_2D}/cpm/cpm_6stages_quick_synhand-64x64': 31.62,
    f'{_2D}/cpm/cpm_6stages_synhand-256x256': 31.62,
    f'{_2D}/deeppose/deeppose_res18-cascade3_quick_synhand-64x64': 12.61,
    f'{_2D}/deeppose/deeppose_res50-cascade3_synhand-256x256': 45.99,
    f'{_2D}/hourglass/hourglass_2stacks_quick_synhand-64x64': 34.67,
    f'{_2D}/hourglass/hourglass_8stacks_synhand-256x256': 139.80,
    f'{_2D}/hrnet/hrnet_w18_quick_synhand-64x64': 9.64,
    f'{_2D}/hrnet/hrnet_w18_synhand-256x256': 9.64,
    f'{_2D}/hrnet/hrnet_w32_synhand-256x256': 29.55,
    f'{_2D}/hrnet/hrnet_w48_synhand-256x256': 65.86,
    f'{_2D}/rtmpose/rtmpose-tiny_quick_synhand-64x64': 3.24,
    f'{_2D}/rtmpose/rtmpose-m_synhand-256x256': 13.78,
    f'{_2D}/rtmpose/rtmpose-s_synhand-256x256': 5.61,
    f'{_2D}/rtmpose/rtmpose-tiny_synhand-256x256': 3.45,
    f'{_2D}/simplebaseline/simplebaseline_res18_quick_synhand-64x64': 15.38,
    f'{_2D}/simplebaseline/simplebaseline_res50_synhand-256x256': 34.00,
    f'{_REGRESSION}/regression_res18half-3d_synhand-96x96': 2.82,
    f'{_REGRESSION}/regression_res18half-gaussian_synhand-96x96': 2.83,
    f'{_REGRESSION}/regression_res18half-laplace_synhand-96x96': 2.83,
    f'{_REGRESSION}/regression_res18half-prior_synhand-96x96': 4.14,
    f'{_REGRESSION}/regression_res18half-rle_synhand-96x96': 2.94,
    f'{_REGRESSION}/regression_res18half_synhand-96x96': 2.82,
    f'{_REGRESSION}/regression_res50-3d-prior-rle_synhand-256x256': 26.87,
}
"""Millions, as the READMEs beside the configs say."""


def test_every_config_builds_with_the_stated_parameters(root):
    folders = (root / 'configs' / _2D, root / 'configs' / _REGRESSION)
    found = {
        str(path.relative_to(root / 'configs').with_suffix(''))
        for folder in folders
        for path in folder.rglob('*.py')
    }
    assert found == set(_PARAMETERS)
    init_default_scope('mmpose')
    for name, millions in _PARAMETERS.items():
        config = Config.fromfile(root / 'configs' / f'{name}.py')
        with torch.device('meta'):
            model = MODELS.build(config.model)
        count = sum(p.numel() for p in model.parameters()) / 1e6
        assert count == pytest.approx(millions, abs=0.01), name
