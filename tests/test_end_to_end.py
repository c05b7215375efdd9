"""From a set of shards to a metric: the real config, made small."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from shard_factory import write_shards

_CONFIG = (
    'configs/hand_3d_keypoint/latent25d/'
    'latent25d_res18half-fpn_quick_synhand-96x96.py'
)


@pytest.fixture
def config(root, tmp_path, monkeypatch):
    """The quick config on a tiny set, two iterations, no loader processes."""
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path / 'data'))
    monkeypatch.delenv('SYNHAND_BACKGROUNDS', raising=False)
    config = Config.fromfile(root / _CONFIG)
    config.merge_from_dict(
        {
            'work_dir': str(tmp_path / 'work'),
            'randomness': {'seed': 0},
            'train_cfg.max_iters': 2,
            'train_cfg.val_interval': 2,
            'default_hooks.checkpoint.interval': 2,
            'train_dataloader.batch_size': 4,
            'log_level': 'ERROR',
        }
    )
    for name in ('train', 'val', 'test'):
        config[f'{name}_dataloader'].num_workers = 0
        config[f'{name}_dataloader'].persistent_workers = False
    return config


def test_train_test_and_load_again(config, tmp_path):
    write_shards(tmp_path / 'data/synhand/train', count=8)
    write_shards(tmp_path / 'data/synhand/val', count=5, shards=1)
    config.experiment_name = 'first'
    runner = Runner.from_cfg(config)
    runner.train()
    # Validation and checkpoint both take the averaged weights.
    scalars = runner.message_hub.log_scalars
    config.experiment_name = 'second'
    config.load_from = str(tmp_path / 'work' / 'iter_2.pth')
    metrics = Runner.from_cfg(config).test()
    assert {'hand2d/PCK@0.1', 'hand2d/NME', 'hand3d/PA-MPJPE'} <= set(metrics)
    for name, value in metrics.items():
        assert np.isfinite(value), name
        if 'constant' in name or 'flat' in name:
            continue  # floors are asked of the test alone
        assert value == scalars[f'val/{name}'].current(), name


def test_training_reduces_the_loss(config, tmp_path):
    """Twenty steps on eight hands without augmentation."""
    write_shards(tmp_path / 'data/synhand/train', count=8)
    write_shards(tmp_path / 'data/synhand/val', count=2, shards=1)
    config.merge_from_dict(
        {
            'train_cfg.max_iters': 20,
            'train_cfg.val_interval': 20,
            'train_dataloader.batch_size': 8,
            'experiment_name': 'overfit',
        }
    )
    config.param_scheduler = None  # no warm-up: twenty steps are all
    off = {'LoadShardImage', 'RandomHandBox', 'RandomOcclusion'}
    off |= {'ReplaceBackground', 'PhotometricJitter'}
    pipeline = config.train_dataloader.dataset.pipeline
    config.train_dataloader.dataset.pipeline = [
        {'type': 'LoadShardImage'},
        *[step for step in pipeline if step['type'] not in off],
    ]
    runner = Runner.from_cfg(config)
    runner.train()
    losses = runner.message_hub.log_scalars['train/loss'].data[0]
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


def test_a_missing_folder_is_one_clear_line(config):
    with pytest.raises(ValueError, match='no such folder') as caught:
        Runner.from_cfg(config).train()
    assert '\n' not in str(caught.value)
    assert 'synhand/train' in str(caught.value)


def test_real_photos_are_scored(config, root, real_data, tmp_path):
    """Ge 2019 through the same model: every headline metric is there."""
    other = Config.fromfile(root / 'configs/benchmarks/latent25d_ge2019.py')
    config.test_dataloader = other.test_dataloader
    config.test_dataloader.num_workers = 0
    config.test_dataloader.dataset.data_root = str(real_data / 'ge2019')
    config.test_dataloader.dataset.indices = 8
    config.test_evaluator = other.test_evaluator
    config.experiment_name = 'real'
    metrics = Runner.from_cfg(config).test()
    for name in (
        'hand2d/PCK@0.05',
        'hand2d/PCK@0.1',
        'hand2d/PCK@0.2',
        'hand2d/NME',
        'hand3d/MPJPE',
        'hand3d/PA-MPJPE',
    ):
        assert np.isfinite(metrics[name])
    assert metrics['hand3d/samples'] == 8
