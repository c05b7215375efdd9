"""Recipes and the configs that call them."""

import pytest
from mmengine.config import Config

from synhand import recipes

_CONFIGS = 'configs/hand_3d_keypoint/latent25d'


def _plain(value):
    if isinstance(value, dict):
        return all(_plain(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return all(map(_plain, value))
    return value is None or isinstance(value, (str, int, float, bool))


@pytest.mark.parametrize(
    'name',
    [
        'latent25d_hrnet-w18_synhand-256x256',
        'latent25d_res18half-fpn_quick_synhand-96x96',
        'latent25d_res18half-fpn_synhand-96x96',
    ],
)
def test_configs_are_plain_and_survive_a_dump(root, tmp_path, name):
    config = Config.fromfile(root / _CONFIGS / f'{name}.py')
    values = config._cfg_dict.to_dict()
    assert _plain(values)
    config.dump(tmp_path / 'dump.py')
    again = Config.fromfile(tmp_path / 'dump.py')
    assert again._cfg_dict.to_dict() == values
    for key in ('model', 'train_dataloader', 'test_dataloader'):
        assert key in values


def test_the_environment_names_the_folders(monkeypatch):
    monkeypatch.delenv('SYNHAND_DATA', raising=False)
    monkeypatch.setenv('SYNHAND_BACKGROUNDS', '')
    assert recipes.data_root() == 'data'
    assert recipes.background_folder() is None
    monkeypatch.setenv('SYNHAND_DATA', '/sets')
    monkeypatch.setenv('SYNHAND_BACKGROUNDS', '/photos')
    assert recipes.data_root() == '/sets'
    assert recipes.background_folder() == '/photos'


def test_schedules_count_samples():
    schedule = recipes.schedule(100_000, 100, lr=1e-3, warmup_samples=5_000)
    assert schedule['train_cfg']['max_iters'] == 1000
    linear, cosine = schedule['param_scheduler']
    assert (linear['end'], cosine['begin'], cosine['end']) == (50, 50, 1000)
    assert cosine['T_max'] == 950


def test_a_run_with_an_open_end_keeps_its_rate():
    schedule = recipes.schedule(1000, 10, warmup_samples=50, decay=False)
    (warmup,) = schedule['param_scheduler']
    assert (warmup['type'], warmup['end']) == ('LinearLR', 5)


@pytest.mark.parametrize('samples', [1, 64, 640])
def test_tiny_schedules_are_sound(samples):
    schedule = recipes.schedule(samples, 64)
    steps = schedule['train_cfg']['max_iters']
    assert 1 <= schedule['train_cfg']['val_interval'] <= steps
    for part in schedule['param_scheduler']:
        assert part['begin'] < part['end'] <= steps


def test_pipelines_end_at_the_same_crop():
    train = recipes.train_pipeline((96, 96))
    test = recipes.test_pipeline((96, 96))
    for name in ('GetBBoxCenterScale', 'AntialiasedTopdownAffine'):
        steps = [
            [step for step in pipeline if step['type'] == name]
            for pipeline in (train, test)
        ]
        assert steps[0] == steps[1] != []
