"""Configs of mesh models: they build, step, train, test, submit, rank."""

import contextlib
import json
import zipfile

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import synhand.registry  # noqa: F401
from mesh_factory import write_mesh_shard
from model_factory import ROOT
from synhand.evaluation.leaderboard import read_dump, score_dump
from training_factory import small_config, train_and_test

_FOLDER = ROOT / 'configs' / 'hand_3d_keypoint'
PARAMETERS = {
    'boukhayma_res18half_synhand-96x96': 2.81,
    'boukhayma_res34_synhand-256x256': 21.30,
    'boukhayma_res34-heatmaps_synhand-256x256': 21.36,
    'graphormer_res18half_synhand-96x96': 3.30,
    'graphormer_res18half-joints_synhand-96x96': 3.11,
    'graphormer_res50_synhand-224x224': 67.04,
    'graphormer_hrnet-w64_synhand-224x224': 167.44,
}
"""Millions, as the READMEs beside the configs say."""

CLASSIFIER = 2048 * 1000 + 1000


@pytest.fixture
def no_autocast(monkeypatch):
    """torch has none for the meta device."""

    def nothing(*args, **kwargs):
        return contextlib.nullcontext()

    monkeypatch.setattr(torch, 'autocast', nothing)


def _labels():
    shapes = dict(
        keypoint_labels=(1, 21, 3),
        keypoint_weights=(1, 21),
        relative_labels=(1, 21, 3),
        relative_weights=(1, 21),
        pose_labels=(1, 26),
        shape_labels=(1, 40),
        mesh_weights=(1,),
        outside_map=(1, 24, 24),
        outside_weights=(1,),
    )
    labels = {name: torch.rand(shape) for name, shape in shapes.items()}
    return PoseDataSample(gt_instance_labels=InstanceData(**labels))


@pytest.mark.parametrize(('name', 'millions'), PARAMETERS.items())
def test_every_config_builds_and_steps(name, millions, no_autocast):
    """At full size on the meta device: shapes, and every gradient."""
    init_default_scope('mmpose')
    folder = name.split('_')[0]
    config = Config.fromfile(_FOLDER / folder / f'{name}.py')
    with torch.device('meta'):
        model = MODELS.build(config.model)
    count = sum(p.numel() for p in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.01)
    width, height = model.head.decoder.input_size
    images = torch.rand(2, 3, height, width, device='meta')
    losses = model.loss(images, [_labels()] * 2)
    assert len(losses) >= 2
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())
    backbone = sum(p.numel() for p in model.backbone.parameters())
    if 'w64' in name:  # that of the classification model, as published
        neck = sum(p.numel() for p in model.neck.parameters())
        assert backbone + neck + CLASSIFIER == 128_059_944
    if 'res34_' in name:
        assert backbone + 512 * 1000 + 1000 == 21_797_672


def test_every_config_is_counted():
    found = {
        path.stem
        for folder in ('boukhayma', 'graphormer')
        for path in (_FOLDER / folder).glob('*.py')
        if '_quick_' not in path.name
    }
    assert found == set(PARAMETERS)


@pytest.mark.parametrize('name', ['boukhayma', 'graphormer'])
def test_train_test_submission_and_leaderboard(name, tmp_path, monkeypatch):
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path / 'data'))
    monkeypatch.delenv('SYNHAND_BACKGROUNDS', raising=False)
    path = f'hand_3d_keypoint/{name}/{name}_res18half_synhand-96x96.py'
    config = small_config(path, tmp_path, {})
    for part, count in (('train', 6), ('val', 3)):
        write_mesh_shard(tmp_path / f'data/synhand/{part}', count)
    dump = tmp_path / f'{name}@freihand.pkl'
    config.test_evaluator += [
        dict(type='FreiHANDSubmission', outfile=str(tmp_path), count=None),
        dict(type='DumpResults', out_file_path=str(dump)),
    ]
    runner, metrics = train_and_test(config)
    losses = [n for n in runner.message_hub.log_scalars if 'train/loss_' in n]
    assert len(losses) == (5 if name == 'boukhayma' else 3)
    assert metrics['mesh/samples'] == 3 and metrics['mesh/misses'] == 0
    assert np.isfinite(metrics['mesh/PA-MPVPE'])
    assert 0 < metrics['hand3d/MPJPE'] < 1000

    with zipfile.ZipFile(tmp_path / 'pred.zip') as archive:
        points, vertices = json.loads(archive.read('pred.json'))
    written = read_dump(dump)
    for n, sample in enumerate(written.samples):
        found = sample['pred_instances']
        expected = found['vertices_cam'][0] / 1000
        assert expected.shape == (1596, 3)
        np.testing.assert_allclose(vertices[n], expected, atol=1e-6)
        expected = found['keypoints_cam'][0] / 1000
        np.testing.assert_allclose(points[n], expected, atol=1e-6)
        assert sample['camera'] == 'given'

    cells = score_dump(written)[0].cells
    for measure in (
        'PA-MPVPE-official',
        'PA-F-official@5',
        'PA-F-official@15',
    ):
        assert cells[measure].value == pytest.approx(
            metrics[f'mesh/{measure}'], rel=1e-4
        )
