"""The tool that checks predicted uncertainties."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

import synhand.registry  # noqa: F401
from model_factory import load_tool
from training_factory import small_config

_SMALL = {
    '(256, 256)': '(64, 64)',
    'resnet(50)': 'resnet(18)',
    '2048,': '512,',
}


@pytest.fixture
def tool(monkeypatch, tmp_path):
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path / 'data'))
    return load_tool('benchmarks/calibration')


def _write(folder, **head):
    """A config and a checkpoint of an untrained model."""
    path = 'hand_3d_keypoint/regression/'
    path += 'regression_res50-3d-prior-rle_synhand-256x256.py'
    config = small_config(path, folder, _SMALL)
    config.model.head.update(head)
    config.dump(folder / 'config.py')
    init_default_scope('mmpose')
    model = MODELS.build(config.model)
    checkpoint = folder / 'model.pth'
    torch.save({'state_dict': model.state_dict()}, checkpoint)
    figure = folder / 'figure.svg'
    return [str(folder / 'config.py'), str(checkpoint), str(figure)]


def test_every_coordinate_is_compared_with_its_label(tool, tmp_path, capsys):
    arguments = _write(tmp_path)
    results = tool.measure(tool.parse_args(arguments))
    assert set(results) == {'x', 'y', 'z'}
    for result in results.values():
        # An untrained head says half of the largest sigma, 2 bones.
        np.testing.assert_allclose(result.predicted, 2, rtol=0.2)
        assert result.factor > 0.1
    assert tool.main(arguments) == 0
    assert (tmp_path / 'figure.svg').read_text().count('<svg') == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ['x', 'y', 'z']


def test_models_without_uncertainty_are_one_clear_line(tool, tmp_path, capsys):
    assert tool.main(_write(tmp_path, likelihood=None)) == 1
    error = capsys.readouterr().err.strip()
    assert error.endswith('expected a head with a likelihood, found none')
    assert '\n' not in error
