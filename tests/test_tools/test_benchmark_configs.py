"""Every benchmark's config under MMPose's test tool, on files made here."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from benchmark_factory import WRITERS, write_dexycb, write_freihand_meshes
from mano_factory import write_mano
from model_factory import write_checkpoint
from synhand import recipes

CONFIGS = 'configs/benchmarks'
QUICK = [
    'test_dataloader.num_workers=0',
    'test_dataloader.batch_size=4',
    'env_cfg.mp_cfg.opencv_num_threads=1',
]


@pytest.fixture(scope='module')
def sets(tmp_path_factory):
    """A folder with all sets but DexYCB."""
    folder = tmp_path_factory.mktemp('sets')
    for name, write in WRITERS.items():
        write(folder / name)
    return folder


@pytest.fixture(scope='module')
def checkpoint(root, tmp_path_factory):
    path = tmp_path_factory.mktemp('model') / 'model.pth'
    config = root / CONFIGS / 'latent25d_ge2019.py'
    return write_checkpoint(path, config=config)


@pytest.fixture
def score(root, run_tool, checkpoint, tmp_path, monkeypatch):
    """`score(folder, name, options...)`: the metrics of a config's run."""

    def run(folder, name, *options):
        monkeypatch.setenv('SYNHAND_DATA', str(folder))
        config = root / CONFIGS / f'latent25d_{name}.py'
        out = ['--work-dir', tmp_path, '--out', tmp_path / 'out.json']
        choice = ['--cfg-options', *QUICK, *options]
        run_tool('test.py', config, checkpoint, *out, *choice)
        return json.loads((tmp_path / 'out.json').read_text())

    return run


def test_models_are_asked_for_the_joints_of_the_set():
    families = {
        name: recipes.benchmark(name, (96, 96))['test_dataloader']['dataset'][
            'pipeline'
        ][0]
        for name in ('freihand', 'dexycb', 'interhand', 'ge2019')
    }
    assert {name: step['family'] for name, step in families.items()} == {
        'freihand': 'mano',
        'dexycb': 'mano',
        'interhand': 'anatomical',
        'ge2019': 'anatomical',
    }


@pytest.mark.parametrize('name', recipes.BENCHMARKS)
def test_two_looks_are_tested_on_the_same_samples(root, name):
    small, looks = (
        Config.fromfile(root / CONFIGS / f'{model}_{name}.py')
        for model in ('latent25d', '2look')
    )
    assert looks.model.type == 'TwoLookEstimator'
    assert looks.test_evaluator == small.test_evaluator
    for step in looks.test_dataloader.dataset.pipeline:
        if step['type'] == 'AntialiasedTopdownAffine':
            step['input_size'] = small.model.head.decoder.input_size
    looks.test_dataloader.batch_size = small.test_dataloader.batch_size
    assert looks.test_dataloader == small.test_dataloader


@pytest.mark.parametrize(
    'name', [n for n in recipes.BENCHMARKS if n != 'dexycb']
)
def test_config_runs_and_scores(sets, score, name):
    metrics = score(sets, name)
    if name == 'signwriting':
        assert metrics['multiview/groups'] == 2
        return
    assert np.isfinite(metrics['hand2d/EPE'])
    if recipes.BENCHMARKS[name].has_3d:
        assert metrics['hand3d/PA-MPJPE'] > 0
        assert metrics['hand3d/skipped'] == 0
    else:
        assert not any(key.startswith('hand3d') for key in metrics)
    assert ('hand2d/PCKh@0.7' in metrics) == (name == 'panoptic')


def test_dexycb_config_runs(tmp_path, score):
    write_dexycb(tmp_path / 'dexycb')
    one = ['test_dataloader.dataset.subjects=[2]']
    one += ['test_dataloader.dataset.indices=9']
    assert score(tmp_path, 'dexycb', *one)['hand3d/samples'] == 9


