"""One command trains, tests and compares; here with two steps each."""

import importlib

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import synhand.registry  # noqa: F401
from benchmark_factory import (
    write_coco_style,
    write_freihand,
    write_interhand,
    write_rhd,
)
from model_factory import load_tool
from shard_factory import write_shards
from synhand import recipes

STEPS = [
    'train_cfg.max_iters=2',
    'param_scheduler=None',
    'train_dataloader.batch_size=4',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'default_hooks.checkpoint.interval=2',
]
QUICK = ['test_dataloader.num_workers=0', 'test_dataloader.batch_size=4']


@pytest.fixture
def compare(root, run_tool, monkeypatch, tmp_path):
    """The tool; the tools that it calls run in this process."""
    monkeypatch.syspath_prepend(root / 'tools')
    tool = load_tool('compare_training_sets')
    calls = []

    def run(script, *arguments):
        calls.append((script, *map(str, arguments)))
        if script == 'leaderboard.py':
            board = importlib.import_module('leaderboard')
            board.main(list(map(str, arguments)))
        else:
            run_tool(script, *arguments)

    monkeypatch.setattr(tool, 'run', run)
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path / 'sets'))

    def main(*arguments):
        calls.clear()
        work = ['--work-dir', str(tmp_path / 'work')]
        options = ['--train-options', *STEPS, '--test-options', *QUICK]
        tool.main([*arguments, *work, *options])
        return [call[0] for call in calls]

    return main


def test_a_mixture_is_trained_tested_and_in_the_table(compare, tmp_path):
    write_freihand(tmp_path / 'sets' / 'freihand')
    write_interhand(tmp_path / 'sets' / 'interhand2.6m', 'train')
    write_shards(tmp_path / 'sets' / 'synhand' / 'train')
    choice = ['--train', 'mix25', '--test', 'freihand']
    assert compare(*choice) == ['train.py', 'test.py', 'leaderboard.py']
    table = (tmp_path / 'work' / 'comparison.md').read_text()
    assert '25% synhand + 38% freihand + 38% interhand' in table
    assert compare(*choice) == ['train.py', 'leaderboard.py']


@pytest.mark.parametrize(
    ('name', 'write', 'depth'),
    [
        ('freihand', write_freihand, True),
        ('interhand', lambda f: write_interhand(f, 'train'), True),
        ('rhd', lambda f: write_rhd(f, 'train'), True),
        (
            'onehand10k',
            lambda f: write_coco_style(
                f, 'onehand10k_train.json', '', '{}.jpg'
            ),
            False,
        ),
    ],
)
def test_each_set_gives_training_batches(
    tmp_path, monkeypatch, name, write, depth
):
    monkeypatch.setenv('SYNHAND_DATA', str(tmp_path))
    write(tmp_path / recipes.BENCHMARKS[name].folder)
    loader = recipes.training_sets({name: 1}, (96, 96), 2, workers=0)
    loader = loader['train_dataloader']
    loader.pop('_delete_')
    init_default_scope('mmpose')
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    assert batch['inputs'][0].shape == (3, 96, 96)
    labels = [s.gt_instance_labels for s in batch['data_samples']]
    assert all(label.keypoint_weights.sum() > 0 for label in labels)
    assert all((label.depth_weights.sum() > 0) == depth for label in labels)
    assert all(np.isfinite(label.keypoint_labels).all() for label in labels)


def test_no_set_at_all_is_one_line(compare):
    with pytest.raises(SystemExit, match='expected the folder of a public'):
        compare('--train', 'rhd')
