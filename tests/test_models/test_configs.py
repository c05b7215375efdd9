"""Every 3D config builds; large ones are stepped once, at a small input."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import synhand.registry  # noqa: F401
from model_factory import ROOT

_FOLDER = ROOT / 'configs' / 'hand_3d_keypoint'

PARAMETERS = {
    'latent25d_2look-res18half-fpn_side_synhand-192x192': 5_998_207,
    'latent25d_2look-res18half-fpn_synhand-192x192': 5_997_950,
    'latent25d_cspnext-s_synhand-256x256': 8_584_975,
    'latent25d_hg1_synhand-256x256': 18_332_863,
    'latent25d_hg2_synhand-256x256': 34_679_038,
    'latent25d_hg4_synhand-256x256': 69_732_732,
    'latent25d_hg8_synhand-256x256': 139_840_120,
    'latent25d_hrnet-w18_synhand-256x256': 9_573_663,
    'latent25d_hrnet-w32_synhand-256x256': 29_325_759,
    'latent25d_hrnet-w48_synhand-256x256': 65_355_423,
    'latent25d_litehrnet18_synhand-256x256': 1_131_815,
    'latent25d_mobilenetv2_synhand-256x256': 9_576_255,
    'latent25d_res18_synhand-256x256': 15_383_167,
    'latent25d_res18half-fpn-2stage_synhand-96x96': 3_118_238,
    'latent25d_res18half-fpn-adapter_synhand-96x96': 2_980_760,
    'latent25d_res18half-fpn-bmc_synhand-96x96': 2_980_319,
    'latent25d_res18half-fpn-direct_synhand-96x96': 2_980_319,
    'latent25d_res18half-fpn-outputs_synhand-96x96': 2_983_070,
    'latent25d_res18half-fpn-rootdepth_synhand-96x96': 3_005_280,
    'latent25d_res18half-fpn-side_synhand-96x96': 2_980_384,
    'latent25d_res18half-fpn_synhand-96x96': 2_980_319,
    'latent25d_res18half-rfpn_cut_synhand-128x128': 3_017_631,
    'latent25d_res18half-rfpn-fit_synhand-128x128': 3_017_631,
    'latent25d_res18half-fpn_upright_synhand-160x160': 2_980_319,
    'latent25d_res18half-fpn_upright-wide_synhand-128x128': 2_980_319,
    'latent25d_res18half-fpn_upright_synhand-128x128': 2_980_319,
    'latent25d_res18half-fpn_upright_synhand-96x96': 2_980_319,
    'latent25d_res32half-fpn_upright_synhand-160x160': 4_328_543,
    'latent25d_res32half-fpn_upright-gray_synhand-160x160': 4_328_543,
    'latent25d_res32half-fpn_upright-long_synhand-160x160': 4_328_543,
    'latent25d_res32half-fpn_upright-plain_synhand-160x160': 4_328_543,
    'latent25d_res32half-fpn_upright-shaped_synhand-160x160': 4_328_543,
    'latent25d_res32half-fpn_upright-close_synhand-160x160': 4_328_543,
    'latent25d_res32half-fpn_upright-cut_synhand-160x160': 4_328_543,
    'latent25d_res32half-rfpn_upright-cut_synhand-160x160': 4_439_903,
    'latent25d_res32half-rfpn_upright-worn_synhand-160x160': 4_439_903,
    'latent25d_2look-res32half-fpn_synhand-192x192': 7_346_174,
    'latent25d_2look-res32half-rfpn_synhand-192x192': 7_457_534,
    'latent25d_2look-res32half-rfpn-once_synhand-192x192': 7_457_534,
    'latent25d_res50_synhand-256x256': 34_006_143,
    'volumetric_hg4-direct_synhand-256x256': 70_072_743,
    'volumetric_hg4_synhand-256x256': 70_072_743,
    'volumetric_res18half-fpn_synhand-96x96': 3_037_691,
    'internet_res18half_synhand-96x96': 10_081_250,
    'internet_res50_synhand-256x256': 47_305_474,
}


def _model(name):
    """On the meta device: shapes without memory."""
    init_default_scope('mmpose')
    folder = name.split('_')[0].split('-')[0]
    config = Config.fromfile(_FOLDER / folder / f'{name}.py')
    with torch.device('meta'):
        return MODELS.build(config.model)


@pytest.mark.parametrize(('name', 'parameters'), PARAMETERS.items())
def test_parameter_counts(name, parameters):
    model = _model(name)
    count = sum(p.numel() for p in model.parameters())
    assert count == parameters


def _materialised(model):
    """Small weights, untouched statistics of the norms."""
    model = model.to_empty(device='cpu')
    for parameter in model.parameters():
        parameter.data.fill_(0.01)
    for name, buffer in model.named_buffers():
        buffer.fill_('running_mean' not in name)
    return model


@pytest.mark.parametrize(
    'name',
    [
        'latent25d_hrnet-w48_synhand-256x256',
        'latent25d_hg8_synhand-256x256',
    ],
)
def test_large_models_take_a_step(name):
    model = _materialised(_model(name)).train()
    labels = InstanceData(
        keypoint_labels=torch.rand(2, 21, 3)[:1],
        keypoint_weights=torch.ones(1, 21),
        depth_weights=torch.ones(1, 21),
    )
    samples = [PoseDataSample(gt_instance_labels=labels)] * 2
    losses = model.loss(torch.rand(2, 3, 64, 64), samples)
    stages = {key.rsplit('_', 1)[-1] for key in losses} - {
        'uv',
        'z',
        'heatmap',
    }
    assert len(stages) == (8 if 'hg8' in name else 0)
    sum(losses.values()).backward()
    weights = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None for p in weights)
    assert all(torch.isfinite(p.grad).all() for p in weights)


def _plain(value):
    if isinstance(value, dict):
        return all(_plain(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return all(map(_plain, value))
    return value is None or isinstance(value, (str, int, float, bool))


@pytest.mark.parametrize(
    'name',
    [
        'latent25d_res18half-fpn-bmc_synhand-96x96',
        'latent25d_res18half-fpn-outputs_synhand-96x96',
        'volumetric_hg4-direct_synhand-256x256',
        'internet_res18half_synhand-96x96',
    ],
)
def test_configs_with_more_are_plain_and_survive_a_dump(name, tmp_path):
    config = Config.fromfile(_FOLDER / name.split('_')[0] / f'{name}.py')
    values = config._cfg_dict.to_dict()
    assert _plain(values)
    config.dump(tmp_path / 'dump.py')
    assert Config.fromfile(tmp_path / 'dump.py')._cfg_dict.to_dict() == values


def test_every_config_is_counted():
    found = {
        path.stem
        for folder in ('latent25d', 'volumetric', 'internet')
        for path in (_FOLDER / folder).glob('*_synhand-*.py')
    }
    # the same model under another schedule
    found = {n for n in found if not any(f'_{s}_' in n for s in _SCHEDULES)}
    assert found == set(PARAMETERS)


_SCHEDULES = ('quick', 'long', 'last', 'relabelled')
