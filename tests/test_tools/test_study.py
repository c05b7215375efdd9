"""`tools/benchmarks/study.py` with one step a training, on drawn hands."""

import json
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS

import synhand.registry  # noqa: F401
from model_factory import ROOT, load_tool, write_checkpoint
from photo_factory import write_photo_sets
from shard_factory import write_shards
from synhand.synthesis.poses import PoseShares

QUICK = [
    'train_dataloader.batch_size=4',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
]


@pytest.fixture
def tool(root, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(root / 'tools' / 'benchmarks')
    monkeypatch.syspath_prepend(root / 'tools')
    monkeypatch.setattr('sys.path', list(sys.path))
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path / 'data'))
    monkeypatch.delenv('SYNHAND_BACKGROUNDS', raising=False)
    return load_tool('benchmarks/study')


@pytest.fixture
def study(tool, run_tool, monkeypatch, tmp_path):
    """Runs the tool; what it renders and trains is in the lists."""
    rendered, trained = [], []

    def synthesize(folder, config, num, workers=None):
        if not folder.is_dir():
            rendered.append((folder.name, config))
            write_shards(folder, num, shards=1)

    def run(script, config, *arguments):
        trained.append(config.stem + ' again' * ('--resume' in arguments))
        run_tool(script, config, *arguments)

    monkeypatch.setattr(tool, 'synthesize', synthesize)
    monkeypatch.setattr(tool, 'run', run)
    sets = write_photo_sets(tmp_path / 'sets')
    start = write_checkpoint(tmp_path / 'start.pth')

    def main(*arguments):
        rendered.clear()
        trained.clear()
        folders = ['--data', str(sets), '--work-dir', str(tmp_path / 'work')]
        size = ['--samples', '4', '--images', '6', '--checkpoint', str(start)]
        options = ['--train-options', *QUICK]
        tool.main([*arguments, *folders, *size, *options])
        return list(rendered), list(trained)

    return main


def test_arms_are_rendered_trained_and_measured_once(study, tmp_path):
    rendered, trained = study('--arms', 'occluders', '--seeds', '1')
    assert [name for name, _ in rendered] == ['base', 'occluders']
    base, changed = (config for _, config in rendered)
    assert (base.object, base.occluder) != (0, 0)
    assert (changed.object, changed.occluder) == (0, 0)
    assert trained == ['base_seed0', 'occluders_seed0']
    table = (tmp_path / 'work' / 'study.md').read_text()
    rows = [line for line in table.splitlines() if line.startswith('| ')]
    assert [row.split(' | ')[0] for row in rows[2:]] == [
        '| base',
        '| occluders',
    ]
    config = Config.fromfile(tmp_path / 'work/occluders/occluders_seed0.py')
    assert config.train_cfg.max_iters == 1
    assert config.load_from == str(tmp_path / 'start.pth')
    assert config.default_hooks.logger.interval == 50
    assert study('--arms', 'occluders', '--seeds', '1') == ([], [])
    with pytest.raises(SystemExit, match='expected the same, or another'):
        study('--arms', 'base', '--seeds', '1', '--lr', '0.1')
    before, after = (
        torch.load(tmp_path / name, weights_only=False)['state_dict']
        for name in ('start.pth', 'work/base/seed0/iter_1.pth')
    )
    name = 'head.stages.0.final_layer.weight'
    torch.testing.assert_close(after[name], before[name], rtol=0, atol=2e-3)
    (tmp_path / 'work' / 'occluders' / 'seed0.json').unlink()
    again = study('--arms', 'occluders', '--seeds', '1')
    assert again == ([], ['occluders_seed0 again'])
    stored = tmp_path / 'work' / 'base' / 'seed0.json'
    scores = json.loads(stored.read_text())['scores']
    assert set(scores) == {'ge2019', 'freihand'}
    assert np.isfinite(list(scores['ge2019'].values())).all()


def test_what_differs_is_marked_only_outside_the_seeds(tool):
    assert tool.mark('NME', [0.1, 0.2], [0.3, 0.4]) == ' +'
    assert tool.mark('PCK@0.1', [0.1, 0.2], [0.3, 0.4]) == ' -'
    assert tool.mark('NME', [0.1, 0.35], [0.3, 0.4]) == ''
    shown = tool.cell('NME', [0.1, 0.2], [0.3, 0.4])
    assert shown == '0.150 [0.100, 0.200] +'


def test_sets_differ_in_what_an_arm_names_alone(tool):
    config = tool.set_config(dict(poses=dict(free=1.0)), 64)
    assert config.poses == PoseShares(0.0, 0.0, 0.0, 1.0)
    assert config.image_size == 64
    with pytest.raises(ValueError, match='rendered: .*wings'):
        tool.set_config(dict(wings=2), 64)


def test_too_many_arms_are_one_line(tool, capsys):
    arms = sorted(p.stem for p in (ROOT / 'configs/study').glob('*.py'))
    assert set(tool.DEFAULT_ARMS) <= set(arms)
    assert len(tool.DEFAULT_ARMS) == tool.MAX_ARMS
    with pytest.raises(SystemExit):
        tool.main(['--checkpoint', 'x', '--data', 'y', '--arms', *arms])
    assert 'expected at most 12' in capsys.readouterr().err


@pytest.mark.parametrize(
    'arm',
    [
        'background-plain',
        'forearm',
        'shape',
        'family-adapter',
        'either-side',
        'output-direct',
        'size-128',
    ],
)
def test_arms_that_change_models_and_loaders_learn(arm, monkeypatch, tmp_path):
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path))
    monkeypatch.delenv('SYNHAND_BACKGROUNDS', raising=False)
    write_shards(tmp_path / 'study' / 'base', 4, shards=1)
    config = Config.fromfile(ROOT / 'configs' / 'study' / f'{arm}.py')
    loader = config.train_dataloader
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    if arm == 'shape':  # drawn hands have two shape parameters, 0
        loader.dataset.lengths_mm = (-1.0, 1.0)
    init_default_scope('mmpose')
    model = MODELS.build(config.model)
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    batch = model.data_preprocessor(batch, True)
    losses = model(**batch, mode='loss')
    assert all(np.isfinite(v.item()) for v in losses.values())
    side = 128 if arm == 'size-128' else 96
    assert batch['inputs'].shape[-2:] == (side, side)