@pytest.mark.parametrize('own', [False, True])
def test_vertices_are_scored_as_far_as_meshes_agree(
    root, run_tool, tmp_path, monkeypatch, capfd, own
):
    """The free hand has another topology than the truth, MANO has not."""
    folder = tmp_path / 'freihand'
    write_freihand_meshes(folder, WRITERS['freihand'](folder))
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path))
    path = root / CONFIGS / 'boukhayma_freihand.py'
    config = Config.fromfile(path)
    choice = list(QUICK)
    if not own:
        config.model.head.mano = str(write_mano(tmp_path / 'MANO_RIGHT.pkl'))
        choice.append(f'model.head.mano={config.model.head.mano}')
    init_default_scope('mmpose')
    state = MODELS.build(config.model).state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'model.pth')
    out = ['--work-dir', tmp_path, '--out', tmp_path / 'out.json']
    out += ['--cfg-options', *choice]
    run_tool('test.py', path, tmp_path / 'model.pth', *out)
    metrics = json.loads((tmp_path / 'out.json').read_text())
    assert metrics['mesh/samples'] == 3 and metrics['mesh/misses'] == 0
    assert 0 < metrics['mesh/PA-F@15'] < 1
    assert np.isnan(metrics['mesh/PA-MPVPE']) == own
    told = 'have not the 778 vertices of the true ones'
    assert (told in ''.join(capfd.readouterr())) == own


def test_set_without_labels_gets_its_result_file(tmp_path, score, monkeypatch):
    WRITERS['freihand'](tmp_path / 'freihand')
    (tmp_path / 'freihand' / 'evaluation_xyz.json').unlink()
    monkeypatch.chdir(tmp_path)
    assert not score(tmp_path, 'freihand')
    assert (tmp_path / 'work_dirs/submissions/freihand/pred.zip').is_file()


def test_stock_internet_tests_and_draws(
    sets, root, run_tool, tmp_path, monkeypatch
):
    """The 42-joint class, its metric, and `--show-dir` in 3D."""
    monkeypatch.setenv('SYNHAND_DATA', str(sets))
    config = Config.fromfile(root / CONFIGS / 'internet_interhand.py')
    config.model.backbone.update(depth=18, init_cfg=None)
    for head in ('keypoint', 'root', 'hand_type'):
        config.model.head[f'{head}_head_cfg'].in_channels = 512
    config.model.head.keypoint_head_cfg.deconv_out_channels = (8, 8, 8)
    config.test_dataloader.persistent_workers = False
    config.dump(tmp_path / 'tiny.py')
    torch.manual_seed(0)
    init_default_scope('mmpose')
    state = MODELS.build(config.model).state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'model.pth')
    out = ['--work-dir', tmp_path, '--out', tmp_path / 'out.json']
    out += ['--show-dir', 'drawn', '--cfg-options', *QUICK]
    run_tool('test.py', tmp_path / 'tiny.py', tmp_path / 'model.pth', *out)
    metrics = json.loads((tmp_path / 'out.json').read_text())
    assert metrics['interhand/MPJPE_all-macro'] > 0
    drawn = sorted(tmp_path.glob('*/drawn/*.jpg'))
    assert len(drawn) == 3
    assert all(cv2.imread(str(path)).std() > 0 for path in drawn)


def test_every_set_has_a_config(root):
    names = {path.stem for path in (root / CONFIGS).glob('latent25d_*.py')}
    assert names == {f'latent25d_{name}' for name in recipes.BENCHMARKS}


@pytest.mark.parametrize(
    'name',
    [
        'benchmarks/latent25d_freihand',
        'benchmarks/internet_interhand',
        'comparison/latent25d_mix25',
    ],
)
def test_configs_survive_a_dump(root, tmp_path, name):
    config = Config.fromfile(root / 'configs' / f'{name}.py')
    values = config._cfg_dict.to_dict()
    assert '_delete_' not in str(values)
    config.dump(tmp_path / 'dump.py')
    again = Config.fromfile(tmp_path / 'dump.py')
    assert again._cfg_dict.to_dict() == values


def test_names_that_make_no_sense():
    with pytest.raises(ValueError, match='no benchmark .*: expected one of'):
        recipes.benchmark('freihnd', (96, 96))
    with pytest.raises(ValueError, match='rhd: has no true meshes'):
        recipes.benchmark('rhd', (96, 96), mesh=True)
    with pytest.raises(ValueError, match='ti1k: has no training set'):
        recipes.training_sets({'ti1k': 1}, (96, 96), 8)
