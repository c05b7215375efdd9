"""RTMDet-nano on synthetic frames: learns anywhere, finds with `nms`."""

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

import synhand.registry  # noqa: F401
from model_factory import ROOT
from shard_factory import write_shards

_CONFIG = ROOT / 'configs/hand_detection/rtmdet/rtmdet-nano_synhand-256x256.py'


@pytest.fixture(scope='module')
def config():
    init_default_scope('mmpose')
    return Config.fromfile(_CONFIG)


def _batch(config, role, folder):
    write_shards(folder, 2, 1)
    cfg = dict(config[f'{role}_dataloader'].dataset, data_root=str(folder))
    dataset = DATASETS.build(cfg)
    return pseudo_collate([dataset[i] for i in range(2)])


def test_losses_need_no_operator(config, tmp_path):
    model = MODELS.build(config.model).train()
    assert sum(p.numel() for p in model.parameters()) == 2_229_146
    batch = _batch(config, 'test', tmp_path / 'set')
    data = model.data_preprocessor(batch, training=True)
    losses = model.loss(data['inputs'], data['data_samples'])
    total = sum(sum(level) for level in losses.values())
    total.backward()
    assert torch.isfinite(total)
    assert all(p.grad is not None for p in model.parameters())


def test_prediction(config, tmp_path):
    from mmcv.ops import nms

    try:
        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except (RuntimeError, ImportError, NotImplementedError) as error:
        pytest.skip(f'mmcv has no compiled nms: {error}')
    model = MODELS.build(config.model).eval()
    with torch.no_grad():
        found = model.test_step(_batch(config, 'test', tmp_path / 'set'))
    assert found[0].pred_instances.bboxes.shape[1] == 4
    assert len(found[0].pred_instances) <= 20


def test_shared_convolutions_are_optimised_once(config):
    model = MODELS.build(config.model)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    optimised = [
        parameter
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    ]
    assert len({id(p) for p in optimised}) == len(optimised)
    assert {id(p) for p in optimised} == {id(p) for p in model.parameters()}
